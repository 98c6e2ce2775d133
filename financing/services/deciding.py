"""Deciding an application by the rules: which programme it falls under, the verdict, and the nearest counter-offer."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast

import msgspec

from core.clock import dealer_day
from core.errors import InvalidInput
from core.money import ZERO, money
from financing.errors import NoProgramme, NotOverridable, PskAboveCeiling, UnknownProgramme
from financing.models import Application, OrderCopy, Programme
from financing.queries.cars import UNKNOWN_CAR, Car
from financing.queries.limits import Ceiling, Limits, limits_on
from financing.queries.programmes import candidates
from financing.queries.shares import require_ceiling
from financing.rules.application_fields import ApplicationFields, check_fields
from financing.rules.calculations import InvalidTerms, LoanQuote, NoRateFound, calculate
from financing.rules.decisions import Decision, Facts, Outcome, Rules, decide
from financing.services.limits import share_with

DOWN_PAYMENT_STEPS = 20
"""A counter-offer asks for more money down by twentieths of the price."""


@dataclass(frozen=True)
class Prepared:
    """An application that can be decided: the programme it falls under, its terms, and the verdict."""

    fields: ApplicationFields
    programme: Programme
    annual_rate: Decimal
    quote: LoanQuote
    facts: Facts
    rules: Rules
    ceiling: Ceiling | None
    decision: Decision


@dataclass(frozen=True)
class Setting:
    """Setting an application is decided in: the day, the order, what the catalogue says of its car, and the limits."""

    today: date
    order: OrderCopy
    car: Car
    limits: Limits


def read_setting(order: OrderCopy, now: datetime, car: Car = UNKNOWN_CAR) -> Setting:
    """The setting of a moment."""
    today = dealer_day(now)
    return Setting(today, order, car, limits_on(today))


def prepare(setting: Setting, fields: ApplicationFields) -> tuple[Prepared, list[Prepared]]:
    """The verdict that counts, and what each connected bank could be asked for, by its cheapest programme.

    Our own decision counts unless it refuses and a bank could be asked: the kindest verdict, the cheapest of equals.
    Where all refuse it is ours that stands, so that our managers may decide otherwise.
    A connected bank is asked only for what our rules do not refuse; what they would review its own people review.
    """
    check_fields(fields, setting.today)
    programmes = candidates(fields.financing_type, setting.today, fields.programme_id)
    if not programmes:
        raise UnknownProgramme if fields.programme_id else NoProgramme
    verdicts = sorted((decide_by(setting, fields, programme) for programme in programmes), key=_kindness)
    banks: dict[str, Prepared] = {}
    for item in verdicts:
        if item.programme.is_connected and item.decision.outcome is not Outcome.REJECT:
            banks.setdefault(item.programme.connection, item)
    own = [item for item in verdicts if not item.programme.is_connected]
    is_own_kind = bool(own) and own[0].decision.outcome is not Outcome.REJECT
    best = own[0] if is_own_kind else next(iter(banks.values()), (own or verdicts)[0])
    return best, list(banks.values())


def _kindness(item: Prepared) -> tuple[int, Decimal]:
    return _SEVERITY[item.decision.outcome], item.annual_rate


_SEVERITY = {Outcome.APPROVE: 0, Outcome.REVIEW: 1, Outcome.REJECT: 2}


def decide_by(setting: Setting, fields: ApplicationFields, programme: Programme) -> Prepared:
    """Hold what is asked against one programme, the law and the quarter; the catalogue's word on the car counts."""
    fields = msgspec.structs.replace(fields, vehicle_year=setting.car.year or fields.vehicle_year)
    annual_rate = programme.rate_for(fields.term_months)
    draft = draft_application(fields, programme)
    quote = quote_for(draft, draft.requested_amount, annual_rate, setting.today)
    facts = _facts(setting, fields, draft, quote)
    share = share_with(programme, facts.debt_load, quote.amount_financed, setting.today, limits=setting.limits)
    ceiling = setting.limits.ceiling(programme, setting.car.is_used)
    rules = replace(
        programme.rules,
        max_psk_percent=ceiling.percent if ceiling else None,
        max_share_percent=share.limit if share else None,
    )
    facts = replace(facts, share_after=share.percent if share else None)
    return Prepared(fields, programme, annual_rate, quote, facts, rules, ceiling, decide(facts, rules))


