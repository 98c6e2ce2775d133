"""How client cards and their timelines follow what the other apps tell."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec

from accounts.events import UserCreated, UserDeleted, UserRegistered, UserUpdated
from clients import services
from clients.models import ActivityKind
from core import context
from core.events import Event
from financing.events import LoanDisbursed
from insurance.events import PolicyPurchased
from messaging.subscriptions import subscribe
from orders.events import OrderCancelled, OrderCompleted, OrderCreated, OrderPaid
from payments.events import PaymentCompleted, PaymentRefunded
from showroom.events import RegistrationCreated

_MONEY = ("amount", "currency")
_ORDER = ("number", "total_amount", "currency")
_NOTED: dict[type[Event], tuple[ActivityKind, str, tuple[str, ...]]] = {
    OrderCreated: (ActivityKind.ORDER_CREATED, "order_id", _ORDER),
    OrderPaid: (ActivityKind.ORDER_PAID, "order_id", _ORDER),
    OrderCancelled: (ActivityKind.ORDER_CANCELLED, "order_id", ("number", "reason")),
    OrderCompleted: (ActivityKind.ORDER_COMPLETED, "order_id", ("number",)),
    PaymentCompleted: (ActivityKind.PAYMENT_COMPLETED, "payment_id", ("order_id", "method", *_MONEY)),
    PaymentRefunded: (ActivityKind.PAYMENT_REFUNDED, "refund_id", ("order_id", "payment_id", "reason", *_MONEY)),
    LoanDisbursed: (ActivityKind.LOAN_DISBURSED, "loan_id", ("order_id", *_MONEY)),
    PolicyPurchased: (
        ActivityKind.POLICY_PURCHASED,
        "policy_id",
        ("insurance_type", "premium", "currency", "start_date", "end_date", "order_id"),
    ),
    RegistrationCreated: (ActivityKind.REGISTRATION_CREATED, "registration_id", ("event_id", "title", "status")),
}
"""Event → kind of activity, the field naming its subject, and what is kept of it."""


@subscribe(UserRegistered, UserCreated, UserUpdated, UserDeleted)
def keep_client(event: UserRegistered | UserCreated | UserUpdated | UserDeleted) -> None:
    """Give every user a card that follows their profile."""
    now = _moment(_event_id())
    if isinstance(event, UserDeleted):
        services.forget_user(user_id=event.user_id, now=now)
        return
    profile = services.UserProfile(
        email=event.email, full_name=event.full_name, phone=event.phone, version=event.version_number
    )
    services.follow_user(user_id=event.user_id, profile=profile, now=now)


@subscribe(
    OrderCreated,
    OrderPaid,
    OrderCancelled,
    OrderCompleted,
    PaymentCompleted,
    PaymentRefunded,
    LoanDisbursed,
    PolicyPurchased,
    lane="customer_id",
    replayable=True,
)
def note_deal(event: Event) -> None:
    """Write a deal's step into its client's timeline."""
    _record(event, customer_field="customer_id")


@subscribe(RegistrationCreated, lane="user_id", replayable=True)
def note_registration(event: RegistrationCreated) -> None:
    """Write a registration into its client's timeline."""
    _record(event, customer_field="user_id")


def _record(event: Event, *, customer_field: str) -> None:
    kind, subject_field, kept = _NOTED[type(event)]
    event_id = _event_id()
    services.record_activity(
        event_id=event_id,
        customer_id=getattr(event, customer_field),
        kind=kind,
        subject_id=getattr(event, subject_field),
        data=msgspec.to_builtins({name: getattr(event, name) for name in kept}),
        at=_moment(event_id),
    )


def _event_id() -> UUID:
    return UUID(context.current()["causation_id"])


def _moment(event_id: UUID) -> datetime:
    """When an event was published: its UUIDv7 says, so that a rebuilt timeline has the same moments."""
    return datetime.fromtimestamp((event_id.int >> 80) / 1000, UTC)
