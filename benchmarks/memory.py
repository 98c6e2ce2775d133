"""Measure whether processes stay as large as they are: the web server over 100,000 requests, relay and worker over as
many events.

Memory is PSS, looked at ten times on the way; the first tenth fills the caches. The limit is a share of what was
there after it.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_env, events, load, shops
from benchmarks.processes import memory_mb

STEPS = 10
GROWTH_LIMIT = 1.05
MIX = (
    *("read order",) * 20,
    *("list 20 orders",) * 10,
    *("read product",) * 10,
    *("list 20 products",) * 6,
    *("list products, never asked before",) * 3,
    "create order",
)
"""What one of fifty requests asks; people who sign in wait for their password's hash, and would be all that is seen."""


def main() -> int:
    """Measure and print; 1 if anything grows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=100_000)
    options = parser.parse_args()
    servers = bench_env.start(("accounts", "orders", "catalog"))
    try:
        import benchmarks.worker  # noqa: F401  (this process knows the handler too)

        missed = _serve(options.requests) if options.requests else False
        missed |= _deliver(options.events) if options.events else False
        return int(missed)
    finally:
        servers.stop()


def _serve(count: int) -> bool:
    users, products, orders = shops.seed()
    asked = shops.requests(users, products, orders)
    sizes: list[int] = []
    with shops.serve(shops.granian("config.wsgi:application"), asked) as server:

        def request(client: int, number: int) -> bytes:
            return server.requests[MIX[(client * 7 + number) % len(MIX)]](client, number)

        done = 0
        while len(sizes) < STEPS:
            result = load.run(server.address, request, clients=shops.CLIENTS, seconds=5)
            if result.errors:
                raise SystemExit(f"{result.errors} requests were not answered well")
            done += round(result.per_second * 5)
            if done >= count * (len(sizes) + 1) / STEPS:
                sizes.append(memory_mb({"web": server.pid})["web"])
                print(f"{done:>9,} requests: web server {sizes[-1]} MB", flush=True)
    return _say("web server", sizes)


def _deliver(count: int) -> bool:
    for alias in ("catalog", "orders"):
        events._forget(alias)
    events._execute("CREATE TABLE IF NOT EXISTS bench_effect (name text PRIMARY KEY, done_at timestamptz NOT NULL)")
    sizes: dict[str, list[int]] = {"relay": [], "worker": []}
    with events._processes() as running:
        roots = dict(zip(sizes, (process.pid for process in running), strict=True))
        for step in range(STEPS):
            run, some = f"memory-{time.time_ns()}", count // STEPS
            for first in range(0, some, 500):
                events._publish([f"{run}-{number}" for number in range(first, min(some, first + 500))])
            events._wait(run, some)
            for name, size in memory_mb(roots).items():
                sizes[name].append(size)
            held = ", ".join(f"{name} {found[-1]} MB" for name, found in sizes.items())
            print(f"{(step + 1) * some:>9,} events: {held}", flush=True)
    missed = [_say(name, found) for name, found in sizes.items()]
    return any(missed)


def _say(name: str, sizes: list[int]) -> bool:
    growth = sizes[-1] / sizes[0]
    is_missed = growth > GROWTH_LIMIT
    print(f"{name}: {sizes[0]} -> {sizes[-1]} MB, {growth:.3f} of it (limit {GROWTH_LIMIT})"
          f"{' MISSED' if is_missed else ''}")  # fmt: skip
    return is_missed


if __name__ == "__main__":
    sys.exit(main())
