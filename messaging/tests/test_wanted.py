"""A relay under load hands events to those who want them; the others catch up with the head a moment later."""

import math
import threading
import time
from itertools import pairwise
from types import SimpleNamespace

import pytest
from django.utils import timezone

from core.db import fetch
from messaging.delivery import replay, sweep
from messaging.delivery.sweep import Due
from messaging.models import FeedHead, Heartbeat, InboxCursor
from messaging.outbox import CHANNEL
from messaging.subscriptions import list_subscriptions
from messaging.testing import drain_outbox
from messaging.tests.test_delivery import Recorder, change, inbox, recorder, register  # noqa: F401  (a fixture)
from messaging.transport import relay, relay_loop
from tests.product import wait_for

pytestmark = [
    pytest.mark.django_db(databases=["catalog", "orders", "financing", "insurance", "notifications", "resources"]),
    pytest.mark.usefixtures("recorder"),
]


def head() -> int:
    return FeedHead.objects.using("catalog").get().position


def positions(alias: str) -> set[int]:
    return set(InboxCursor.objects.using(alias).filter(source="catalog").values_list("position", flat=True))


def test_only_those_who_want_an_event_are_given_it_at_once(recorder, asked):  # noqa: F811
    relay_loop.turn("catalog")
    before = positions("resources")
    change("a")
    assert "resources" not in relay_loop.list_targets("catalog", {"category.changed"})
    asked.clear()
    assert relay_loop.turn("catalog", to_all=False) == 1
    assert "resources" not in [app for app, _ in asked]
    assert positions("resources") == before
    assert positions("orders") == {head()}
    assert [row.data["name"] for row in inbox()] == ["a"]
    relay_loop.turn("catalog")
    assert positions("resources") == {head()}


def test_a_cursor_that_is_not_where_it_was_left_is_looked_at_again(recorder):  # noqa: F811
    relay_loop.turn("catalog")
    InboxCursor.objects.using("orders").filter(handler=Recorder.name).delete()
    change("a")
    relay_loop.turn("catalog", to_all=False)
    assert [row.data["name"] for row in inbox()] == ["a"]


def test_an_event_costs_a_statement_to_place_one_to_read_and_one_for_each_who_wants_it(recorder, asked):  # noqa: F811
    relay_loop.turn("catalog")
    change("a")
    asked.clear()
    relay_loop.turn("catalog", to_all=False)
    databases = [app for app, _ in asked]
    assert (databases.count("catalog"), databases.count("orders")) == (2, 1)


def test_a_place_in_the_log_reaches_the_disk_before_it_is_copied_and_a_copy_need_not(recorder):  # noqa: F811
    def waits(alias):
        return fetch(alias, "SHOW synchronous_commit", ())[0][0]

    change("a")
    relay_loop.turn("catalog")
    assert (waits("catalog"), waits("orders")) == ("on", "off")


def test_a_log_without_news_costs_one_look(recorder, asked):  # noqa: F811
    relay_loop.turn("catalog")
    asked.clear()
    relay_loop.turn("catalog", to_all=False)
    assert [app for app, _ in asked] == ["catalog"]


def test_a_fresh_database_gets_its_head_before_its_first_event():
    FeedHead.objects.using("catalog").all().delete()
    relay.sequence("catalog")
    assert FeedHead.objects.using("catalog").exists()


def test_when_everybody_is_looked_at():
    """At the beginning, now and then, while somebody is away, and soon after a bell that another relay has answered."""
    looks = relay_loop.Looks()
    assert [looks.is_due(now, fails=False) for now in (0.0, 0.4, 4.9, 5.1)] == [True, False, False, True]
    for placed, has_rung in ((0, True), (3, True), (1, False), (0, False)):
        looks.record_turn(placed, has_rung=has_rung)
    assert not looks.is_due(6.0, fails=False), "all that rang was placed here"
    assert (looks.wait_s(fails=False), looks.wait_s(fails=True)) == (relay_loop.IDLE_S, relay_loop.POLL_S)
    assert looks.is_due(6.0, fails=True)
    looks.record_turn(0, has_rung=True)
    looks.record_turn(0, has_rung=False)
    assert looks.wait_s(fails=False) == relay_loop.POLL_S
    assert [looks.is_due(now, fails=False) for now in (6.1, 6.6, 7.2)] == [False, True, False]


