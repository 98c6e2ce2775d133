"""Whom to tell what, when something happens in the other apps."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec
from django.utils import timezone
from django.utils.module_loading import autodiscover_modules

from accounts.events import (
    UserCreated,
    UserDeactivated,
    UserDeleted,
    UserLoggedIn,
    UserRegistered,
    UserRoleChanged,
    UserUpdated,
)
from catalog.events import SavedSearchMatched, StockLow
from core import context
from core.events import REGISTRY, Event
from financing.events import (
    ApplicationApproved,
    ApplicationRejected,
    LoanClosed,
    LoanDisbursed,
    LoanOverdue,
    LoanPaymentDue,
    LoanPaymentRefused,
    LoanRedated,
)
from insurance.events import (
    ClaimDecided,
    ClaimDocumentsMissing,
    ClaimPaid,
    InstalmentDue,
    InstalmentLate,
    PolicyCancelled,
    PolicyPurchased,
    PolicySuspended,
)
from messaging.delivery.deliveries import current_deliveries
from messaging.subscriptions import subscribe
from notifications import services
from notifications.events import PolicyEndsSoon
from notifications.models import Kind
from orders.events import (
    AttentionNeeded,
    CarOffered,
    CarOfferEnding,
    DepositDoubled,
    DepositForfeited,
    DepositHeld,
    DepositKept,
    DepositPaid,
    DepositReturned,
    HandoverConfirmed,
    HandoverEnded,
    HandoverReminder,
    HoldEnding,
    MessageSent,
    OfferSent,
    OrderStatusChanged,
    PaymentAgreementNeeded,
    QueueLeft,
    SigningBegun,
)
from payments.events import PaymentCompleted, PaymentFailed, PaymentRefunded
from showroom.events import (
    DriveConfirmed,
    DriveEnded,
    DriveReminder,
    HappeningCancelled,
    HappeningReminder,
    RegistrationCancelled,
    RegistrationCreated,
    RegistrationPromoted,
    SeatOffered,
)

autodiscover_modules("events")
PUBLIC_EVENTS = tuple(event for event in REGISTRY.values() if not event.internal)
"""Everything integrators are promised, of every app."""

SUMS = ("amount", "currency")
KEPT: dict[type[Event], tuple[str, ...]] = {
    OrderStatusChanged: ("order_id", "number", "status", "previous"),
    MessageSent: ("order_id", "number"),
    HandoverConfirmed: ("order_id", "number", "start_time", "time_zone", "location", "is_moved"),
    HandoverEnded: ("order_id", "number", "start_time", "time_zone", "outcome"),
    HandoverReminder: ("order_id", "number", "start_time", "time_zone", "location"),
    HoldEnding: ("order_id", "number", "kind", "expires_at"),
    DepositPaid: ("order_id", "number", *SUMS, "until"),
    DepositKept: ("order_id", "number", *SUMS),
    DepositReturned: ("order_id", "number", *SUMS),
    DepositHeld: ("order_id", "number", *SUMS),
    DepositForfeited: ("order_id", "number", *SUMS, "reason"),
    DepositDoubled: ("order_id", "number", *SUMS, "reason"),
    OfferSent: ("offer_id", "number", "total_amount", "currency", "valid_until"),
    CarOffered: ("product_id", "name", "expires_at"),
    CarOfferEnding: ("product_id", "name", "expires_at"),
    QueueLeft: ("product_id", "name", "outcome", "reason"),
    PaymentAgreementNeeded: ("order_id", "number", *SUMS),
    PaymentCompleted: ("payment_id", "order_id", *SUMS),
    PaymentFailed: ("payment_id", "order_id", *SUMS, "code"),
    PaymentRefunded: ("payment_id", "order_id", *SUMS, "refund_id"),
    RegistrationCreated: ("event_id", "registration_id", "title", "status", "offer_expires_at"),
    RegistrationPromoted: ("event_id", "registration_id", "title"),
    RegistrationCancelled: ("event_id", "registration_id", "title"),
    SeatOffered: ("event_id", "registration_id", "title", "expires_at"),
    HappeningCancelled: ("event_id", "title", "reason"),
    HappeningReminder: ("event_id", "title", "start_date", "time_zone", "location"),
    DriveConfirmed: ("test_drive_id", "car_name", "start_time", "time_zone", "is_moved"),
    DriveEnded: ("test_drive_id", "car_name", "outcome", "reason"),
    DriveReminder: ("test_drive_id", "car_name", "start_time", "time_zone"),
    ApplicationApproved: (
        "application_id", "order_id", *SUMS, "term_months", "monthly_payment", "expires_at", "is_accepted",
    ),
    ApplicationRejected: ("application_id", "order_id", "reasons", "detail"),
    LoanDisbursed: ("loan_id", "order_id", *SUMS),
    LoanPaymentDue: ("loan_id", "due_date", *SUMS),
    LoanPaymentRefused: ("loan_id", "request_id", *SUMS, "code"),
    LoanRedated: ("loan_id", "payments", "old_due_date", "due_date", *SUMS),
    LoanOverdue: ("loan_id", "due_date", "overdue_amount", "currency"),
    LoanClosed: ("loan_id", "order_id", "reason"),
    PolicyPurchased: ("policy_id", "order_id", "insurance_type", "premium", "currency", "start_date", "end_date"),
    PolicyEndsSoon: ("policy_id", "insurance_type", "end_date"),
    InstalmentDue: ("policy_id", *SUMS, "due_date", "is_automatic"),
    InstalmentLate: ("policy_id", *SUMS, "due_date", "grace_until"),
    PolicySuspended: ("policy_id", *SUMS, "covered_through", "ends_after"),
    ClaimDocumentsMissing: ("claim_id", "policy_id", "documents"),
    ClaimDecided: ("claim_id", "policy_id", "decision", *SUMS, "reason"),
    ClaimPaid: ("claim_id", "policy_id", *SUMS),
    AttentionNeeded: ("order_id", "number", "leg", "cause", "detail"),
    StockLow: ("product_id", "sku", "available", "threshold"),
}  # fmt: skip
"""What is kept of each event, for the words and for programs."""


@subscribe(
    UserRegistered, UserCreated, UserUpdated, UserRoleChanged, UserDeactivated, UserDeleted,
    name="notifications.keep_recipient",
)  # fmt: skip
def store_recipient(
    event: UserRegistered | UserCreated | UserUpdated | UserRoleChanged | UserDeactivated | UserDeleted,
) -> None:
    """Know where every user is reached, and who works here.

    One handler for all of it: what accounts tells of a user is then followed in its order.
    """
    if isinstance(event, UserDeleted):
        services.forget_recipient(user_id=event.user_id, now=timezone.now())
    elif isinstance(event, UserDeactivated):
        services.close_recipient(user_id=event.user_id, version=event.version_number)
    elif isinstance(event, UserRoleChanged):
        services.store_roles(user_id=event.user_id, roles=event.roles, version=event.version_number)
    else:
        services.store_recipient(
            user_id=event.user_id,
            email=event.email,
            full_name=event.full_name,
            phone=event.phone,
            roles=event.roles,
            is_active=event.is_active,
            version=event.version_number,
            now=timezone.now(),
        )


@subscribe(
    OrderStatusChanged, HoldEnding, PaymentAgreementNeeded, partition_key="customer_id", on_parked="continue",
    can_wait=True, name="notifications.tell_of_order",
)  # fmt: skip
def notify_of_order(event: OrderStatusChanged | HoldEnding | PaymentAgreementNeeded) -> None:
    """Tell a buyer how their order goes."""
    _notify(event, [event.customer_id])


@subscribe(SigningBegun, partition_key="customer_id", on_parked="continue", name="notifications.send_signing_code")
def send_signing_code(event: SigningBegun) -> None:
    """Send the code that somebody signs a paper with, as it is: nobody keeps its words."""
    services.send_code(code_id=event.code_id, body=event.body)


DepositNews = DepositPaid | DepositKept | DepositReturned | DepositHeld | DepositForfeited | DepositDoubled


@subscribe(
    *DepositNews.__args__, partition_key="customer_id", on_parked="continue", can_wait=True,
    name="notifications.tell_of_deposit",
)  # fmt: skip
def notify_of_deposit(event: DepositNews) -> None:
    """Tell a buyer what became of their deposit."""
    _notify(event, [event.customer_id])


@subscribe(
    OfferSent, partition_key="customer_id", on_parked="continue", can_wait=True, name="notifications.tell_of_offer",
)  # fmt: skip
def notify_of_offer(event: OfferSent) -> None:
    """Tell a buyer what they are offered in writing, and until when."""
    _notify(event, [event.customer_id])


@subscribe(MessageSent, on_parked="continue", can_wait=True)
def notify_of_message(event: MessageSent) -> None:
    """Tell the other side that something was written; of several before an answer staff hear once."""
    if event.side == "staff":
        _notify(event, [event.customer_id])
    elif event.is_first:
        services.notify_seller(
            event_key=context.current()["causation_id"],
            kind=Kind.ANSWER_WANTED,
            seller_id=event.manager_id,
            data=_kept(event),
            now=timezone.now(),
        )


@subscribe(HandoverConfirmed, HandoverEnded, HandoverReminder, partition_key="customer_id", on_parked="continue")
def notify_of_handover(event: HandoverConfirmed | HandoverEnded | HandoverReminder) -> None:
    """Tell a buyer when and where they are given what they bought."""
    _notify(event, [event.customer_id])


@subscribe(
    CarOffered, CarOfferEnding, QueueLeft, partition_key="customer_id", on_parked="continue",
    can_wait=True, name="notifications.tell_of_queue",
)  # fmt: skip
def notify_of_queue(event: CarOffered | CarOfferEnding | QueueLeft) -> None:
    """Tell somebody who waits for a car that it is theirs for a time, or that their place is gone."""
    _notify(event, [event.customer_id])


@subscribe(
    PaymentCompleted, PaymentFailed, PaymentRefunded, partition_key="customer_id", on_parked="continue",
    can_wait=True, name="notifications.tell_of_payment",
)  # fmt: skip
def notify_of_payment(event: PaymentCompleted | PaymentFailed | PaymentRefunded) -> None:
    """Tell a payer what became of their money; that none was taken for what was called off is no news of its own."""
    if not (isinstance(event, PaymentFailed) and event.code == "cancelled"):
        _notify(event, [event.customer_id])


@subscribe(
    RegistrationCreated, RegistrationPromoted, RegistrationCancelled, SeatOffered, partition_key="user_id",
    on_parked="continue", name="notifications.tell_of_registration",
)  # fmt: skip
def notify_of_registration(
    event: RegistrationCreated | RegistrationPromoted | RegistrationCancelled | SeatOffered,
) -> None:
    """Tell a guest about their seat."""
    _notify(event, [event.user_id])


@subscribe(HappeningCancelled, on_parked="continue", name="notifications.tell_of_cancelled_happening")
def notify_of_cancelled_happening(event: HappeningCancelled) -> None:
    """Tell everybody who meant to come."""
    _notify(event, event.user_ids)


@subscribe(HappeningReminder, on_parked="continue")
def remind_of_happening(event: HappeningReminder) -> None:
    """Remind everybody who is about to come."""
    _notify(event, event.user_ids)


@subscribe(
    DriveConfirmed, DriveEnded, DriveReminder, partition_key="user_id", on_parked="continue",
    name="notifications.tell_of_test_drive",
)  # fmt: skip
def notify_of_test_drive(event: DriveConfirmed | DriveEnded | DriveReminder) -> None:
    """Tell a client about their test drive."""
    _notify(event, [event.user_id])


LoanNews = (
    ApplicationApproved
    | ApplicationRejected
    | LoanDisbursed
    | LoanPaymentDue
    | LoanPaymentRefused
    | LoanRedated
    | LoanOverdue
    | LoanClosed
)


@subscribe(
    ApplicationApproved, ApplicationRejected, LoanDisbursed, LoanPaymentDue, LoanPaymentRefused, LoanRedated,
    LoanOverdue, LoanClosed, partition_key="customer_id", on_parked="continue", name="notifications.tell_of_loan",
)  # fmt: skip
def notify_of_loan(event: LoanNews) -> None:
    """Tell a borrower what was decided, paid out, due, moved, refused by their bank and repaid."""
    _notify(event, [event.customer_id])


InsuranceNews = (
    PolicyPurchased
    | InstalmentDue
    | InstalmentLate
    | PolicySuspended
    | ClaimDocumentsMissing
    | ClaimDecided
    | ClaimPaid
)


@subscribe(
    PolicyPurchased, InstalmentDue, InstalmentLate, PolicySuspended, ClaimDocumentsMissing, ClaimDecided, ClaimPaid,
    partition_key="customer_id", on_parked="continue", name="notifications.tell_of_insurance",
)  # fmt: skip
def notify_of_insurance(event: InsuranceNews) -> None:
    """Tell the insured about their policies and claims."""
    _notify(event, [event.customer_id])


@subscribe(PolicyPurchased, PolicyCancelled)
def watch_policy(event: PolicyPurchased | PolicyCancelled) -> None:
    """Have an alarm for the end of every policy in force."""
    if isinstance(event, PolicyCancelled):
        services.cancel_policy_reminder(policy_id=event.policy_id)
    else:
        services.remind_of_policy_end(
            policy_id=event.policy_id,
            customer_id=event.customer_id,
            insurance_type=event.insurance_type,
            end_date=event.end_date,
            now=timezone.now(),
        )


@subscribe(PolicyEndsSoon, on_parked="continue", name="notifications.tell_of_policy_end")
def notify_of_policy_end(event: PolicyEndsSoon) -> None:
    """Tell the insured in time to take out the next policy."""
    _notify(event, [event.customer_id], key=f"{event.type}:{event.policy_id}:{event.end_date}")


@subscribe(SavedSearchMatched, partition_key="user_id", on_parked="continue", name="notifications.tell_of_found_cars")
def notify_of_found_cars(event: SavedSearchMatched) -> None:
    """Tell a client that what they look for has come."""
    found = {"search_id": event.search_id, "name": event.name, "product_ids": event.product_ids}
    _notify(event, [event.user_id], data={**found, "count": len(event.product_ids)})


@subscribe(UserLoggedIn, on_parked="continue", name="notifications.tell_of_sign_in")
def notify_of_sign_in(event: UserLoggedIn) -> None:
    """Tell those who asked for it that somebody signed in as them."""
    _notify(event, [event.user_id], data={"session_id": event.session_id, "at": timezone.now()})


@subscribe(AttentionNeeded, StockLow, on_parked="continue", name="notifications.tell_staff")
def notify_staff(event: AttentionNeeded | StockLow) -> None:
    """Tell managers what waits for them."""
    services.notify_staff(
        event_key=context.current()["causation_id"], kind=Kind(event.type), data=_kept(event), now=timezone.now()
    )


@subscribe(
    *PUBLIC_EVENTS, name="notifications.queue_webhooks", batch=True, on_parked="continue", can_wait=True,
    needed_while="EXISTS (SELECT FROM notifications_webhookendpoint WHERE state = 'enabled')",
)  # fmt: skip
def queue_webhooks(events: list[Event]) -> None:
    """Pass every fact on to the other systems that asked for it."""
    services.queue_deliveries(deliveries=current_deliveries(), now=timezone.now())


def _notify(event: Event, user_ids: Iterable[UUID], *, data: dict[str, Any] | None = None, key: str = "") -> None:
    services.notify(
        event_key=key or context.current()["causation_id"],
        kind=Kind(event.type),
        user_ids=user_ids,
        data=_kept(event) if data is None else msgspec.to_builtins(data),
        now=timezone.now(),
    )


def _kept(event: Event) -> dict[str, Any]:
    kept: dict[str, Any] = msgspec.to_builtins({name: getattr(event, name) for name in KEPT[type(event)]})
    return kept
