"""Applying for a loan, by the client's own request or the checkout's, and the automatic decision."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

import msgspec

from core.db import transaction
from core.errors import InvalidInput
from core.money import money
from financing.application_fields import ApplicationFields, check_fields, read_fields
from financing.calculations import InvalidTerms, LoanQuote, NoRateFound, calculate
from financing.clock import local_date
from financing.decisions import Decision, Facts, Outcome, decide
from financing.errors import AlreadyFinanced, NoProgramme, OrderClosed, OrderNotFound, UnknownProgramme
from financing.events import ApplicationApproved, ApplicationRejected, ApplicationSubmitted, OfferLapsed
from financing.models import (
    Application,
    ApplicationStatus,
    ClosedAttempt,
    OrderCopy,
    OrderState,
    Programme,
)
from financing.models.applications import OFFER_STANDS
from financing.services.orders import lock_order, withdrawn
from financing.services.programmes import candidates
from financing.wording import explain
from messaging.outbox import publish
from messaging.timers import set_timer

EXPIRY_HANDLER = "financing.expire_offer"
DOWN_PAYMENT_STEPS = 20
"""A counter-offer asks for more money down by twentieths of the price."""


def apply_for_loan(
    *, order_id: UUID, fields: ApplicationFields, now: datetime, customer_id: UUID | None = None
) -> Application:
    """Apply for a loan for an order and decide at once; `customer_id` None is a manager who applies for the buyer.

    Raises InvalidInput, OrderNotReady, OrderNotFound, OrderClosed, UnknownProgramme, NoProgramme.
    """
    with transaction("financing"):
        order = lock_order(order_id)
        if customer_id is not None and order.customer_id != customer_id:
            raise OrderNotFound
        if order.state != OrderState.OPEN:
            raise OrderClosed
        application = _submit(_prepare(order, fields, now), order, now)
    return application


def request_loan(
    *,
    order_id: UUID,
    attempt_id: UUID,
    customer_id: UUID,
    application: Mapping[str, Any],
    auto_accept: bool,
    now: datetime,
) -> None:
    """Decide the loan of a checkout's attempt, once; whatever is wrong with it is answered with a rejection.

    Such a refusal stores no application: its `application_id` is the attempt's. Raises OrderNotReady.
    """
    with transaction("financing"):
        order = lock_order(order_id)
        if Application.objects.filter(attempt_id=attempt_id).exists():
            return
        closed = ClosedAttempt.objects.filter(pk=attempt_id).first()
        if closed is not None:
            _refuse(closed, customer_id, "cancelled", "", now)
            return
        try:
            prepared = _prepare(order, read_fields(application), now)
        except (InvalidInput, NoProgramme) as error:
            closed = ClosedAttempt(attempt_id=attempt_id, order_id=order_id, closed_at=now)
            is_field = isinstance(error, InvalidInput)
            _refuse(closed, customer_id, "incomplete" if is_field else error.code, _first_problem(error), now)
            return
        _submit(prepared, order, now, attempt_id=attempt_id, auto_accept=auto_accept)


def _refuse(closed: ClosedAttempt, customer_id: UUID, code: str, detail: str, now: datetime) -> None:
    if closed.answered_at is not None:
        return
    closed.answered_at = now
    closed.save()
    publish(
        ApplicationRejected(
            application_id=closed.attempt_id,
            order_id=closed.order_id,
            customer_id=customer_id,
            reasons=[code],
            detail=detail or explain([code]),
            attempt_id=closed.attempt_id,
        )
    )


def _first_problem(error: InvalidInput | NoProgramme) -> str:
    if isinstance(error, InvalidInput):
        return "; ".join(f"{item['field']}: {item['detail']}" for item in error.errors)
    return str(error.detail)


@dataclass(frozen=True)
class _Prepared:
    """An application that can be decided: the programme it falls under, its terms, and the verdict."""

    fields: ApplicationFields
    programme: Programme
    annual_rate: Decimal
    quote: LoanQuote
    facts: Facts
    decision: Decision


def _prepare(order: OrderCopy, fields: ApplicationFields, now: datetime) -> _Prepared:
    """Decide by the programme named, else by the one with the kindest verdict, the cheapest of equals."""
    today = local_date(now)
    check_fields(fields, today)
    programmes = candidates(fields.financing_type, today, fields.programme_id)
    if not programmes:
        raise UnknownProgramme if fields.programme_id else NoProgramme
    verdicts = [_decide(order, fields, programme, today) for programme in programmes]
    return min(verdicts, key=lambda item: (_SEVERITY[item.decision.outcome], item.annual_rate))


_SEVERITY = {Outcome.APPROVE: 0, Outcome.REVIEW: 1, Outcome.REJECT: 2}


def _decide(order: OrderCopy, fields: ApplicationFields, programme: Programme, today: date) -> _Prepared:
    annual_rate = programme.rate_for(fields.term_months)
    draft = _draft(fields, programme)
    quote = quote_for(draft, draft.requested_amount, annual_rate)
    facts = Facts(
        today=today,
        value=min(fields.vehicle_price, order.total_amount) or fields.vehicle_price,
        order_total=order.total_amount,
        down_payment=fields.down_payment,
        amount=quote.amount_financed,
        term_months=fields.term_months,
        employment=fields.employment_status,
        monthly_income=fields.monthly_income,
        monthly_obligations=fields.monthly_obligations,
        monthly_payment=quote.monthly_payment,
        psk=quote.psk,
        birth_date=fields.birth_date,
        vehicle_year=fields.vehicle_year,
    )
    return _Prepared(fields, programme, annual_rate, quote, facts, decide(facts, programme.rules))


def _draft(fields: ApplicationFields, programme: Programme) -> Application:
    asked = {name: getattr(fields, name) for name in fields.__struct_fields__ if name != "programme_id"}
    balloon = min(programme.balloon_for(fields.vehicle_price), fields.vehicle_price - fields.down_payment)
    return Application(**asked, programme=programme, schedule=programme.schedule, balloon=balloon)


def quote_for(application: Application, amount: Decimal, annual_rate: Decimal) -> LoanQuote:
    """Calculate an offer of this amount and rate. Raises InvalidInput where no schedule exists."""
    try:
        return calculate(application.terms(amount, annual_rate))
    except InvalidTerms as error:
        raise InvalidInput(error.field, error.code, error.detail) from error
    except NoRateFound as error:
        raise InvalidInput("term_months", "no_rate", str(error)) from error


def _submit(
    prepared: _Prepared, order: OrderCopy, now: datetime, *, attempt_id: UUID | None = None, auto_accept: bool = False
) -> Application:
    application = _draft(prepared.fields, prepared.programme)
    application.order_id, application.customer_id = order.order_id, order.customer_id
    application.attempt_id, application.is_auto_accepted = attempt_id, auto_accept
    application.currency = order.currency
    application.decision = _record(prepared) | {"counter_offer": _counter_offer(prepared, order, now)}
    application.reasons = prepared.decision.reasons
    application.created_at = application.updated_at = now
    publish(
        ApplicationSubmitted(
            application_id=application.id,
            order_id=order.order_id,
            customer_id=order.customer_id,
            amount=application.requested_amount,
            currency=application.currency,
            attempt_id=attempt_id,
        )
    )
    application.move(ApplicationStatus.SCORING, now)
    _conclude(application, prepared, now)
    return application


def _record(prepared: _Prepared) -> dict[str, Any]:
    """What the decision stood on, in full: a later change of the programme does not reach it."""
    record: dict[str, Any] = msgspec.to_builtins(
        {
            "outcome": prepared.decision.outcome,
            "programme_version": prepared.programme.version,
            "annual_rate": prepared.annual_rate,
            "facts": asdict(prepared.facts),
            "rules": asdict(prepared.programme.rules),
            "checks": [asdict(check) for check in prepared.decision.checks],
        }
    )
    return record


_CURABLE = frozenset({"term", "amount", "down_payment", "ltv", "income", "dti", "vehicle_age"})
"""Reasons that another term or down payment may do away with."""


def _counter_offer(prepared: _Prepared, order: OrderCopy, now: datetime) -> dict[str, Any] | None:
    """The nearest terms of the same programme that would be approved: a longer term, else more money down, else both.

    None where the terms asked for are approved, or no others would be.
    """
    reasons = prepared.decision.reasons
    if not reasons or not _CURABLE.issuperset(reasons):
        return None
    for fields in _other_terms(prepared.fields, prepared.programme):
        try:
            found = _decide(order, fields, prepared.programme, local_date(now))
        except InvalidInput:
            continue
        if found.decision.outcome is Outcome.APPROVE:
            offer = {
                "term_months": fields.term_months,
                "down_payment": fields.down_payment,
                "amount": found.quote.amount_financed,
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


def _conclude(application: Application, prepared: _Prepared, now: datetime) -> None:
    match prepared.decision.outcome:
        case Outcome.APPROVE:
            make_offer(application, prepared.quote, prepared.annual_rate, decided_by=None, now=now)
        case Outcome.REVIEW:
            application.move(ApplicationStatus.UNDER_REVIEW, now)
            application.save()
        case Outcome.REJECT:
            refuse(application, application.reasons, note="", decided_by=None, now=now)


def make_offer(
    application: Application, quote: LoanQuote, annual_rate: Decimal, *, decided_by: UUID | None, now: datetime
) -> None:
    """Approve; a checkout's offer equal to what its buyer asked for is accepted with it, unless they wanted to see it.

    The order's row is locked by the caller. Raises WrongTransition.
    """
    application.approve(quote, annual_rate, decided_by=decided_by, now=now)
    as_asked = quote.amount_financed == application.requested_amount and (annual_rate == application.asked_rate)
    is_accepted = application.is_auto_accepted and as_asked
    if is_accepted:
        supersede(application, now)
        application.accept(now)
    application.save()
    publish(_approved(application, expires_at=now + OFFER_STANDS, is_accepted=is_accepted))
    if not application.is_held_by_order:
        lapse = OfferLapsed(application_id=application.id)
        set_timer(handler=EXPIRY_HANDLER, event=lapse, due_at=now + OFFER_STANDS)


def supersede(application: Application, now: datetime) -> None:
    """End the offer the client accepted earlier for the same order; a checkout's own cannot be superseded.

    Raises AlreadyFinanced.
    """
    agreed = Application.objects.select_for_update().filter(
        order_id=application.order_id, status__in=(ApplicationStatus.ACCEPTED, ApplicationStatus.DISBURSED)
    )
    for earlier in agreed.exclude(pk=application.pk):
        if earlier.status == ApplicationStatus.DISBURSED or earlier.is_held_by_order:
            raise AlreadyFinanced
        earlier.move(ApplicationStatus.WITHDRAWN, now)
        earlier.save()
        publish(withdrawn(earlier, "superseded"))


def refuse(application: Application, reasons: list[str], *, note: str, decided_by: UUID | None, now: datetime) -> None:
    """Reject and say why. Raises WrongTransition."""
    application.reject(reasons, note=note, decided_by=decided_by, now=now)
    application.save()
    publish(
        ApplicationRejected(
            application_id=application.id,
            order_id=application.order_id,
            customer_id=application.customer_id,
            reasons=reasons,
            detail=note or explain(reasons),
            attempt_id=application.attempt_id,
        )
    )


def _approved(application: Application, *, expires_at: datetime, is_accepted: bool) -> ApplicationApproved:
    return ApplicationApproved(
        application_id=application.id,
        order_id=application.order_id,
        customer_id=application.customer_id,
        amount=application.approved_amount,
        currency=application.currency,
        annual_rate=application.annual_rate,
        term_months=application.term_months,
        monthly_payment=application.monthly_payment,
        expires_at=expires_at,
        is_accepted=is_accepted,
        attempt_id=application.attempt_id,
    )
