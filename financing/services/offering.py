"""What happens to a decided application: a manager's word, the client's, or the clock's."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import InvalidInput
from financing.errors import ApplicationNotFound
from financing.events import ApplicationAccepted
from financing.models import Application, ApplicationStatus
from financing.services.applying import make_offer, quote_for, refuse, supersede
from financing.services.orders import lock_order, withdrawn
from messaging.outbox import publish


def lock_application(application_id: UUID, customer_id: UUID | None = None) -> Application:
    """Lock an application after its order; `customer_id` None sees everybody's. Raises ApplicationNotFound."""
    visible = Application.objects.filter(pk=application_id)
    if customer_id is not None:
        visible = visible.filter(customer_id=customer_id)
    order_id = visible.values_list("order_id", flat=True).first()
    if order_id is None:
        raise ApplicationNotFound
    lock_order(order_id)
    return Application.objects.select_for_update().get(pk=application_id)


def approve_application(
    *,
    application_id: UUID,
    manager_id: UUID,
    now: datetime,
    amount: Decimal | None = None,
    annual_rate: Decimal | None = None,
) -> Application:
    """Approve what is under review, as asked or with a smaller amount (roubles) or another rate (% a year).

    Raises ApplicationNotFound, WrongTransition, InvalidInput.
    """
    with transaction("financing"):
        application = lock_application(application_id)
        amount = application.requested_amount if amount is None else amount
        if not 0 < amount <= application.requested_amount:
            raise InvalidInput("amount", "out_of_range", _("Above zero, and not more than was asked for."))
        application.balloon = min(application.balloon, amount)
        rate = application.asked_rate if annual_rate is None else annual_rate
        quote = quote_for(application, amount, rate)
        make_offer(application, quote, rate, decided_by=manager_id, now=now)
    return application


def reject_application(*, application_id: UUID, manager_id: UUID, reason: str, now: datetime) -> Application:
    """Refuse what is under review; the client is told the manager's sentence. Raises as approve_application."""
    with transaction("financing"):
        application = lock_application(application_id)
        refuse(application, application.reasons or ["manual"], note=reason, decided_by=manager_id, now=now)
    return application


def accept_offer(*, application_id: UUID, customer_id: UUID, now: datetime) -> Application:
    """Accept the bank's offer; only the client can.

    Raises ApplicationNotFound, WrongTransition, OfferExpired, AlreadyFinanced.
    """
    with transaction("financing"):
        application = lock_application(application_id, customer_id)
        application.accept(now)
        supersede(application, now)
        application.save()
        publish(
            ApplicationAccepted(
                application_id=application.id,
                order_id=application.order_id,
                customer_id=application.customer_id,
                amount=application.approved_amount,
                currency=application.currency,
                attempt_id=application.attempt_id,
            )
        )
    return application


def withdraw_application(*, application_id: UUID, now: datetime, customer_id: UUID | None = None) -> Application:
    """Give an application up. Raises ApplicationNotFound, WrongTransition, HeldByOrder."""
    with transaction("financing"):
        application = lock_application(application_id, customer_id)
        application.withdraw_by_client(now)
        application.save()
        publish(withdrawn(application, "withdrawn"))
    return application


def expire_offer(*, application_id: UUID, now: datetime) -> None:
    """End an offer whose time is over, by its alarm; one that a loan came of, or will, is left alone.

    Raises ApplicationNotFound.
    """
    with transaction("financing"):
        application = lock_application(application_id)
        if application.is_standing:
            application.move(ApplicationStatus.EXPIRED, now)
            application.save()
            publish(withdrawn(application, "expired"))
