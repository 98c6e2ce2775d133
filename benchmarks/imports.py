"""Measure what importing price lists costs: seconds, rows a second and peak memory, small file first to show growth."""

import argparse
import resource
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_env

SHARED = bench_env.ROOT.parent / "shared" / "data"
LIMIT_S = 120.0
LIMIT_GROWTH_MB = 100.0
FILES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("listings_vin_truecar", {"currency": "USD"}),
    ("listings_mid_autoru", {}),
    ("listings_large_uk", {"currency": "GBP"}),
)
"""999, 48,041 and 108,540 rows; the limits are those of the last."""


def main() -> int:
    """Import each file twice, the second time changing nothing; 1 if the largest misses a limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=SHARED, help="where the listings_*.csv.gz are")
    folder = parser.parse_args().folder
    if not (folder / f"{FILES[0][0]}.csv.gz").exists():
        print(f"no price lists in {folder}: name their folder with --folder", file=sys.stderr)
        return 2
    servers = bench_env.start(("catalog",))
    try:
        return _measure(folder)
    finally:
        servers.stop()


def _measure(folder: Path) -> int:
    from django.db import connections

    print("| file | rows | good | refused | created | unchanged | repeated | seconds | rows/s | peak MB |")
    print("| --- |" + " ---: |" * 9)
    peaks: list[float] = []
    missed = False
    for name, options in FILES:
        with connections["catalog"].cursor() as cursor:
            cursor.execute("TRUNCATE catalog_product CASCADE")
        for _ in range(2):
            took = _import(folder / f"{name}.csv.gz", options)
            missed |= took > LIMIT_S
        peaks.append(_peak_mb())
    print(f"\nlimits: {LIMIT_S:.0f} s a file, {LIMIT_GROWTH_MB:.0f} MB more than the smallest needs")
    return int(missed or peaks[-1] - peaks[0] > LIMIT_GROWTH_MB)


def _import(path: Path, options: dict[str, Any]) -> float:
    from django.utils import timezone

    from catalog.services.imports import ImportOptions, import_file

    began = time.perf_counter()
    done = import_file(path, options=ImportOptions(**options), actor="benchmark", now=timezone.now())
    took = time.perf_counter() - began
    counts = (done.rows_total, done.rows_ok, done.rows_failed, done.created, done.unchanged, done.repeated)
    cells = " | ".join(f"{count:,}" for count in counts)
    print(f"| {path.name} | {cells} | {took:.1f} | {done.rows_total / took:,.0f} | {_peak_mb():.0f} |", flush=True)
    return took


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
