"""Work out what a buyer owes in one place, so that every reading of it says the same."""

import ast
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as run
from hypothesis import strategies as st

from core.db import fetch
from orders.models import Order, Status
from orders.models.owing import DUE_SQL, PAYABLE_SQL, SUMS, TAKEN_OFF, compute_due, compute_payable
from orders.public import order_states
from orders.queries.past import read_order_at
from orders.queries.reading import read_any
from orders.services import Actor, FreeLine, ProductLine, preview_lines, steer_checkout
from orders.tests import answers, make
from orders.tests.answers import receive

APPS = ("orders", "payments", "storefront", "config", "clients", "financing", "insurance", "notifications")
AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=2)


@pytest.mark.django_db(databases=["orders"])
@run(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(AMOUNTS, min_size=len(SUMS), max_size=len(SUMS)), st.sampled_from(Status.values))
def test_the_database_counts_as_python_does(amounts, status):
    columns = ", ".join((*SUMS, "status"))
    places = ", ".join(["%s::numeric"] * len(SUMS))
    sql = f"SELECT {PAYABLE_SQL}, {DUE_SQL} FROM (VALUES ({places}, %s)) AS o({columns})"
    sums = dict(zip(SUMS, amounts, strict=True))
    assert fetch("orders", sql, [*amounts, status]) == [(compute_payable(sums), compute_due(sums, status))]


@pytest.mark.django_db(databases=["orders"])
@run(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    price=st.integers(1_000, 10**7),
    parts=st.tuples(st.integers(0, 100), st.integers(0, 100)),
    status=st.sampled_from(Status.values),
)
def test_every_reading_of_an_order_says_the_same(price, parts, status):
    total = Decimal(price)
    order = make.order(lines=[ProductLine(make.product(price=str(total)), 1)])
    less = {name: total * part / 100 / len(TAKEN_OFF) for name, part in zip(TAKEN_OFF, parts, strict=False)}
    Order.objects.filter(pk=order.pk).update(status=status, amount_paid=total / 2, **less)
    order = Order.objects.get(pk=order.pk)
    shown, then = (
        read_any(order.id),
        read_order_at(order.id, timezone.now(), viewer_id=order.customer_id, is_staff=False),
    )
    assert {shown.amount_due, then.amount_due, order.due_at(order.total_amount)} == {order.amount_due}
    assert dict(order_states())[order.id].total_amount == order.payable == order.payable_at(order.total_amount)


@pytest.mark.django_db(databases=["orders"])
def test_a_preview_takes_off_the_car_taken_in_exchange():
    order = make.order(
        lines=[ProductLine(make.product(price="2000000.00"), 1)], trade_in={"amount": "500000.00", "vin": ""}
    )
    receive(answers.reserved(order))
    manager = Actor(make.uuid7(), frozenset({"manager"}))
    steer_checkout(order_id=order.id, action="accept", leg="trade_in", reason="seen", actor=manager, now=timezone.now())
    wishes = [FreeLine("Mats", Decimal("10000.00"), 1)]
    preview = preview_lines(order_id=order.id, wishes=wishes, actor=manager, now=timezone.now())
    assert (preview.total_amount, preview.amount_due) == (Decimal("2010000.00"), Decimal("1510000.00"))


def test_nobody_else_does_the_sum():
    found = {
        f"{path.name}:{node.lineno}"
        for app in APPS
        for path in (settings.BASE_DIR / app).rglob("*.py")
        if not {"tests", "migrations"} & set(path.parts) and path.name != "owing.py"
        for node in sums_in(path)
    }
    assert found == set()


def sums_in(path: Path) -> list[ast.expr]:
    """Subtractions that name something an order's total is lowered by, in code or in SQL."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    less = [node for node in nodes if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub)]
    code = [node for node in less if any(f".{name}" in ast.unparse(node) for name in TAKEN_OFF)]
    texts = [node for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    sql = [
        node for node in texts if any(f"- o.{name}" in node.value or f"- {name}" in node.value for name in TAKEN_OFF)
    ]
    orms = [node for node in less if any(f"F('{name}')" in ast.unparse(node) for name in TAKEN_OFF)]
    return [*code, *sql, *orms]
