"""Keep client cards and their timelines in step with what the other apps tell."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from accounts.events import UserConsented, UserCreated, UserDeleted, UserRegistered, UserUpdated
from clients import services
from clients.events import LeadChanged, LeadOpened
from clients.models import ActivityKind, VehicleSource
from core import context
from core.approvals import KnowPerson
from core.events import Event
from financing.events import (
    ApplicationApproved,
    ApplicationRejected,
    ApplicationSubmitted,
    LoanClosed,
    LoanDisbursed,
    LoanOverdue,
    LoanPaymentReceived,
)
from gateway.people import follow_people
from insurance.events import ClaimDecided, ClaimOpened, ClaimPaid, PolicyCancelled, PolicyPurchased
from messaging.subscriptions import subscribe
from orders.events import OrderCancelled, OrderCompleted, OrderCreated, OrderPaid, OrderReturned
from payments.events import PaymentCompleted, PaymentFailed, PaymentRefunded
from showroom.events import (
    DriveConfirmed,
    DriveEnded,
    DrivePlaced,
    DriveStarted,
    RegistrationCancelled,
    RegistrationCreated,
)

_MONEY = ("amount", "currency")
_ORDER = ("number", "total_amount", "currency")
_CLAIM = ("policy_id", *_MONEY)
_DEALS: dict[type[Event], tuple[ActivityKind, str, tuple[str, ...]]] = {
    OrderCreated: (ActivityKind.ORDER_CREATED, "order_id", _ORDER),
    OrderPaid: (ActivityKind.ORDER_PAID, "order_id", _ORDER),
    OrderCancelled: (ActivityKind.ORDER_CANCELLED, "order_id", ("number", "reason")),
    OrderCompleted: (ActivityKind.ORDER_COMPLETED, "order_id", ("number",)),
    OrderReturned: (ActivityKind.ORDER_RETURNED, "order_id", ("number", "reason")),
    PaymentCompleted: (ActivityKind.PAYMENT_COMPLETED, "payment_id", ("order_id", "method", *_MONEY)),
    PaymentFailed: (ActivityKind.PAYMENT_FAILED, "payment_id", ("order_id", "code", *_MONEY)),
    PaymentRefunded: (ActivityKind.PAYMENT_REFUNDED, "refund_id", ("order_id", "payment_id", "reason", *_MONEY)),
    ApplicationSubmitted: (ActivityKind.LOAN_REQUESTED, "application_id", ("order_id", *_MONEY)),
    ApplicationApproved: (
        ActivityKind.LOAN_APPROVED,
        "application_id",
        ("order_id", "annual_rate", "term_months", "monthly_payment", *_MONEY),
    ),
    ApplicationRejected: (ActivityKind.LOAN_REJECTED, "application_id", ("order_id", "reasons")),
    LoanDisbursed: (ActivityKind.LOAN_DISBURSED, "loan_id", ("order_id", *_MONEY)),
    LoanPaymentReceived: (ActivityKind.LOAN_PAYMENT_RECEIVED, "loan_id", ("balance", *_MONEY)),
    LoanOverdue: (ActivityKind.LOAN_OVERDUE, "loan_id", ("due_date", "overdue_amount", "currency")),
    LoanClosed: (ActivityKind.LOAN_CLOSED, "loan_id", ("order_id", "reason")),
    PolicyPurchased: (
        ActivityKind.POLICY_PURCHASED,
        "policy_id",
        ("insurance_type", "premium", "currency", "start_date", "end_date", "order_id"),
    ),
    PolicyCancelled: (ActivityKind.POLICY_CANCELLED, "policy_id", ("refund_amount", "currency", "reason", "order_id")),
    ClaimOpened: (ActivityKind.CLAIM_OPENED, "claim_id", _CLAIM),
    ClaimDecided: (ActivityKind.CLAIM_DECIDED, "claim_id", ("decision", "reason", *_CLAIM)),
    ClaimPaid: (ActivityKind.CLAIM_PAID, "claim_id", _CLAIM),
}
_VISITS: dict[type[Event], tuple[ActivityKind, str, tuple[str, ...]]] = {
    RegistrationCreated: (ActivityKind.REGISTRATION_CREATED, "registration_id", ("event_id", "title", "status")),
    RegistrationCancelled: (ActivityKind.REGISTRATION_CANCELLED, "registration_id", ("event_id", "title")),
    DrivePlaced: (ActivityKind.DRIVE_REQUESTED, "test_drive_id", ("car_name", "start_time", "product_id")),
    DriveConfirmed: (ActivityKind.DRIVE_CONFIRMED, "test_drive_id", ("car_name", "start_time", "is_moved")),
    DriveStarted: (ActivityKind.DRIVE_STARTED, "test_drive_id", ("car_name", "product_id")),
    DriveEnded: (ActivityKind.DRIVE_ENDED, "test_drive_id", ("car_name", "outcome", "reason", "product_id")),
}
_ENQUIRIES: dict[type[Event], tuple[ActivityKind, str, tuple[str, ...]]] = {
    LeadOpened: (ActivityKind.LEAD_OPENED, "lead_id", ("source",)),
    LeadChanged: (ActivityKind.LEAD_MOVED, "lead_id", ("source", "previous", "stage")),
}
_NOTED = _DEALS | _VISITS | _ENQUIRIES
"""Event → kind of activity, the field naming its subject, and what is kept of it."""


@subscribe(UserRegistered, UserCreated, UserUpdated, UserDeleted, UserConsented, name="clients.keep_client")
def store_client(event: UserRegistered | UserCreated | UserUpdated | UserDeleted | UserConsented) -> None:
    """Give every user a card that follows their profile, and keep what they agreed to."""
    now = _moment(_event_id())
    if isinstance(event, UserConsented):
        services.record_user_consent(
            proof_id=_event_id(),
            user_id=event.user_id,
            door=event.door,
            text_version=event.text_version,
            language=event.language,
            address=event.address,
            at=now,
        )
        return
    if isinstance(event, UserDeleted):
        services.forget_user(user_id=event.user_id, now=now)
        return
    profile = services.UserProfile(
        email=event.email, full_name=event.full_name, phone=event.phone, version=event.version_number
    )
    services.follow_user(user_id=event.user_id, profile=profile, now=now)


@subscribe(*_DEALS, partition_key="customer_id", replayable=True, can_wait=True, name="clients.note_deal")
def record_deal(event: Event) -> None:
    """Write a deal's step into its client's timeline."""
    _record(event, customer_field="customer_id")


@subscribe(*_VISITS, partition_key="user_id", replayable=True, can_wait=True, name="clients.note_registration")
def record_registration(event: Event) -> None:
    """Write registrations and test drives into their client's timeline."""
    _record(event, customer_field="user_id")


