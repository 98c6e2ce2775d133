"""Any number of beats: one sends an app's jobs, and another takes over when it dies, hangs or is cut off."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import redis
from celery.beat import ScheduleEntry
from django.conf import settings
from django.db import connections
from django.utils import timezone

from config.celery import app
from config.processes.beat import Scheduler, Seat, get_owner
from messaging.delivery.queues import external_queue
from messaging.models import Heartbeat, ScheduledJob
from tests.live import database_url
from tests.product import ROOT, wait_for

SERVED = ("catalog", "showroom")
NIGHTLY = "messaging.purge catalog"
HOLDERS = """
SELECT l.pid FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database
WHERE l.locktype = 'advisory' AND l.granted AND d.datname = current_database()
"""
pytestmark = [pytest.mark.proof, pytest.mark.django_db(databases=SERVED, transaction=True)]


def test_every_job_belongs_to_a_database_that_there_is():
    app.finalize(auto=True)
    jobs = {name: ScheduleEntry(name, app=app, **job) for name, job in app.conf.beat_schedule.items()}
    owners = {name: get_owner(entry) for name, entry in jobs.items()}
    assert {name: owner for name, owner in owners.items() if owner not in settings.SERVICES} == {}
    assert set(owners.values()) == set(settings.SERVICES)


# In this process ---------------------------------------------------------------------------------------------------
class Clock(Scheduler):
    """A scheduler of two apps that keeps what it sends."""

    producer = None

    def __init__(self) -> None:
        self.sent: list[str] = []
        super().__init__(app=app)

    def setup_schedule(self) -> None:
        super().setup_schedule()
        self.schedule = {name: entry for name, entry in self.schedule.items() if get_owner(entry) in SERVED}
        self.seats = {alias: Seat(alias) for alias in SERVED}

    def apply_async(self, entry, producer=None, advance=True, **_):
        self.sent.append(entry.name)

    def make_due(self, *names: str) -> None:
        for name in names:
            self.schedule[name].last_run_at = timezone.now() - timedelta(days=2)


@pytest.fixture
def clocks() -> Iterator[tuple[Clock, Clock]]:
    app.finalize(auto=True)
    pair = Clock(), Clock()
    yield pair
    for one in pair:
        one.close()


def holders(alias="catalog"):
    with connections[alias].cursor() as cursor:
        cursor.execute(HOLDERS)
        return [pid for (pid,) in cursor.fetchall()]


def cut(alias="catalog"):
    """End the session that holds a seat, as a failing network or an administrator would."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", holders(alias))


def test_one_of_two_sends(clocks):
    first, second = clocks
    for clock in clocks:
        clock.make_due(NIGHTLY)
        clock.tick()
    assert (first.sent, second.sent) == ([NIGHTLY], [])


def test_a_beat_whose_session_was_cut_sends_nothing_more(clocks):
    first, second = clocks
    first.tick()
    seat = first.seats["catalog"]
    entry = first.schedule[NIGHTLY]
    cut()
    assert seat.is_held  # it does not know yet
    first.make_due(NIGHTLY)
    assert not first._send(entry, seat)
    assert (first.sent, seat.is_held) == ([], False)
    second.make_due(NIGHTLY)
    second.tick()
    assert second.sent == [NIGHTLY]


def test_whoever_takes_over_neither_repeats_nor_forgets_a_nightly_job(clocks):
    first, second = clocks
    other = "messaging.purge showroom"
    first.make_due(NIGHTLY)
    first.tick()
    assert first.sent == [NIGHTLY]
    assert ScheduledJob.objects.using("catalog").get().last_run_at > timezone.now() - timedelta(minutes=1)
    ScheduledJob.objects.using("showroom").create(name=other, last_run_at=timezone.now() - timedelta(days=2))
    second.make_due(NIGHTLY)
    first.close()
    showroom = ScheduledJob.objects.using("showroom").get(name=other)
    showroom.last_run_at = timezone.now() - timedelta(days=2)
    showroom.save()
    second.tick()
    assert second.sent == [other]


def test_a_database_that_is_away_stops_no_other_apps_jobs(clocks, monkeypatch):
    first, _ = clocks
    monkeypatch.setitem(connections["catalog"].settings_dict, "NAME", "no_such_database")
    first.make_due(NIGHTLY, "messaging.purge showroom")
    first.tick()
    assert first.sent == ["messaging.purge showroom"]


