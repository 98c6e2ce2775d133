"""Sales figures agree with the orders, whatever happened to those and however much is folded in."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from accounts.tests import make as people
from core.ids import uuid7
from core.testing import Api
from orders import services
from orders.models import Order, StatDelta
from orders.queries.stats import customer_figures, shop_figures, stat_disagreements
from orders.services import Actor, ProductLine
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders"])
ADMIN = Actor(uuid7(), frozenset({"admin"}))


def rows(**filters):
    found = Order.objects.filter(deleted_at__isnull=True, **filters).values_list("status", "total_amount")
    return Counter(status for status, _ in found), sum((amount for _, amount in found), Decimal(0))


@pytest.mark.parametrize("seed", range(3))
def test_figures_are_those_of_the_rows_after_any_story(seed):
    chance = random.Random(seed)
    customers = [uuid7() for _ in range(3)]
    live = []
    for _ in range(60):
        order = _something(chance, customers, live)
        if chance.random() < 0.1:
            services.fold_stats(batch=chance.choice([1, 7, 1000]))
        counted = shop_figures()
        assert (Counter(counted.by_status), counted.total_amount) == rows()
        mine = customer_figures(order.customer_id)
        assert (Counter(mine.by_status), mine.total_amount) == rows(customer_id=order.customer_id)
    assert list(stat_disagreements()) == []
    services.fold_stats()
    assert (StatDelta.objects.count(), list(stat_disagreements())) == (0, [])


def _something(chance, customers, live):
    """Place, reserve, pay, cancel or hide an order."""
    if not live or chance.random() < 0.4:
        now = timezone.now() - timedelta(hours=chance.randrange(100))
        lines = [ProductLine(make.product(price=f"{chance.randrange(1, 99)}.50", available=3), chance.randrange(1, 3))]
        live.append(make.order(customer_id=chance.choice(customers), lines=lines, now=now))
        return live[-1]
    order = chance.choice(live)
    order.refresh_from_db()
    match order.status, chance.random() < 0.7:
        case "created", True:
            receive(answers.reserved(order))
        case "awaiting_payment", True:
            receive(answers.paid(order, by_saga=False))
        case _ if chance.random() < 0.5 and order.status in ("created", "awaiting_payment", "paid"):
            services.move_order(order_id=order.id, status="cancelled", actor=ADMIN, now=timezone.now())
        case _:
            services.delete_order(order_id=order.id, actor=ADMIN, now=timezone.now())
            live.remove(order)
    return order


def test_a_day_is_the_dealers():
    """Half past nine in the evening by Greenwich is the next day in Moscow."""
    make.order(now=datetime(2026, 5, 31, 21, 30, tzinfo=UTC))
    make.order(now=datetime(2026, 5, 31, 20, 30, tzinfo=UTC))
    answer = Api("manager").get("/orders/stats?from=2026-06-01&to=2026-06-01&group_by=day")
    assert answer.status_code == 200, answer.content
    assert (answer.json()["count"], [group["day"] for group in answer.json()["groups"]]) == (1, ["2026-06-01"])


@pytest.mark.django_db(databases=["orders", "accounts"])
def test_by_manager_and_status():
    manager = Api("manager")
    product = make.product(price="50.00", available=2)
    body = {"items": [{"product_id": str(product), "quantity": 1}], "customer_id": str(people.user().id)}
    assert manager.post("/orders", body).status_code == 201
    make.order()
    found = manager.get("/orders/stats?group_by=manager,status").json()
    assert [(group["manager_id"], group["status"], group["total_amount"]) for group in found["groups"]] == [
        (str(manager.user_id), "created", "50.00"),
        (None, "created", "1000000.00"),
    ]
    assert (found["by_status"], found["average"], found["sold_count"]) == ({"created": 2}, "500025.00", 0)


def test_ones_own():
    order = make.order()
    make.order()
    found = Api("client", user_id=order.customer_id).get("/orders/my-stats").json()
    assert (found["count"], found["total_amount"], found["by_status"]) == (1, "1000000.00", {"created": 1})
    assert Api("client").get("/orders/my-stats").json()["count"] == 0


def test_who_may_not_and_what_is_senseless():
    assert Api().get("/orders/stats").status_code == Api().get("/orders/my-stats").status_code == 401
    assert Api("client").get("/orders/stats").status_code == 403
    for query in ("from=yesterday", "group_by=colour", "group_by=day,day", "till=2026-01-01"):
        assert Api("manager").get(f"/orders/stats?{query}").status_code == 400
    assert Api("client").get("/orders/my-stats?from=2026-01-01").status_code == 400
