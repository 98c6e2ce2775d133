"""A backup taken while people buy, restored: nothing contradicts, nobody is stopped, every order comes to its end."""

import json
import threading
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import partial

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone
from psycopg import sql

import accounts.services
import accounts.tests.make
import catalog.tests.make
from accounts.models import User
from accounts.providers import erasures
from config import books
from config.databases import APPS, STORES
from config.servers import backup
from core.db import transaction
from core.errors import DomainError
from core.ids import uuid7
from messaging.delivery import calls, sweep
from messaging.delivery.dispatcher import dispatch
from messaging.models import Departure, InboxCursor
from messaging.testing import drain_outbox
from messaging.transport import relay, relay_loop
from orders.models import Order
from orders.services import Actor, ProductLine, move_order, place_order
from payments.tests.conftest import running_sandbox, sandbox
from tests.product import wait_for
from tests.test_marked_person import hits_in_databases

__all__ = ["running_sandbox", "sandbox"]

pytestmark = [pytest.mark.proof, pytest.mark.django_db(databases=[*STORES], transaction=True)]
SELLING = ("catalog", "orders", "payments")
"""Apps whose relay and workers run; what the others have to hear waits in the logs, across the backup too."""
CARD = {"method": "card", "token": "tok_success"}


def product(stock):
    made = catalog.tests.make.product(stock=stock, price=Decimal("2000000.00"))
    drain_outbox()
    return made


def buy(car):
    buyer = uuid7()
    return place_order(
        customer_id=buyer,
        actor=Actor(buyer, frozenset({"client"})),
        lines=[ProductLine(car.id, 1)],
        payment=CARD,
        now=timezone.now(),
    )


class Load:
    """A relay, workers and buyers, each on a thread of its own."""

    def __init__(self, car):
        self.car, self.stopping, self.bought = car, threading.Event(), 0
        acts = [(0.05, partial(self.work, alias)) for alias in SELLING] + [(0.3, self.buy)] * 2
        self.threads = [threading.Thread(target=self.again, args=act, daemon=True) for act in acts]
        self.relay = relay_loop.Relay(list(SELLING))

    def work(self, alias):
        for _, handler, shard in sweep.pending_shards(alias):
            dispatch(alias, handler, shard)
        for key in calls.due_calls(alias):
            calls.execute_call(alias, key)

    def buy(self):
        with suppress(DomainError):
            buy(self.car)
            self.bought += 1

    def again(self, pause_s, act):
        while not self.stopping.wait(pause_s):
            act()
        connections.close_all()

    def __enter__(self):
        self.relay.start()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
        self.relay.stop()


@contextmanager
def new_databases():
    """Empty ones of other names, to which the aliases lead meanwhile."""
    given = {alias: connections[alias].settings_dict for alias in STORES}
    before = {alias: one["NAME"] for alias, one in given.items()}
    admin = psycopg.connect(host=given["orders"]["HOST"], user="postgres", dbname="postgres", autocommit=True)
    try:
        for alias, name in before.items():
            connections[alias].close()
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(f"{name}_new")))
            given[alias]["NAME"] = f"{name}_new"
        yield
    finally:
        for alias, name in before.items():
            connections[alias].close()
            given[alias]["NAME"] = name
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(f"{name}_new"))
            admin.execute(drop)
        admin.close()


def paid():
    return Order.objects.filter(status="paid").count()


def retry_at_once():
    """Make due again what workers had in hand at that moment and whose time is up."""
    for alias in APPS:
        with connections[alias].cursor() as cursor:
            cursor.execute("UPDATE messaging_inbox SET next_at = statement_timestamp() WHERE status = 0")
            cursor.execute(
                """UPDATE messaging_external_call SET next_at = statement_timestamp(), lease_until = NULL
                   WHERE finished_at IS NULL"""
            )


def epochs():
    found = {}
    for alias in APPS:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT epoch FROM messaging_feed_head")
            found[alias] = cursor.fetchone()
    return found


