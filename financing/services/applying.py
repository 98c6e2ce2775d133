"""Applying for a loan, by the client's own request or the checkout's, and the automatic decision."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from core.db import transaction
from core.errors import InvalidInput
from financing.approvals import BY_RULES
from financing.errors import NoProgramme, OrderClosed, OrderNotFound
from financing.events import ApplicationRejected, ApplicationSubmitted
from financing.models import Application, ApplicationStatus, ClosedAttempt, OrderState
from financing.queries.cars import read_car
from financing.rules.application_fields import ApplicationFields, read_fields
from financing.rules.decisions import Outcome
from financing.rules.switches import APPLICATIONS
from financing.rules.wording import explain
from financing.services.approving import make_offer, refuse
from financing.services.asking import ask_banks
from financing.services.deciding import (
    Prepared,
    Setting,
    build_record,
    counter_offer,
    draft_application,
    prepare,
    read_setting,
)
from financing.services.orders import lock_order
from gateway.access.switches import SwitchedOff, require_on
from gateway.approvals import let
from messaging.outbox import publish
from messaging.people.departures import refuse_leavers


def apply_for_loan(
    *, order_id: UUID, fields: ApplicationFields, now: datetime, customer_id: UUID | None = None
) -> Application:
    """Apply for a loan for an order and decide at once; `customer_id` None is a manager who applies for the buyer.

    Raises InvalidInput, OrderNotReady, OrderNotFound, OrderClosed, UnknownProgramme, NoProgramme, AccountClosing,
    SwitchedOff.
    """
    require_on(APPLICATIONS)
    car = read_car(order_id)
    with transaction("financing"):
        order = lock_order(order_id)
        if customer_id is not None and order.customer_id != customer_id:
            raise OrderNotFound
        refuse_leavers("financing", order.customer_id)
        if order.state != OrderState.OPEN:
            raise OrderClosed
        setting = read_setting(order, now, car)
        best, banks = prepare(setting, fields)
        application = _submit(best, banks, setting, now)
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
    car = read_car(order_id)
    with transaction("financing"):
        order = lock_order(order_id)
        if Application.objects.filter(attempt_id=attempt_id).exists():
            return
        closed = ClosedAttempt.objects.filter(pk=attempt_id).first()
        if closed is not None:
            _refuse(closed, customer_id, "cancelled", "", now)
            return
        setting = read_setting(order, now, car)
        try:
            require_on(APPLICATIONS)
            best, banks = prepare(setting, read_fields(application))
        except (InvalidInput, NoProgramme, SwitchedOff) as error:
            closed = ClosedAttempt(attempt_id=attempt_id, order_id=order_id, closed_at=now)
            is_field = isinstance(error, InvalidInput)
            _refuse(closed, customer_id, "incomplete" if is_field else error.code, _first_problem(error), now)
            return
        _submit(best, banks, setting, now, attempt_id=attempt_id, auto_accept=auto_accept)


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


def _first_problem(error: InvalidInput | NoProgramme | SwitchedOff) -> str:
    if isinstance(error, InvalidInput):
        return "; ".join(f"{item['field']}: {item['detail']}" for item in error.errors)
    return str(error.detail)


def _submit(
    best: Prepared,
    banks: Sequence[Prepared],
    setting: Setting,
    now: datetime,
    *,
    attempt_id: UUID | None = None,
    auto_accept: bool = False,
) -> Application:
    order, application = setting.order, draft_application(best.fields, best.programme)
    application.order_id, application.customer_id = order.order_id, order.customer_id
    application.attempt_id, application.is_auto_accepted = attempt_id, auto_accept
    application.currency = order.currency
    application.decision = build_record(best) | {"counter_offer": counter_offer(best, setting)}
    application.reasons = best.decision.reasons
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
    _conclude(application, best, banks, now)
    return application


def _conclude(application: Application, best: Prepared, banks: Sequence[Prepared], now: datetime) -> None:
    """Decide by ourselves where we may, and ask the banks: for the decision, or for offers beside our own."""
    outcome = best.decision.outcome
    if outcome is Outcome.REJECT:
        refuse(application, application.reasons, note="", decided_by=None, now=now)
        return
    if best.programme.is_connected:
        application.save()
    elif outcome is Outcome.APPROVE:
        let(BY_RULES)
        make_offer(application, application.requested_amount, best.quote, best.annual_rate, decided_by=None, now=now)
    else:
        application.move(ApplicationStatus.UNDER_REVIEW, now)
        application.save()
    if best.programme.is_connected or not application.is_auto_accepted:
        ask_banks(application, banks, now)
