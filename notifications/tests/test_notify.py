from datetime import UTC, date, datetime
from decimal import Decimal
from smtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPDataError,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPServerDisconnected,
)

import msgspec
import pytest
from django.core import mail
from django.utils import timezone, translation
from django.utils.functional import Promise

from accounts.events import (
    UserDeactivated,
    UserDeleted,
    UserLoggedIn,
    UserRegistered,
    UserRoleChanged,
    UserUpdated,
)
from catalog.events import SavedSearchMatched, StockLow
from core.events import REGISTRY
from core.ids import uuid7
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
from messaging.models import ExternalCall, Timer
from messaging.subscriptions import subscriptions
from messaging.testing import drain_outbox, make_due, published
from notifications import services
from notifications.models import Kind, Notification, Recipient
from notifications.rules import texts
from notifications.tests import make
from orders.events import AttentionNeeded, OfferSent, OrderStatusChanged, PaymentAgreementNeeded
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

DATABASES = [
    "notifications", "accounts", "catalog", "orders", "payments", "showroom", "financing", "insurance",
]  # fmt: skip
pytestmark = pytest.mark.django_db(databases=[*DATABASES])
USER = uuid7()


def moved(status="paid"):
    now = datetime(2026, 1, 1, tzinfo=UTC)
    return OrderStatusChanged(
        order_id=uuid7(), number="A-17", customer_id=USER, status=status, previous="created", at=now
    )


def payment(kind, **extra):
    money = {"amount": Decimal("100.50"), "currency": "RUB"}
    return kind(payment_id=uuid7(), order_id=uuid7(), customer_id=USER, **money, **extra)


def offered():
    return OfferSent(
        offer_id=uuid7(), number="OFFER-1", customer_id=USER, manager_id=uuid7(), total_amount=Decimal("960000.00"),
        currency="RUB", valid_until=date(2027, 1, 31), version_number=2,
    )  # fmt: skip


def seat(kind, **extra):
    return kind(event_id=uuid7(), registration_id=uuid7(), user_id=USER, title="Open day", **extra)


def drive(kind, **extra):
    return kind(test_drive_id=uuid7(), user_id=USER, car_name="Lada Vesta", **extra)


SOON = {"start_time": datetime(2027, 1, 1, 12, tzinfo=UTC), "time_zone": "Asia/Omsk"}
SUM = {"amount": Decimal("1000.00"), "currency": "RUB"}
NEWS = [
    moved(),
    payment(PaymentCompleted, method="card"),
    offered(),
    payment(PaymentFailed, code="declined", detail="no"),
    payment(PaymentRefunded, refund_id=uuid7(), refunded_total=Decimal("100.50"), reason="cancelled"),
    seat(RegistrationCreated, status="confirmed"),
    seat(RegistrationCreated, status="offered", offer_expires_at=datetime(2027, 1, 1, 12, tzinfo=UTC)),
    seat(RegistrationPromoted),
    seat(RegistrationCancelled),
    seat(SeatOffered, expires_at=datetime(2027, 1, 1, 12, tzinfo=UTC)),
    HappeningCancelled(event_id=uuid7(), title="Open day", reason="Snow", user_ids=[USER]),
    HappeningReminder(
        event_id=uuid7(), title="Open day", start_date=datetime(2027, 1, 1, 12, tzinfo=UTC), time_zone="Asia/Omsk",
        location="Hall 1", user_ids=[USER],
    ),
    drive(DriveConfirmed, **SOON),
    drive(DriveConfirmed, is_moved=True, **SOON),
    *(drive(DriveEnded, car_id=uuid7(), outcome=one) for one in ("refused", "cancelled", "broken", "no_show")),
    drive(DriveReminder, **SOON),
    SavedSearchMatched(search_id=uuid7(), user_id=USER, name="Vesta", product_ids=[uuid7()], query={}),
    ApplicationApproved(
        application_id=uuid7(), order_id=uuid7(), customer_id=USER, annual_rate=Decimal("14.5"), term_months=36,
        monthly_payment=Decimal("100.00"), expires_at=datetime(2027, 1, 1, tzinfo=UTC), is_accepted=False, **SUM,
    ),
    ApplicationRejected(application_id=uuid7(), order_id=uuid7(), customer_id=USER, reasons=["dti"], detail="Sorry."),
    LoanDisbursed(application_id=uuid7(), loan_id=uuid7(), order_id=uuid7(), customer_id=USER, **SUM),
    LoanPaymentDue(loan_id=uuid7(), customer_id=USER, due_date=date(2027, 1, 31), **SUM),
    LoanPaymentRefused(loan_id=uuid7(), customer_id=USER, request_id=uuid7(), code="insufficient_funds", **SUM),
    LoanRedated(
        loan_id=uuid7(), customer_id=USER, payments=2, old_due_date=date(2027, 5, 3), due_date=date(2027, 5, 4), **SUM
    ),
    PaymentAgreementNeeded(order_id=uuid7(), number="A-1", customer_id=USER, **SUM),
    LoanOverdue(
        loan_id=uuid7(), customer_id=USER, due_date=date(2027, 1, 31), overdue_amount=Decimal("1.00"), currency="RUB"
    ),
    LoanClosed(loan_id=uuid7(), customer_id=USER),
    PolicyPurchased(
        policy_id=uuid7(), customer_id=USER, insurance_type="osago", premium=Decimal("1.00"), currency="RUB",
        start_date=date(2027, 1, 1), end_date=date(2027, 12, 31),
    ),
    ClaimDocumentsMissing(claim_id=uuid7(), policy_id=uuid7(), customer_id=USER, documents=[["photo"]]),
    *(
        ClaimDecided(claim_id=uuid7(), policy_id=uuid7(), customer_id=USER, decision=one, **SUM)
        for one in ("approved", "partially_approved", "rejected")
    ),
    ClaimPaid(claim_id=uuid7(), policy_id=uuid7(), customer_id=USER, **SUM),
]  # fmt: skip
FOR_STAFF = [
    AttentionNeeded(order_id=uuid7(), number="A-17", leg="trade_in", cause="trade_in_offered"),
    AttentionNeeded(order_id=uuid7(), number="A-17", leg="payment", cause="undo_overdue", detail="No answer."),
    StockLow(product_id=uuid7(), sku="OIL-1", available=2, threshold=3),
]


