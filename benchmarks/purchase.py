"""Count what one whole card purchase costs in all processes: statements, transactions, messages, bytes, CPU.

`python benchmarks/purchase.py --purchases 20` starts a product of its own, lets it rest, buys one car a second, and
takes what it does at rest off. Counts come from the servers' own books: pg_stat_statements, pg_stat_database,
pg_stat_io and Valkey's INFO; they do not depend on the machine, CPU and seconds do. Then buyers come ten a second,
and as many as can be served. Where something is missed, py-spy looks where the processes' time goes.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import redis

from benchmarks import processes, sheet
from benchmarks.purchase_load import Buyers
from config.databases import APPS
from tests.chaos.rig import Rig

BUDGET = {"statements": 120, "transactions": 30, "WAL fsyncs": 15, "Celery messages": 8, "CPU ms": 60}
"""What a purchase may cost."""
SALES = {"paid a second": 25, "p50 s": 0.3, "p99 s": 1.0}
"""Purchases that are to be served in a second; and how long a buyer waits at the most where ten come in a second."""
RATE, LOAD_S = 10, 15
AT_ONCE, CROWD_S = 40, 15
PROFILED, PROFILE_RATE, PROFILE_S = ("worker", "relay", "web"), 2, 10
REST_S = 20
SETTLED_S = 8
LOOK_S = 0.1
_STATEMENTS = """
SELECT d.datname, sum(s.calls)::bigint FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
WHERE d.datname LIKE 'autosalon%%' GROUP BY 1
"""
_BY_TEXT = r"""
SELECT d.datname, regexp_replace(s.query, '\s+', ' ', 'g'), sum(s.calls)::bigint
FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname LIKE 'autosalon%%' GROUP BY 1, 2
"""
_TRANSACTIONS = "SELECT sum(xact_commit)::bigint FROM pg_stat_database WHERE datname LIKE 'autosalon%%'"
_FSYNCS = "SELECT coalesce(sum(fsyncs), 0)::bigint FROM pg_stat_io WHERE object = 'wal'"
_WAL = "SELECT wal_bytes::bigint FROM pg_stat_wal"
_DELIVERIES = "SELECT handler, count(*) FROM messaging_inbox GROUP BY 1"
_EVENTS = "SELECT count(*), coalesce(sum(octet_length(data::text)), 0)::bigint FROM messaging_outbox"


class Meter:
    """The counters of a running product, read before and after something."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.valkey = redis.Redis(unix_socket_path=str(rig.servers.redis_socket))

    def read(self) -> Counter[str]:
        """Read every counter once."""
        found: Counter[str] = Counter()
        for database, calls in self.rig.rows("orders", _STATEMENTS):
            found["statements"] += calls
            found[f"statements {database.removeprefix('autosalon_')}"] = calls
        found["transactions"] = self.rig.one("orders", _TRANSACTIONS)
        found["WAL fsyncs"] = self.rig.one("orders", _FSYNCS)
        found["WAL bytes"] = self.rig.one("orders", _WAL)
        for app in APPS:
            for handler, count in self.rig.rows(app, _DELIVERIES):
                found["deliveries"] += count
                found[f"deliveries {handler}"] = count
            [(events, size)] = self.rig.rows(app, _EVENTS)
            found["events"] += events
            found["event bytes"] += size
        stats = self.valkey.info("commandstats")
        found["Celery messages"] = stats.get("cmdstat_lpush", {}).get("calls", 0)
        found["MULTI/EXEC"] = stats.get("cmdstat_exec", {}).get("calls", 0)
        for role, ms in processes.cpu_ms(self.roots()).items():
            found["CPU ms"] += ms
            found[f"CPU ms {role}"] = ms
        return found

    def read_texts(self) -> Counter[str]:
        """Read how often each statement was made, by its text."""
        rows = self.rig.rows("orders", _BY_TEXT)
        return Counter({f"{database.removeprefix('autosalon_'):14}{text}": calls for database, text, calls in rows})

    def roots(self) -> dict[str, int]:
        """Return the process of each role and of the two servers; their children are below it."""
        servers = {name: pid for name, pid in self.rig.servers.status().items() if pid}
        return {role: self.rig.main(role) for role in self.rig.roles} | servers


