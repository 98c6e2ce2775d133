"""Measure what the guard costs a request: rate limit and revocation in one round trip, beside a bare PING in the run.

It also lets a thousand requests at one limit in at once, and counts how many were admitted: exactly the limit.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_env

LIMIT_MS = 1.0
ROUNDS = 7
CROWD = 1_000
ALLOWED = 100


def main() -> int:
    """Measure, print, and return 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=3_000, help="checks of each round")
    parser.add_argument("--json", action="store_true", help="print JSON only")
    options = parser.parse_args()
    servers = bench_env.start(("accounts",))
    try:
        row = _measure(options.requests) | {"admitted": _crowd(), "of": CROWD, "allowed": ALLOWED}
    finally:
        servers.stop()
    is_kept = row["check_ms"] <= LIMIT_MS and row["admitted"] == ALLOWED
    if options.json:
        print(json.dumps(row))
    else:
        print(
            f"guard.check       {row['check_ms']:.3f} ms (limit {LIMIT_MS:g}), 99th percentile {row['p99_ms']:.3f} ms\n"
            f"bare PING         {row['ping_ms']:.3f} ms, so the guard costs {row['ratio']:.2f} round trips\n"
            f"at once           {row['admitted']} of {CROWD} admitted, {ALLOWED} allowed\n"
            f"{'ok' if is_kept else 'MISSED'}"
        )
    return int(not is_kept)


def _measure(count: int) -> dict[str, Any]:
    """Medians of rounds in turns, so that a busy machine slows both alike."""
    from core.ids import uuid7
    from core.testing import token_for
    from gateway.guards import guard
    from gateway.principal import read_token

    callers = [read_token(token_for(uuid7())) for _ in range(50)]
    connection = guard.own_connection(guard.client().connection_pool)
    connection.connect()

    def ping(number: int) -> None:
        connection.send_command("PING")
        connection.read_response()

    def check(number: int) -> None:
        guard.check(callers[number % len(callers)], "127.0.0.1", "default")

    _each(check, 200)
    pings, checks = [], []
    for _ in range(ROUNDS):
        pings.append(statistics.median(_each(ping, count)))
        checks.append(_each(check, count))
    check_ms = statistics.median(statistics.median(one) for one in checks)
    worst = sorted(took for one in checks for took in one)
    ping_ms = statistics.median(pings)
    return {
        "check_ms": round(check_ms, 4),
        "p99_ms": round(worst[int(len(worst) * 0.99)], 4),
        "ping_ms": round(ping_ms, 4),
        "ratio": round(check_ms / ping_ms, 2),
    }


def _each(act: Callable[[int], None], count: int) -> list[float]:
    """Milliseconds of each of `count` runs."""
    took = []
    for number in range(count):
        started = time.perf_counter()
        act(number)
        took.append((time.perf_counter() - started) * 1000)
    return took


def _crowd() -> int:
    """Count the requests out of a thousand at once that get through a limit of a hundred a minute."""
    from django.conf import settings

    from core.testing import token_for
    from gateway.guards import guard
    from gateway.principal import read_token

    settings.RATE_LIMITS["default"] = f"{ALLOWED}/60"
    guard.get_limit.cache_clear()
    principal = read_token(token_for())

    def ask(_: int) -> bool:
        try:
            guard.check(principal, "127.0.0.1", "default")
        except guard.TooManyRequests:
            return False
        return True

    with ThreadPoolExecutor(max_workers=64) as pool:
        return sum(pool.map(ask, range(CROWD)))


if __name__ == "__main__":
    raise SystemExit(main())