def test_what_the_broker_does_not_take_is_tried_again(clocks, monkeypatch):
    first, _ = clocks

    def refuse(*_, **__):
        raise ConnectionError("the broker is away")

    first.make_due(NIGHTLY)
    with monkeypatch.context() as patch:
        patch.setattr(first, "apply_async", refuse)
        first.tick()
    assert not ScheduledJob.objects.using("catalog").exists()
    first.tick()
    assert first.sent == [NIGHTLY]


def test_a_tick_leaves_a_sign_of_life(clocks, tmp_path):
    first, _ = clocks
    first.sign_of_life = tmp_path / "ticks"
    before = timezone.now()
    first.tick()
    assert first.sign_of_life.exists()
    assert Heartbeat.objects.using("catalog").get(role="beat").beat_at > before - timedelta(seconds=5)


# As processes ------------------------------------------------------------------------------------------------------
class Beat:
    """`celery -A config beat` that serves two apps and lets Celery be their relay: a job every two seconds."""

    def __init__(self, folder: Path, name: str) -> None:
        self.log = folder / f"{name}.log"
        env = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
        env |= {f"AUTOSALON_{alias.upper()}_DATABASE_URL": database_url(alias) for alias in SERVED}
        env |= {"AUTOSALON_SERVICES": ",".join(SERVED), "AUTOSALON_RELAY_MODE": "task"}
        command = [sys.executable, "-m", "celery", "-q", "-A", "config", "beat", "--pidfile=", "-l", "INFO"]
        self.process = subprocess.Popen(
            [*command, "-s", str(folder / f"{name}.ticks")],
            cwd=ROOT, env=env, stdout=self.log.open("wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip

    def leads(self) -> bool:
        return "beat_took_over" in self.log.read_text()

    def end(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()


@pytest.fixture
def beats(tmp_path) -> Iterator[tuple[Beat, Beat]]:
    """One that leads, and one that waits."""
    queue().delete(QUEUE)
    first = Beat(tmp_path, "first")
    wait_for(first.leads, 60, "no beat takes the seats")
    second = Beat(tmp_path, "second")
    wait_for((tmp_path / "second.ticks").exists, 60, "the other beat does not tick")
    yield first, second
    for one in (first, second):
        one.end()
    queue().delete(QUEUE)


QUEUE = settings.CELERY_BROKER_TRANSPORT_OPTIONS["global_keyprefix"] + external_queue("catalog")


def queue() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS.url(0))


def sent() -> list[datetime]:
    """Return when each turn of catalog's relay was sent, by the moment at which it expires."""
    headers = [json.loads(item)["headers"] for item in reversed(queue().lrange(QUEUE, 0, -1))]
    return [
        datetime.fromisoformat(one["expires"]) - timedelta(seconds=2)
        for one in headers
        if one["task"] == "messaging.relay" and "catalog" in one["argsrepr"]
    ]


def await_turns(count: int, seconds: float) -> list[datetime]:
    """Wait for that many more turns; return their moments."""
    known = len(sent())
    wait_for(lambda: len(sent()) >= known + count, seconds, "nobody sends")
    return sent()[known:]


def assert_one_sends(moments: list[datetime]) -> None:
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    assert min(gaps) > 1.5, gaps


def test_the_other_takes_over_when_the_first_is_killed(beats):
    first, second = beats
    assert_one_sends(await_turns(4, 30))
    assert not second.leads()
    first.process.kill()
    killed = time.monotonic()
    assert_one_sends(await_turns(3, 15))
    assert second.leads()
    assert time.monotonic() - killed < 12


def test_one_goes_on_when_a_session_is_cut(beats):
    await_turns(1, 15)
    cut()
    assert_one_sends(await_turns(4, 20))
    assert len(holders()) == 1


def test_a_frozen_beat_loses_its_seat_and_is_silent_when_it_thaws(beats):
    first, second = beats
    first.process.send_signal(signal.SIGSTOP)
    wait_for(second.leads, 30, "nobody takes the frozen one's seat")
    first.process.send_signal(signal.SIGCONT)
    assert_one_sends(await_turns(4, 20))
    assert "beat_lost_its_lock" in first.log.read_text()
    assert len(holders()) == 1
