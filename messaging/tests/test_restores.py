"""A source restored from a backup: it is recognised, declared, and every reader goes on without loss or repetition."""

from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from catalog.events import CategoryChanged
from config import books
from core.db import transaction
from core.ids import uuid7
from messaging import subscriptions
from messaging.feeds import feed
from messaging.management.commands import events
from messaging.models import FeedHead, InboxCursor, InboxEvent, OutboxEvent
from messaging.outbox import publish
from messaging.subscriptions import subscribe
from messaging.testing import drain_outbox
from messaging.transport import relay, relay_loop, restores

pytestmark = pytest.mark.django_db(databases=["catalog", "orders"])
READER = "orders.test_reader"


@pytest.fixture
def heard() -> Iterator[list[str]]:
    known = dict(subscriptions.subscriptions())
    subscriptions._registry.clear()
    names: list[str] = []
    register(names)
    yield names
    subscriptions._registry.clear()
    subscriptions._registry.update(known)


def register(names: list[str], **options) -> None:
    def handle(event):
        names.append(event.name)

    handle.__module__ = "orders.test"
    subscribe(CategoryChanged, name=READER, partition_key="parent_id", **options)(handle)  # one partition: in order


def publish_named(*names: str) -> None:
    with transaction("catalog"):
        for name in names:
            publish(CategoryChanged(category_id=uuid7(), name=name))
    relay.sequence("catalog")


def relayed() -> None:
    relay_loop.follow("catalog", ["orders"])
    drain_outbox("catalog", "orders")


def lose_after(position: int) -> None:
    """Do what a backup does: everything after a position never happened, and the epoch is the old one."""
    OutboxEvent.objects.using("catalog").filter(position__gt=position).delete()
    FeedHead.objects.using("catalog").update(position=position)


def cursor():
    return InboxCursor.objects.using("orders").get(handler=READER)


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("events", *arguments, stdout=out)
    return out.getvalue()


def test_new_events_at_the_places_of_lost_ones_are_noticed(heard):
    publish_named("a", "b", "lost", "lost too")
    relayed()
    lose_after(2)
    publish_named("c", "d", "e", "f")
    relayed()
    assert (cursor().is_paused, cursor().pause_reason) == (True, relay.RESTORED)
    assert heard == ["a", "b", "lost", "lost too"]


def test_as_many_new_events_as_were_lost_are_noticed_too(heard):
    publish_named("a", "lost")
    relayed()
    lose_after(1)
    publish_named("b")
    relayed()
    assert cursor().is_paused


def test_after_it_is_declared_nothing_is_missed_or_repeated(heard):
    publish_named("a", "b", "lost", "lost too")
    relayed()
    lose_after(2)
    publish_named("c", "d", "e")
    relayed()
    said = run("restored", "--source", "catalog")
    assert f"{READER} <- catalog: had read up to 4, goes on after 2" in said
    publish_named("f")
    relayed()
    assert heard == ["a", "b", "lost", "lost too", "c", "d", "e", "f"]
    assert not cursor().is_paused


def test_positions_are_never_given_out_again_after_a_declaration(heard, monkeypatch):
    publish_named("a", "lost", "lost too")
    relayed()
    before = FeedHead.objects.using("catalog").get().epoch
    lose_after(1)
    run("restored", "--source", "catalog")
    publish_named("b")
    head = FeedHead.objects.using("catalog").get()
    assert (head.began_at, head.position) == (4, 5)
    assert head.epoch != before
    relayed()
    assert heard == ["a", "lost", "lost too", "b"]
    monkeypatch.setattr(books, "served", lambda: ["catalog"])
    assert list(books.log_disagreements()) == []


def test_clients_of_the_live_feed_start_over(heard):
    feed.FEEDS.setdefault("catalog", set())
    publish_named("a", "lost")
    relayed()
    assert feed.is_kept("catalog", 2)
    lose_after(1)
    run("restored", "--source", "catalog")
    publish_named("b", "c", "d")
    assert not feed.is_kept("catalog", 2)
    assert feed.is_kept("catalog", 3)
    assert feed.is_kept("catalog", 0)


def test_a_declaration_without_a_restore_changes_nothing_for_readers(heard, monkeypatch):
    monkeypatch.setattr(events, "served", lambda: ["catalog", "orders"])
    publish_named("a", "b")
    relayed()
    assert "had read" not in run("restored", "--all")
    publish_named("c")
    relayed()
    assert run("restored", "--source", "catalog") == "catalog: a new life of the log began\n"
    assert heard == ["a", "b", "c"]


def test_whom_an_operator_had_paused_stays_so(heard):
    publish_named("a", "lost")
    relayed()
    run("pause", "--handler", READER, "--reason", "moving house")
    lose_after(1)
    run("restored", "--source", "catalog")
    assert (cursor().is_paused, cursor().pause_reason) == (True, "moving house")
    publish_named("b")
    run("resume", "--handler", READER)
    relayed()
    assert heard == ["a", "lost", "b"]


def test_one_batch_placed_in_another_order_is_heard_whole(heard):
    """At the backup two events waited for their positions, and the reader had seen only the one that came later."""
    publish_named("a", "second")
    relayed()
    with connections["catalog"].cursor() as raw:
        raw.execute("UPDATE messaging_outbox SET position = 3 WHERE position = 2")
        raw.execute("UPDATE messaging_feed_head SET position = 1")
    publish_named("first")
    FeedHead.objects.using("catalog").update(position=3)
    relayed()
    assert cursor().is_paused
    run("restored", "--source", "catalog")
    relayed()
    assert heard == ["a", "second", "first"]


def test_where_nothing_shows_how_far_it_had_read_it_stays_paused(heard):
    publish_named("past")
    register(heard, start="now")
    relayed()
    assert heard == []
    lose_after(0)
    publish_named("x", "y")
    with pytest.raises(SystemExit):
        run("restored", "--source", "catalog")
    assert cursor().is_paused
    run("resume", "--handler", READER, "--source", "catalog", "--from", "2")
    relayed()
    assert heard == ["y"]


def test_a_reader_whose_database_went_back_with_its_cursor_needs_nothing(heard):
    publish_named("a", "b", "c")
    relayed()
    first = InboxEvent.objects.using("orders").order_by("rn").first()
    InboxEvent.objects.using("orders").exclude(pk=first.pk).delete()
    InboxCursor.objects.using("orders").update(position=1, anchor=1, anchor_id=first.event_id)
    relayed()
    assert heard == ["a", "b", "c", "b", "c"]
    assert not cursor().is_paused


def test_nothing_is_declared_while_a_reader_is_away(heard, monkeypatch):
    from django.db import OperationalError

    publish_named("a")
    relayed()

    def refuse(source, alias):
        raise OperationalError("the database is away")

    monkeypatch.setattr(restores, "_highest_read", refuse)
    before = FeedHead.objects.using("catalog").get().epoch
    with pytest.raises(CommandError, match="was not declared"):
        run("restored", "--source", "catalog")
    assert FeedHead.objects.using("catalog").get().epoch == before


def test_only_what_is_served_can_be_declared(heard):
    with pytest.raises(CommandError, match="not served here: elsewhere"):
        run("restored", "--source", "elsewhere")
