"""Apply migrations as an open shop bears it: one process at a time, and no statement that queues all others.

An ALTER that waits for its lock makes everybody who comes later wait behind it. So it waits briefly, gives up, lets
the queue pass and tries again.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.contrib.postgres.operations import AddIndexConcurrently
from django.core.management.base import CommandError
from django.db import OperationalError, connections
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from core.db import try_session_lock
from core.postgres.migrations import AddUniqueConstraintConcurrently

LOCK_KEY = 7_267_562
"""Advisory lock under which one process at a time migrates a database."""
LOCK_SECONDS = 2.0
"""How long a migration's statement may wait for a lock, and everybody else behind it."""
PATIENCE_SECONDS = 600.0
"""How long a migration is tried again, and how long another process that migrates is waited for."""
LONGEST_PAUSE_SECONDS = 15.0
_UNLIMITED = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0"
Say = Callable[[str], None]


class Executor(MigrationExecutor):
    """Django's own, with a limit on waiting for locks, and another try for the migration that ran into it."""

    def __init__(self, connection: Any, say: Say, *, lock_s: float, patience_s: float) -> None:
        super().__init__(connection)
        self.say, self.lock_s, self.patience_s = say, lock_s, patience_s

    def apply_migration(
        self, state: ProjectState, migration: Migration, fake: bool = False, fake_initial: bool = False
    ) -> ProjectState:
        """Apply one migration, as often as its locks need. Raises OperationalError when patience ends."""
        started, pause = time.monotonic(), 0.5
        while True:
            try:
                self._limit_waiting(migration)
                state = super().apply_migration(state, migration, fake, fake_initial)
            except OperationalError as error:
                over = time.monotonic() - started > self.patience_s
                if over or not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                    raise
                self.say(f"{migration}: others hold its lock, again in {pause:g} s")
                time.sleep(pause * random.uniform(0.8, 1.2))
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                # the failed try has changed the old state
                state = self._create_project_state(with_applied_migrations=True)  # type: ignore[attr-defined]
            else:
                self.loader.applied_migrations[migration.app_label, migration.name] = migration
                self.say(f"{migration}: {time.monotonic() - started:.2f} s")
                return state

    def _limit_waiting(self, migration: Migration) -> None:
        """Set the limit; work that blocks nobody while it waits (concurrent indexes, outside transactions) has none."""
        limit = int(self.lock_s * 1000) if migration.atomic else 0
        with self.connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {limit}")
        if not migration.atomic:
            self._drop_half_made(migration)

    def _drop_half_made(self, migration: Migration) -> None:
        """Drop what an interrupted try left: made outside a transaction it stays, and an index is dead."""
        names = [name for operation in migration.operations for name in _indexes(operation)]
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'i' AND relname = ANY(%s)", [names])
            for (name,) in cursor.fetchall():
                cursor.execute(f"DROP INDEX CONCURRENTLY {self.connection.ops.quote_name(name)}")
                self.say(f"{migration}: dropped the unfinished index {name}")


def _indexes(operation: Operation) -> list[str]:
    """Names of the indexes that an operation builds concurrently."""
    if isinstance(operation, AddIndexConcurrently):
        return [operation.index.name]
    return [operation.constraint.name] if isinstance(operation, AddUniqueConstraintConcurrently) else []


@contextmanager
def alone(alias: str, say: Say, *, patience_s: float = PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the lock of those who migrate `alias`, on a connection of its own.

    Raises CommandError after `patience_s`, and at once behind a pooler, where neither the lock nor the limits would
    hold. The lock is asked for again and again, not waited for: a waiting statement holds a snapshot, and a concurrent
    index of the process that works would wait for that in turn.
    """
    connection = connections[alias]
    connection.close()
    try:
        with connection.cursor() as cursor:
            _refuse_pooler(alias, connection.connection.info.backend_pid, cursor)
            cursor.execute(_UNLIMITED)
            deadline, told = time.monotonic() + patience_s, False
            while not try_session_lock(connection, LOCK_KEY):
                if time.monotonic() > deadline:
                    raise CommandError(f"{alias}: another process has been migrating it for {patience_s:g} s")
                if not told:
                    say(f"{alias}: another process migrates it, waiting")
                    told = True
                time.sleep(0.2)
        yield
    finally:
        connection.close()  # also gives the lock back


def _refuse_pooler(alias: str, told_pid: int, cursor: Any) -> None:
    """Compare whom we believe to speak to with who answers: a pooler lends its servers from statement to statement."""
    cursor.execute("SELECT pg_backend_pid()")
    if cursor.fetchone() != (told_pid,):
        raise CommandError(
            f"{alias}: a connection pooler stands in between; "
            f"give migrate_all the server's own address in AUTOSALON_{alias.upper()}_DATABASE_URL"
        )
