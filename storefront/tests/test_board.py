"""The managers' board: who sees it, what comes first, and that its steps have the guards of every other way."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.db import transaction
from core.ids import uuid7
from core.postgres.breakers import DatabaseAway
from messaging.models import DeliveryStatus, InboxEvent, OutboxEvent
from messaging.testing import drain_outbox
from orders.models import Checkout, Order, SagaState
from orders.public import read_board
from orders.services.saga import Saga
from orders.tests import answers
from orders.tests import make as make_orders
from orders.tests.answers import receive
from payments.public import payments_of_order
from storefront.tests.make import Visitor

ALL = [alias for alias in settings.DATABASES if alias != "default"]
pytestmark = pytest.mark.django_db(databases=ALL)
MANAGER = frozenset({"manager"})
JSON = {"HTTP_ACCEPT": "application/json"}


def paid(**options):
    order = make_orders.order(**options)
    receive(answers.reserved(order))
    receive(answers.paid(order, by_saga=False))
    order.refresh_from_db()
    return order


def move(visitor, order, status, version=None, **extra):
    fields = {"status": status, "version": version or order.version} | extra
    return visitor.client.post(f"/board/{order.id}/move/", fields, **JSON)


def numbers(cards):
    return [card.number for card in cards]


def test_the_board_is_for_managers():
    assert Visitor().get("/board/").status_code == 302
    assert Visitor().get("/board/?part=live").status_code == 401
    assert Visitor("client").get("/board/").status_code == 403
    assert Visitor("manager").get("/board/").status_code == 200
    order = paid()
    assert move(Visitor(), order, "in_progress").status_code == 401
    assert move(Visitor("client"), order, "in_progress").status_code == 403
    order.refresh_from_db()
    assert order.status == "paid"


def test_open_orders_stand_in_the_column_of_their_status():
    fresh, done = make_orders.order(), paid()
    page = Visitor("manager").get("/board/").content.decode()
    created, waiting, ready = (page.index(f'data-column="{name}"') for name in ("created", "awaiting_payment", "ready"))
    assert created < page.index(f"column-{fresh.id}") < waiting
    assert page.index('data-column="paid"') < page.index(f"column-{done.id}") < ready
    part = Visitor("manager").get("/board/?part=live").content.decode()
    assert "<html" not in part
    assert done.number in part


def test_what_needs_attention_comes_first_the_gravest_before_the_others():
    now = timezone.now()
    parked, stuck, over, soon, late, fine = (make_orders.order() for _ in range(6))
    Checkout.objects.filter(pk=parked.pk).update(state=SagaState.PARKED)
    Checkout.objects.filter(pk=stuck.pk).update(state=SagaState.COMPENSATING, undo_started_at=now - timedelta(hours=2))
    for order, held in ((over, -1), (soon, 5)):
        Order.objects.filter(pk=order.pk).update(
            status="awaiting_payment", reservation_expires_at=now + timedelta(minutes=held)
        )
    Order.objects.filter(pk=late.pk).update(status="ready", updated_at=now - timedelta(days=8))
    board = read_board(roles=MANAGER, now=now)
    assert [(card.number, card.attention) for card in board.attention] == [
        (parked.number, ("parked",)),
        (stuck.number, ("stuck",)),
        (over.number, ("reservation_over",)),
        (soon.number, ("reservation_expiring",)),
        (late.number, ("overdue",)),
    ]
    created = next(column for column in board.columns if column.status == "created")
    assert numbers(created.cards) == [parked.number, stuck.number, fine.number]
    page = Visitor("manager").get("/board/").content.decode()
    assert "Parked: somebody has to decide" in page
    assert f"/admin/orders/checkout/{parked.id}/change/" in page


def test_a_step_is_made_with_the_version_that_was_seen():
    order, manager = paid(), Visitor("manager")
    answer = move(manager, order, "in_progress")
    assert (answer.status_code, answer.json()["detail"]) == (200, f"{order.number}: Being prepared")
    order.refresh_from_db()
    assert order.status == "in_progress"


def test_of_two_managers_one_wins_and_the_other_sees_why():
    order = paid()
    first, second = Visitor("manager"), Visitor("manager")
    assert move(first, order, "in_progress").status_code == 200
    beaten = move(second, order, "in_progress")
    assert (beaten.status_code, beaten.json()["code"]) == (412, "stale_version")
    assert "Somebody else" in beaten.json()["detail"]
    order.refresh_from_db()
    impossible = move(second, order, "completed")
    assert (impossible.status_code, impossible.json()["code"]) == (409, "wrong_transition")
    assert impossible.json()["allowed"] == ["ready", "cancelled"]


@pytest.mark.parametrize(
    "fields", [{"status": "sold"}, {"version": "x"}, {"version": "0"}, {"status": ""}, {"reason": "x" * 1001}]
)
def test_bad_input_is_refused(fields):
    order = paid()
    given = {"status": "in_progress", "version": order.version} | fields
    answer = Visitor("manager").client.post(f"/board/{order.id}/move/", given, **JSON)
    assert answer.status_code == 400
    order.refresh_from_db()
    assert order.status == "paid"


def test_an_unknown_order_is_gone():
    order = paid()
    order.id = uuid7()
    assert move(Visitor("manager"), order, "in_progress").status_code == 404


def test_without_scripts_a_step_leads_back_to_the_board():
    order, manager = paid(), Visitor("manager")
    answer = manager.post(f"/board/{order.id}/move/", status="in_progress", version=order.version)
    assert (answer.status_code, answer["Location"]) == (302, "/board/")
    assert "Being prepared" in manager.get("/board/").content.decode()
    beaten = manager.post(f"/board/{order.id}/move/", status="ready", version=order.version)
    assert beaten.status_code == 302
    assert "Somebody else" in manager.get("/board/").content.decode()


def test_many_orders_cost_as_many_statements_as_few():
    def statements():
        with CaptureQueriesContext(connections["orders"]) as captured:
            read_board(roles=MANAGER, now=timezone.now())
        return len(captured)

    for _ in range(2):
        paid()
    few = statements()
    for _ in range(6):
        paid()
    assert statements() == few


def test_a_long_column_is_cut_and_says_so(monkeypatch):
    monkeypatch.setattr("orders.queries.board.CARDS", 2)
    for _ in range(3):
        make_orders.order()
    created = read_board(roles=MANAGER, now=timezone.now()).columns[0]
    assert (len(created.cards), created.is_cut) == (2, True)


def test_the_list_of_orders_has_a_live_part_of_its_own():
    visitor = Visitor("client")
    order = make_orders.order(customer_id=visitor.user.id)
    assert Visitor().get("/orders/?part=live").status_code == 401
    part = visitor.get("/orders/?part=live").content.decode()
    assert "<html" not in part
    assert order.number in part
    assert 'data-socket-path="/ws/orders/"' in visitor.get("/orders/").content.decode()


def deliver_nowhere(alias):
    """A delivery that used up its retries."""
    InboxEvent.objects.using(alias).create(
        event_id=uuid7(), handler="orders.react", source="catalog", aggregate="order", aggregate_id="x",
        seq=1, partition_key="x", shard=0, type="stock.reserved", data={}, status=DeliveryStatus.DEAD,
    )  # fmt: skip


# What is stuck, and unsticking it --------------------------------------------------------------------------------
def parked():
    """An order whose payment was asked for and whose checkout was parked over the answer."""
    order = make_orders.order(payment=[{"method": "card", "token": "tok_success"}])
    receive(answers.reserved(order))
    with transaction("orders"):
        saga = Saga.load(order.id, timezone.now())
        saga.park("policies_timed_out", "There was no answer in time.")
        saga.save()
    order.refresh_from_db()
    return order


def steer(visitor, order, **fields):
    given = {"action": "retry", "leg": "payment", "reason": "The bank is back"} | fields
    return visitor.client.post(f"/board/{order.id}/steer/", given, follow=True)


def asked_for_payment(order):
    return OutboxEvent.objects.using("orders").filter(
        type="checkout.payment_requested", data__order_id=str(order.id)
    ).count()  # fmt: skip


def test_a_parked_checkout_says_where_it_stands_and_is_asked_again_from_the_board():
    order, manager = parked(), Visitor("manager")
    page = manager.get("/board/").content.decode()
    assert "Stands at: Payment. The insurer did not answer in time." in page
    assert f"/board/{order.id}/steer/" in page
    assert 'value="skip"' not in page
    told = steer(manager, order)
    assert f"{order.number}: Ask again" in told.content.decode()
    assert (Checkout.objects.get(pk=order.pk).state, asked_for_payment(order)) == ("running", 2)
    assert "The bank is back" in order.history.order_by("id").last().reason


def test_taking_over_makes_the_manager_its_owner():
    order, manager = parked(), Visitor("manager")
    steer(manager, order, action="take_over")
    assert Checkout.objects.get(pk=order.pk).owner_id == manager.user.id


@pytest.mark.parametrize("fields", [{"reason": ""}, {"reason": "  "}, {"action": "burn"}, {"leg": ""}])
def test_steering_without_a_reason_or_an_action_changes_nothing(fields):
    order = parked()
    assert "Say why" in steer(Visitor("manager"), order, **fields).content.decode()
    assert (Checkout.objects.get(pk=order.pk).state, asked_for_payment(order)) == ("parked", 1)


def test_steering_is_for_managers_skipping_for_admins():
    order = parked()
    assert Visitor().client.post(f"/board/{order.id}/steer/").status_code == 302
    assert steer(Visitor("client"), order).status_code == 403
    assert "Your role may not" in steer(Visitor("manager"), order, action="skip").content.decode()
    assert 'value="skip"' in Visitor("admin").get("/board/").content.decode()
    assert Checkout.objects.get(pk=order.pk).state == "parked"
    order.id = uuid7()
    assert steer(Visitor("manager"), order).status_code == 404


def test_what_the_leg_does_not_allow_is_explained():
    order = paid()
    assert "does not allow this now" in steer(Visitor("manager"), order).content.decode()


def test_the_board_names_what_is_stuck_elsewhere_and_leads_there():
    manager = Visitor("manager")
    assert "Elsewhere" not in manager.get("/board/").content.decode()
    cache.clear()
    deliver_nowhere("orders")
    page = manager.get("/board/").content.decode()
    assert "Parked deliveries: 1" in page
    assert 'href="/admin/messaging/inboxevent/"' in page
    assert "Do not answer" not in page


def test_a_provider_that_is_spared_is_named(monkeypatch):
    row = {"name": "sandbox", "kind": "provider", "state": "open"}
    monkeypatch.setattr("storefront.shown.stuck.standing", lambda: [row])
    page = Visitor("manager").get("/board/").content.decode()
    assert "Do not answer" in page
    assert "<strong>sandbox</strong>" in page


def test_the_board_lives_while_a_database_is_away(monkeypatch):
    def away(**_):
        raise DatabaseAway

    monkeypatch.setattr("storefront.shown.stuck.waiting_for_somebody", away)
    page = Visitor("manager").get("/board/")
    assert page.status_code == 200
    assert "could not be counted just now" in page.content.decode()


def test_cash_that_was_promised_is_booked_from_the_orders_page():
    order, manager = make_orders.order(payment=[{"method": "cash"}]), Visitor("manager")
    receive(answers.reserved(order))
    path = f"/board/{order.id}/money/"
    assert "Pay at the showroom" in Visitor("admin").get(f"/orders/{order.id}/").content.decode()
    assert "No cash or transfer" in manager.client.post(path, follow=True).content.decode()
    drain_outbox("orders", "payments")
    assert path in manager.get(f"/orders/{order.id}/").content.decode()
    assert Visitor("client").client.post(path).status_code == 403
    assert Visitor().client.post(path).status_code == 302
    assert payments_of_order(order.id)[0].status == "pending"
    assert "The money is booked" in manager.client.post(path, follow=True).content.decode()
    assert payments_of_order(order.id)[0].status == "completed"
    drain_outbox("payments", "orders")
    order.refresh_from_db()
    assert order.status == "paid"


# Returns ---------------------------------------------------------------------------------------------------------
def decide(visitor, found, **fields):
    given = {"said": "as new"} | fields
    return visitor.client.post(f"/board/returns/{found.id}/", given, follow=True).content.decode()


def get_state(found):
    found.refresh_from_db()
    return found.state


def test_a_return_is_inspected_and_taken_back_from_the_board(settings):
    settings.REFUND_FOUR_EYES_ABOVE = 100_000_000
    found, manager = make_orders.returning(), Visitor("manager")
    page = manager.get("/board/").content.decode()
    assert f"/board/returns/{found.id}/" in page
    assert "Why it comes back: too loud" in page
    assert 'value="accept"' not in page
    told = decide(manager, found, action="inspect", mileage="1200")
    assert f"{found.order.number}: Note the inspection" in told
    assert "Found: as new (1200 km)" in told
    assert 'value="accept"' in told
    assert (get_state(found), found.mileage) == ("inspected", 1200)
    shown = decide(manager, found, action="accept", said="all in order")
    assert get_state(found) == "accepted"
    assert f"/board/returns/{found.id}/" not in shown


def test_a_return_is_refused_from_the_board():
    found = make_orders.returning()
    decide(Visitor("manager"), found, action="refuse", said="driven for months")
    assert (get_state(found), found.note, found.order.status) == ("refused", "driven for months", "completed")


def test_a_return_above_the_limit_waits_and_nobody_decides_their_own():
    found, manager = make_orders.returning(), Visitor("manager")
    decide(manager, found, action="inspect")
    assert "second person" in decide(manager, found, action="accept")
    own = make_orders.returning(customer_id=manager.user.id)
    decide(manager, own, action="inspect")
    decide(manager, own, action="refuse")
    assert (get_state(found), get_state(own)) == ("inspected", "asked")


@pytest.mark.parametrize("fields", [{"said": " "}, {"action": "burn"}, {"mileage": "-1"}, {"mileage": "far"}])
def test_bad_words_about_a_return_change_nothing(fields):
    found = make_orders.returning()
    assert "Say what was found" in decide(Visitor("manager"), found, **({"action": "inspect"} | fields))
    assert get_state(found) == "asked"


def test_deciding_a_return_is_for_managers():
    found = make_orders.returning()
    assert Visitor().client.post(f"/board/returns/{found.id}/").status_code == 302
    body = {"action": "inspect", "said": "x"}
    assert Visitor("client").client.post(f"/board/returns/{found.id}/", body).status_code == 403
    assert Visitor("manager").client.post(f"/board/returns/{uuid7()}/", body).status_code == 404
    early = decide(Visitor("manager"), found, action="accept")
    assert "nobody has inspected yet" in early
    assert get_state(found) == "asked"
