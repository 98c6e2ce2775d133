"""Asks every check, each database on a thread and a connection of its own, and remembers the answer for a moment.

However many ask, one examination runs at a time. A server that hangs holds one thread of ours and nobody's request.
"""

import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

import structlog
from django.db import Error, connections

from config.health.checks import Check, Subject, limit
from config.health.databases import due_position
from config.health.declared import all_checks
from core.db import limit_session
from messaging.delivery.parked import served

FRESH_S = 3.0
STALE_S = 30.0
IDLE_S = 15.0
"""An examination is as good as new for `FRESH_S`; while the next runs, the last may be shown for `STALE_S`; a
connection that nobody asked anything over for `IDLE_S` is closed."""
log = structlog.get_logger(__name__)
Answers = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Trouble:
    """One fault: which check found it, where (an app, or what all apps share), and what it is."""

    check: str
    where: str
    text: str

    @property
    def remedy(self) -> str:
        """Return what to do about it."""
        return all_checks()[self.check].remedy


@dataclass(frozen=True)
class Report:
    """Findings of an examination. `places`: all that was looked at, apps first; `down`: apps that serve nobody."""

    at: float
    apps: tuple[str, ...]
    places: tuple[str, ...]
    checks: tuple[str, ...]
    troubles: tuple[Trouble, ...]

    @property
    def down(self) -> set[str]:
        """Apps with a fault that lets them serve nobody."""
        return {one.where for one in self.troubles if all_checks()[one.check].is_vital}

    @property
    def status(self) -> str:
        """`down`: no app can serve anybody. `degraded`: something is wrong, and people are served. Else `ok`."""
        if self.apps and self.down >= set(self.apps):
            return "down"
        return "degraded" if self.troubles else "ok"

    def of(self, place: str) -> list[Trouble]:
        """List what is wrong with an app, or with something shared."""
        return [one for one in self.troubles if one.where == place]


class Busy(Exception):
    """The thread still waits for the answer to an earlier question."""


class _Voice:
    """A thread that asks one question at a time, and keeps its connections while it is asked again and again.

    It is a daemon: a command ends although a frozen server still owes an answer.
    """

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = SimpleQueue()
        self._last: Future[Any] | None = None
        threading.Thread(target=self._run, name=f"health-{name}", daemon=True).start()

    def ask(self, job: Callable[[], Any]) -> Future[Any]:
        """Have `job` done there."""
        future: Future[Any] = Future()
        if self._last is not None and not self._last.done():
            future.set_exception(Busy())
            return future
        self._last = future
        self._jobs.put((job, future))
        return future

    def _run(self) -> None:
        while True:
            try:
                job, future = self._jobs.get(timeout=IDLE_S)
            except Empty:
                connections.close_all()
                continue
            try:
                future.set_result(job())
            except BaseException as error:
                future.set_exception(error)


_voices: dict[str, _Voice] = {}
_answers: dict[tuple[str, str], tuple[float, tuple[str, ...]]] = {}
_turn = threading.Lock()
_latest: Report | None = None


def _begin_anew() -> None:
    """Threads do not survive a fork."""
    global _turn
    _turn = threading.Lock()
    _voices.clear()
    forget()


def forget() -> None:
    """Have the next answer be a new one."""
    global _latest
    with _turn:
        _answers.clear()
        _latest = None


def hang_up() -> None:
    """Close every connection that examinations keep."""
    with _turn:
        wait([voice.ask(connections.close_all) for voice in _voices.values()], timeout=limit("answer_s"))


os.register_at_fork(after_in_child=_begin_anew)


def latest() -> Report:
    """The last examination if it is fresh, else a new one; while another runs it, the last one if it is not too old."""
    known = _latest
    if known is not None and time.monotonic() - known.at < FRESH_S:
        return known
    may_wait = known is None or time.monotonic() - known.at > STALE_S
    if not _turn.acquire(blocking=may_wait):
        assert known is not None
        return known
    try:
        if _latest is not None and time.monotonic() - _latest.at < FRESH_S:
            return _latest
        return _remember(_examine(all_checks().values(), uses_answers=True))
    finally:
        _turn.release()


def _remember(report: Report) -> Report:
    global _latest
    before = set(_latest.troubles) if _latest else set()
    for one in report.troubles:
        if not any((one.check, one.where) == (old.check, old.where) for old in before):
            log.warning("unwell", check=one.check, where=one.where, text=one.text)
    _latest = report
    return report


def examine(names: Iterable[str] = ()) -> Report:
    """Ask now, whatever was found a moment ago; only the checks of these names where some are given."""
    wanted = set(names)
    with _turn:
        return _examine(
            [item for item in all_checks().values() if not wanted or item.name in wanted], uses_answers=False
        )


def _examine(wanted: Iterable[Check], *, uses_answers: bool) -> Report:
    checks, aliases = list(wanted), served()
    asked = {alias: _voice(alias).ask(partial(_due, alias)) for alias in aliases}
    wait(asked.values(), timeout=limit("answer_s"))
    due = {alias: found for alias in aliases if isinstance(found := _result(asked[alias]), int)}
    jobs: dict[str, Future[Any]] = {}
    for alias in aliases:
        own = [item for item in checks if not item.shared and (not item.apps or alias in item.apps)]
        jobs[alias] = _voice(alias).ask(_job(own, Subject(alias, due), uses_answers))
    for item in (item for item in checks if item.shared):
        jobs[item.shared] = _voice(item.shared).ask(_job([item], Subject(item.shared, due), uses_answers))
    wait(jobs.values(), timeout=2 * limit("answer_s"))
    troubles = [one for place, job in jobs.items() for one in _troubles(place, job, checks)]
    names = tuple(item.name for item in checks)
    return Report(time.monotonic(), tuple(aliases), tuple(jobs), names, tuple(troubles))


def _voice(name: str) -> _Voice:
    return _voices.get(name) or _voices.setdefault(name, _Voice(name))


def _due(alias: str) -> int:
    """Tables that a migration is yet to make tell nothing; `migrations` says so."""
    try:
        with connections[alias].cursor() as cursor:
            limit_session(cursor, 1000 * limit("answer_s"))
        return due_position(alias)
    except Error:
        return 0


def _job(checks: list[Check], subject: Subject, uses_answers: bool) -> Callable[[], Answers]:
    return lambda: dict(_ask_each(checks, subject, uses_answers))


def _ask_each(checks: list[Check], subject: Subject, uses_answers: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Answers by check; after a fault that lets nobody be served, the rest would only repeat it."""
    for item in checks:
        key = (item.name, subject.alias)
        at, found = _answers.get(key, (-math.inf, ()))  # never asked: a machine that has just started counts from 0
        if not uses_answers or time.monotonic() - at >= item.every_s:
            found = tuple(item.ask(subject))
            _answers[key] = (time.monotonic(), found)
        yield item.name, found
        if found and item.is_vital:
            return


def _result(future: Future[Any]) -> Any:
    if not future.done():
        return TimeoutError()
    return future.exception() or future.result()


def _troubles(place: str, job: Future[Any], checks: list[Check]) -> Iterator[Trouble]:
    found = _result(job)
    if not isinstance(found, BaseException):
        yield from (Trouble(name, place, text) for name, texts in found.items() for text in texts)
        return
    (name,) = [item.name for item in checks if item.shared == place] or ["database"]
    if isinstance(found, Busy | TimeoutError):
        yield Trouble(name, place, f"does not answer within {limit('answer_s')} s")
        return
    yield Trouble(name, place, f"does not answer: {' '.join(str(found).split())[:120] or type(found).__name__}")
