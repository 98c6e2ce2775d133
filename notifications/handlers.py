"""Whom to tell what, when something happens in the other apps."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules

from accounts.events import UserCreated, UserDeleted, UserRegistered, UserUpdated
from core import context
from core.events import REGISTRY, Event
from messaging.drain import current_deliveries
from messaging.subscriptions import subscribe
from notifications import services
from notifications.models import Kind
from orders.events import OrderStatusChanged
from payments.events import PaymentCompleted, PaymentFailed, PaymentRefunded
from showroom.events import HappeningCancelled, RegistrationCancelled, RegistrationCreated, RegistrationPromoted

autodiscover_modules("events")
PUBLIC_EVENTS = tuple(event for event in REGISTRY.values() if not event.internal)
"""Everything integrators are promised, of every app."""


@subscribe(UserRegistered, UserCreated, UserUpdated, UserDeleted)
def keep_recipient(event: UserRegistered | UserCreated | UserUpdated | UserDeleted) -> None:
    """Know where every user is reached."""
    if isinstance(event, UserDeleted):
        services.forget_recipient(user_id=event.user_id, now=timezone.now())
    else:
        services.keep_recipient(
            user_id=event.user_id, email=event.email, full_name=event.full_name, version=event.version_number
        )


@subscribe(OrderStatusChanged, lane="customer_id", on_parked="continue")
def tell_of_order(event: OrderStatusChanged) -> None:
    """Tell a buyer how their order goes."""
    _tell(event, [event.customer_id], "order_id", "number", "status", "previous")


@subscribe(PaymentCompleted, PaymentFailed, PaymentRefunded, lane="customer_id", on_parked="continue")
def tell_of_payment(event: PaymentCompleted | PaymentFailed | PaymentRefunded) -> None:
    """Tell a payer what became of their money."""
    extra = {PaymentFailed: ("code",), PaymentRefunded: ("refund_id",)}.get(type(event), ())
    _tell(event, [event.customer_id], "payment_id", "order_id", "amount", "currency", *extra)


@subscribe(RegistrationCreated, RegistrationPromoted, RegistrationCancelled, lane="user_id", on_parked="continue")
def tell_of_registration(event: RegistrationCreated | RegistrationPromoted | RegistrationCancelled) -> None:
    """Tell a guest about their seat."""
    extra = ("status",) if isinstance(event, RegistrationCreated) else ()
    _tell(event, [event.user_id], "event_id", "registration_id", "title", *extra)


@subscribe(HappeningCancelled, on_parked="continue")
def tell_of_cancelled_happening(event: HappeningCancelled) -> None:
    """Tell everybody who meant to come."""
    _tell(event, event.user_ids, "event_id", "title", "reason")


@subscribe(*PUBLIC_EVENTS, name="notifications.queue_webhooks", batch=True, on_parked="continue")
def queue_webhooks(events: list[Event]) -> None:
    """Pass every fact on to the other systems that asked for it."""
    services.queue_deliveries(deliveries=current_deliveries(), now=timezone.now())


def _tell(event: Event, user_ids: Iterable[UUID], *kept: str) -> None:
    data: dict[str, Any] = msgspec.to_builtins({name: getattr(event, name) for name in kept})
    services.notify(
        event_key=context.current()["causation_id"],
        kind=Kind(event.type),
        user_ids=user_ids,
        data=data,
        now=timezone.now(),
    )
