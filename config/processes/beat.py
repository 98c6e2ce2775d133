"""The clock of the periodic jobs: any number of beats may run, and one of them at a time runs each app's jobs.

Who runs an app's jobs holds a lock in that app's database, so an app whose database is away stops no other app's jobs.
The lock lives in an open transaction that wrote nothing, on a connection of its own: it ends with the process, with the
session, and (`idle_in_transaction_session_timeout`) with a process that hangs, and it works behind a pooler too. A job
goes out only after the server has just confirmed the lock. When nightly jobs last ran stands in the database, so
whoever takes over neither repeats nor forgets them.
"""

import time
from pathlib import Path
from typing import Any

import celery.beat
import structlog
from celery.schedules import crontab
from django.db import Error, connections
from django.utils import timezone

from config.databases import EVERYWHERE
from core.db import NARROW, try_lock
from messaging.upkeep import scheduled

TICK_S = 1.0
HEARTBEAT_S = 20.0
CONFIRM_S = 9.0
"""So often the server is asked whether a seat is still ours while there is nothing to send."""
HUNG_S = 15
"""So long a beat may say nothing before the server ends its session, and with it the lock."""
_LIMIT = f"SET LOCAL idle_in_transaction_session_timeout = '{HUNG_S}s'"
log = structlog.get_logger(__name__)


class Seat:
    """The right to run the jobs of one database."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.is_held = False
        self._session: Any = None
        self._beaten_at = self._asked_at = float("-inf")

    def hold(self) -> bool:
        """Take the seat if it is free, or make sure now and then that it is still ours; waits for nobody."""
        if not self.is_held:
            return self._take()
        return time.monotonic() - self._asked_at < CONFIRM_S or self.confirm()

    def confirm(self) -> bool:
        """Ask the server whether the seat is still ours; if it does not say so, it is not."""
        if not self.is_held:
            return False
        try:
            self._execute("SELECT true")
            self._asked_at = time.monotonic()
        except Error as error:
            log.warning("beat_lost_its_lock", alias=self.alias, error=repr(error))
            self.leave()
        return self.is_held

    def leave_heartbeat(self) -> None:
        """Show those who look at the database that this app's jobs are attended to; keep no session for it."""
        if time.monotonic() - self._beaten_at >= HEARTBEAT_S:
            scheduled.tick(self.alias)
            connections[self.alias].close()
            self._beaten_at = time.monotonic()

    def leave(self) -> None:
        """Give the seat up, whatever state the session is in."""
        self.is_held, self._beaten_at = False, float("-inf")
        if self._session is not None:
            self._session.close()
            self._session = None

    def _take(self) -> bool:
        try:
            if self._session is None:
                self._session = connections[self.alias].copy()
                self._session.set_autocommit(False)
            self._execute(_LIMIT)
            self.is_held = try_lock(self._session, "config.beat", number=NARROW)
            if not self.is_held:
                self._session.rollback()
        except Error as error:
            log.info("beat_cannot_ask", alias=self.alias, error=repr(error))
            self.leave()
        return self.is_held

    def _execute(self, sql: str) -> None:
        with self._session.cursor() as cursor:
            cursor.execute(sql)


class Scheduler(celery.beat.Scheduler):  # type: ignore[misc]  # Celery has no types
    """Celery's scheduler without its file: what must outlive the process is in the databases."""

    def __init__(self, *args: Any, schedule_filename: str = "", **options: Any) -> None:
        self.seats: dict[str, Seat] = {}
        self.sign_of_life = Path(schedule_filename) if schedule_filename else None
        """Touched at every tick, so that a health check can tell a clock that hangs."""
        super().__init__(*args, **options)

    def setup_schedule(self) -> None:
        """Take the jobs from the code; each belongs to one app."""
        self.merge_inplace(self.app.conf.beat_schedule)
        self.seats = {alias: Seat(alias) for alias in sorted({get_owner(entry) for entry in self.schedule.values()})}

    def tick(self, *_: Any, **__: Any) -> float:
        """Send what is due of every app whose seat we have; return the seconds until the next look."""
        if self.sign_of_life is not None:
            self.sign_of_life.touch()
        return min([TICK_S, *(self._serve(seat) for seat in self.seats.values())])

    def close(self) -> None:
        """Let the next beat take over at once."""
        try:
            super().close()
        finally:
            for seat in self.seats.values():
                seat.leave()

    def _serve(self, seat: Seat) -> float:
        was_held = seat.is_held
        if not seat.hold():
            return TICK_S
        try:
            if not was_held:
                self._take_over(seat.alias)
            seat.leave_heartbeat()
        except Error as error:
            log.warning("beat_interrupted", alias=seat.alias, error=repr(error))
            seat.leave()
            return TICK_S
        entries = [entry for entry in self.schedule.values() if get_owner(entry) == seat.alias]
        return min(self._look_at(entry, seat) for entry in entries)

    def _take_over(self, alias: str) -> None:
        """Learn when the nightly jobs last ran; the others simply run again."""
        ran = scheduled.last_runs(alias)
        for name, entry in self.schedule.items():
            if name in ran and get_owner(entry) == alias:
                entry.last_run_at = min(ran[name], timezone.now())
        log.info("beat_took_over", alias=alias)

    def _look_at(self, entry: Any, seat: Seat) -> float:
        is_due, next_s = entry.is_due()
        if is_due and self._send(entry, seat):
            self.reserve(entry)
            if isinstance(entry.schedule, crontab):
                self._record(entry, seat.alias)
        return max(0.0, float(next_s))

    def _send(self, entry: Any, seat: Seat) -> bool:
        """Send one job, if we may. What the broker did not take is tried again at the next tick, by whoever may."""
        try:
            producer = self.producer  # may wait long for a broker that is away: the seat is confirmed after it
            if not seat.confirm():
                return False
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:
            log.warning("job_not_sent", job=entry.name, error=repr(error))
            self._hang_up()
            return False
        return True

    def _hang_up(self) -> None:
        """Drop the connection to the broker; the next job opens another."""
        self.__dict__.pop("producer", None)
        connection = self.__dict__.pop("connection", None)
        if connection is not None:
            connection.collect(socket_timeout=1)

    def _record(self, entry: Any, alias: str) -> None:
        try:
            scheduled.record(alias, entry.name, timezone.now())
        except Error as error:
            log.warning("run_not_recorded", job=entry.name, error=repr(error))


def get_owner(entry: Any) -> str:
    """The database whose lock decides who sends a job: its app's, or the one that a job of the plumbing is about."""
    app: str = entry.task.partition(".")[0]
    return str(entry.args[0]) if app in EVERYWHERE else app