@pytest.mark.timeout(500)
def test_a_backup_under_load_restores_to_books_that_agree(tmp_path, capsys):
    car = product(stock=10_000)
    with Load(car) as load:
        wait_for(lambda: paid() >= 2 and load.bought >= 6, 120, "nobody buys")
        call_command("backup", tmp_path / "b")
        after = load.bought
        wait_for(lambda: load.bought >= after + 3, 120, "the shop stands still after a backup")
    lost, known = Order.objects.count(), epochs()
    with new_databases():
        call_command("restore", tmp_path / "b")
        restored = Order.objects.count()
        assert 6 <= restored < lost, "the backup is of the moment in which it was taken"
        assert not set(known.items()) & set(epochs().items()), "the logs are other ones now"
        assert paid() < restored, "some orders were on their way"
        for _ in range(3):
            retry_at_once()
            drain_outbox()
        paused = [row for alias in APPS for row in InboxCursor.objects.using(alias).filter(is_paused=True)]
        assert (paused, books.in_flight()) == ([], 0)
        found = {name: [one for one in check() if one.kind != "charge_unknown"] for name, check in books.CHECKS.items()}
        assert {name: items for name, items in found.items() if items} == {}
        assert paid() == restored
        buy(car)
        drain_outbox()
        assert paid() == restored + 1, "and the shop goes on"


def test_the_moment_waits_for_whoever_publishes_and_lets_everybody_on(monkeypatch):
    car = product(stock=5)
    with backup.one_moment(STORES) as (snapshots, stood_s):
        assert {one.alias for one in snapshots} == set(STORES)
        assert stood_s < 5
        buy(car)  # the dumps go on while this is bought
        drain_outbox()
    monkeypatch.setattr(backup, "PATIENCE_S", 0.2)
    monkeypatch.setattr(backup, "TRIES", 2)
    with transaction("orders"), connections["orders"].cursor() as cursor:
        cursor.execute("LOCK TABLE messaging_outbox IN ROW EXCLUSIVE MODE")  # as whoever publishes has it
        with pytest.raises(backup.BackupError, match="hangs"), backup.one_moment(STORES):
            pass
    buy(car)
    drain_outbox()
    assert paid() == 2


@pytest.mark.parametrize("act", ["publish", "copy"])
def test_nothing_is_published_or_copied_between_two_snapshots(monkeypatch, act):
    car = product(stock=5)
    buy(car)
    relay.sequence("orders")
    alive, snapshot = [], backup._snapshot

    def try_to():
        buy(car) if act == "publish" else relay.copy("orders", "catalog")
        connections.close_all()

    other = threading.Thread(target=try_to)

    def slow(alias, session):
        found = snapshot(alias, session)
        if alias == STORES[0]:
            other.start()
            other.join(1.5)
            alive.append(other.is_alive())
        return found

    monkeypatch.setattr(backup, "_snapshot", slow)
    with backup.one_moment(STORES):
        other.join(20)
    assert (alive, other.is_alive()) == ([True], False), "it waits for the moment to pass, and then goes on"


def test_a_new_epoch_begins_at_the_end_of_the_log_and_stops_nobody():
    buy(product(stock=2))
    drain_outbox()
    before = epochs()
    backup.begin_new_epochs([*APPS])
    assert not set(before.items()) & set(epochs().items())
    with connections["orders"].cursor() as cursor:
        cursor.execute("SELECT position > 0, began_at = position FROM messaging_feed_head")
        assert cursor.fetchone() == (True, True)
    buy(product(stock=2))
    drain_outbox()
    assert (paid(), books.in_flight()) == (2, 0)