def test_where_nothing_happens_looks_come_ever_less_often_until_something_does():
    looks, now, pauses = relay_loop.Looks(), 0.0, []
    while len(pauses) < 7:
        is_due = looks.is_due(now, fails=False)
        pauses += [now] if is_due else []
        now += 0.5
    gaps = [round(later - sooner) for sooner, later in pairwise(pauses)]
    assert gaps == [5, 10, 20, 40, 60, 60]
    assert looks.is_still()
    assert looks.wait_s(fails=False) == relay_loop.MOST_IDLE_S
    for placed, has_rung in ((1, False), (0, True)):
        looks.record_turn(placed, has_rung=has_rung)
        assert not looks.is_still()
        assert looks.wait_s(fails=False) == relay_loop.IDLE_S


@pytest.fixture
def sweeps(monkeypatch):
    """Moments of the sweeps of a relay's thread whose database has nothing that is due, nor will for `next_s`."""
    monkeypatch.setattr(relay_loop, "SWEEP_S", 0.01)
    monkeypatch.setattr(relay_loop, "STIR_S", 0.1)
    monkeypatch.setattr(relay_loop, "MOST_SWEEP_S", 60.0)
    found = SimpleNamespace(at=[], next_s=math.inf)

    def look(alias):
        found.at.append(time.monotonic())
        return Due(timers=False, deliveries=False, calls=False, next_s=found.next_s)

    monkeypatch.setattr(sweep, "look", look)
    monkeypatch.setattr(sweep, "sweep", lambda *_, **__: 0)
    found.relay = relay_loop.Relay(["catalog"])
    thread = threading.Thread(target=found.relay._sweep, args=("catalog",))
    thread.start()
    yield found
    found.relay.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_a_database_in_which_nothing_happens_is_swept_rarely(sweeps):
    time.sleep(1)
    before = len(sweeps.at)
    time.sleep(1)
    assert len(sweeps.at) == before, "it was still"
    relay_loop._stirs["catalog"].set()
    wait_for(lambda: len(sweeps.at) > before + 3, 10, "nobody sweeps what was stirred")


def test_what_falls_due_is_swept_in_time(sweeps):
    sweeps.next_s = 0.1
    relay_loop._stirs["catalog"].set()
    wait_for(lambda: len(sweeps.at) > 30, 20, "nobody sweeps what falls due")
    gaps = [later - sooner for sooner, later in pairwise(sweeps.at)]
    assert max(gaps) < 5


def test_the_relay_hears_of_a_replay_at_once(recorder, asked):  # noqa: F811
    change("a")
    relay_loop.turn("catalog")
    [item] = [item for item in list_subscriptions("orders") if item.name == Recorder.name]
    asked.clear()
    replay.rewind(item, "catalog")
    assert ("catalog", f"NOTIFY {CHANNEL}") in asked


def test_those_who_can_wait_are_given_what_came_within_a_second(recorder, monkeypatch):  # noqa: F811
    clock = {"s": 0.0}
    monkeypatch.setattr(relay_loop.time, "monotonic", lambda: clock["s"])
    relay_loop.turn("catalog")
    register(recorder, can_wait=True)
    waiting = dict[str, float]()
    for clock["s"], there in ((0.1, 0), (0.6, 0), (1.0, 0), (1.2, 4), (1.3, 4)):
        change("a")
        relay_loop.turn("catalog", to_all=False, waiting=waiting)
        assert inbox().count() == there
    assert waiting["orders"] == pytest.approx(2.3)
    relay_loop.turn("catalog", waiting=waiting)
    assert (inbox().count(), waiting) == (5, {}), "whoever is looked at has nothing to wait for"


def test_who_needs_nothing_now_is_given_nothing_and_woken_for_nothing(recorder):  # noqa: F811
    relay_loop.turn("catalog")
    register(recorder, needed_while="EXISTS (SELECT FROM messaging_heartbeat WHERE role = 'somebody')")
    change("a")
    relay.sequence("catalog")
    assert relay.copy("catalog", "orders") == (set(), False)
    assert (inbox().count(), positions("orders")) == (0, {head()})
    Heartbeat.objects.using("orders").create(role="somebody", beat_at=timezone.now())
    change("b")
    drain_outbox("catalog", "orders")
    assert recorder.effects == ["b"], "what came before anybody needed it is not told later"


def test_the_tests_own_loop_reaches_everybody(recorder):  # noqa: F811
    change("a")
    drain_outbox("catalog", "orders")
    change("b")
    drain_outbox("catalog", "orders")
    assert recorder.effects == ["a", "b"]
