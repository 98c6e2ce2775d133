"""A log on another machine: copied once and in order, whoever else copies it or moves cursors meanwhile."""

import pytest
from django.db import connections

from core.ids import uuid7
from core.outside.asking import PeerAway
from messaging.delivery import dispatcher, replay
from messaging.models import FeedHead, InboxCursor, OutboxEvent
from messaging.peering import peers
from messaging.subscriptions import list_subscriptions
from messaging.testing import drain_outbox
from messaging.tests.test_delivery import Recorder, change, inbox, recorder  # noqa: F401  (a fixture)
from messaging.transport import cursors, logs, relay, relay_loop
from messaging.upkeep import retention

pytestmark = [
    pytest.mark.django_db(databases=["catalog", "orders", "financing", "insurance", "notifications", "resources"]),
    pytest.mark.usefixtures("recorder"),
]


@pytest.fixture
def far(line, monkeypatch):
    """The catalogue is on another machine."""
    monkeypatch.setattr(peers, "is_here", lambda app: app != "catalog")
    monkeypatch.setattr(cursors, "is_here", peers.is_here)
    monkeypatch.setattr(replay, "is_here", peers.is_here)
    monkeypatch.setattr(relay_loop, "_failures", {})
    return line


def place(*names):
    for name in names:
        change(name)
    while relay.sequence("catalog"):
        pass


def cursor():
    return InboxCursor.objects.using("orders").get(handler=Recorder.name, source="catalog")


def follow():
    relay_loop.follow("catalog", ["orders"])


def copied():
    return [row.data["name"] for row in inbox().order_by("rn")]


def test_it_is_copied_in_order_and_once(far, monkeypatch):
    monkeypatch.setattr(logs, "MAX_ROWS", 2)
    place("a", "b", "c", "d", "e")
    follow()
    follow()
    assert copied() == ["a", "b", "c", "d", "e"]
    assert cursor().position == logs.read_page("catalog", 0, [], []).head


def test_what_was_copied_far_away_is_handled_here(far, recorder):  # noqa: F811
    place("a", "b")
    follow()
    for shard in inbox().values_list("shard", flat=True).distinct():
        dispatcher.dispatch("orders", Recorder.name, shard)
    assert sorted(recorder.effects) == ["a", "b"]


def test_subscribers_at_one_position_share_one_question(far):
    place("a")
    relay_loop.follow("catalog", ["orders", "notifications"])
    place("b")
    far.requests.clear()
    relay_loop.follow("catalog", ["orders", "notifications"])
    assert len(far.requests) == 1


def test_nothing_new_locks_nothing(far, asked):
    place("a")
    follow()
    asked.clear()
    follow()
    assert [app for app, _ in asked].count("orders") == 1


def meanwhile(monkeypatch, happens):
    """Once the peer has told its page, and before any cursor is locked, something else happens, once."""
    page, waiting = logs.Log.page, [happens]

    def told(*arguments):
        found = page(*arguments)
        if waiting:
            waiting.pop()()
        return found

    monkeypatch.setattr(logs.Log, "page", told)


def test_another_relay_that_was_faster_is_no_restore(far, monkeypatch):
    place("a")
    follow()
    place("b")

    def further():
        place("c")
        follow()

    meanwhile(monkeypatch, further)
    follow()
    assert copied() == ["a", "b", "c"]
    assert not cursor().is_paused


def test_a_cursor_that_was_moved_back_meanwhile_skips_nothing(far, monkeypatch):
    place("a", "b")
    follow()
    place("c")

    def back():
        inbox().delete()
        InboxCursor.objects.using("orders").filter(handler=Recorder.name).update(position=0)

    meanwhile(monkeypatch, back)
    follow()
    follow()
    assert copied() == ["a", "b", "c"]


