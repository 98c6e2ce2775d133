"""Deciding against the rules: a manager's override with its second person, and the nearest terms the rules approve."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput, WrongTransition
from core.ids import uuid7
from financing.approvals import OVERRIDE
from financing.errors import (
    DecidedByBank,
    NoCounterOffer,
    NotOverridable,
    OrderClosed,
    OverrideNotFound,
    OverrideProposed,
    SecondPersonNeeded,
)
from financing.events import OverrideRefused, OverrideWanted
from financing.models import (
    Application,
    ApplicationStatus,
    FinancingType,
    OrderCopy,
    OrderState,
    Override,
    OverrideStatus,
)
from financing.queries.cars import UNKNOWN_CAR, read_car
from financing.rules.application_fields import ApplicationFields
from financing.rules.calculations import LoanQuote
from financing.rules.decisions import LEGAL_AGE, Employment, Outcome, age_on
from financing.services.approving import make_offer
from financing.services.deciding import (
    Setting,
    counter_offer,
    decide_by,
    quote_for,
    read_setting,
    require_lawful,
    require_remembered,
)
from financing.services.orders import lock_application
from financing.services.seconding import about_override, admit_approving
from gateway import approvals
from messaging.outbox import publish

REASON_LENGTH = 1000


def override_decision(
    *,
    application_id: UUID,
    manager_id: UUID,
    reason: str,
    now: datetime,
    amount: Decimal | None = None,
    annual_rate: Decimal | None = None,
    term_months: int | None = None,
) -> Override:
    """Lend what was refused, as asked or on other terms: roubles, % a year, months.

    Up to the limit of the settings it counts at once; above it the terms are proposed, and another manager answers.
    Raises ApplicationNotFound, WrongTransition, OrderClosed, DecidedByBank, NotOverridable, OverrideProposed,
    InvalidInput, FourEyes (it is their own application).
    """
    if not reason.strip():
        raise InvalidInput("reason", "required", _("Say why."))
    with transaction("financing"):
        application = lock_application(application_id)
        _require_refused(application)
        override = Override(
            id=uuid7(),
            application=application,
            amount=application.requested_amount if amount is None else amount,
            annual_rate=application.asked_rate if annual_rate is None else annual_rate,
            term_months=application.asked_term if term_months is None else term_months,
            reasons=application.reasons,
            reason=reason.strip()[:REASON_LENGTH],
            proposed_by=manager_id,
            proposed_at=now,
        )
        quote = _quote(override)
        request = approvals.hold_back(OVERRIDE, about_override(override), now=now)
        override.is_for_two = request is not None
        if override.is_for_two:
            _propose(override)
        else:
            _carry_out(override, quote, now)
    return override


def _require_refused(application: Application) -> None:
    if application.status != ApplicationStatus.REJECTED:
        raise WrongTransition(application.status, [])
    _require_open(application)
    require_remembered(application)
    open_one = application.overrides.filter(status=OverrideStatus.PROPOSED).first()
    if open_one is not None:
        raise OverrideProposed(override_id=str(open_one.pk))


def _require_open(application: Application) -> OrderCopy:
    """Only an order that still waits for money can be lent for; a checkout that was refused has ended with it."""
    order = OrderCopy.objects.get(pk=application.order_id)
    if order.state != OrderState.OPEN or application.attempt_id is not None:
        raise OrderClosed
    if application.programme.is_connected:
        raise DecidedByBank
    return order


def _quote(override: Override) -> LoanQuote:
    """The schedule of the terms, held to what no manager may pass: the order's total and the law."""
    application = override.application
    order = OrderCopy.objects.get(pk=application.order_id)
    most = min(application.requested_amount, order.total_amount)
    least = application.financed_premium + application.rules.withheld_fee(override.amount)
    if not application.is_within_asked(override.amount) or override.amount > most:
        limits = {"least": least, "most": most}
        raise InvalidInput("amount", "out_of_range", _("Above %(least)s, and at most %(most)s.") % limits)
    birth = application.birth_date
    if birth is not None and age_on(birth, dealer_day(override.proposed_at)) < LEGAL_AGE:
        raise NotOverridable(reasons=["age"])
    application.term_months = override.term_months
    application.balloon = min(application.balloon, override.amount)
    moment = override.answered_at or override.proposed_at
    quote = quote_for(application, override.amount, override.annual_rate, dealer_day(moment))
    require_lawful(application, quote, moment)
    return quote


def _propose(override: Override) -> None:
    application = override.application
    override.save(force_insert=True)
    publish(
        OverrideWanted(
            application_id=application.id,
            override_id=override.id,
            order_id=application.order_id,
            customer_id=application.customer_id,
            amount=override.amount,
            currency=application.currency,
            proposed_by=override.proposed_by,
        )
    )


def _carry_out(override: Override, quote: LoanQuote, now: datetime) -> None:
    """Approve the refused application by the terms of the override; its decision keeps what the rules said."""
    if override.status == OverrideStatus.PROPOSED and not override.is_for_two:
        override.status = OverrideStatus.CONFIRMED
    override.save()
    application = override.application
    application.reopen(now)
    decided_by = override.answered_by or override.proposed_by
    make_offer(application, override.amount, quote, override.annual_rate, decided_by=decided_by, now=now)


def confirm_override(*, override_id: UUID, manager_id: UUID, now: datetime, note: str = "") -> Override:
    """Agree to what another manager proposed: the application is approved on those terms.

    Raises OverrideNotFound, WrongTransition, SecondPersonNeeded, FourEyes, OrderClosed, NotOverridable, InvalidInput.
    """
    with transaction("financing"):
        _require_request(override_id, manager_id, now)
        approvals.approve_waiting(OVERRIDE, override_id, person_id=manager_id, now=now)
        override = _lock_override(override_id)
        override.note = note
        override.save(update_fields=["note"])
    return override


