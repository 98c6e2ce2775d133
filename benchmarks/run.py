"""Measure the calls of a shop over HTTP beside what people would write instead, and beside the leanest SQL.

Peers (`benchmarks/peers`): FastAPI with SQLAlchemy and asyncpg, and plain Django REST Framework, both without anything
else of a dealership; pgbench with the fewest statements that keep the same promise. One run, interleaved rounds: ratios
and processor time of a request count, rates do not. Every guard of ours is on: token, revocation, rate limit, roles,
body, idempotency, ETag, request id.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_env, load, processes, sheet
from benchmarks.shops import (
    CLIENTS,
    ORDERS,
    PEER_DATABASE,
    PRODUCTS,
    USERS,
    Server,
    granian,
    numbered,
    peer_settings,
    requests,
    seed,
    seed_peers,
    serve,
    uvicorn,
)  # fmt: skip

OURS, OURS_TWICE, FASTAPI, DRF, PGBENCH = "autosalon", "autosalon, 2 processes", "FastAPI", "plain DRF", "pgbench"
PROFILE_S = 6


@dataclass(frozen=True)
class Goal:
    """What a call is to reach: so many times the FastAPI peer with one process and with two, so many ms of CPU."""

    one: float | None = None
    two: float | None = None
    cpu_ms: float | None = None
    per_second: float | None = None


GOALS = {
    "create order": Goal(one=2.5, two=4.0, cpu_ms=1.2),
    "read order": Goal(one=8.0, two=12.0),
    "list 20 orders": Goal(one=4.0, two=6.0),
    "list 20 products": Goal(one=3.0),
    "list products, never asked before": Goal(per_second=200.0),
    "read product": Goal(cpu_ms=0.4),
    "sign in": Goal(per_second=30.0),
}
OWN_ONLY = {"list products, never asked before", "sign in"}
IN_C = {"sign in"}
"""Calls whose work is done past the interpreter."""
LEAN = {
    "create order": """\\set p random(1, 1000)
\\set q random(1, 1000)
BEGIN;
SELECT id, price FROM product WHERE id IN (kept_id(:p::bigint), kept_id(:q::bigint));
WITH made AS (INSERT INTO shop_order (id, customer_id, status, currency, total)
    VALUES (gen_random_uuid(), gen_random_uuid(), 'created', 'RUB', 2) RETURNING id),
lines AS (INSERT INTO order_line (order_id, product_id, quantity, price)
    SELECT made.id, kept_id(p), 1, 1 FROM made, unnest(ARRAY[:p::bigint, :q::bigint]) AS p)
INSERT INTO outbox (type, data) SELECT 'order.created', jsonb_build_object('order_id', id) FROM made;
COMMIT;
""",
    "read order": """\\set o random(0, 1999)
SELECT o.*, (SELECT json_agg(l) FROM order_line AS l WHERE l.order_id = o.id)
FROM shop_order AS o WHERE o.id = kept_id(:o::bigint);
""",
    "list 20 orders": """\\set u random(0, 63)
SELECT o.*, (SELECT json_agg(l) FROM order_line AS l WHERE l.order_id = o.id)
FROM shop_order AS o WHERE o.customer_id = kept_id(:u::bigint) ORDER BY created_at DESC, id DESC LIMIT 20;
""",
    "list 20 products": "SELECT * FROM product ORDER BY created_at DESC, id DESC LIMIT 20;\n",
    "read product": "\\set p random(1, 1000)\nSELECT * FROM product WHERE id = kept_id(:p::bigint);\n",
}
"""The fewest statements that keep the promise of each call, on the peers' tables."""


@dataclass
class Measured:
    """Rounds of one call on one server; processor time in ms of a request."""

    per_second: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    server_ms: list[float] = field(default_factory=list)
    database_ms: list[float] = field(default_factory=list)
    errors: int = 0

    @property
    def rate(self) -> float:
        """Return the median of requests a second."""
        return statistics.median(self.per_second)


