"""Hold a programme's own rules against each other, the law and trial loans before they are saved."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from core.errors import InvalidInput
from financing.models import FinancingType, Programme, ScheduleType, WorkCalendarYear
from financing.rules.bank_rules import (
    LEAST_FIRST_PERIOD,
    MAX_FEES,
    MOST_LEAST_FIRST_PERIOD,
    UNITS,
    YEARLY,
    BankFee,
    BankRules,
    FeeKind,
    FeePayment,
    FirstPeriod,
    RoundingMode,
)
from financing.rules.calculations import (
    InvalidTerms,
    LoanTerms,
    MonthEnd,
    PaymentBelowInterest,
    PayoffRule,
    ScheduleKind,
    Shift,
    WorkCalendar,
    build_schedule,
    calculate,
)
from financing.rules.calculations.rounding import KOPECK
from financing.rules.calculations.terms import AT_DISBURSEMENT, LOAN_DAY_COUNTS, WITH_EACH_PAYMENT

LEAST_BEFORE_A_SHIFT_BACK = 15
"""A shift moves less than 15 days (FINANCE 3.4), so that the first payment never comes before the payout."""
LAST_DAY_OF_MONTH = 31
_CHOICES: dict[str, set[Any]] = {
    "day_count": {item.value for item in LOAN_DAY_COUNTS},
    "due_shift": {item.value for item in Shift},
    "month_end": {item.value for item in MonthEnd},
    "first_period": {item.value for item in FirstPeriod},
    "payment_rounding": {item.value for item in RoundingMode},
    "interest_rounding": {item.value for item in RoundingMode},
    "payoff_rule": {item.value for item in PayoffRule},
    "payment_unit": set(UNITS),
}


def check_bank_rules(programme: Programme, rates: Mapping[int, Decimal] | None) -> None:
    """Refuse rules that nobody knows, that contradict each other or the law, or by which a loan cannot be repaid.

    `rates` are those that are about to be saved, None those that stand. Raises InvalidInput naming the field.
    """
    for name, known in _CHOICES.items():
        if getattr(programme, name) not in known:
            raise InvalidInput(name, "invalid_choice", _("There is no such rule."))
    programme.fees = [msgspec.to_builtins(fee) for fee in _fees(programme)]
    _check_days(programme)
    if programme.payoff_rule == PayoffRule.WHOLE_PERIOD and programme.financing_type != FinancingType.LEASING:
        detail = _("A borrower owes interest to the day of the repayment and no more (Civil Code art. 809 par. 6).")
        raise InvalidInput("payoff_rule", "unlawful", detail)
    if programme.schedule == ScheduleType.DIFFERENTIATED and programme.payment_unit != KOPECK:
        detail = _("Only level payments can be rounded to more than the kopeck.")
        raise InvalidInput("payment_unit", "invalid", detail)
    _try_loans(programme, rates)


def _check_days(programme: Programme) -> None:
    day, least = programme.payment_day, programme.min_first_period_days
    if day is not None and not 1 <= day <= LAST_DAY_OF_MONTH:
        raise InvalidInput("payment_day", "out_of_range", _("A day of the month: 1 to 31."))
    if not LEAST_FIRST_PERIOD <= least <= MOST_LEAST_FIRST_PERIOD:
        limits = {"least": LEAST_FIRST_PERIOD, "most": MOST_LEAST_FIRST_PERIOD}
        raise InvalidInput("min_first_period_days", "out_of_range", _("%(least)s to %(most)s days.") % limits)
    is_back = programme.due_shift == Shift.PRECEDING and day is not None
    if is_back and least < LEAST_BEFORE_A_SHIFT_BACK:
        detail = _("At least %(least)s days where payments move to the working day before.")
        raise InvalidInput("min_first_period_days", "min_value", detail % {"least": LEAST_BEFORE_A_SHIFT_BACK})
    if programme.first_period == FirstPeriod.INTEREST_ONLY and day is None:
        detail = _("Without a day of the month the first period is never longer than a month.")
        raise InvalidInput("first_period", "invalid", detail)


def _fees(programme: Programme) -> Iterator[BankFee]:
    if not isinstance(programme.fees, list) or len(programme.fees) > MAX_FEES:
        raise InvalidInput("fees", "invalid", _("A list of at most %(most)s fees.") % {"most": MAX_FEES})
    for number, given in enumerate(programme.fees):
        place = f"fees.{number}"
        try:
            fee = msgspec.convert(given, BankFee, strict=False)
        except msgspec.ValidationError as error:
            raise InvalidInput(place, "invalid", str(error)) from error
        _check_fee(programme, fee, place)
        yield fee


def _check_fee(programme: Programme, fee: BankFee, place: str) -> None:
    if not fee.name.strip():
        raise InvalidInput(f"{place}.name", "required", _("Say what it is for."))
    if (fee.amount is None) == (fee.percent is None):
        raise InvalidInput(f"{place}.amount", "invalid", _("Either an amount or per cent of what is lent."))
    size = fee.amount if fee.amount is not None else fee.percent
    most, places = (programme.min_amount, 2) if fee.amount is not None else (Decimal(100), 4)
    if size is None or not size.is_finite() or not 0 < size < most or size != round(size, places):
        name = "amount" if fee.amount is not None else "percent"
        detail = _("Above 0 and below %(most)s, with at most %(places)s decimals.") % {"most": most, "places": places}
        raise InvalidInput(f"{place}.{name}", "out_of_range", detail)
    if isinstance(fee.when, str) and fee.when not in (AT_DISBURSEMENT, WITH_EACH_PAYMENT, YEARLY):
        detail = _("Use disbursement, each, yearly, or the number of a payment.")
        raise InvalidInput(f"{place}.when", "invalid_choice", detail)
    if isinstance(fee.when, int) and not 1 <= fee.when <= programme.min_term_months:
        detail = _("The shortest loan has only %(count)s payments.") % {"count": programme.min_term_months}
        raise InvalidInput(f"{place}.when", "out_of_range", detail)
    if fee.paid is not FeePayment.CASH and fee.when != AT_DISBURSEMENT:
        raise InvalidInput(f"{place}.paid", "invalid", _("Only a fee of the payout is financed or withheld."))
    if fee.paid is not FeePayment.CASH and fee.kind is FeeKind.FEE and not fee.in_psk:
        # 353-FZ, article 6 part 3: what the borrower pays the lender under the contract is in the full cost.
        raise InvalidInput(
            f"{place}.in_psk", "required", _("A fee that the bank takes itself counts in the full cost.")
        )


def _try_loans(programme: Programme, rates: Mapping[int, Decimal] | None) -> None:
    """Draw the smallest and the largest loan of the shortest and the longest terms, paid out on the worst day."""
    rules, by_term = programme.bank_rules, _rates(programme, rates)
    if rules == BankRules(programme_version=rules.programme_version):
        return  # equal months: a level payment is above its interest, but for loans of some kopecks
    within = range(programme.min_term_months, programme.max_term_months + 1)
    terms = sorted({within[0], within[-1], *(months for months in by_term if months in within)})
    calendar, days = WorkCalendar(), [programme.valid_from]
    if rules.is_dated:
        since = programme.valid_from.year
        calendar = WorkCalendarYear.read(since - 1, since + within[-1] // 12 + 4)
        days = [programme.valid_from, _worst_day(rules, programme.valid_from, calendar)]
    for term in terms:
        rate = _rate_for(programme, by_term, term)
        for amount in map(rules.lent_within, (programme.min_amount, programme.max_amount)):
            if amount <= 0:
                raise InvalidInput("fees", "max_value", _("The fees that the least loan pays leave nothing of it."))
            for day in days:
                _try(programme, rules.terms(day, amount, term, lambda _first, _last: calendar), amount, rate, term)


def _worst_day(rules: BankRules, since: date, calendar: WorkCalendar) -> date:
    """Find the day of a year whose payouts wait longest for their first payment."""

    def wait(day: date) -> timedelta:
        return rules.due_dates(day, 1, lambda _first, _last: calendar)[0] - day

    return max((since + timedelta(days=number) for number in range(366)), key=wait)


def _try(programme: Programme, added: Mapping[str, Any], amount: Decimal, rate: Decimal, term: int) -> None:
    terms = LoanTerms(
        vehicle_price=amount * 2,
        down_payment=amount,
        term_months=term,
        annual_rate=rate,
        schedule=ScheduleKind(programme.schedule),
        balloon=min(programme.balloon_for(amount * 2), amount),
        **added,
    )
    try:
        if terms.fees:
            calculate(terms)
        else:
            build_schedule(terms)
    except PaymentBelowInterest as error:
        is_first = terms.dates is not None and programme.first_period == FirstPeriod.LEVEL
        detail = _(
            "The payments of a loan of %(amount)s for %(term)s months at %(rate)s %% would not cover its interest."
        )
        found = {"amount": amount, "term": term, "rate": rate}
        raise InvalidInput("first_period" if is_first else "base_rate", error.code, detail % found) from error
    except InvalidTerms as error:
        raise InvalidInput(error.field.split(".")[0], error.code, error.detail) from error


def _rates(programme: Programme, rates: Mapping[int, Decimal] | None) -> Mapping[int, Decimal]:
    if rates is not None or programme._state.adding:
        return rates or {}
    return {row.from_months: row.annual_rate for row in programme.rates.all()}


def _rate_for(programme: Programme, rates: Mapping[int, Decimal], term: int) -> Decimal:
    begun = [months for months in rates if months <= term]
    return rates[max(begun)] if begun else programme.base_rate
