from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connections
from django.test.utils import CaptureQueriesContext

from accounts.events import UserCreated, UserDeleted, UserRegistered, UserUpdated
from clients.models import Activity, Client
from clients.tests import make
from core.ids import uuid7
from core.testing import Api
from financing.events import ApplicationApproved, ApplicationSubmitted, LoanDisbursed, LoanPaymentReceived
from insurance.events import ClaimDecided, ClaimOpened, ClaimPaid, PolicyPurchased
from messaging.testing import published
from orders.events import OrderCancelled, OrderCompleted, OrderCreated, OrderPaid
from payments.events import PaymentCompleted, PaymentRefunded
from showroom.events import (
    DriveConfirmed,
    DriveEnded,
    DrivePlaced,
    DriveStarted,
    RegistrationCancelled,
    RegistrationCreated,
)

SOURCES = ["clients", "accounts", "orders", "payments", "financing", "insurance", "showroom"]
pytestmark = pytest.mark.django_db(databases=SOURCES)
USER = uuid7()
MONEY = {"amount": Decimal("100.00"), "currency": "RUB"}


def events_of_a_deal():
    order_id, payment_id = uuid7(), uuid7()
    order = {"order_id": order_id, "number": "A-1", "customer_id": USER}
    total = {"total_amount": Decimal("100.00"), "currency": "RUB"}
    payment = {"payment_id": payment_id, "order_id": order_id, "customer_id": USER, **MONEY}
    return [
        OrderCreated(**order, **total, lines=[], version_number=1),
        PaymentCompleted(**payment, method="card"),
        LoanDisbursed(application_id=uuid7(), loan_id=uuid7(), order_id=order_id, customer_id=USER, **MONEY),
        PolicyPurchased(
            policy_id=uuid7(),
            customer_id=USER,
            insurance_type="osago",
            premium=Decimal("5.00"),
            currency="RUB",
            start_date=date(2026, 1, 1),
            end_date=date(2026, 12, 31),
        ),
        OrderPaid(**order, **total, attempt_id=uuid7()),
        OrderCompleted(**order),
        OrderCancelled(**order, reason="changed mind"),
        PaymentRefunded(**payment, refund_id=uuid7(), refunded_total=Decimal("100.00"), reason="cancelled"),
        RegistrationCreated(event_id=uuid7(), registration_id=uuid7(), user_id=USER, status="confirmed", title="Day"),
    ]


def events_of_a_drive():
    drive = {"test_drive_id": uuid7(), "user_id": USER, "car_name": "LADA Vesta"}
    at, car = datetime(2026, 11, 1, 9, tzinfo=UTC), {"car_id": uuid7()}
    return [
        DrivePlaced(**drive, **car, start_time=at, end_time=at + timedelta(hours=1)),
        DriveConfirmed(**drive, start_time=at, time_zone="Europe/Moscow"),
        DriveConfirmed(**drive, start_time=at, time_zone="Europe/Moscow", is_moved=True),
        DriveStarted(**drive, **car),
        DriveEnded(**drive, **car, outcome="returned"),
    ]


def events_of_aftersales():
    claim = {"claim_id": uuid7(), "policy_id": uuid7(), "customer_id": USER}
    application = {"application_id": uuid7(), "order_id": uuid7(), "customer_id": USER, **MONEY}
    return [
        ApplicationSubmitted(**application),
        ApplicationApproved(
            **application,
            annual_rate=Decimal("14.9"),
            term_months=12,
            monthly_payment=Decimal("9.00"),
            expires_at=datetime(2026, 11, 1, tzinfo=UTC),
            is_accepted=True,
        ),
        LoanPaymentReceived(loan_id=uuid7(), customer_id=USER, balance=Decimal("91.00"), **MONEY),
        ClaimOpened(**claim, **MONEY),
        ClaimDecided(**claim, **MONEY, decision="rejected"),
        ClaimDecided(**claim, **MONEY, decision="approved"),
        ClaimPaid(**claim, **MONEY),
        RegistrationCancelled(event_id=uuid7(), registration_id=uuid7(), user_id=USER, title="Day"),
    ]


@pytest.mark.parametrize("kind", [UserRegistered, UserCreated])
def test_a_user_becomes_a_client(deliver, kind):
    deliver(kind(user_id=USER, email="anna@example.com", full_name="Anna", phone="+7999"))
    card = Client.objects.get()
    assert (card.user_id, card.name, card.email, card.phone, card.type) == (
        USER,
        "Anna",
        "anna@example.com",
        "+7999",
        "person",
    )
    assert published("clients") == ["client.created"]


