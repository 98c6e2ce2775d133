"""What a whole card purchase costs, in counts that no machine and no load changes: it never becomes dearer unseen.

Looks at what is due are left out: how many there are is a matter of time, not of the purchase.
`benchmarks/purchase.py` counts the same in all processes of a running product, with processor time and waiting.
"""

from collections import Counter
from decimal import Decimal

import psycopg
import pytest
from django.db.models import Sum
from django.db.models.fields import TextField
from django.db.models.functions import Length
from django.db.models.functions.comparison import Cast
from django.utils import timezone

import catalog.tests.make
import payments.services
from config.databases import APPS
from core.ids import uuid7
from core.testing import Api
from messaging.models import InboxEvent, OutboxEvent
from messaging.testing import drain_outbox
from orders.models import Order
from payments.models import Receipt
from payments.tests.conftest import running_sandbox, sandbox

__all__ = ["running_sandbox", "sandbox"]
pytestmark = pytest.mark.django_db(databases=[*APPS], transaction=True)
MOST = {"statements of transactions": 141, "commits": 29, "deliveries": 27, "events": 16, "bytes of events": 5_600}
RECEIPT = {"statements of transactions": 14, "commits": 2, "deliveries": 1}
"""Added by its fiscal receipt, where the law asks for one."""


@pytest.fixture
def spent(monkeypatch, settings) -> Counter[str]:
    """Count statements and commits, with what production keeps of switches kept here too."""
    settings.SWITCH_CACHE_SECONDS = 300
    found = Counter[str]()
    execute, commit = psycopg.Cursor.execute, psycopg.Connection.commit

    def count_statement(cursor, *arguments, **options):
        found["statements of transactions"] += not cursor.connection.autocommit
        return execute(cursor, *arguments, **options)

    def count_commit(connection):
        found["commits"] += 1
        return commit(connection)

    monkeypatch.setattr(psycopg.Cursor, "execute", count_statement)
    monkeypatch.setattr(psycopg.Connection, "commit", count_commit)
    return found


def written() -> Counter[str]:
    found = Counter[str]()
    for alias in APPS:
        events = OutboxEvent.objects.using(alias)
        found["events"] += events.count()
        found["bytes of events"] += events.aggregate(sum=Sum(Length(Cast("data", TextField()))))["sum"] or 0
        found["deliveries"] += InboxEvent.objects.using(alias).count()
    return found


def buy(car) -> None:
    card = {"method": "card", "token": "tok_success"}
    body = {"items": [{"product_id": str(car.id), "quantity": 1}], "payment": card}
    placed = Api("client", user_id=uuid7()).post("/orders", body)
    assert placed.status_code == 201, placed.json()
    drain_outbox()
    assert Order.objects.get(pk=placed.json()["id"]).status == "paid"


def measure(spent: Counter[str]) -> Counter[str]:
    """Count what a purchase costs, after a first that warms what is looked up once."""
    car = catalog.tests.make.product(stock=10, price=Decimal(1_500_000))
    drain_outbox()
    buy(car)
    before = written()
    spent.clear()
    buy(car)
    cost = +Counter(spent)
    cost.update({name: count - before[name] for name, count in written().items()})
    return cost


def test_a_card_purchase_costs_no_more_than_it_did(spent, running_sandbox):
    assert {name: count for name, count in measure(spent).items() if count > MOST[name]} == {}


def test_its_receipt_costs_one_delivery_beside_the_buyers_path(spent, running_sandbox):
    payments.services.attend_receipts(now=timezone.now())
    most = MOST | {name: MOST[name] + more for name, more in RECEIPT.items()}
    assert {name: count for name, count in measure(spent).items() if count > most[name]} == {}
    assert Receipt.objects.filter(state="registered").count() == 2
