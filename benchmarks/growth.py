"""What one act costs at several sizes of a table: by the clock, and of the processor, ours and the database's."""

import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

GROWTH_LIMIT = 2.0
"""So many times dearer a page may become from a thousand rows to a million."""


class Cost(NamedTuple):
    """Milliseconds of one act, by the clock and of the processor."""

    wall: float
    processor: float


Table = dict[int, dict[str, list[Cost]]]


def time_act(alias: str, act: Callable[[], Any]) -> Cost:
    """Run an act that asks the database `alias`; return its cost."""
    began, spent = time.perf_counter(), _processor_ms(alias)
    act()
    return Cost((time.perf_counter() - began) * 1000, _processor_ms(alias) - spent)


def _processor_ms(alias: str) -> float:
    """Milliseconds of this process and of the database's process that serves it, where the system tells."""
    from django.db import connections

    connections[alias].ensure_connection()
    backend = int(connections[alias].connection.info.backend_pid)
    theirs = Path(f"/proc/{backend}/schedstat")
    ours = time.process_time() * 1000
    return ours + int(theirs.read_text().split()[0]) / 1e6 if theirs.exists() else ours


def repeat(cases: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, list[Cost]]:
    """Run rounds of everything, so that a neighbour's noise falls on all alike; the first three warm up."""
    times: dict[str, list[Cost]] = {name: [] for name in cases}
    for number in range(rounds + 3):
        for name, ask in cases.items():
            took = ask()
            if number >= 3:
                times[name].append(took)
    return times


def print_growth(table: Table, is_missed: Callable[[str, float, float, float], bool]) -> bool:
    """Print median, 95th percentile and processor of each size; return whether `is_missed` says so of any row.

    `is_missed` is given the name, and of the largest size the median and the 95th percentile in milliseconds, and how
    many times more of the processor it takes than the smallest.
    """
    sizes = list(table)
    print("\nmilliseconds: median (95th percentile), processor; growth of the last from the smallest to the largest\n")
    print(f"| | {' | '.join(f'{size:,}' for size in sizes)} | × |")
    print("| --- |" + " ---: |" * (len(sizes) + 1))
    any_missed = False
    for name in table[sizes[0]]:
        costs = [table[size][name] for size in sizes]
        medians = [statistics.median(cost.wall for cost in each) for each in costs]
        slow = [get_p95([cost.wall for cost in each]) for each in costs]
        spent = [statistics.median(cost.processor for cost in each) for each in costs]
        cells = " | ".join(f"{a:.1f} ({b:.1f}) {c:.1f}" for a, b, c in zip(medians, slow, spent, strict=True))
        growth = spent[-1] / spent[0]
        missed = is_missed(name, medians[-1], slow[-1], growth)
        any_missed |= missed
        print(f"| {name} | {cells} | {growth:.1f}{' MISSED' if missed else ''} |")
    return any_missed


def get_p95(times: list[float]) -> float:
    """Find the 95th percentile."""
    return sorted(times)[int(len(times) * 0.95)]


def get_load() -> str:
    """Write the machine's load average, of 1, 5 and 15 minutes."""
    return " ".join(f"{load:.1f}" for load in os.getloadavg())
