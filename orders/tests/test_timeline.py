"""The timeline: complete, added to only, and enough to say how an order stood at any moment."""

from datetime import timedelta

import msgspec
import pytest
from django.db import IntegrityError
from django.utils import timezone

from core.db import transaction
from core.ids import uuid7
from core.testing import Api
from orders import public, services
from orders.models import OrderHistory
from orders.queries.past import read_order_at
from orders.services import Actor
from orders.tests import answers, make

pytestmark = pytest.mark.django_db(databases=["orders"])
CARD = {"method": "card", "token": "tok_success"}
LOAN = {"vehicle_price": "1000000.00", "down_payment": "200000.00", "term_months": 36}
MANAGER = Actor(uuid7(), frozenset({"manager"}))


@pytest.fixture(autouse=True)
def one_person_is_enough(settings):
    """Let one person's word do at every step: tests/value say who must agree to a cancellation."""
    settings.REFUND_FOUR_EYES_ABOVE = 100_000_000


def moved(status):
    return lambda order, now: services.move_order(
        order_id=order.id, status=status, actor=MANAGER, now=now, reason=f"towards {status}"
    )


def heard(answer, *arguments, **more):
    return lambda order, now: services.react(event=answer(order, *arguments, **more), now=now)


PAID = [heard(answers.reserved), heard(answers.paid)]
STORIES = {
    "handed over": [*PAID, moved("in_progress"), moved("ready"), moved("completed")],
    "sold out": [heard(answers.rejected)],
    "declined": [heard(answers.reserved), heard(answers.declined), heard(answers.settled), heard(answers.released)],
    "paid in two": [heard(answers.reserved), heard(answers.paid, amount="10.00"), heard(answers.paid, amount="999990")],
    "refunded": [*PAID, moved("cancelled"), heard(answers.settled), heard(answers.released)],
    "on credit": [
        heard(answers.reserved), heard(answers.loan_approved, "800000.00", is_accepted=False), heard(answers.paid),
    ],
    "no loan": [heard(answers.reserved), heard(answers.loan_rejected), heard(answers.released)],
}  # fmt: skip


@pytest.mark.parametrize("story", STORIES)
def test_an_order_is_shown_as_it_stood_after_each_step(story):
    start = timezone.now() - timedelta(days=1)
    financing = {"financing": LOAN} if "loan" in story or "credit" in story else {}
    order = make.order(payment=CARD, now=start, **financing)
    seen = [public.get_order(order.id, viewer_id=order.customer_id)]
    for number, step in enumerate(STORIES[story], 1):
        step(order, start + timedelta(minutes=number))
        seen.append(public.get_order(order.id, viewer_id=order.customer_id))
    assert len({document.version for document in seen}) > 1
    for number, document in enumerate(seen):
        at = start + timedelta(minutes=number, seconds=30)
        then = read_order_at(order.id, at, viewer_id=order.customer_id, is_staff=False)
        assert msgspec.to_builtins(then) == msgspec.to_builtins(document)


def test_every_entry_names_its_actor_reason_and_change():
    order = make.order(payment=CARD)
    for step in [*PAID, moved("in_progress")]:
        step(order, timezone.now())
    last = OrderHistory.objects.filter(order=order).latest("id")
    assert (last.actor_id, last.actor_role, last.reason) == (MANAGER.id, "manager", "towards in_progress")
    assert (last.before["status"], last.after["status"]) == ("paid", "in_progress")


@pytest.mark.parametrize("change", ["UPDATE orders_orderhistory SET reason = 'x'", "DELETE FROM orders_orderhistory"])
def test_the_database_refuses_to_rewrite_it(change):
    from django.db import connections

    make.order()
    with (
        pytest.raises(IntegrityError, match="only added to"),
        transaction("orders"),
        connections["orders"].cursor() as cursor,
    ):
        cursor.execute(change)


def test_the_past_over_http():
    start = timezone.now() - timedelta(hours=1)
    order = make.order(payment=CARD, now=start)
    owner = Api("client", user_id=order.customer_id)
    services.react(event=answers.reserved(order), now=start + timedelta(minutes=1))

    def get_at(minutes, api=owner):
        at = (start + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
        return api.get(f"/orders/{order.id}?as_of={at}")

    assert get_at(0.5).json()["status"] == "created"
    assert get_at(2).json() == owner.get(f"/orders/{order.id}").json()
    assert get_at(-1).status_code == 404
    assert get_at(2, Api("client")).status_code == 404
    assert get_at(2, Api()).status_code == 401
    assert owner.get(f"/orders/{order.id}?as_of=yesterday").status_code == 400
    assert owner.get(f"/orders/{order.id}?as_of=2026-01-01T00:00:00").status_code == 400