@pytest.mark.parametrize("event", NEWS, ids=lambda event: event.type)
def test_each_kind_of_news_comes_once_in_the_app_and_by_mail(deliver, event):
    make.recipient(USER)
    deliver(event)
    rows = Notification.objects.filter(user_id=USER)
    assert sorted(rows.values_list("channel", "delivery")) == [("email", "sent"), ("in_app", "sent")]
    assert set(rows.values_list("kind", flat=True)) == {event.type}
    (message,) = mail.outbox
    assert message.to == ["anna@example.com"]
    assert message.subject == rows.get(channel="email").title
    assert published("notifications") == ["notification.told"]


def test_a_step_nobody_needs_to_hear_of_is_not_told(deliver):
    deliver(moved("awaiting_payment"))
    assert not Notification.objects.exists()


def test_everybody_is_told_of_a_cancelled_happening(deliver):
    people = [make.recipient(email=f"guest{number}@example.com") for number in range(3)]
    deliver(HappeningCancelled(event_id=uuid7(), title="Open day", reason="", user_ids=[*people, uuid7()]))
    assert sorted(message.to[0] for message in mail.outbox) == [f"guest{number}@example.com" for number in range(3)]
    assert Notification.objects.filter(channel="in_app").count() == 4


@pytest.mark.parametrize("language", ["ru", "en"])
@pytest.mark.parametrize("event", [*NEWS, *FOR_STAFF], ids=lambda event: event.type)
def test_every_text_renders_in_both_languages(event, language):
    data = msgspec.to_builtins(event) | {"count": 1}
    text = texts.render(event.type, data, language, "Europe/Moscow")
    assert "%" not in text.title + text.body
    assert "T12:00" not in text.title + text.body
    assert all([text.title, text.body])


def words(item):
    """Every piece of text in the templates."""
    if isinstance(item, dict):
        return [word for value in item.values() for word in words(value)]
    return [word for part in item for word in words(part)] if isinstance(item, tuple) else [item]


def test_no_template_lacks_its_russian():
    templates = [value for name, value in vars(texts).items() if name.startswith("_") and name[1:].isupper()]
    known = [word for item in templates for word in words(item) if isinstance(word, Promise)]
    assert len(known) > 80
    english, russian = ([translated(word, language) for word in known] for language in ("en", "ru"))
    assert [told for told, original in zip(russian, english, strict=True) if told == original] == []