def _facts(setting: Setting, fields: ApplicationFields, draft: Application, quote: LoanQuote) -> Facts:
    """A price above what the order comes to buys nothing: neither as security nor as money paid down."""
    order = setting.order
    price = min(fields.vehicle_price, order.total_amount) or fields.vehicle_price
    return Facts(
        today=setting.today,
        value=price,
        order_total=order.total_amount,
        down_payment=max(min(fields.down_payment, price - draft.requested_amount + draft.financed_premium), ZERO),
        amount=quote.amount_financed,
        term_months=fields.term_months,
        employment=fields.employment_status,
        monthly_income=fields.monthly_income,
        monthly_obligations=fields.monthly_obligations,
        monthly_payment=quote.monthly_payment,
        psk=quote.psk,
        birth_date=fields.birth_date,
        vehicle_year=fields.vehicle_year,
        balloon=draft.balloon,
        is_used=setting.car.is_used,
        average_payment=quote.average_payment,
        premium_lent=draft.financed_premium,
        fee_lent=draft.rules.financed_fee(draft.requested_amount),
    )


def draft_application(fields: ApplicationFields, programme: Programme) -> Application:
    asked = {name: getattr(fields, name) for name in fields.__struct_fields__ if name != "programme_id"}
    balloon = min(programme.balloon_for(fields.vehicle_price), fields.vehicle_price - fields.down_payment)
    rules = programme.bank_rules.stored()
    return Application(**asked, programme=programme, schedule=programme.schedule, balloon=balloon, bank_rules=rules)


def quote_for(application: Application, amount: Decimal, annual_rate: Decimal, day: date) -> LoanQuote:
    """Calculate an offer of this amount and rate, paid out on a day. Raises InvalidInput where no schedule exists."""
    try:
        return calculate(application.terms(amount, annual_rate, day))
    except InvalidTerms as error:
        raise InvalidInput(error.field, error.code, error.detail) from error
    except NoRateFound as error:
        raise InvalidInput("term_months", "no_rate", str(error)) from error


def require_remembered(application: Application) -> None:
    """Stop an offer to a person who had erased what it would stand on. Raises NotOverridable."""
    if not application.decision:
        raise NotOverridable(reasons=["incomplete"])


def require_lawful(application: Application, quote: LoanQuote, now: datetime) -> None:
    """Stop a manager's offer above the ceiling of ПСК, which binds every lender. Raises NotOverridable."""
    try:
        require_ceiling(application, quote.psk, now)
    except PskAboveCeiling as error:
        raise NotOverridable(reasons=["psk_cap"], **error.extra) from error


def build_record(prepared: Prepared) -> dict[str, Any]:
    """Record what the decision stood on, in full: a later change of the programme does not reach it."""
    record: dict[str, Any] = msgspec.to_builtins(
        {
            "outcome": prepared.decision.outcome,
            "programme_version": prepared.programme.version,
            "annual_rate": prepared.annual_rate,
            "facts": asdict(prepared.facts),
            "rules": asdict(prepared.rules),
            "ceiling": asdict(prepared.ceiling) if prepared.ceiling else None,
            "checks": [asdict(check) for check in prepared.decision.checks],
        }
    )
    return record


_CURABLE = frozenset({"term", "amount", "down_payment", "ltv", "income", "dti", "vehicle_age", "residual"})
"""Reasons that another term or down payment may do away with."""


def counter_offer(prepared: Prepared, setting: Setting) -> dict[str, Any] | None:
    """The nearest terms of the same programme that would be approved: a longer term, else more money down, else both.

    None where the terms asked for are approved, or no others would be.
    """
    reasons = prepared.decision.reasons
    if not reasons or not _CURABLE.issuperset(reasons):
        return None
    for fields in _other_terms(prepared.fields, prepared.programme):
        try:
            found = decide_by(setting, fields, prepared.programme)
        except InvalidInput:
            continue
        if found.decision.outcome is Outcome.APPROVE:
            offer = {
                "term_months": fields.term_months,
                "down_payment": fields.down_payment,
                "amount": found.quote.amount_financed - found.facts.fee_lent,
                "annual_rate": found.annual_rate,
                "monthly_payment": found.quote.monthly_payment,
                "psk": found.quote.psk,
            }
            return cast(dict[str, Any], msgspec.to_builtins(offer))
    return None


def _other_terms(fields: ApplicationFields, programme: Programme) -> Iterator[ApplicationFields]:
    shortest, longest = programme.min_term_months, programme.max_term_months
    within = min(max(fields.term_months, shortest), longest)
    terms = sorted({within, longest, *(term for term in range(12, longest, 12) if term > within)})
    step = fields.vehicle_price / DOWN_PAYMENT_STEPS
    shares = [money(step * number) for number in range(1, DOWN_PAYMENT_STEPS)]
    larger = [share for share in shares if share > fields.down_payment]
    for term in terms:
        yield msgspec.structs.replace(fields, term_months=term)
    for term in (within, longest):
        for share in larger:
            yield msgspec.structs.replace(fields, term_months=term, down_payment=share)