def test_the_card_follows_the_profile_and_drops_old_news(deliver):
    deliver(
        UserRegistered(user_id=USER, email="anna@example.com"),
        UserUpdated(user_id=USER, email="anna@example.com", full_name="Anna", version_number=3),
        UserUpdated(user_id=USER, email="old@example.com", full_name="Old", version_number=2),
    )
    card = Client.objects.get()
    assert (card.name, card.email, card.user_version) == ("Anna", "anna@example.com", 3)
    assert published("clients") == ["client.created", "client.updated"]


def test_a_deleted_user_is_forgotten_but_the_card_stays(deliver):
    card = make.user_client(USER)
    make.contact(card)
    make.deal(USER)
    deliver(UserDeleted(user_id=USER), UserUpdated(user_id=USER, email="a@example.com", version_number=9))
    card.refresh_from_db()
    assert (card.name, card.email, card.phone, card.contacts.count()) == ("—", "", "", 0)
    assert Activity.objects.filter(customer_id=USER).count() == 1


def test_a_deal_fills_the_timeline_once(deliver):
    make.user_client(USER)
    deliver(*events_of_a_deal())
    rows = Activity.objects.filter(customer_id=USER)
    assert sorted(rows.values_list("kind", flat=True)) == sorted(
        [
            "order_created",
            "payment_completed",
            "loan_disbursed",
            "policy_purchased",
            "order_paid",
            "order_completed",
            "order_cancelled",
            "payment_refunded",
            "registration_created",
        ]
    )
    assert rows.get(kind="order_created").data == {"number": "A-1", "total_amount": "100.00", "currency": "RUB"}


def test_a_deal_may_be_heard_of_before_its_buyer(deliver):
    deliver(events_of_a_deal()[0])
    deliver(UserRegistered(user_id=USER, email="anna@example.com"))
    card = Client.objects.get()
    rows = Api("manager").get(f"/clients/{card.id}/activity").json()["results"]
    assert [row["kind"] for row in rows] == ["order_created"]


def test_test_drives_and_what_follows_a_sale_are_noted_too(deliver):
    make.user_client(USER)
    deliver(*events_of_a_drive(), *events_of_aftersales())
    rows = Activity.objects.filter(customer_id=USER)
    assert sorted(rows.values_list("kind", flat=True)) == sorted(
        [
            "drive_requested",
            "drive_confirmed",
            "drive_confirmed",
            "drive_started",
            "drive_ended",
            "loan_requested",
            "loan_approved",
            "loan_payment_received",
            "claim_opened",
            "claim_decided",
            "claim_decided",
            "claim_paid",
            "registration_cancelled",
        ]
    )
    assert rows.get(kind="drive_ended").data["outcome"] == "returned"


def test_the_timeline_is_rebuilt_the_same(deliver):
    make.activity(make.user_client(USER))
    deliver(*events_of_a_deal(), *events_of_a_drive(), *events_of_aftersales())
    before = list(Activity.objects.order_by("id").values())
    assert len(before) == 1 + 9 + 5 + 8
    Activity.objects.filter(subject_id__isnull=False).delete()
    for handler in ("clients.note_deal", "clients.note_registration"):
        call_command("replay_events", handler=handler, stdout=StringIO(), stderr=StringIO())
    assert list(Activity.objects.order_by("id").values()) == before


def test_a_long_timeline_is_read_from_its_index_at_constant_cost():
    card, start = make.user_client(USER), datetime(2026, 1, 1, tzinfo=UTC)
    Activity.objects.bulk_create(
        Activity(customer_id=USER, kind="order_paid", subject_id=USER, occurred_at=start + timedelta(minutes=number))
        for number in range(10_000)
    )
    with connections["clients"].cursor() as cursor:
        cursor.execute("ANALYZE clients_activity")
    path, costs, seen = f"/clients/{card.id}/activity?page_size=100", [], 0
    for _ in range(3):
        with CaptureQueriesContext(connections["clients"]) as queries:
            page = Api("manager").get(path).json()
        costs.append(len(queries))
        seen += len(page["results"])
        path = page["next"].partition("/api/v1")[2]
    assert (costs, seen) == ([3, 3, 3], 300)
    plan = Activity.objects.filter(customer_id=USER).order_by("-occurred_at", "-id")[:21].explain()
    assert "activity_of_customer" in plan
    assert "Sort" not in plan


def test_a_deal_opens_a_deleted_card_again(deliver):
    card = make.user_client(USER)
    Api("manager").delete(f"/clients/{card.id}")
    deliver(events_of_a_deal()[-1])
    card.refresh_from_db()
    assert card.deleted_at is not None
    deliver(events_of_a_deal()[0])
    card.refresh_from_db()
    assert card.deleted_at is None
    assert published("clients") == ["client.created", "client.updated"]