@subscribe(*_ENQUIRIES, replayable=True, can_wait=True, name="clients.note_lead")
def record_lead(event: LeadOpened | LeadChanged) -> None:
    """Write a client's enquiry, and its way through the pipeline, into their timeline."""
    is_step = isinstance(event, LeadOpened) or event.previous not in ("", event.stage)
    if event.client_id is not None and is_step:
        _record(event, customer_field="client_id")


@subscribe(OrderCompleted, OrderReturned, PolicyPurchased, partition_key="customer_id", replayable=True, can_wait=True)
def fill_garage(event: OrderCompleted | OrderReturned | PolicyPurchased) -> None:
    """Put bought and insured cars into their client's garage, and take out what was given back or in exchange."""
    at = _moment(_event_id())
    if isinstance(event, PolicyPurchased):
        _record_vehicle(event.customer_id, event.vehicle_vin, "", VehicleSource.POLICY, event.policy_id, at)
        return
    if isinstance(event, OrderReturned):
        services.give_back_vehicles(
            customer_id=event.customer_id, vins=[vehicle.vin for vehicle in event.vehicles], at=at
        )
        return
    services.give_back_vehicles(customer_id=event.customer_id, vins=[event.traded_in], at=at)
    for vehicle in event.vehicles:
        _record_vehicle(event.customer_id, vehicle.vin, vehicle.name, VehicleSource.ORDER, event.order_id, at)


def _record_vehicle(
    customer_id: UUID, vin: str, name: str, source: VehicleSource, source_id: UUID, at: datetime
) -> None:
    services.record_vehicle(customer_id=customer_id, vin=vin, name=name, source=source, source_id=source_id, at=at)


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
    """Return when an event was published: its UUIDv7 says, so that a rebuilt timeline has the same moments."""
    return datetime.fromtimestamp((event_id.int >> 80) / 1000, UTC)


@subscribe(KnowPerson, batch=True, on_parked="continue", replayable=True, can_wait=True)
def know_people(commands: Sequence[KnowPerson]) -> None:
    """Know people by name, phone and e-mail: staff see whom each row is about, and find it by them."""
    follow_people("clients", commands)
