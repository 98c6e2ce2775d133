"""The decision on an application: pure rules over facts and a programme's thresholds, each naming its reason.

Without Django and without a clock, so that a stored decision can be recomputed from its stored inputs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from financing.rules.calculations import add_months, debt_load_percent, loan_to_value_percent

LEGAL_AGE = 18


class Outcome(StrEnum):
    """Verdict of one rule, or of all of them."""

    APPROVE = "approve"
    REVIEW = "review"
    REJECT = "reject"


class Employment(StrEnum):
    """Source of the applicant's income."""

    EMPLOYED = "employed"
    SELF_EMPLOYED = "self_employed"
    ENTREPRENEUR = "entrepreneur"
    RETIRED = "retired"
    STUDENT = "student"
    UNEMPLOYED = "unemployed"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Thresholds of a programme: money in roubles, shares in per cent, ages in completed years.

    `residual_limits` are the greatest residual payments, per cent of the value, of a car one, two, … years old at the
    last payment; the last holds for older ones. Of used cars the `_used_` thresholds count too;
    `max_ltv_insured_percent` holds the loan with the premiums and fees it pays. `max_psk_percent` is the ceiling of the
    day, and `max_share_percent` the most of the quarter's lending at this debt load.
    """

    min_term_months: int
    max_term_months: int
    min_amount: Decimal
    max_amount: Decimal
    min_down_payment_percent: Decimal
    max_ltv_percent: Decimal
    min_age: int
    max_age_at_end: int
    is_birth_date_required: bool
    max_vehicle_age: int
    review_irregular_income_above: Decimal
    living_minimum: Decimal
    approve_dti_percent: Decimal
    review_dti_percent: Decimal
    max_psk_percent: Decimal | None
    residual_limits: Sequence[str] = ()
    min_down_payment_used_percent: Decimal | None = None
    max_ltv_used_percent: Decimal | None = None
    max_ltv_insured_percent: Decimal = Decimal(100)
    max_share_percent: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class LentSums:
    """Sums of a loan, whoever takes it: `value` is what the car is worth as security, `order_total` the most lent.

    Roubles; the `amount` pays for insurance too, `premium_lent`, and for the bank's own fees, `fee_lent`. `is_used` and
    `vehicle_year` are None where the car is not known.
    """

    today: date
    term_months: int
    value: Decimal
    order_total: Decimal
    down_payment: Decimal
    amount: Decimal
    is_used: bool | None = None
    vehicle_year: int | None = None
    balloon: Decimal = Decimal(0)
    premium_lent: Decimal = Decimal(0)
    fee_lent: Decimal = Decimal(0)

    @property
    def for_goods(self) -> Decimal:
        """Return what is lent for the car alone, roubles."""
        return self.amount - self.premium_lent - self.fee_lent


@dataclass(frozen=True, kw_only=True)
class Facts(LentSums):
    """Facts decided on: the sums, and who borrows them.

    `monthly_payment` and `psk` are those of the terms asked for; unknown facts are None. ПДН counts `average_payment`
    where the schedule has another one. `share_after` is the per cent of the quarter's lending at this debt load with
    this loan in it.
    """

    employment: Employment
    monthly_income: Decimal
    monthly_obligations: Decimal
    monthly_payment: Decimal
    psk: Decimal
    birth_date: date | None = None
    average_payment: Decimal | None = None
    share_after: Decimal | None = None

    @property
    def debt_load(self) -> Decimal | None:
        """ПДН with this loan, per cent to two places; None without an income."""
        if not self.monthly_income:
            return None
        payment = self.monthly_payment if self.average_payment is None else self.average_payment
        return round(debt_load_percent([self.monthly_obligations, payment], self.monthly_income), 2)


@dataclass(frozen=True)
class Check:
    """One rule's verdict: what was found, and the threshold it was held against."""

    code: str
    outcome: Outcome
    value: str
    limit: str


@dataclass(frozen=True)
class Decision:
    """All verdicts; one hard failure rejects, one soft failure asks a person, else the application is approved."""

    checks: tuple[Check, ...]

    @property
    def outcome(self) -> Outcome:
        """The gravest verdict."""
        found = {check.outcome for check in self.checks}
        return next((item for item in (Outcome.REJECT, Outcome.REVIEW) if item in found), Outcome.APPROVE)

    @property
    def reasons(self) -> list[str]:
        """Codes of the rules that failed, the gravest first."""
        grave = [check.code for check in self.checks if check.outcome is Outcome.REJECT]
        return grave + [check.code for check in self.checks if check.outcome is Outcome.REVIEW]


def decide(facts: Facts, rules: Rules) -> Decision:
    """Hold the facts against every rule."""
    return Decision(tuple(check for rule in _RULES for check in rule(facts, rules)))


def find_refusal(sums: LentSums, rules: Rules) -> Check | None:
    """Return the first threshold of sums, car and security that refuses such a loan to everybody, if any."""
    checks = (check for rule in _RULES_OF_ALL for check in rule(sums, rules))
    return next((check for check in checks if check.outcome is Outcome.REJECT), None)


