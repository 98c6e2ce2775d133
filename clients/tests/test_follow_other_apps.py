from datetime import date
from decimal import Decimal

import pytest

from accounts.events import UserCreated, UserDeleted, UserRegistered, UserUpdated
from clients.models import Activity, Client
from clients.tests import make
from core.ids import uuid7
from core.testing import Api
from financing.events import LoanDisbursed
from insurance.events import PolicyPurchased
from messaging.testing import published
from orders.events import OrderCancelled, OrderCompleted, OrderCreated, OrderPaid
from payments.events import PaymentCompleted, PaymentRefunded
from showroom.events import RegistrationCreated

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


@pytest.mark.parametrize("kind", [UserRegistered, UserCreated])
def test_a_user_becomes_a_client(tell, kind):
    tell(kind(user_id=USER, email="anna@example.com", full_name="Anna", phone="+7999"))
    card = Client.objects.get()
    assert (card.user_id, card.name, card.email, card.phone, card.type) == (
        USER,
        "Anna",
        "anna@example.com",
        "+7999",
        "person",
    )
    assert published("clients") == ["client.created"]


def test_the_card_follows_the_profile_and_drops_old_news(tell):
    tell(
        UserRegistered(user_id=USER, email="anna@example.com"),
        UserUpdated(user_id=USER, email="anna@example.com", full_name="Anna", version_number=3),
        UserUpdated(user_id=USER, email="old@example.com", full_name="Old", version_number=2),
    )
    card = Client.objects.get()
    assert (card.name, card.email, card.user_version) == ("Anna", "anna@example.com", 3)
    assert published("clients") == ["client.created", "client.updated"]


def test_a_deleted_user_is_forgotten_but_the_card_stays(tell):
    card = make.user_client(USER)
    make.contact(card)
    make.deal(USER)
    tell(UserDeleted(user_id=USER), UserUpdated(user_id=USER, email="a@example.com", version_number=9))
    card.refresh_from_db()
    assert (card.name, card.email, card.phone, card.contacts.count()) == ("—", "", "", 0)
    assert Activity.objects.filter(customer_id=USER).count() == 1


def test_a_deal_fills_the_timeline_once(tell):
    make.user_client(USER)
    tell(*events_of_a_deal())
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


def test_a_deal_may_be_heard_of_before_its_buyer(tell):
    tell(events_of_a_deal()[0])
    tell(UserRegistered(user_id=USER, email="anna@example.com"))
    card = Client.objects.get()
    rows = Api("manager").get(f"/clients/{card.id}/activity").json()["results"]
    assert [row["kind"] for row in rows] == ["order_created"]


def test_the_timeline_is_rebuilt_the_same(tell):
    make.user_client(USER)
    tell(*events_of_a_deal())
    before = list(Activity.objects.order_by("id").values())
    Activity.objects.all().delete()
    tell()
    assert list(Activity.objects.order_by("id").values()) == before


def test_a_deal_opens_a_deleted_card_again(tell):
    card = make.user_client(USER)
    Api("manager").delete(f"/clients/{card.id}")
    tell(events_of_a_deal()[-1])
    card.refresh_from_db()
    assert card.deleted_at is not None
    tell(events_of_a_deal()[0])
    card.refresh_from_db()
    assert card.deleted_at is None
    assert published("clients") == ["client.created", "client.updated"]