def lend_agreed(*, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime) -> None:
    """Approve an application on the terms that one manager proposed and another agreed to.

    Raises OverrideNotFound, WrongTransition, OrderClosed, NotOverridable, InvalidInput.
    """
    with transaction("financing"):
        override = _lock_override(subject_id)
        override.answer(OverrideStatus.CONFIRMED, answered_by=approver_id, note="", now=now)
        _require_open(override.application)
        quote = _quote(override)
        approvals.admit(OVERRIDE, about_override(override), now=now)
        _carry_out(override, quote, now)


def reject_override(*, override_id: UUID, manager_id: UUID, reason: str, now: datetime) -> Override:
    """Turn a proposal down: the refusal stands. Raises OverrideNotFound, WrongTransition, SecondPersonNeeded."""
    with transaction("financing"):
        _require_request(override_id, manager_id, now)
        approvals.withdraw(OVERRIDE, override_id, person_id=manager_id, now=now, reason=reason)
        return _lock_override(override_id)


def drop_override(*, subject_id: UUID, person_id: UUID | None, reason: str, now: datetime) -> None:
    """Let a refusal stand whose override was turned down, or that nobody answered; one that lapsed is left alone."""
    with transaction("financing"):
        override = _lock_override(subject_id)
        if override.status != OverrideStatus.PROPOSED:
            return
        if person_id is None:
            override.status, override.answered_at = OverrideStatus.LAPSED, now
        else:
            override.answer(OverrideStatus.REJECTED, answered_by=person_id, note=reason, now=now)
        override.save()
        application = override.application
        publish(
            OverrideRefused(
                application_id=application.id,
                override_id=override.id,
                order_id=application.order_id,
                customer_id=application.customer_id,
            )
        )


def _require_request(override_id: UUID, manager_id: UUID, now: datetime) -> None:
    """A proposal that this manager may answer; one from before there were requests gets its own now."""
    override = Override.objects.select_related("application").filter(pk=override_id).first()
    if override is None:
        raise OverrideNotFound
    if override.status != OverrideStatus.PROPOSED:
        raise WrongTransition(override.status, [])
    if override.proposed_by == manager_id:
        raise SecondPersonNeeded
    if not approvals.waits_for("financing", override_id):
        approvals.hold_back(OVERRIDE, about_override(override), now=now, is_certain=True)


def _lock_override(override_id: UUID) -> Override:
    """Lock an override after its application. Raises OverrideNotFound."""
    application_id = Override.objects.filter(pk=override_id).values_list("application_id", flat=True).first()
    if application_id is None:
        raise OverrideNotFound
    application = lock_application(application_id)
    override = Override.objects.select_for_update().get(pk=override_id)
    override.application = application
    return override


# The nearest terms the rules approve --------------------------------------------------------------------------------
def offer_counter(*, application_id: UUID, manager_id: UUID, now: datetime) -> Application:
    """Offer the nearest terms of the programme that today's rules approve, in place of a refusal or a review.

    Nothing is decided against the rules, so one person is enough. Raises ApplicationNotFound, WrongTransition,
    OrderClosed, DecidedByBank, NoCounterOffer.
    """
    order_id = Application.objects.filter(pk=application_id).values_list("order_id", flat=True).first()
    car = read_car(order_id) if order_id else UNKNOWN_CAR
    with transaction("financing"):
        application = lock_application(application_id)
        admit_approving(application, manager_id, now)
        is_refused = application.status == ApplicationStatus.REJECTED
        if not is_refused and application.status != ApplicationStatus.UNDER_REVIEW:
            raise WrongTransition(application.status, [])
        if is_refused:
            _require_refused(application)
        order = OrderCopy.objects.get(pk=application.order_id)
        terms = _counter(application, read_setting(order, now, car))
        if is_refused:
            application.reopen(now)
        application.term_months = terms["term_months"]
        amount, rate = Decimal(terms["amount"]), Decimal(terms["annual_rate"])
        application.balloon = min(application.balloon, amount)
        application.bank_rules = application.programme.bank_rules.stored()
        quote = quote_for(application, amount, rate, dealer_day(now))
        make_offer(application, amount, quote, rate, decided_by=manager_id, now=now)
    return application


def _counter(application: Application, setting: Setting) -> Mapping[str, Any]:
    """The terms, found anew by the programme as it is today. Raises DecidedByBank, NoCounterOffer."""
    programme = application.programme
    if programme.is_connected:
        raise DecidedByBank
    if not application.employment_status:  # the person had it erased
        raise NoCounterOffer
    verdict = decide_by(setting, get_application_fields(application), programme)
    terms = counter_offer(verdict, setting)
    if terms is None and verdict.decision.outcome is not Outcome.APPROVE:
        raise NoCounterOffer
    return terms or {
        "term_months": application.asked_term,
        "amount": application.requested_amount,
        "annual_rate": verdict.annual_rate,
    }


def get_application_fields(application: Application) -> ApplicationFields:
    """Return what the client asked for."""
    return ApplicationFields(
        vehicle_price=application.vehicle_price,
        down_payment=application.down_payment,
        term_months=application.asked_term,
        financing_type=FinancingType(application.financing_type),
        employment_status=Employment(application.employment_status),
        monthly_income=application.monthly_income,
        monthly_obligations=application.monthly_obligations,
        birth_date=application.birth_date,
        vehicle_year=application.vehicle_year,
        programme_id=application.programme_id,
        financed_premium=application.financed_premium,
        psk_premium=application.psk_premium,
    )