def translated(word, language):
    with translation.override(language):
        return str(word)


@pytest.mark.parametrize("language", ["de", "xx", ""])
def test_a_language_without_words_is_told_in_the_houses_own(language):
    told = texts.render(Kind.ORDER, {"number": "A-1", "status": "paid"}, language, "Europe/Moscow")
    assert told.title == "Заказ A-1 оплачен"


def test_moments_are_told_on_the_wall_clock_of_the_place_or_of_the_reader():
    start = {"car_name": "Vesta", "start_time": "2027-01-01T12:00:00Z"}
    told = texts.render(Kind.DRIVE_REMINDER, start | {"time_zone": "Asia/Omsk"}, "en", "Europe/Moscow").body
    assert "1 January 2027, 18:00" in told
    assert "1 January 2027, 15:00" in texts.render(Kind.DRIVE_REMINDER, start, "en", "Europe/Moscow").body


@pytest.mark.parametrize("event", FOR_STAFF, ids=lambda event: event.type)
def test_staff_are_told_what_waits_for_them(deliver, event):
    manager, admin = (make.recipient(email=f"{role}@example.com", roles=[role]) for role in ("manager", "admin"))
    make.recipient(email="client@example.com", roles=["client"])
    make.recipient(email="left@example.com", roles=["manager"], is_active=False)
    deliver(event)
    told = Notification.objects.filter(channel="in_app").values_list("user_id", flat=True)
    assert sorted(told) == sorted([manager, admin])
    mailed = {"manager@example.com", "admin@example.com"} if isinstance(event, AttentionNeeded) else set()
    assert {to for message in mail.outbox for to in message.to} == mailed


def test_who_works_here_follows_accounts(deliver):
    deliver(UserRegistered(user_id=USER, email="anna@example.com", roles=["client"]))
    deliver(UserRoleChanged(user_id=USER, roles=["manager"], previous=["client"], version_number=2))
    deliver(FOR_STAFF[0])
    assert Notification.objects.filter(user_id=USER, channel="in_app").count() == 1
    deliver(UserDeactivated(user_id=USER))
    deliver(FOR_STAFF[1])
    assert Notification.objects.filter(user_id=USER, channel="in_app").count() == 1


def test_who_may_sign_in_again_is_told_again(deliver):
    make.recipient(USER, email="anna@example.com", roles=["manager"], is_active=False)
    deliver(UserUpdated(user_id=USER, email="anna@example.com", roles=["manager"], version_number=4))
    deliver(FOR_STAFF[2])
    assert Notification.objects.filter(user_id=USER, channel="in_app").count() == 1


@pytest.mark.parametrize("is_late", [False, True])
def test_a_manager_who_came_back_is_told_whichever_was_heard_first(deliver, is_late):
    make.recipient(USER, email="anna@example.com", roles=["manager"], version=2)
    left = UserDeactivated(user_id=USER, version_number=3)
    back = UserUpdated(user_id=USER, email="anna@example.com", roles=["manager"], version_number=4)
    deliver(*([back, left] if is_late else [left, back]))
    deliver(FOR_STAFF[2])
    assert Notification.objects.filter(user_id=USER, channel="in_app").count() == 1


def test_a_manager_who_left_is_told_nothing_whichever_was_heard_first(deliver):
    people = [uuid7(), uuid7()]
    for user, is_late in zip(people, (False, True), strict=True):
        make.recipient(user, email=f"{user}@example.com", roles=["manager"], version=2)
        left = UserDeactivated(user_id=user, version_number=4)
        moved_house = UserUpdated(
            user_id=user, email=f"new-{user}@example.com", roles=["manager"], version_number=4, is_active=False
        )
        deliver(*([moved_house, left] if is_late else [left, moved_house]))
    deliver(FOR_STAFF[2])
    assert not Notification.objects.exists()
    assert {person.email for person in Recipient.objects.all()} == {f"new-{user}@example.com" for user in people}


def test_all_that_accounts_tells_of_a_user_is_followed_in_one_order():
    told = {event.type for event in REGISTRY.values() if event.type.startswith("user.") and not event.internal}
    followed = subscriptions()["notifications.keep_recipient"]
    assert told - set(followed.events) == {"user.logged_in", "user.logged_out"}
    assert (followed.partition_field, followed.is_batch, followed.on_parked) == ("", False, "block")


