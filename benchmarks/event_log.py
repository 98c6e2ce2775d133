"""Measure what an event costs where a thousand lie in the log and its inbox, and where a million do.

The rows are made by SQL in a bench of its own: a log of catalog that has been placed, copied to orders and handled.
Every limit is a ratio of two figures of this run.
"""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_env
from benchmarks.growth import GROWTH_LIMIT, Cost, Table, get_load, print_growth, repeat, time_act

SOURCE, TARGET = "catalog", "orders"
BASE = datetime(2026, 6, 1, tzinfo=UTC)
A_MINUTE = 10
"""So many events were published in each minute before they are old enough to be deleted."""
STEP = 500
"""So many rows a step of deleting looks at, so that the small log has more than one step, too."""
EVENTS = f"""
INSERT INTO messaging_outbox (id, aggregate, aggregate_id, seq, type, version, data, headers, created_at, position)
SELECT md5('e' || n)::uuid, 'category', md5('a' || n / 8), n, 'category.changed', 1,
    jsonb_build_object('category_id', md5('a' || n / 8)::uuid, 'name', 'Wagons ' || n), '{{}}',
    %(base)s::timestamptz - interval '90 days' + n / {A_MINUTE} * interval '1 minute', n
FROM generate_series(1, %(size)s) AS n
"""
DELIVERIES = f"""
INSERT INTO messaging_inbox (event_id, handler, source, aggregate, aggregate_id, seq, lane, shard, type, version, data,
    headers, status, attempts, received_at, done_at, last_error, next_at)
SELECT md5('e' || n)::uuid, %(handler)s, 'catalog', 'category', md5('a' || n / 8), n, md5('a' || n / 8), n %% 16,
    'category.changed', 1, jsonb_build_object('category_id', md5('a' || n / 8)::uuid, 'name', 'Wagons ' || n), '{{}}',
    1, 1, at, at, '', at
FROM (SELECT n, %(base)s::timestamptz - interval '120 days' + n / {A_MINUTE} * interval '1 minute' AS at
      FROM generate_series(1, %(size)s) AS n) AS rows
"""


def main() -> int:
    """Make the logs, measure, print; 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    servers = bench_env.start((SOURCE, TARGET))
    try:
        import benchmarks.worker  # noqa: F401  (its handler is whom the events are delivered to)

        print(f"# load average {get_load()} at the start", flush=True)
        table: Table = {}
        for size in sorted(options.sizes):
            _fill(size)
            table[size] = _measure(size, options.rounds)
        missed = print_growth(table, lambda name, middle, late, growth: growth > GROWTH_LIMIT)
        print(f"\nlimit: {GROWTH_LIMIT:.0f}× the processor at the largest size")
        print(f"# load average {get_load()} at the end")
        return int(missed)
    finally:
        servers.stop()


def _execute(alias: str, sql: str, parameters: Any = None) -> None:
    from django.db import connections

    with connections[alias].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(sql, parameters)


def _fill(size: int) -> None:
    from benchmarks.worker import HANDLER
    from messaging.transport import relay

    tables = ("event_stream", "outbox", "feed_head", "inbox_cursor", "inbox", "inbox_lane", "timer", "sink_cursor")
    for alias in (SOURCE, TARGET):
        _execute(alias, "TRUNCATE " + ", ".join(f"messaging_{table}" for table in tables))
    _execute(TARGET, "CREATE TABLE IF NOT EXISTS bench_effect (name text PRIMARY KEY, done_at timestamptz NOT NULL)")
    _execute(TARGET, "TRUNCATE bench_effect")
    _publish("first")
    relay.sequence(SOURCE)
    for alias in (SOURCE, TARGET):
        relay.copy(SOURCE, alias)
    _execute(SOURCE, "DELETE FROM messaging_outbox")
    _execute(TARGET, "DELETE FROM messaging_inbox")
    given = {"size": size, "base": BASE, "handler": HANDLER}
    _execute(SOURCE, EVENTS, given)
    _execute(TARGET, DELIVERIES, given)
    _execute(SOURCE, "UPDATE messaging_feed_head SET position = %(size)s", given)
    for alias in (SOURCE, TARGET):
        cursors = "UPDATE messaging_inbox_cursor SET position = %(size)s, anchor = NULL, anchor_id = NULL"
        _execute(alias, f"{cursors} WHERE source = 'catalog'", given)
        _execute(alias, "VACUUM ANALYZE messaging_outbox, messaging_inbox")
    _execute(TARGET, "CHECKPOINT")


def _publish(*names: str) -> None:
    from catalog.events import CategoryChanged
    from core.db import transaction
    from core.ids import uuid7
    from messaging.outbox import publish

    with transaction(SOURCE):
        for name in names:
            publish(CategoryChanged(category_id=uuid7(), name=name))


def _measure(size: int, rounds: int) -> dict[str, list[Cost]]:
    from messaging.delivery import parked, sweep
    from messaging.delivery.dispatcher import dispatch
    from messaging.feeds import feed
    from messaging.transport import relay
    from messaging.upkeep import retention

    feed.FEEDS.setdefault(SOURCE, {"category.changed"})
    retention.passed = lambda source, now: size  # the other readers' databases are not in this bench
    retention.BATCH = STEP
    numbers = count()

    def handle() -> None:
        while dispatch(TARGET):
            pass

    middle = size // 2
    cases: dict[str, tuple[str, Callable[[], Any]]] = {
        "publish ten and commit": (SOURCE, lambda: _publish(*(f"{size}-{next(numbers)}" for _ in range(10)))),
        "relay: place them": (SOURCE, lambda: relay.sequence(SOURCE)),
        "relay: copy them": (TARGET, lambda: relay.copy(SOURCE, TARGET)),
        "worker: handle them": (TARGET, handle),
        "sweep: look for what is due": (TARGET, lambda: sweep.look(TARGET)),
        "feed: 100 rows after the middle": (SOURCE, lambda: feed.read_feed(SOURCE, middle, size, 100)),
        "feed: whether all after it is kept": (SOURCE, lambda: feed.is_kept(SOURCE, middle)),
        "parked deliveries on the screen": (TARGET, lambda: parked.groups([TARGET])),
        "metrics of the log": (SOURCE, _reading(SOURCE)),
        "metrics of the inbox": (TARGET, _reading(TARGET)),
        f"delete {A_MINUTE} old events": (SOURCE, _purging(SOURCE)),
        f"delete {A_MINUTE} old deliveries": (TARGET, _purging(TARGET)),
    }
    return repeat({name: lambda one=one: time_act(*one) for name, one in cases.items()}, rounds)


def _reading(alias: str) -> Callable[[], Any]:
    """Read on the connection whose processor time is counted: the reader would close it."""
    from django.db import connections

    from messaging.upkeep import metrics

    def read() -> None:
        with patch.object(connections[alias], "close"):
            metrics.read(alias)

    return read


def _purging(alias: str) -> Callable[[], Any]:
    """Each call finds the next minute's rows old enough."""
    from messaging.upkeep import retention

    minutes = count(1)
    return lambda: retention.purge(alias, now=BASE + timedelta(minutes=next(minutes)))


if __name__ == "__main__":
    sys.exit(main())