def count_statements(rig: Rig) -> None:
    """Let PostgreSQL keep its book of statements and flush to disk as it does in production."""
    rig.rows("orders", "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    rig.stop_postgres()
    rig.servers.start(valkey=False, fsync=True)
    rig.wait(lambda: rig.rows("orders", "CREATE EXTENSION IF NOT EXISTS pg_stat_statements") == [], 30, "no extension")
    rig.ready(60)


def at_rest(meter: Meter, seconds: float) -> tuple[dict[str, float], dict[str, float]]:
    """Return what the product does in a second while nobody does anything: each count, and each statement."""
    before, texts_before, began = meter.read(), meter.read_texts(), time.monotonic()
    time.sleep(seconds)
    after, texts_after, passed = meter.read(), meter.read_texts(), time.monotonic() - began
    counts = {name: (after[name] - before[name]) / passed for name in after}
    return counts, {text: (texts_after[text] - texts_before[text]) / passed for text in texts_after}


def measure(rig: Rig, purchases: int, every_s: float) -> dict[str, Any]:
    """Buy cars one after another; return the cost of one, what rest costs a second, and how long `paid` took."""
    meter = Meter(rig)
    vehicle = _new_vehicle(rig)
    for _ in range(3):
        _buy(rig, vehicle)
    rig.settle(60)
    rest, texts_at_rest = at_rest(meter, REST_S)
    before, texts_before = meter.read(), meter.read_texts()
    began, waits = time.monotonic(), []
    for number in range(purchases):
        time.sleep(max(0.0, began + number * every_s - time.monotonic()))
        waits.append(_buy(rig, vehicle))
    time.sleep(SETTLED_S)  # looking whether all is done would be counted with it
    after, texts_after, passed = meter.read(), meter.read_texts(), time.monotonic() - began
    return {
        "cost": _each(before, after, rest, passed, purchases),
        "texts": _each(texts_before, texts_after, texts_at_rest, passed, purchases),
        "rest": rest,
        "waits": sorted(waits),
    }


def _each(
    before: Counter[str], after: Counter[str], rest: Mapping[str, float], passed: float, purchases: int
) -> dict[str, float]:
    return {name: (after[name] - before[name] - rest.get(name, 0.0) * passed) / purchases for name in after}


def _new_vehicle(rig: Rig) -> str:
    vehicle = rig.new_vehicle(stock=10_000)
    rig.wait(lambda: rig.one("orders", "SELECT 1 FROM orders_productcopy WHERE product_id = %s", vehicle), 30, "no car")
    return vehicle


def _buy(rig: Rig, vehicle: str) -> float:
    token, began = rig.token(), time.monotonic()
    order = rig.place(vehicle, token)
    while rig.order(order, token)["status"] != "paid":
        if time.monotonic() > began + 60:
            raise AssertionError(f"order {order} is not paid")
        time.sleep(LOOK_S)
    return time.monotonic() - began


def load_up(rig: Rig) -> tuple[dict[str, float], dict[str, str]]:
    """Let buyers come by the dozen; return how they were served, and where each process's time went meanwhile."""
    vehicle = _new_vehicle(rig)
    waits = Buyers(rig, vehicle).come(RATE, LOAD_S)
    most = Buyers(rig, vehicle).crowd(AT_ONCE, CROWD_S)
    found = {"paid a second": most, "p50 s": waits[len(waits) // 2], "p99 s": waits[int(len(waits) * 0.99)]}
    rig.settle(120)
    return found, {role: _profile(rig, role, vehicle) for role in PROFILED}


def _profile(rig: Rig, role: str, vehicle: str) -> str:
    stacks = processes.sample(rig.main(role), PROFILE_S, lambda: Buyers(rig, vehicle).come(PROFILE_RATE, PROFILE_S))
    rig.settle(120)
    return processes.describe(stacks)


def report(found: dict[str, Any], sales: dict[str, float], listed: int = 0) -> tuple[str, bool]:
    """Return the cost beside the budget as Markdown, and whether all is within; print the most frequent statements."""
    for text, count in sorted(found["texts"].items(), key=lambda item: -item[1])[:listed]:
        print(f"{count:>8.1f}  {text[:150]}")
    cost, rest, waits = found["cost"], found["rest"], found["waits"]
    lines = ["| of a card purchase | cost | budget | at rest, a second |", "| --- | ---: | --- | ---: |"]
    for name, value in cost.items():
        if abs(value) >= 0.05 or rest[name] >= 0.05:
            budget = BUDGET.get(name)
            said = "" if budget is None else f"≤ {budget} {_verdict(value <= budget)}"
            lines.append(f"| {name} | {value:.1f} | {said} | {rest[name]:.1f} |")
    for name, value in sales.items():
        sign, is_met = ("≥", value >= SALES[name]) if name == "paid a second" else ("≤", value <= SALES[name])
        what = f"most that are {name}" if sign == "≥" else f"placed to paid at {RATE} a second, {name}"
        lines.append(f"| {what} | {value:.2f} | {sign} {SALES[name]} {_verdict(is_met)} | |")
    lines.append(f"| placed to paid, alone: p50 s | {waits[len(waits) // 2]:.2f} | | |")
    text = "\n".join(lines)
    return text, "MISSED" not in text


def _verdict(is_met: bool) -> str:
    return "ok" if is_met else "MISSED"


def main() -> None:
    """Measure and print; exit 1 when the budget is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--purchases", type=int, default=20)
    parser.add_argument("--every", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--list", type=int, default=0, metavar="N", help="print the N most frequent statements too")
    parser.add_argument("--cost", action="store_true", help="count the cost alone, without a crowd")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="autosalon-purchase-"))
    rig = Rig(folder)
    try:
        rig.start()
        count_statements(rig)
        found = measure(rig, wanted.purchases, wanted.every)
        sales, profiles = ({}, {}) if wanted.cost else load_up(rig)
    finally:
        rig.stop()
        shutil.rmtree(folder, ignore_errors=True)
    text, is_within = report(found, sales, wanted.list)
    text = "\n\n".join([text, *(f"**{role}**, at {PROFILE_RATE} a second: {said}" for role, said in profiles.items())])
    print(text)
    if wanted.write:
        sheet.write("purchase", f"{wanted.purchases} purchases, one in {wanted.every:g} s", text)
    sys.exit(not is_within)


if __name__ == "__main__":
    main()