def test_a_page_asked_for_another_subscriber_is_no_restore(far):
    """It may be older than the progress of those who share it."""
    place("a")
    follow()
    handlers = [item for item in list_subscriptions("orders") if "catalog" in item.sources]
    log = logs.Log("catalog", relay.list_types("catalog", handlers))
    place("b")
    log.page(relay.read_cursors("catalog", "orders", handlers).values(), cursor().position)
    place("c")
    others = InboxCursor.objects.using("orders").filter(source="catalog").exclude(handler=Recorder.name)
    others.update(position=logs.read_page("catalog", 0, [], []).head)
    while relay.copy("catalog", "orders", log)[1]:
        pass
    assert copied() == ["a", "b", "c"]
    assert not InboxCursor.objects.using("orders").filter(is_paused=True).exists()


@pytest.mark.parametrize("change", [{"epoch": uuid7()}, {"position": 0}])
def test_a_log_restored_from_a_backup_pauses_its_readers(far, change):
    place("a")
    follow()
    FeedHead.objects.using("catalog").update(**change)
    follow()
    assert cursor().is_paused
    assert cursor().pause_reason == "source restored from a backup"
    assert cursors.resume(Recorder.name, "catalog") == 1
    assert cursor().epoch == FeedHead.objects.using("catalog").get().epoch


def test_a_restored_log_that_has_grown_again_pauses_its_readers(far):
    """The places of lost events are taken by others: what was seen at the anchor is not there any more."""
    place("a", "b")
    follow()
    OutboxEvent.objects.using("catalog").filter(position=cursor().anchor).update(id=uuid7())
    place("c")
    follow()
    assert cursor().pause_reason == "source restored from a backup"
    assert copied() == ["a", "b"]


def test_a_peer_that_is_away_moves_nothing_and_is_made_up_for(far):
    place("a")
    follow()
    place("b")
    far.is_cut = True
    with pytest.raises(PeerAway):
        follow()
    assert copied() == ["a"]
    far.is_cut = False
    follow()
    assert copied() == ["a", "b"]


def test_a_subscriber_that_fails_holds_up_no_other(far, monkeypatch):
    copy, failed = relay.copy, []

    def failing(source, alias, log=None, **options):
        if alias == "notifications":
            failed.append(alias)
            raise RuntimeError("not this one")
        return copy(source, alias, log, **options)

    monkeypatch.setattr(relay, "copy", failing)
    place("a")
    for _ in range(3):
        relay_loop.follow("catalog", ["notifications", "orders"])
    assert copied() == ["a"]
    assert failed == ["notifications"]


def test_the_backlog_and_a_replay_are_known_across_machines(far):
    place("a", "b", "c")
    follow()
    place("d")
    [item] = [item for item in list_subscriptions("orders") if item.name == Recorder.name]
    assert cursors._lag(item, "catalog").events == 4
    assert replay.first_kept("catalog") == 1
    with pytest.raises(replay.NotReplayable):
        replay.rewind(item, "catalog", first=2)
    replay.rewind(item, "catalog")
    replay.catch_up(item, ["catalog"])
    assert copied() == ["a", "b", "c", "d"]


def test_a_log_is_kept_until_subscribers_elsewhere_have_copied_it(line, monkeypatch):
    place("a", "b")
    monkeypatch.setattr(peers, "is_here", lambda app: app == "catalog")
    with connections["catalog"].cursor() as asked:
        asked.execute("SELECT clock_timestamp()")
        (now,) = asked.fetchone()
    assert retention.passed("catalog", now) == 0
    line.is_cut = True
    with pytest.raises(PeerAway):
        retention.passed("catalog", now)
    line.is_cut = False
    monkeypatch.setattr(peers, "is_here", lambda app: True)
    drain_outbox("catalog", "orders", "financing", "insurance", "notifications", "resources")
    monkeypatch.setattr(peers, "is_here", lambda app: app == "catalog")
    assert retention.passed("catalog", now) == logs.read_page("catalog", 0, [], []).head