def test_a_mail_about_an_offer_leads_to_its_page(deliver):
    make.recipient(USER)
    event = offered()
    deliver(event)
    page = f"/offers/{event.offer_id}/"
    assert page in mail.outbox[0].body
    assert not any(page in body for body in Notification.objects.filter(user_id=USER).values_list("body", flat=True))


def test_a_loan_accepted_beforehand_and_a_car_that_came_back_are_no_news(deliver):
    approved = next(event for event in NEWS if isinstance(event, ApplicationApproved))
    deliver(
        msgspec.structs.replace(approved, is_accepted=True),
        drive(DriveEnded, car_id=uuid7(), outcome="returned"),
        LoanClosed(loan_id=uuid7(), customer_id=USER, reason="cancelled"),
    )
    assert not Notification.objects.exists()


def test_a_sign_in_is_told_to_those_who_asked(deliver):
    indifferent, careful = make.recipient(), make.recipient(email="careful@example.com")
    wish = services.Wish(kind=Kind.SIGNED_IN, in_app=True, email=True, sms=False)
    services.set_preferences(now=timezone.now(), user_id=careful, wishes=[wish])
    deliver(*(UserLoggedIn(user_id=user, session_id=uuid7()) for user in (indifferent, careful)))
    assert set(Notification.objects.values_list("user_id", "channel")) == {(careful, "in_app"), (careful, "email")}
    assert [message.to for message in mail.outbox] == [["careful@example.com"]]


def test_the_end_of_a_policy_is_told_a_month_before_unless_it_was_cancelled(deliver):
    user, kept, cancelled = make.recipient(), uuid7(), uuid7()
    policy = {"customer_id": user, "currency": "RUB"}
    bought = policy | {"insurance_type": "osago", "premium": Decimal("1"), "start_date": date(2027, 1, 1)}
    for policy_id in (kept, cancelled):
        deliver(PolicyPurchased(policy_id=policy_id, end_date=date(2027, 12, 31), **bought))
    deliver(PolicyPurchased(policy_id=uuid7(), end_date=date(2026, 12, 1), **bought))
    deliver(PolicyCancelled(policy_id=cancelled, refund_amount=Decimal("1"), reason="sold", **policy))
    due = Timer.objects.using("notifications").filter(type="insurance.ends_soon")
    assert {timer.due_at.date() for timer in due} == {date(2027, 12, 1)}
    make_due("notifications")
    drain_outbox("notifications")
    ending = Notification.objects.filter(kind=Kind.POLICY_ENDING)
    assert sorted(ending.values_list("channel", "data__policy_id")) == [("email", str(kept)), ("in_app", str(kept))]


def test_instalments_are_reminded_of_and_a_suspension_is_told(deliver):
    user = make.recipient()
    about = {"policy_id": uuid7(), "customer_id": user, "number": 2, "amount": Decimal("20866.66"), "currency": "RUB"}
    day = date(2027, 6, 30)
    deliver(
        InstalmentDue(due_date=day, **about),
        InstalmentLate(due_date=day, grace_until=date(2027, 7, 14), **about),
        PolicySuspended(covered_through=day, ends_after=date(2027, 8, 13), **about),
    )
    told = Notification.objects.filter(user_id=user, channel="in_app").order_by("created_at", "id")
    assert [item.kind for item in told] == [Kind.INSTALMENT_DUE, Kind.INSTALMENT_OVERDUE, Kind.POLICY_SUSPENDED]
    assert all("20 866,66 ₽" in item.body for item in told)


def test_a_wish_not_to_be_mailed_is_kept():
    user = make.recipient()
    services.set_preferences(
        now=timezone.now(), user_id=user, wishes=[{"kind": Kind.ORDER, "in_app": True, "email": False, "sms": False}]
    )
    assert [message.channel for message in make.news(user)] == ["in_app"]
    assert len(make.news(user, kind=Kind.PAYMENT_COMPLETED, amount="1", currency="RUB")) == 2
    services.set_preferences(
        now=timezone.now(), user_id=user, wishes=[{"kind": Kind.ORDER, "in_app": False, "email": False, "sms": False}]
    )
    assert make.news(user) == []