def age_on(birth: date, day: date) -> int:
    """Completed years on a day."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def _verdict(code: str, passed: bool, value: object, limit: object, worst: Outcome = Outcome.REJECT) -> Check:
    return Check(code, Outcome.APPROVE if passed else worst, str(value), str(limit))


def _term(facts: Facts, rules: Rules) -> Iterator[Check]:
    passed = rules.min_term_months <= facts.term_months <= rules.max_term_months
    yield _verdict("term", passed, facts.term_months, f"{rules.min_term_months}-{rules.max_term_months}")


def _amount(facts: LentSums, rules: Rules) -> Iterator[Check]:
    """Within the programme, and never more than the order costs with the fees that are lent besides."""
    highest = min(rules.max_amount, facts.order_total + facts.fee_lent)
    yield _verdict("amount", rules.min_amount <= facts.amount <= highest, facts.amount, f"{rules.min_amount}-{highest}")


def _down_payment(facts: LentSums, rules: Rules) -> Iterator[Check]:
    price = facts.for_goods + facts.down_payment
    share = loan_to_value_percent(facts.down_payment, price)
    least = max([rules.min_down_payment_percent, *_if_used(facts, rules.min_down_payment_used_percent)])
    yield _verdict("down_payment", share >= least, round(share, 2), least)


def _ltv(facts: LentSums, rules: Rules) -> Iterator[Check]:
    """Of the car alone, and with the premiums and fees that are lent besides."""
    share = loan_to_value_percent(facts.for_goods, facts.value)
    most = min([rules.max_ltv_percent, *_if_used(facts, rules.max_ltv_used_percent)])
    if share <= most and facts.for_goods < facts.amount:
        share, most = loan_to_value_percent(facts.amount, facts.value), rules.max_ltv_insured_percent
    yield _verdict("ltv", share <= most, round(share, 2), most)


def _if_used(facts: LentSums, threshold: Decimal | None) -> list[Decimal]:
    return [threshold] if facts.is_used and threshold is not None else []


def _age(facts: Facts, rules: Rules) -> Iterator[Check]:
    """Old enough today and not too old at the last payment; unknown, it is checked by passport at the signing."""
    if facts.birth_date is None:
        if rules.is_birth_date_required:
            yield Check("incomplete", Outcome.REVIEW, "birth_date", "required")
        return
    youngest = max(rules.min_age, LEGAL_AGE)
    now = age_on(facts.birth_date, facts.today)
    at_end = age_on(facts.birth_date, add_months(facts.today, facts.term_months))
    passed = youngest <= now and at_end <= rules.max_age_at_end
    yield _verdict("age", passed, f"{now}-{at_end}", f"{youngest}-{rules.max_age_at_end}")


def _vehicle_age(facts: LentSums, rules: Rules) -> Iterator[Check]:
    if facts.vehicle_year is not None:
        at_end = add_months(facts.today, facts.term_months).year - facts.vehicle_year
        yield _verdict("vehicle_age", at_end <= rules.max_vehicle_age, at_end, rules.max_vehicle_age)


def _residual(facts: LentSums, rules: Rules) -> Iterator[Check]:
    """Hold the residual payment to what the car is worth at the end; one of unknown age counts as new."""
    limit = limit_residual(rules, facts.today, facts.term_months, facts.vehicle_year)
    if facts.balloon and limit is not None:
        share = loan_to_value_percent(facts.balloon, facts.value)
        yield _verdict("residual", share <= limit, round(share, 2), limit)


def limit_residual(rules: Rules, today: date, term_months: int, vehicle_year: int | None) -> Decimal | None:
    """Return the greatest residual payment for a car of a year, per cent of its value; None without limits."""
    if not rules.residual_limits:
        return None
    years = max(add_months(today, term_months).year - (vehicle_year or today.year), 1)
    return Decimal(rules.residual_limits[min(years, len(rules.residual_limits)) - 1])


def _employment(facts: Facts, rules: Rules) -> Iterator[Check]:
    """No work, no loan; income that is not a wage is looked at by a person above a limit."""
    if facts.employment == Employment.UNEMPLOYED:
        yield Check("employment", Outcome.REJECT, facts.employment, "income")
        return
    limit = rules.review_irregular_income_above
    passed = facts.employment == Employment.EMPLOYED or facts.amount <= limit
    yield _verdict("employment", passed, facts.employment, limit, Outcome.REVIEW)


def _income(facts: Facts, rules: Rules) -> Iterator[Check]:
    """Check that the income left after debts and the living minimum carries the payment; then ПДН by tiers."""
    if not facts.monthly_income:
        worst = Outcome.REJECT if facts.employment == Employment.UNEMPLOYED else Outcome.REVIEW
        yield Check("income_zero", worst, "0", "income")
        return
    left = facts.monthly_income - facts.monthly_obligations - rules.living_minimum
    yield _verdict("income", left >= facts.monthly_payment, left, facts.monthly_payment)
    load = facts.debt_load or Decimal(0)
    worst = Outcome.REVIEW if load <= rules.review_dti_percent else Outcome.REJECT
    limits = f"{rules.approve_dti_percent}-{rules.review_dti_percent}"
    yield _verdict("dti", load <= rules.approve_dti_percent, load, limits, worst)


def _psk_cap(facts: Facts, rules: Rules) -> Iterator[Check]:
    """The terms are refused, not the client."""
    if rules.max_psk_percent is not None:
        yield _verdict("psk_cap", facts.psk <= rules.max_psk_percent, facts.psk, rules.max_psk_percent)


def _lending_share(facts: Facts, rules: Rules) -> Iterator[Check]:
    """The bank has no room left this quarter for loans of such a debt load: nothing against this client."""
    if facts.share_after is not None and rules.max_share_percent is not None:
        passed = facts.share_after <= rules.max_share_percent
        yield _verdict("lending_share", passed, facts.share_after, rules.max_share_percent)


_RULES_OF_ALL: tuple[Callable[[LentSums, Rules], Iterator[Check]], ...] = (
    _amount,
    _down_payment,
    _ltv,
    _vehicle_age,
    _residual,
)
_RULES: tuple[Callable[[Facts, Rules], Iterator[Check]], ...] = (
    _age,
    _term,
    _amount,
    _down_payment,
    _ltv,
    _vehicle_age,
    _residual,
    _employment,
    _income,
    _psk_cap,
    _lending_share,
)
