"""Try deals, loans and receipts: `python -m tests.properties --runs 10000 --from 1`; exit code 1 if any fails."""

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

CHUNK = 25


def begin() -> None:
    """Make ready one process: no database is opened."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    import django

    django.setup()


def find_runs() -> dict[str, Callable[[int], object]]:
    """Name what is tried, each by a seed."""
    from financing.tests.test_simulated_loans import run as run_loan
    from tests.properties.deals import run as run_deal
    from tests.properties.receipts import run as run_receipts

    return {"deals": run_deal, "loans": run_loan, "receipts": run_receipts}


def try_some(name: str, seeds: range) -> list[tuple[int, str]]:
    """Try some seeds; return those that fail, and where."""
    failed = []
    run = find_runs()[name]
    for seed in seeds:
        try:
            run(seed)
        except Exception:
            failed.append((seed, traceback.format_exc(limit=-2)))
    return failed


def chunks(first: int, runs: int) -> Iterator[range]:
    """Part the seeds into lots."""
    for start in range(first, first + runs, CHUNK):
        yield range(start, min(start + CHUNK, first + runs))


def main() -> int:
    """Try them all, on every core, and show how far it is."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="deals, and as many loans and sets of receipts")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first seed")
    asked = parser.parse_args()
    failed: list[str] = []
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn()
    )  # fmt: skip
    # Forked by name: other ways of starting, the usual ones from Python 3.14 on, do not find what a `__main__` defines.
    for name in ("deals", "loans", "receipts"):
        since = time.monotonic()
        with ProcessPoolExecutor(mp_context=get_context("fork"), initializer=begin) as pool, Progress(*columns) as bars:
            task = bars.add_task(name, total=asked.runs)
            lots = {pool.submit(try_some, name, seeds): len(seeds) for seeds in chunks(asked.first, asked.runs)}
            for done in as_completed(lots):
                found = done.result()
                failed += [f"{name} {seed}\n{place}" for seed, place in found]
                bars.update(task, advance=lots[done])
        print(f"{asked.runs} {name} in {time.monotonic() - since:.0f} s", flush=True)
    print("\n".join(failed[:10]) or "all agree")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
