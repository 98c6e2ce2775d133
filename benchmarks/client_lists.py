"""Measure what lists of clients cost: one in, the same again, one out; small first, so that memory's growth shows.

The limit is a COPY of the same rows into a bare table in the same run: no rules, no keys, no events.
"""

import argparse
import csv
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_env

SIZES = (1_000, 50_000)
LIMIT_S = 300.0
LIMIT_GROWTH_MB = 100.0


def main() -> int:
    """Measure, print, and return 1 if the long list misses a limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=SIZES[-1], help="of the long list")
    rows = parser.parse_args().rows
    servers = bench_env.start(("clients",))
    try:
        with tempfile.TemporaryDirectory() as folder:
            return _measure(Path(folder), rows)
    finally:
        servers.stop()


def _measure(folder: Path, longest: int) -> int:
    from django.db import connections

    print("| what | rows | seconds | rows/s | ratio to COPY | peak MB |\n| --- |" + " ---: |" * 5)
    slowest, peaks = 0.0, []
    for rows in (SIZES[0], longest):
        with connections["clients"].cursor() as cursor:
            cursor.execute("TRUNCATE clients_client, messaging_outbox, messaging_event_stream CASCADE")
        path = folder / f"{rows}.csv"
        _write(path, rows)
        limit = _timed(lambda path=path: _copy(path))
        for name, act in (("in", _in(path, "created")), ("in again", _in(path, "unchanged")), ("out", _out)):
            took = _timed(act, rows)
            slowest = max(slowest, took)
            cells = f"{rows:,} | {took:.1f} | {rows / took:,.0f} | {limit / took:.3f} | {_peak_mb():.0f}"
            print(f"| {name} | {cells} |", flush=True)
        peaks.append(_peak_mb())
    print(f"\nlimits: {LIMIT_S:.0f} s, {LIMIT_GROWTH_MB:.0f} MB more for the long list than for the short one")
    return int(slowest > LIMIT_S or peaks[-1] - peaks[0] > LIMIT_GROWTH_MB)


def _write(path: Path, rows: int) -> None:
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["name", "phone", "email", "description"])
        for number in range(rows):
            lines.writerow([f"Client {number}", f"+7916{number:07d}", f"c{number}@example.com", "likes it blue"])


def _copy(path: Path) -> None:
    from django.db import connections

    with connections["clients"].cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE bare (name text, phone text, email text, description text)")
        with path.open("rb") as file, cursor.copy("COPY bare FROM STDIN (FORMAT csv, HEADER)") as copy:
            while piece := file.read(1 << 16):
                copy.write(piece)
        cursor.execute("DROP TABLE bare")


def _in(path: Path, outcome: str) -> Callable[[int], None]:
    def act(rows: int) -> None:
        from django.utils import timezone

        from clients.services import ImportOptions, import_file

        done = import_file(path, options=ImportOptions(), now=timezone.now())
        assert getattr(done, outcome) == rows, done

    return act


def _out(rows: int) -> None:
    from django.utils import timezone

    from clients.models import Client
    from clients.services import export_clients

    lines: Iterator[Any] = export_clients(
        clients=Client.objects.present(), actor="benchmark", is_clear=True, kind="csv", filters={}, now=timezone.now()
    )
    assert sum(1 for _ in lines) == rows + 1


def _timed(act: Callable[..., None], *arguments: Any) -> float:
    began = time.perf_counter()
    act(*arguments)
    return time.perf_counter() - began


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