def main() -> int:
    """Measure, print, and return 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one measurement")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each kind, interleaved; medians count")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    options = parser.parse_args()
    servers = bench_env.start(("accounts", "orders", "catalog"))
    try:
        measured, profiles = _measure(servers, options)
    finally:
        servers.stop()
    table, missed = _table(measured)
    text = "\n\n".join([table, *(f"**{name}**, one process: {found}" for name, found in profiles.items())])
    print(text)
    if options.write:
        rounds = f"{CLIENTS} clients, {options.rounds} rounds of {options.seconds:g} s, interleaved"
        sheet.write("calls", rounds, text)
    return int(bool(missed))


def _measure(servers: Any, options: argparse.Namespace) -> tuple[dict[str, dict[str, Measured]], dict[str, str]]:
    """Return what was measured, and where the time goes in each call that misses a goal."""
    users, products, orders = seed()
    seed_peers(servers, users)
    kept = {
        "ids": [numbered(number) for number in range(ORDERS)],
        "products": [numbered(1 + number) for number in range(PRODUCTS)],
    }
    found: dict[str, dict[str, Measured]] = {name: {} for name in GOALS}
    settings = peer_settings(servers)
    with ExitStack() as stack:
        ours = requests(users, products, orders)
        theirs = requests(users, kept["products"], [(id_, n % USERS) for n, id_ in enumerate(kept["ids"])])
        running = {
            OURS: stack.enter_context(serve(granian("config.wsgi:application"), ours)),
            OURS_TWICE: stack.enter_context(serve(granian("config.wsgi:application", workers=2), ours)),
            FASTAPI: stack.enter_context(serve(uvicorn(), theirs, settings)),
            DRF: stack.enter_context(serve(granian("benchmarks.peers.drf_shop:application"), theirs, settings)),
        }
        for name in GOALS:
            for server in running.values():
                if name in server.requests:
                    load.run(server.address, server.requests[name], clients=2, seconds=1)
        for _ in range(options.rounds):
            for name in GOALS:
                for who, server in running.items():
                    if name in server.requests and (name not in OWN_ONLY or who in (OURS, OURS_TWICE)):
                        _round(servers, server, name, options.seconds, found[name].setdefault(who, Measured()))
                if name in LEAN:
                    rate = _pgbench(servers, LEAN[name], options.seconds)
                    found[name].setdefault(PGBENCH, Measured()).per_second.append(rate)
        return found, {name: _profile(running[OURS], name) for name in sorted(_table(found)[1])}


def _profile(server: Server, name: str) -> str:
    def ask() -> None:
        load.run(server.address, server.requests[name], clients=CLIENTS, seconds=PROFILE_S + 1)

    return processes.describe(processes.sample(server.pid, PROFILE_S, ask, is_python=name not in IN_C))


def _round(servers: Any, server: Server, name: str, seconds: float, into: Measured) -> None:
    database = servers.status()["postgres"]
    roots = {"server": server.pid, "database": database}
    before = processes.cpu_ms(roots)
    result = load.run(server.address, server.requests[name], clients=CLIENTS, seconds=seconds)
    count = max(1.0, result.per_second * seconds)
    after = processes.cpu_ms(roots)
    into.server_ms.append((after["server"] - before["server"]) / count)
    into.database_ms.append((after["database"] - before["database"]) / count)
    into.per_second.append(result.per_second)
    into.p50_ms.append(result.p50_ms)
    into.p99_ms.append(result.p99_ms)
    into.errors += result.errors


def _pgbench(servers: Any, script: str, seconds: float) -> float:
    from devtools.embedded import postgres_bin

    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [
            str(postgres_bin() / "pgbench"),
            *("-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2", "-T", str(max(1, round(seconds)))),
            *("-f", file.name, "-h", str(servers.socket_dir), "-U", "postgres", PEER_DATABASE),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if found is None or "failed" in done.stderr.lower():
        raise SystemExit(f"pgbench: {done.stdout}\n{done.stderr[-2000:]}")
    return float(found[1])


def _table(measured: dict[str, dict[str, Measured]]) -> tuple[str, set[str]]:
    """Return the table as Markdown, and the calls that miss a goal."""
    lines = [
        "| call | who | a second | × FastAPI | × pgbench | p50 / p99, ms | server, ms CPU | Postgres, ms CPU | goal |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    missed: set[str] = set()
    for name, rows in measured.items():
        for who, row in rows.items():
            peer, limit = rows.get(FASTAPI), rows.get(PGBENCH)
            ratio = row.rate / peer.rate if peer else None
            verdict, is_missed = _verdict(name, who, row, ratio)
            missed |= {name} if is_missed else set()
            lines.append(
                f"| {name} | {who} | {row.rate:,.0f} ± {_spread(row.per_second)} % | {_short(ratio)} |"
                f" {_short(row.rate / limit.rate if limit else None, 3)} |"
                f" {_median(row.p50_ms)} / {_median(row.p99_ms)} | {_median(row.server_ms, 2)} |"
                f" {_median(row.database_ms, 2)} | {verdict} |"
            )
    return "\n".join(lines), missed


def _verdict(name: str, who: str, row: Measured, ratio: float | None) -> tuple[str, bool]:
    goal = GOALS[name]
    if row.errors:
        return f"{row.errors} ERRORS", True
    if who not in (OURS, OURS_TWICE):
        return "", False
    wanted = goal.one if who == OURS else goal.two
    checks = [(f"≥ {wanted} ×", (ratio or 0) >= wanted)] if wanted is not None else []
    if who == OURS and goal.cpu_ms is not None:
        checks.append((f"≤ {goal.cpu_ms} ms", statistics.median(row.server_ms) <= goal.cpu_ms))
    if who == OURS and goal.per_second is not None:
        checks.append((f"≥ {goal.per_second:.0f} a second", row.rate >= goal.per_second))
    said = [f"{text} {'ok' if is_met else 'MISSED'}" for text, is_met in checks]
    return ", ".join(said), not all(is_met for _, is_met in checks)


def _spread(values: list[float]) -> int:
    """Return how far the rounds lie apart, in percent of their median."""
    return round((max(values) - min(values)) / 2 / statistics.median(values) * 100)


def _median(values: list[float], digits: int = 1) -> str:
    return f"{statistics.median(values):.{digits}f}" if values else "–"


def _short(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


if __name__ == "__main__":
    raise SystemExit(main())
