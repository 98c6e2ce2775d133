"""From commit to effect: latency, throughput and CPU of the event path, beside a plain Celery task in the same run."""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_env

TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure and print; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=100, help="events per second for the latency")
    parser.add_argument("--seconds", type=int, default=10, help="how long to keep that rate")
    parser.add_argument("--waiting", type=int, nargs="*", default=[1_000, 10_000, 100_000], help="backlogs to work off")
    options = parser.parse_args()
    servers = bench_env.start(("catalog", "orders"))
    try:
        import benchmarks.worker  # noqa: F401  (this process knows the handler too)

        for alias in ("catalog", "orders"):
            _forget(alias)
        _execute("CREATE TABLE IF NOT EXISTS bench_effect (name text PRIMARY KEY, done_at timestamptz NOT NULL)")
        with _processes() as processes:
            ours = _latency("event", options.rate, options.seconds)
            rival = _latency("plain", options.rate, options.seconds)
            missed = _print_latency(options.rate, ours, rival)
            for count in options.waiting:
                missed |= _backlog(count, processes)
        return int(missed)
    finally:
        servers.stop()


def _forget(alias: str) -> None:
    """Drop the events of earlier runs and of the other benchmarks: their backlog is not what is measured."""
    from django.db import connections

    tables = ["event_stream", "outbox", "feed_head", "inbox_cursor", "inbox", "inbox_lane", "timer"]
    with connections[alias].cursor() as cursor:
        cursor.execute("TRUNCATE " + ", ".join(f"messaging_{table}" for table in tables))


def _execute(sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    from django.db import connections

    with connections["orders"].cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def _processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    """A relay and a worker with two children, as `make up` runs them."""
    environment = os.environ | {"PYTHONPATH": str(bench_env.ROOT)}
    python = [sys.executable, "-c"]
    relay = (
        "import django; django.setup(); import benchmarks.worker; "
        "from django.core.management import call_command; call_command('relay', 'catalog', 'orders')"
    )
    commands = [
        [*python, relay],
        [
            *(sys.executable, "-m", "celery", "-q", "-A", "benchmarks.worker", "worker", "-c", "2", "-l", "ERROR"),
            *("-Q", "q.orders,q.catalog,q.bench", "--without-gossip", "--without-mingle", "--without-heartbeat"),
        ],
    ]
    started = [
        subprocess.Popen(command, cwd=bench_env.ROOT, env=environment, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        _warm_up()
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(timeout=30)


def _warm_up() -> None:
    """Wait until relay and worker are at work: until events that are sent again and again have an effect."""
    from config.celery import app

    _execute("TRUNCATE bench_effect")
    for number in range(120):
        _publish([f"probe-{number}"])
        app.send_task("bench.plain", (f"plain-probe-{number}",), queue="q.bench", ignore_result=True)
        time.sleep(0.5)
        found = _execute("SELECT count(*) FILTER (WHERE name LIKE 'probe%%'), count(*) FROM bench_effect")[0]
        if found[0] and found[1] > found[0]:
            return
    raise SystemExit("relay and worker do not come up")


def _publish(names: list[str]) -> None:
    from catalog.events import CategoryChanged
    from core.db import transaction
    from core.ids import uuid7
    from messaging.outbox import publish

    with transaction("catalog"):
        for name in names:
            publish(CategoryChanged(category_id=uuid7(), name=name))


def _latency(kind: str, rate: int, seconds: int) -> list[float]:
    """Milliseconds from the writer's commit to the effect, by one clock: the server's."""
    from config.celery import app

    _execute("TRUNCATE bench_effect")
    sent: dict[str, float] = {}
    run = f"{kind}-{time.time_ns()}"
    started = time.perf_counter()
    for number in range(rate * seconds):
        while time.perf_counter() < started + number / rate:
            time.sleep(0.0005)
        name = f"{run}-{number}"
        if kind == "event":
            _publish([name])
        else:
            app.send_task("bench.plain", (name,), queue="q.bench", ignore_result=True)
        sent[name] = time.time()
    _wait(run, len(sent))
    done = dict(_execute("SELECT name, extract(epoch FROM done_at)::float8 FROM bench_effect"))
    return [max(0.0, (done[name] - at) * 1000) for name, at in sent.items()]


def _print_latency(rate: int, ours: list[float], rival: list[float]) -> bool:
    print(f"commit -> effect at {rate}/s:")
    for name, times in (("event", ours), ("plain Celery task", rival)):
        p50, p99 = _percentiles(times)
        print(f"  {name:18} p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   {len(times)} effects")
    p50, p99 = _percentiles(ours)
    return p50 > 12 or p99 > 50


def _wait(run: str, count: int, seconds: float = 600) -> None:
    """Wait for the effects of one run: an earlier one that was cut off may still be working off its own."""
    deadline = time.monotonic() + seconds
    while _execute("SELECT count(*) FROM bench_effect WHERE name LIKE %s", [f"{run}%"])[0][0] < count:
        if time.monotonic() > deadline:
            raise SystemExit("the effects do not arrive")
        time.sleep(0.02)


def _percentiles(times: list[float]) -> tuple[float, float]:
    cut = statistics.quantiles(times, n=100)
    return cut[49], cut[98]


def _cpu(processes: list[subprocess.Popen[bytes]]) -> float:
    """CPU seconds that the processes and their children have used."""
    total = 0
    for process in processes:
        for pid in [process.pid, *_children(process.pid)]:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _backlog(count: int, processes: list[subprocess.Popen[bytes]]) -> bool:
    """Let events pile up before the handler, then let go; return whether the goal was missed."""
    _execute("TRUNCATE bench_effect")
    _pause(is_paused=True)
    run = f"waiting-{time.time_ns()}"
    for first in range(0, count, 500):
        _publish([f"{run}-{number}" for number in range(first, min(count, first + 500))])
    before, started = _cpu(processes), time.perf_counter()
    _pause(is_paused=False)
    _wait(run, count)
    took, used = time.perf_counter() - started, _cpu(processes) - before
    print(f"{count:>7} waiting: {count / took:7.0f} events/s   {count / used:7.0f} events per CPU-second")
    return count / used < 800


def _pause(*, is_paused: bool) -> None:
    from benchmarks.worker import HANDLER

    _execute("UPDATE messaging_inbox_cursor SET is_paused = %s WHERE handler = %s", [is_paused, HANDLER])


if __name__ == "__main__":
    raise SystemExit(main())
