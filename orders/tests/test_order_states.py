"""Every cell of the table in docs/order-states.md, tried over HTTP; and two managers with the same order."""

import threading

import pytest
from django.conf import settings
from django.db import connections
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from messaging.testing import capture_events
from orders import services
from orders.models import EDITS, TRANSITIONS, Edit, Order, OrderHistory, Status
from orders.rules.machine import ACTIONS, DONE, NOT_NOW, NOT_YOURS, ROLES, allowed, outcome, table
from orders.services import Actor
from orders.tests import answers, make
from orders.tests.answers import receive
from orders.tests.test_timeline import CARD, moved

HTTP_ROLES = [role for role in ROLES if role != "system"]
WAYS = {
    "created": [],
    "awaiting_payment": ["reserved"],
    "paid": ["reserved", "paid"],
    "in_progress": ["reserved", "paid", "in_progress"],
    "ready": ["reserved", "paid", "in_progress", "ready"],
    "completed": ["reserved", "paid", "in_progress", "ready", "completed"],
    "cancelled": ["rejected"],
    "refunded": ["reserved", "paid", "cancelled", "settled", "released"],
    "returning": ["reserved", "paid", "in_progress", "ready", "completed", "asked_back"],
    "returned": [
        "reserved",
        "paid",
        "in_progress",
        "ready",
        "completed",
        "asked_back",
        "taken_back",
        "settled",
        "released",
    ],
}


def taken_back(order):
    found, manager = order.returns.get(), Actor(uuid7(), frozenset({"manager"}))
    services.inspect_return(return_id=found.id, result="as new", actor=manager, now=timezone.now())
    services.accept_return(return_id=found.id, actor=manager, now=timezone.now())


RETURNS = {
    "asked_back": lambda order: services.ask_return(
        order_id=order.id,
        reason="too loud",
        actor=Actor(order.customer_id, frozenset({"client"})),
        now=timezone.now(),
    ),
    "taken_back": taken_back,
}


@pytest.fixture(autouse=True)
def one_person_is_enough(settings):
    """Let one person's word do at every step: test_second_person says who must agree to a cancellation."""
    settings.REFUND_FOUR_EYES_ABOVE = 100_000_000


def order_in(status):
    """An order brought into this status the way the product does it."""
    card = {} if status in ("created", "awaiting_payment") else {"payment": CARD}
    order = make.order(lines=[make.ProductLine(make.product(available=9), 2)], **card)
    for step in WAYS[status]:
        if step in RETURNS:
            RETURNS[step](order)
        elif step in Status.values and step != "paid":
            moved(step)(order, order.created_at)
        else:
            receive(getattr(answers, step)(order))
    order.refresh_from_db()
    assert order.status == status
    return order


def send(api, order, action):
    match action:
        case Edit.LINES:
            return api.patch(f"/orders/{order.id}/items/{order.lines.get().id}", {"quantity": 3})
        case Edit.LOWER:
            return api.patch(f"/orders/{order.id}/items/{order.lines.get().id}", {"quantity": 1})
        case Edit.PRICES:
            off = {"id": str(order.lines.get().id), "discount": {"amount": "1000.00", "reason": "a scratch"}}
            return api.patch(f"/orders/{order.id}", {"items": [off]})
        case Edit.COMMENT:
            return api.patch(f"/orders/{order.id}", {"comment": "please hurry"})
        case Edit.HIDE:
            return api.delete(f"/orders/{order.id}")
    return api.put(f"/orders/{order.id}/status", {"status": action, "reason": "because"})


@pytest.mark.django_db(databases=["orders"])
@pytest.mark.parametrize("role", HTTP_ROLES)
@pytest.mark.parametrize("status", Status.values)
def test_every_cell_over_http(status, role):
    order = order_in(status)
    for action in ACTIONS:
        if outcome(status, action, role) == DONE:
            continue
        with capture_events("orders") as published:
            answer = send(caller(role, order), order, action)
        expected = {NOT_YOURS: (403,), NOT_NOW: (409,)}[outcome(status, action, role)]
        assert (action, answer.status_code, published) == (action, *expected, [])
        if answer.status_code == 409:
            assert answer.json()["allowed"] == order.allowed(ROLES[role])
            assert set(answer.json()["allowed"]) == set(allowed(status, role))
            assert (answer.json()["order"]["status"], "at" in answer.json()["last_change"]) == (status, True)
        assert Order.objects.get(pk=order.pk).version == order.version
    for action in ACTIONS:
        if outcome(status, action, role) == DONE:
            order = order_in(status)
            answer = send(caller(role, order), order, action)
            assert (action, answer.status_code) == (action, 204 if action == Edit.HIDE else 200)
            assert Order.objects.get(pk=order.pk).version > order.version
            if action in Status.values:
                assert answer.json()["status"] == action


def caller(role, order):
    return Api(role, user_id=order.customer_id if role == "client" else uuid7())


@pytest.mark.django_db(databases=["orders"])
@pytest.mark.parametrize("status", Status.values)
def test_a_stranger_and_a_passer_by_get_nowhere(status):
    order = order_in(status)
    for action in ACTIONS:
        stranger = 403 if action == Edit.HIDE else 404
        assert (action, send(Api("client"), order, action).status_code) == (action, stranger)
        assert (action, send(Api(), order, action).status_code) == (action, 401)
    assert Order.objects.get(pk=order.pk).version == order.version


def test_the_documentation_shows_the_machine():
    page = (settings.BASE_DIR / "docs" / "order-states.md").read_text()
    assert page == table(), "run manage.py order_states"
    cells = [line for line in page.splitlines() if line.split()[1:2] and line.split()[1] in Status.values]
    assert len(cells) == len(Status.values) * len(ROLES)
    system = sum(outcome(status, action, "system") == DONE for status in Status.values for action in ACTIONS)
    assert system == sum("system" in who for who in [*TRANSITIONS.values(), *EDITS.values()]) == 11


@pytest.mark.django_db(databases=["orders"], transaction=True)
@pytest.mark.parametrize(("wishes", "matched", "code"), [
    (["in_progress", "cancelled"], True, 412),
    (["in_progress", "in_progress"], False, 409),
])  # fmt: skip
def test_two_managers_at_the_same_moment(wishes, matched, code):
    """One wins; the other is told who was first and what may be done now."""
    order = order_in("paid")
    condition = {"If_Match": f'"{order.version}"'} if matched else {}
    start, managers, told = threading.Barrier(2), [Api("manager"), Api("manager")], {}

    def press(manager, status):
        start.wait()
        told[manager.user_id] = manager.put(f"/orders/{order.id}/status", {"status": status}, **condition)
        connections["orders"].close()

    threads = [threading.Thread(target=press, args=pair) for pair in zip(managers, wishes, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in told.values()) == [200, code]
    winner = next(user for user, answer in told.items() if answer.status_code == 200)
    refusal = next(answer.json() for answer in told.values() if answer.status_code == code)
    assert refusal["last_change"]["actor_id"] == str(winner)
    assert refusal["order"]["status"] in wishes
    assert ("allowed" in refusal) == (code == 409)
    assert OrderHistory.objects.filter(order=order, kind="status", actor_role="manager").count() == 1
