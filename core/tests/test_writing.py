"""Rows of several tables written by one statement."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connections
from django.db.models.signals import post_save

from core.db import fetch, transaction
from core.ids import uuid7
from core.postgres.writing import insert_together, save_together
from orders.models import Checkout, CheckoutLeg, Order, OrderHistory

pytestmark = pytest.mark.django_db(databases=["orders"])
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def rows():
    """An order with its checkout, two legs and an entry whose key the database counts."""
    order = Order(
        id=uuid7(), number=str(uuid7())[-12:], customer_id=uuid7(), created_by=uuid7(), placed_date=NOW.date(),
        total_amount="0.00", total_quantity=1, currency="RUB", created_at=NOW, updated_at=NOW, policy_ids=[uuid7()],
        allowances=[{"reason": 'a "scratch"; DROP TABLE orders_order; --'}],
    )  # fmt: skip
    checkout = Checkout(order_id=order.id, started_at=NOW)
    legs = [CheckoutLeg(checkout=checkout, kind=kind, rank=rank) for rank, kind in enumerate(("stock", "payment"))]
    entry = OrderHistory(order=order, kind="status", status="created", event="order.created", at=NOW)
    return [*reversed(legs), entry, checkout, order]


def test_whatever_points_to_what_all_is_there_as_save_would_write_it():
    written = rows()
    with transaction("orders"):
        insert_together("orders", *written)
    connections["orders"].check_constraints()
    order = Order.objects.get(pk=written[-1].pk)
    for name in ("policy_ids", "allowances", "customer_id", "placed_date", "created_at"):
        assert getattr(order, name) == getattr(written[-1], name)
    assert (str(order.total_amount), order.comment, order.deleted_at) == ("0.00", "", None)
    assert [leg.kind for leg in order.checkout.legs.order_by("rank")] == ["stock", "payment"]
    assert (order.history.get().before, order.history.get().after) == ({}, {})


def test_it_is_one_statement(monkeypatch):
    asked = []
    monkeypatch.setattr(
        "core.postgres.writing.fetch", lambda *arguments: asked.append(arguments[1]) or fetch(*arguments)
    )
    insert_together("orders", *rows())
    assert len(asked) == 1


def test_who_watches_a_model_is_told():
    told = []

    def receive(sender, instance, created, **_):
        told.append((sender, instance._state.adding, created))

    post_save.connect(receive, sender=Order)
    try:
        insert_together("orders", *rows())
    finally:
        post_save.disconnect(receive, sender=Order)
    assert told == [(Order, False, True)]


def test_a_row_that_is_there_is_refused_and_nothing_is_written():
    written = rows()
    insert_together("orders", *written)
    twice = rows()
    twice[-1].number = written[-1].number
    with pytest.raises(IntegrityError), transaction("orders"):
        insert_together("orders", *twice)


def test_rows_that_are_there_are_changed_with_new_ones_by_one_statement(monkeypatch):
    written = rows()
    insert_together("orders", *written)
    told = []
    monkeypatch.setattr("core.postgres.writing.post_save.send", lambda model, *, created, **_: told.append(created))
    asked = []
    monkeypatch.setattr(
        "core.postgres.writing.fetch", lambda *arguments: asked.append(arguments[1]) or fetch(*arguments)
    )
    order = Order.objects.get(pk=written[-1].pk)
    legs = list(order.checkout.legs.order_by("rank"))
    order.comment, order.trade_in_owed, legs[1].state = "it's changed", Decimal("5.50"), "running"
    entry = OrderHistory(order=order, kind="step", status="created", event="payment.begun", at=NOW)
    save_together("orders", changed=[order, *legs], new=[entry])
    assert (len(asked), told) == (1, [False, False, False, True])
    again = Order.objects.get(pk=order.pk)
    for field in Order._meta.concrete_fields:
        assert getattr(again, field.attname) == getattr(order, field.attname), field.name
    assert list(again.checkout.legs.order_by("rank").values_list("state", flat=True)) == [legs[0].state, "running"]
    assert again.history.count() == 2


def test_a_row_that_is_gone_is_no_change():
    order = rows()[-1]
    with pytest.raises(DatabaseError, match="1 are not there"):
        save_together("orders", changed=[order])
