"""Retention: what nobody needs any more goes, after it was archived; what somebody has still to read stays."""

import gzip
import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from catalog.tests import make as catalog
from config import books
from config.databases import APPS
from core.events import REGISTRY
from core.ids import uuid7
from gateway.models import IdempotencyKey
from messaging.models import CallState, ExternalCall, InboxCursor, InboxEvent, OutboxEvent, SinkCursor, Timer
from messaging.people.personal import PERSONAL_KEYS
from messaging.tasks import run_purge
from messaging.testing import drain_outbox
from messaging.upkeep import retention

pytestmark = pytest.mark.django_db(databases=[*APPS])


def purge(alias="catalog", *, days, **options):
    return retention.purge(alias, now=timezone.now() + timedelta(days=days), **options)


def outbox():
    return OutboxEvent.objects.using("catalog")


@pytest.fixture
def log():
    """Some events that everybody has passed."""
    for _ in range(7):
        catalog.product()
    drain_outbox()
    return outbox().count()


def test_events_are_kept_ninety_days(log):
    assert purge(days=89)["events"] == 0
    assert purge(days=91)["events"] == log
    assert not outbox().exists()


def test_what_has_no_position_yet_stays(log):
    catalog.product()
    assert purge(days=91)["events"] == log
    assert outbox().filter(position__isnull=True).count() == outbox().count() > 0


def test_what_a_handler_has_not_passed_stays(log):
    InboxCursor.objects.using("orders").filter(source="catalog", handler="orders.copy_products").update(position=3)
    assert purge(days=91)["events"] == 3
    assert outbox().order_by("position").first().position == 4


def test_what_a_handler_that_never_read_may_begin_with_stays(log):
    InboxCursor.objects.using("orders").filter(source="catalog", handler="orders.copy_products").delete()
    assert purge(days=91)["events"] == 0


def test_what_the_stream_was_not_told_stays(log):
    later = timezone.now() + timedelta(days=90)
    SinkCursor.objects.using("catalog").create(sink="stream", position=5, owner=uuid7(), lease_until=later)
    assert purge(days=91)["events"] == 5


def test_a_stream_that_was_switched_off_holds_nothing(log):
    SinkCursor.objects.using("catalog").create(sink="stream", position=5, owner=uuid7(), lease_until=timezone.now())
    assert purge(days=91)["events"] == log


def test_only_a_beginning_goes_never_a_row_in_the_midst(log):
    with connections["catalog"].cursor() as cursor:
        cursor.execute("UPDATE messaging_outbox SET created_at = created_at + interval '50 days' WHERE position = 4")
    assert purge(days=91)["events"] == 3
    assert outbox().count() == log - 3


def test_the_books_accept_a_purged_log(log, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    first = outbox().order_by("position").first()
    with connections["catalog"].cursor() as cursor:
        cursor.execute("UPDATE messaging_outbox SET created_at = now() - interval '91 days' WHERE position < 5")
    assert purge(days=0)["events"] == 4
    assert not outbox().filter(pk=first.pk).exists()
    assert list(books.log_disagreements()) == []
    purge(days=91)
    assert list(books.log_disagreements()) == []
    catalog.product()
    drain_outbox()
    assert list(books.log_disagreements()) == []


def test_events_are_archived_before_they_go(log, tmp_path, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 3)
    expected = list(outbox().order_by("position").values_list("id", "position"))
    assert purge(days=91, archive=tmp_path)["events"] == log
    files = sorted(tmp_path.iterdir())
    assert files[0].name == f"catalog-{1:020d}-{3:020d}.ndjson.gz"
    lines = [json.loads(line) for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]
    assert [(line["id"], line["feedposition"]) for line in lines] == [(str(one), at) for one, at in expected]
    assert {line["specversion"] for line in lines} == {"1.0"}
    assert lines[0]["source"] == "/autosalon/catalog"


MARK = "Anna of the 7th floor"


@pytest.mark.parametrize("event", REGISTRY.values(), ids=lambda event: event.type)
def test_an_archive_tells_of_nobody(event):
    """Hold archived files, which no erasure reaches, to have nothing of a person in them from the beginning."""
    personal = [name for name in event.__struct_fields__ if name in PERSONAL_KEYS or name in event.personal]
    data = json.dumps(dict.fromkeys(personal, MARK) | {"deeper": [dict.fromkeys(PERSONAL_KEYS, MARK)]})
    row = (1, uuid7(), "an order", 1, event.type, event.version, data, "{}", timezone.now())
    assert MARK not in retention._line("orders", row).decode()


def test_an_archive_that_cannot_be_written_keeps_the_events(log, tmp_path):
    target = tmp_path / "file"
    target.write_text("not a folder")
    with pytest.raises(OSError, match="file"):
        purge(days=91, archive=target)
    assert outbox().count() == log


def test_deliveries_are_kept_longer_and_only_those_that_ended_go(log, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 3)
    inbox = InboxEvent.objects.using("orders")
    count = inbox.count()
    waiting, parked, discarded = inbox.order_by("rn")[:3]
    inbox.filter(pk=waiting.pk).update(status=0, done_at=None)
    inbox.filter(pk=parked.pk).update(status=2)
    inbox.filter(pk=discarded.pk).update(status=3)
    assert purge("orders", days=119)["deliveries"] == 0
    assert purge("orders", days=121)["deliveries"] == count - 2
    assert set(inbox.values_list("pk", flat=True)) == {waiting.pk, parked.pk}


def test_calls_and_timers_that_ended_go():
    now = timezone.now()
    for key, finished_at in (("open", None), ("done", now)):
        ExternalCall.objects.using("catalog").create(
            key=key, operation="x.y", provider="z", request={}, state=CallState.OK, finished_at=finished_at
        )
    for fired_at in (None, now):
        Timer.objects.using("catalog").create(
            handler="x", partition_key="1", shard=0, type="x", data={}, due_at=now, fired_at=fired_at
        )
    assert purge(days=119) == {
        "events": 0,
        "deliveries": 0,
        "calls": 0,
        "timers": 0,
        "idempotency keys": 0,
        "readings": 0,
    }
    done = purge(days=121)
    assert (done["calls"], done["timers"]) == (1, 1)
    assert ExternalCall.objects.using("catalog").get().key == "open"
    assert Timer.objects.using("catalog").get().fired_at is None


def test_keys_of_requests_go_after_their_hours(settings):
    IdempotencyKey.objects.using("orders").create(principal=uuid7(), route="x", key="y", fingerprint="z")
    hours = settings.IDEMPOTENCY_HOURS
    assert purge("orders", days=(hours - 1) / 24)["idempotency keys"] == 0
    assert purge("orders", days=(hours + 1) / 24)["idempotency keys"] == 1


def test_the_command_and_the_nightly_job(log, tmp_path):
    out = StringIO()
    call_command("purge_events", "catalog", "--archive", str(tmp_path), stdout=out)
    assert out.getvalue() == "catalog: 0 events, 0 deliveries, 0 calls, 0 timers, 0 idempotency keys, 0 readings\n"
    run_purge("catalog")
    assert outbox().count() == log


def test_the_busiest_tables_are_vacuumed_early():
    for alias in APPS:
        with connections[alias].cursor() as cursor:
            cursor.execute(
                """SELECT relname, reloptions FROM pg_class
                   WHERE relname IN ('messaging_outbox', 'messaging_inbox') ORDER BY 1"""
            )
            for _, options in cursor.fetchall():
                assert set(options) == {"fillfactor=85", "autovacuum_vacuum_scale_factor=0.01"}
