"""The managers' feed: orders and the news of payments, applications, claims and stock, resumed by one position."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from catalog.events import StockLow
from core.db import transaction
from core.ids import uuid7
from financing.events import ApplicationRejected
from insurance.events import ClaimOpened
from messaging.models import OutboxEvent
from messaging.outbox import publish
from messaging.testing import drain_outbox
from orders import handlers, services
from orders.tests import answers, make
from orders.tests.live import fresh_hub, in_thread, opened_by, relayed
from payments.events import PaymentCreated

pytestmark = pytest.mark.django_db(databases=["orders", "catalog", "payments", "insurance"], transaction=True)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    with fresh_hub(monkeypatch):
        yield


def claim():
    return ClaimOpened(
        claim_id=uuid7(), policy_id=uuid7(), customer_id=uuid7(), amount=Decimal("120000.00"), currency="RUB"
    )


def payment(order):
    return PaymentCreated(
        payment_id=uuid7(), order_id=order.id, customer_id=order.customer_id, amount=order.total_amount,
        currency="RUB", method="card",
    )  # fmt: skip


def rejected(order):
    return ApplicationRejected(
        application_id=uuid7(), order_id=order.id, customer_id=order.customer_id, reasons=["dti"], detail=""
    )


def low_stock():
    return StockLow(product_id=uuid7(), sku="OIL-5W30", available=2, threshold=5)


def happen(event):
    """Something happens in another app, and orders hears of it."""
    with transaction(event.app()):
        publish(event)
    drain_outbox(event.app(), "orders")


async def test_managers_hear_of_payments_applications_claims_and_stock_among_the_orders():
    order = await in_thread(make.order)
    await in_thread(drain_outbox, "orders")
    socket = await opened_by(uuid7(), "/ws/manager/", "manager")
    (snapshot,) = await socket.receive()
    assert [item["order"]["id"] for item in snapshot["order"]] == [str(order.id)]
    happened = [payment(order), rejected(order), claim(), low_stock()]
    for event in happened:
        await in_thread(services.record_news, event=event, happened_at=timezone.now(), now=timezone.now())
    await in_thread(lambda: answers.receive(answers.reserved(order)))
    await in_thread(relayed)
    heard = await socket.receive(5)
    assert [message["type"] for message in heard] == [
        "payment.created", "financing.rejected", "claim.opened", "stock.low", "order.status",
    ]  # fmt: skip
    assert heard[0]["order_id"] == str(order.id)
    assert heard[0]["data"]["amount"] == str(order.total_amount)
    assert [message["subject_id"] for message in heard[:4]] == [event.aggregate_id for event in happened]
    positions = [message["position"] for message in heard]
    assert positions == sorted(set(positions))
    again = await opened_by(uuid7(), f"/ws/manager/?since={positions[1]}", "admin")
    assert await again.receive(3) == heard[2:]
    for one in (socket, again):
        await one.disconnect()


async def test_news_is_for_the_managers_socket_alone():
    user = uuid7()
    client = await opened_by(user, "/ws/orders/")
    manager = await opened_by(uuid7(), "/ws/orders/", "manager")
    for socket in (client, manager):
        await socket.receive()
    order = await in_thread(make.order, customer_id=user)
    await in_thread(services.record_news, event=payment(order), happened_at=timezone.now(), now=timezone.now())
    await in_thread(relayed)
    for socket in (client, manager):
        assert [message["type"] for message in await socket.receive()] == ["order.status"]
        assert await socket.receive_nothing(timeout=0.2)
        await socket.disconnect()


def test_an_event_of_another_app_is_put_in_orders_log_once():
    happen(claim())
    happen(low_stock())
    noted = list(OutboxEvent.objects.using("orders").filter(type="shop.noted").order_by("n"))
    assert [event.data["kind"] for event in noted] == ["claim.opened", "stock.low"]
    assert noted[0].data["data"]["amount"] == "120000.00"
    assert abs(timezone.now().timestamp() - timezone.datetime.fromisoformat(noted[0].data["at"]).timestamp()) < 60
    drain_outbox("insurance", "catalog", "orders")
    assert OutboxEvent.objects.using("orders").filter(type="shop.noted").count() == 2


def test_every_watched_event_can_be_told():
    for event in (claim(), low_stock()):
        handlers.notify_managers(event)
    assert OutboxEvent.objects.using("orders").filter(type="shop.noted").count() == 2


def test_what_is_older_than_the_feed_keeps_is_no_news():
    now = timezone.now()
    services.record_news(event=claim(), happened_at=now - timedelta(hours=73), now=now)
    assert not OutboxEvent.objects.using("orders").filter(type="shop.noted").exists()
