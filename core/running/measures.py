"""Count and time what this product does, for Prometheus; the processes of one machine may put their counts together.

A family is declared once, beside the code that knows its meaning; docs/metrics.md is made of the declarations. Counters
and times are kept by the process itself: in its memory, or in files of settings.METRICS_DIR, where whoever is scraped
reads those of all processes. Gauges are read when they are asked for.
"""

import math
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.values import MultiProcessValue

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper ends of the buckets of times, in seconds."""
COUNTED = 10_000
"""What is counted in a database is counted up to here."""
_PAGE = os.sysconf("SC_PAGE_SIZE")
_KIND = re.compile(r"^(counter|histogram|gauge_[a-z]+)_")
"""Beginning of a file's name: what is counted in it."""
_PROGRAMS = {"celery": ("worker", "beat"), "manage.py": ("relay", "consume_stream")}


@dataclass(frozen=True)
class Family:
    """Declaration of a family of samples: `kind` as Prometheus calls it."""

    name: str
    kind: str
    text: str
    labels: tuple[str, ...]


FAMILIES: dict[str, Family] = {}
"""Every declared family by its name."""


def get_role() -> str:
    """Return what this process is, by its command: `web` unless it is a worker, a clock or a relay."""
    program = Path(sys.argv[0]).name.replace("__main__.py", "celery")
    return next((word for word in sys.argv[1:] if word in _PROGRAMS.get(program, ())), "web")


def _name_process() -> str:
    return f"{get_role()}-{os.getpid()}"


def _prepare() -> CollectorRegistry:
    """Prepare to count: in files where there is a folder for them, else in memory."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    if settings.METRICS_DIR:
        Path(settings.METRICS_DIR).mkdir(parents=True, exist_ok=True)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = settings.METRICS_DIR
        values.ValueClass = MultiProcessValue(_name_process)  # type: ignore[no-untyped-call]
    return CollectorRegistry()


_registry = _prepare()


def declare(name: str, kind: str, text: str, labels: tuple[str, ...]) -> None:
    """Declare a family whose samples are kept elsewhere. Raises ValueError where the name is taken."""
    if name in FAMILIES:
        raise ValueError(f"two families are called {name}")
    FAMILIES[name] = Family(name, kind, text, labels)


def count(name: str, text: str, *labels: str) -> Counter:
    """Declare a count of what happened."""
    declare(name, "counter", text, labels)
    return Counter(name, text, labels, registry=_registry)


def time_spent(name: str, text: str, *labels: str) -> Histogram:
    """Declare how long something takes, in seconds."""
    declare(name, "histogram", text, labels)
    return Histogram(name, text, labels, registry=_registry, buckets=SECONDS)


def level(name: str, text: str, *labels: str) -> Gauge:
    """Declare what goes up and down in this process; what a process that is gone has left does not count."""
    declare(name, "gauge", text, labels)
    return Gauge(name, text, labels, registry=_registry, multiprocess_mode="livesum")


def gauge(name: str, text: str, *labels: str) -> str:
    """Declare what is read when it is asked for; returns the name, for `Gauges`."""
    declare(name, "gauge", text, labels)
    return name


class Gauges:
    """Families under construction; a sample without a value is left out."""

    def __init__(self) -> None:
        self.families: dict[str, GaugeMetricFamily] = {}

    def add(self, name: str, value: float | None, /, **labels: str) -> None:
        """Add a sample to a declared family."""
        if value is not None:
            text = FAMILIES[name].text
            family = self.families.setdefault(name, GaugeMetricFamily(name, text, labels=list(labels)))
            family.add_metric(list(labels.values()), float(value))


_MEMORY = gauge("process_resident_memory_bytes", "Memory of the processes of this machine that count.", "role")
_NUMBER = gauge("processes", "Processes of this machine that count.", "role")


def collect() -> Iterator[Metric]:
    """Everything counted so far, by this process or by all that share its folder, and their memory."""
    if settings.METRICS_DIR:
        _forget_dead()
        together: Any = MultiProcessCollector
        yield from together(None, path=settings.METRICS_DIR).collect()
    else:
        yield from _registry.collect()
    yield from _processes()


def _forget_dead() -> None:
    """Delete what says of a process that is gone what it has open, and that it is there."""
    folder = Path(settings.METRICS_DIR)
    for file in (*folder.glob("gauge_livesum_*.db"), *folder.glob("*.process")):
        pid = file.stem.rpartition("-")[2]
        if pid.isdecimal() and not Path(f"/proc/{pid}").exists() and Path("/proc/self").exists():
            file.unlink(missing_ok=True)


def _processes() -> Iterable[Metric]:
    found = {os.getpid(): get_role()}
    if settings.METRICS_DIR:
        found |= _living()
    gauges, memory = Gauges(), dict[str, list[int]]()
    for pid, role in found.items():
        memory.setdefault(role, []).append(_resident(pid))
    for role, sizes in memory.items():
        gauges.add(_MEMORY, sum(sizes) or None, role=role)
        gauges.add(_NUMBER, len(sizes), role=role)
    return gauges.families.values()


def leave_mark() -> None:
    """Leave a file by which whoever is scraped tells of this process, though it may count nothing itself."""
    if settings.METRICS_DIR:
        (Path(settings.METRICS_DIR) / f"{_name_process()}.process").touch()


def _living() -> dict[int, str]:
    """Role of each process that has left a file in the folder and lives, by its id.

    One that was given the id of a dead one began after that one's file was last written.
    """
    found = {}
    for file in Path(settings.METRICS_DIR).glob("*-*.*"):
        role, _, pid = _KIND.sub("", file.stem).rpartition("-")
        if pid.isdecimal() and _began(int(pid)) <= file.stat().st_mtime + 1:
            found[int(pid)] = role
    return found


def _began(pid: int) -> float:
    """Moment when a process began; infinity where there is none."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return math.inf
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> int:
    """Memory of a process in bytes; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def rows_as_gauges(rows: Iterable[tuple[Any, ...]], names: tuple[str, ...], label: str) -> Iterable[Metric]:
    """Turn rows of a label's value and a number for each of `names` into gauges; None is left out."""
    gauges = Gauges()
    for value, *numbers in rows:
        for name, number in zip(names, numbers, strict=True):
            gauges.add(name, number, **{label: str(value)})
    return gauges.families.values()