def test_news_told_again_is_not_new():
    user = make.recipient()
    first, again = make.news(user, event_key="e"), make.news(user, event_key="e")
    assert first == again
    assert ExternalCall.objects.using("notifications").count() == 1


def test_mail_waits_for_the_address(deliver):
    deliver(moved())
    assert (mail.outbox, Notification.objects.get(channel="email").delivery) == ([], "waiting")
    deliver(UserRegistered(user_id=USER, email="anna@example.com"))
    assert [message.to for message in mail.outbox] == [["anna@example.com"]]
    assert Notification.objects.get(channel="email").delivery == "sent"


def test_the_newest_address_counts(deliver):
    deliver(
        UserRegistered(user_id=USER, email="anna@example.com"),
        UserUpdated(user_id=USER, email="new@example.com", version_number=3),
        UserUpdated(user_id=USER, email="old@example.com", version_number=2),
        moved(),
    )
    assert [message.to for message in mail.outbox] == [["new@example.com"]]


def test_a_deleted_user_is_forgotten(deliver):
    user = make.recipient(USER)
    make.news(user)
    deliver(UserDeleted(user_id=USER), UserUpdated(user_id=USER, email="anna@example.com", version_number=9))
    assert (mail.outbox, Notification.objects.count(), Recipient.objects.get().email) == ([], 0, "")


@pytest.fixture
def failing_mail(monkeypatch):
    """A mail server that fails as told, then works."""
    failures = []

    def send(self, fail_silently=False):
        if failures:
            raise failures.pop(0)
        mail.outbox.append(self)

    monkeypatch.setattr("core.outside.letters.EmailMultiAlternatives.send", send)
    return failures


def test_a_mail_server_that_is_away_is_tried_again(failing_mail):
    failing_mail += [SMTPServerDisconnected("gone"), ConnectionRefusedError()]
    user = make.recipient()
    make.news(user)
    for _ in range(3):
        drain_outbox("notifications")
        make_due("notifications")
    drain_outbox("notifications")
    assert len(mail.outbox) == 1
    message = Notification.objects.get(channel="email")
    assert (message.delivery, message.error) == ("sent", "")
    assert mail.outbox[0].extra_headers["Message-ID"].startswith(f"<{message.id}@")


@pytest.mark.parametrize(
    "fault",
    [
        SMTPRecipientsRefused({"anna@example.com": (450, b"greylisted, come again")}),
        SMTPAuthenticationError(535, b"wrong password"),
        SMTPConnectError(554, b"no service"),
        SMTPDataError(452, b"disk full"),
    ],
)
def test_what_is_not_the_addresss_fault_is_tried_again(failing_mail, fault):
    failing_mail += [fault]
    make.news(make.recipient())
    for _ in range(2):
        drain_outbox("notifications")
        make_due("notifications")
    assert (len(mail.outbox), Notification.objects.get(channel="email").delivery) == (1, "sent")


@pytest.mark.parametrize(
    "fault",
    [
        SMTPDataError(554, b"550 spam"),
        SMTPNotSupportedError("SMTPUTF8"),
        UnicodeError("label too long"),
    ],
)
def test_what_no_server_takes_is_shown_as_failed(failing_mail, fault):
    failing_mail += [fault]
    make.news(make.recipient())
    for _ in range(2):
        drain_outbox("notifications")
        make_due("notifications")
    assert (mail.outbox, Notification.objects.get(channel="email").delivery) == ([], "failed")


def test_an_address_that_is_refused_is_not_tried_again(failing_mail):
    failing_mail += [SMTPRecipientsRefused({"anna@example.com": (550, b"no such user")})]
    make.news(make.recipient())
    for _ in range(2):
        drain_outbox("notifications")
        make_due("notifications")
    message = Notification.objects.get(channel="email")
    assert (mail.outbox, message.delivery, "550" in message.error) == ([], "failed", True)


def test_a_mail_server_that_stays_away_is_given_up_and_shown(failing_mail):
    failing_mail += [ConnectionRefusedError()] * 20
    make.news(make.recipient())
    for _ in range(15):
        drain_outbox("notifications")
        make_due("notifications")
    assert (Notification.objects.get(channel="email").delivery, len(failing_mail)) == ("failed", 6)
    assert ExternalCall.objects.using("notifications").get().state == "dead"