def test_what_cannot_be_a_backup_or_a_restore_is_refused(tmp_path):
    call_command("backup", tmp_path / "b")
    with pytest.raises(CommandError, match="exists"):
        call_command("backup", tmp_path / "b")
    with pytest.raises(CommandError, match="is not empty"):
        call_command("restore", tmp_path / "b")
    with pytest.raises(CommandError, match="is no backup"):
        call_command("restore", tmp_path)
    manifest = json.loads((tmp_path / "b/manifest.json").read_text())
    assert set(manifest["dumps"]) == set(STORES)
    with (tmp_path / "b/orders.dump").open("ab") as file:
        file.write(b"!")
    with new_databases():
        with pytest.raises(CommandError, match=r"orders\.dump is damaged"):
            call_command("restore", tmp_path / "b")
        assert backup._is_empty("accounts"), "nothing is written before all is looked at"
    del manifest["dumps"]["clients"]
    (tmp_path / "b/manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CommandError, match="not the same databases here and in the backup: clients"):
        call_command("restore", tmp_path / "b")
    assert [one.name for one in tmp_path.iterdir()] == ["b"], "no half backup is left"


# Who was erased stays erased ----------------------------------------------------------------------------------------
NAME, EMAIL, PHONE, COMMENT = "Евстолия Небывалова", "evstolia.n@marked.example", "+79037778899", "МЕТКА-order-comment"
MARKS = [NAME, EMAIL, PHONE, COMMENT]


def a_buyer():
    """Somebody who ordered, gave it up, and is tied by nothing."""
    person = accounts.services.register(
        email=EMAIL, full_name=NAME, phone=PHONE, password="correct-horse-battery", now=timezone.now()
    )
    drain_outbox()
    actor = Actor(person.id, frozenset({"client"}))
    bought = [ProductLine(product(stock=1).id, 1)]
    order = place_order(customer_id=person.id, actor=actor, lines=bought, comment=COMMENT, now=timezone.now())
    drain_outbox()
    move_order(order_id=order.id, status="cancelled", actor=actor, now=timezone.now())
    drain_outbox()
    return person.id


@pytest.mark.timeout(500)
def test_a_restore_brings_back_nobody_who_was_erased(tmp_path, settings, capsys):
    settings.ERASURES_DIR = tmp_path / "erasures"
    person, other = a_buyer(), accounts.tests.make.user()
    call_command("backup", tmp_path / "b")
    accounts.services.erase_user(user_id=person, now=timezone.now())
    drain_outbox()
    assert hits_in_databases(MARKS) == set()
    assert [one.name for one in settings.ERASURES_DIR.iterdir()] == [str(person)]
    with new_databases():
        call_command("restore", tmp_path / "b")
        assert {mark for mark, _ in hits_in_databases(MARKS)} == set(MARKS), "the backup knows them"
        call_command("replay_erasures", "--dry-run")
        assert "1 people are back" in capsys.readouterr().out
        call_command("replay_erasures")
        drain_outbox()
        assert hits_in_databases(MARKS) == set()
        assert not User.objects.filter(pk=other.pk, erased_at__isnull=False).exists()
        assert accounts.services.replay_erasures(now=timezone.now()).erased == 0


def test_a_database_restored_alone_hears_of_all_erasures_again(settings, tmp_path):
    settings.ERASURES_DIR = tmp_path / "erasures"
    person = a_buyer()
    accounts.services.erase_user(user_id=person, now=timezone.now())
    drain_outbox()
    Order.objects.filter(customer_id=person).update(comment=COMMENT)
    assert accounts.services.replay_erasures(now=timezone.now(), is_again=True).told == 1
    drain_outbox()
    assert hits_in_databases(MARKS) == set()


def test_who_was_erased_before_there_was_a_list_is_listed(settings, tmp_path):
    settings.ERASURES_DIR = tmp_path / "erasures"
    person = a_buyer()
    accounts.services.erase_user(user_id=person, now=timezone.now())
    Departure.objects.using("accounts").all().delete()
    assert accounts.services.maintain_erasures(now=timezone.now()).told == 1
    drain_outbox()
    assert [one.name for one in settings.ERASURES_DIR.iterdir()] == [str(person)]
    assert accounts.services.maintain_erasures(now=timezone.now()).told == 0


def test_the_last_administrator_is_not_erased_by_a_list(settings, tmp_path, capsys):
    settings.ERASURES_DIR = tmp_path / "erasures"
    boss = accounts.tests.make.user("admin")
    erasures.record(boss.id, timezone.now())
    call_command("replay_erasures")
    assert "1 refused" in capsys.readouterr().out
    assert User.objects.get(pk=boss.pk).erased_at is None
