"""Keeping a copy of orders, and the lock that makes agreements on one order take turns."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from core.db import transaction
from financing.errors import ApplicationNotFound, OrderNotReady
from financing.events import ApplicationWithdrawn
from financing.models import Application, ApplicationStatus, OrderCopy, OrderState, Override, OverrideStatus
from financing.services.telling import give_up_offers
from messaging.outbox import publish


def copy_order(
    *,
    order_id: UUID,
    customer_id: UUID,
    number: str,
    total_amount: Decimal,
    currency: str,
    version: int,
    product_ids: Sequence[UUID] = (),
) -> OrderCopy:
    """Remember an order; older news than what is known changes nothing. `total_amount` in the order's currency."""
    with transaction("financing"):
        copy = OrderCopy.objects.select_for_update().filter(pk=order_id).first() or OrderCopy(pk=order_id, version=0)
        if version > copy.version:
            copy.customer_id, copy.number, copy.version = customer_id, number, version
            copy.total_amount, copy.currency = total_amount, currency
            copy.product_ids = [str(product_id) for product_id in product_ids]
            copy.save(force_insert=copy._state.adding)
    return copy


def close_order(*, order_id: UUID, state: OrderState, now: datetime) -> None:
    """Note that an order was paid or cancelled: applications for it that are still open are withdrawn.

    Overrides nobody has answered lapse with it.
    """
    with transaction("financing"):
        OrderCopy.objects.select_for_update().filter(pk=order_id).update(state=state)
        open_ones = Override.objects.filter(application__order_id=order_id, status=OverrideStatus.PROPOSED)
        open_ones.update(status=OverrideStatus.LAPSED, answered_at=now)
        for application in Application.objects.select_for_update().filter(order_id=order_id).order_by("pk"):
            if application.is_open:
                application.move(ApplicationStatus.WITHDRAWN, now)
                application.save()
                give_up_offers(application)
                publish(withdrawn(application, f"order_{state}"))


def lock_order(order_id: UUID) -> OrderCopy:
    """Lock the copy of an order. Raises OrderNotReady when there is none yet."""
    try:
        return OrderCopy.objects.select_for_update().get(pk=order_id)
    except OrderCopy.DoesNotExist as error:
        raise OrderNotReady from error


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


def withdrawn(application: Application, reason: str) -> ApplicationWithdrawn:
    """The fact that an application ended without a loan."""
    return ApplicationWithdrawn(
        application_id=application.id,
        order_id=application.order_id,
        customer_id=application.customer_id,
        reason=reason,
        attempt_id=application.attempt_id,
    )
