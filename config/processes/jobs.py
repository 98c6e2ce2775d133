"""Measure the jobs of workers: how long each takes, and what came of it, in a line of the log and in counts."""

import time
from typing import Any

import structlog
from celery import current_app
from celery.signals import task_postrun, task_prerun

from core.running import measures

QUIET = frozenset({"messaging.drain"})
"""Jobs that leave no line where they succeed: each delivery they make has its own cause, and there are too many."""
_SECONDS = measures.time_spent("job_duration_seconds", "Jobs of workers.", "task", "state")
_started: dict[str, float] = {}
log = structlog.get_logger(__name__)


def begin_at_zero(**_: Any) -> None:
    """Tell of every declared job before it has run: an increase from nothing to one is seen by nobody."""
    for name in {entry["task"] for entry in current_app.conf.beat_schedule.values()}:
        for ended in ("success", "failure"):
            _SECONDS.labels(name, ended)


def begin(task_id: str = "", **_: Any) -> None:
    """Note when it began."""
    _started[task_id] = time.perf_counter()


def end(task_id: str = "", task: Any = None, state: str | None = None, **_: Any) -> None:
    """Count it, and tell of it."""
    started = _started.pop(task_id, None)
    if started is None:
        return
    took_s, name, ended = time.perf_counter() - started, getattr(task, "name", ""), (state or "unknown").lower()
    _SECONDS.labels(name, ended).observe(took_s)
    if name not in QUIET or ended != "success":
        log.info("job", job=name, state=ended, ms=round(took_s * 1000, 1))


task_prerun.connect(begin)
task_postrun.connect(end)
