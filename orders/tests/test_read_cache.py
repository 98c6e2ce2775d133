"""Orders read from Valkey: never another's, never older than the last commit, and all the same without Valkey."""

import threading

import pytest
import redis
from django.db import connections
from django.utils import timezone

from core.db import before_commit, transaction
from core.ids import uuid7
from core.testing import Api
from gateway.guards import guard
from gateway.responses import cache as shared
from messaging.people import personal
from orders import services
from orders.models import Order
from orders.queries import cache
from orders.services import Actor
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders", "catalog"], transaction=True)
MANAGER = Actor(uuid7(), frozenset({"manager"}))


@pytest.fixture(autouse=True)
def _cached(settings):
    settings.ORDER_CACHE_SECONDS = 300
    settings.RATE_LIMITS_ON = False
    shared.line.rests_until = 0.0


@pytest.fixture
def reads(monkeypatch):
    """Count how often the database was asked for an order."""
    asked = []
    honest = cache.read_any
    monkeypatch.setattr(cache, "read_any", lambda order_id: asked.append(order_id) or honest(order_id))
    return asked


def found(order, viewer_id=None):
    return cache.find_order(order.id, viewer_id=viewer_id or order.customer_id, is_staff=viewer_id is None)


def edit(order, comment):
    services.edit_comment(order_id=order.id, comment=comment, actor=MANAGER, now=timezone.now())


def comment_in(answer):
    return answer.json()["comment"]


def test_a_second_read_asks_valkey_alone(reads):
    order = make.order()
    api = Api("client", user_id=order.customer_id)
    first = api.get(f"/orders/{order.id}")
    second = api.get(f"/orders/{order.id}")
    assert (first.json(), first["ETag"]) == (second.json(), second["ETag"])
    assert len(reads) == 1
    assert api.get(f"/orders/{order.id}", If_None_Match=first["ETag"]).status_code == 304


def test_nobody_reads_anothers_cached_order(reads):
    order = make.order()
    assert Api("client", user_id=order.customer_id).get(f"/orders/{order.id}").status_code == 200
    assert Api("client").get(f"/orders/{order.id}").status_code == 404
    assert Api().get(f"/orders/{order.id}").status_code == 401
    assert Api("manager").get(f"/orders/{order.id}").status_code == 200
    assert len(reads) == 1


def test_each_kind_of_write_drops_the_cached_order():
    order = make.order()
    api = Api("manager")

    def seen():
        document = api.get(f"/orders/{order.id}").json()
        return document["status"], document["comment"], document["saga"]["step"], document["amount_paid"]

    seen()
    edit(order, "Call before noon")
    assert seen()[1] == "Call before noon"
    receive(answers.reserved(order))
    assert (seen()[0], seen()[2]) == ("awaiting_payment", "payment")
    receive(answers.paid(order, by_saga=False))
    assert (seen()[0], seen()[3]) == ("paid", str(order.total_amount))
    services.delete_order(order_id=order.id, actor=Actor(uuid7(), frozenset({"admin"})), now=timezone.now())
    assert api.get(f"/orders/{order.id}").status_code == 404


def test_an_order_read_before_a_write_and_stored_after_it_is_refused(monkeypatch):
    """The race: a slow reader holds the old row while a writer commits."""
    order = make.order()
    honest = cache.read_any
    read, written = threading.Event(), threading.Event()

    def slow(order_id):
        document = honest(order_id)
        read.set()
        assert written.wait(10)
        return document

    monkeypatch.setattr(cache, "read_any", slow)
    old = []

    def read_slowly():
        old.append(found(order))
        connections.close_all()

    reader = threading.Thread(target=read_slowly)
    reader.start()
    assert read.wait(10)
    edit(order, "new")
    written.set()
    reader.join()
    monkeypatch.setattr(cache, "read_any", honest)
    assert b'"comment":""' in old[0].body
    assert b'"comment":"new"' in found(order).body


def test_a_read_during_a_write_stores_nothing(reads):
    order = make.order()
    inside, go_on = threading.Event(), threading.Event()

    def write():
        with transaction("orders"):
            edit(order, "new")
            cache_mark_early(order)
            inside.set()
            assert go_on.wait(10)
        connections.close_all()

    writer = threading.Thread(target=write)
    writer.start()
    assert inside.wait(10)
    assert b'"comment":""' in found(order).body
    assert b'"comment":""' in found(order).body
    assert len(reads) == 2, "an order was cached while a write was under way"
    go_on.set()
    writer.join()
    assert b'"comment":"new"' in found(order).body


def cache_mark_early(order):
    """Lay the mark as the end of the transaction does, and hold the transaction open."""
    before_commit("orders", ("cache", cache.cached_orders.path(order.id)), None)()


def test_a_writer_that_dies_after_its_commit_leaves_a_mark_and_no_stale_entry(monkeypatch, reads):
    order = make.order()
    found(order)
    monkeypatch.setattr(shared.Drop, "take_away", lambda self: None)
    edit(order, "new")
    assert b'"comment":"new"' in found(order).body
    assert b'"comment":"new"' in found(order).body
    assert len(reads) == 3


def test_one_writer_does_not_take_away_the_mark_of_the_next(reads):
    order = make.order()
    first, second = (shared.Drop(cache.cached_orders, order.id) for _ in range(2))
    with transaction("orders"):
        first()
    with transaction("orders"):
        first()
        second()
        first.take_away()
        found(order)
        assert cache.cached_orders._take(order.id) is None
    assert cache.cached_orders._take(order.id) is not None


def test_inside_a_transaction_its_own_changes_are_seen_and_not_stored():
    order = make.order()
    with transaction("orders"):
        Order.objects.filter(pk=order.id).update(comment="uncommitted")
        assert b"uncommitted" in found(order).body
    assert b"uncommitted" in found(order).body


def test_no_cached_order_keeps_what_its_erased_buyer_wrote():
    order = make.order()
    edit(order, "ring me at home")
    assert b"at home" in found(order).body
    personal.erase("orders", order.customer_id)
    assert b"at home" not in found(order).body


def test_without_valkey_everything_comes_from_the_database(monkeypatch, reads):
    def refuse(pool):
        raise redis.ConnectionError("away")

    order = make.order()
    shared.line.hang_up()
    monkeypatch.setattr(guard, "own_connection", refuse)
    assert found(order) is not None
    edit(order, "new")
    assert b'"comment":"new"' in found(order).body
    assert len(reads) == 2


def test_what_lay_in_valkey_before_its_restart_is_never_read(reads):
    """Entries survive a restart on disk, but a drop may have been missed meanwhile."""
    order = make.order()
    found(order)
    shared.line.life = "another-life"
    Order.objects.filter(pk=order.id).update(comment="missed")
    assert b"missed" in found(order).body
    shared.line.hang_up()
    assert b"missed" not in found(order).body, "the test proves nothing"


def test_under_load_no_read_is_older_than_the_write_before_it():
    """Four readers and a writer on one order: whoever reads after a write returned sees it, or a later one."""
    order = make.order()
    last = [0]
    stale: list[tuple[int, int]] = []
    is_over = threading.Event()

    def read():
        while not is_over.is_set():
            expected = last[0]
            shown = found(order).version
            if shown < expected:
                stale.append((shown, expected))
        connections.close_all()

    def write():
        for number in range(60):
            edited = services.edit_comment(order_id=order.id, comment=str(number), actor=MANAGER, now=timezone.now())
            last[0] = edited.version
        is_over.set()
        connections.close_all()

    threads = [threading.Thread(target=work) for work in (read, read, read, read, write)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert is_over.is_set()
    assert stale == []
