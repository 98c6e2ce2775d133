"""One moment of all databases: taken while nothing crosses between them, dumped while work goes on, and restored whole.

Databases dumped one after another contradict each other: a reader remembers events that its source's dump lacks, and
after a restore neither knows what the other has done. So for an instant nobody may publish an event or move one; in
that instant every database gives a snapshot, and the dumps are of these snapshots, however long they take.
"""

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from django.db import connections
from psycopg.conninfo import make_conninfo

from config.databases import APPS
from core.db import NeedsSession, require_session
from core.ids import uuid7
from devtools.binaries import postgres_bin
from devtools.embedded import EmbeddedError

MANIFEST = "manifest.json"
FORMAT = 1
PATIENCE_S = 2.0
TRIES = 20
AT_ONCE = 4
"""Longest that writers stand still in one try for the fence; how often it is tried; dumps at the same time."""
_FENCE = "LOCK TABLE messaging_outbox, messaging_inbox_cursor IN SHARE MODE"
_CONNECTING = ("host", "port", "user", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey")


class BackupError(RuntimeError):
    """Why there is no backup, or no restore, in one sentence."""


@dataclass(frozen=True)
class Snapshot:
    """A moment of one database. `id` is good while its session lasts; `epoch` and `position` are those of its log."""

    alias: str
    id: str
    epoch: str
    position: int


@dataclass(frozen=True)
class Dump:
    """A dumped database."""

    file: str
    bytes: int
    sha256: str
    epoch: str
    position: int


def _connect(alias: str) -> psycopg.Connection[Any]:
    """A session of its own, outside Django, that may wait as long as it must."""
    connection: psycopg.Connection[Any] = psycopg.connect(**connections[alias].get_connection_params())
    connection.execute("SET statement_timeout = 0")
    connection.execute("SET idle_in_transaction_session_timeout = 0")
    connection.commit()
    return connection


@contextmanager
def one_moment(aliases: Iterable[str]) -> Iterator[tuple[list[Snapshot], float]]:
    """Snapshots of all these databases at one moment, and for how many seconds writers stood still for it.

    Raises BackupError when some transaction held on to an event for too long, again and again, and where
    sessions are a pooler's, which would lend the one that holds a snapshot to somebody else.
    """
    try:
        require_session("a backup")
    except NeedsSession as error:
        raise BackupError(str(error)) from None
    with ExitStack() as stack:
        fences = {alias: stack.enter_context(_connect(alias)) for alias in aliases if alias in APPS}
        readers = {alias: stack.enter_context(_connect(alias)) for alias in aliases}
        stood_s = _fence(fences)
        started = time.monotonic()
        try:
            found = [_snapshot(alias, reader) for alias, reader in readers.items()]
        finally:
            for fence in fences.values():
                fence.rollback()
        yield found, stood_s + time.monotonic() - started


def _fence(sessions: dict[str, psycopg.Connection[Any]]) -> float:
    """Stop events everywhere: none is published, placed or copied until these transactions end."""
    for number in range(TRIES):
        started = time.monotonic()
        try:
            for session in sessions.values():
                left_s = PATIENCE_S - (time.monotonic() - started)
                session.execute(f"SET LOCAL lock_timeout = {max(1, int(left_s * 1000))}")
                session.execute(_FENCE)
        except psycopg.errors.LockNotAvailable:
            for session in sessions.values():
                session.rollback()
            time.sleep(min(5.0, 0.2 * (number + 1)))
        else:
            return time.monotonic() - started
    raise BackupError("a transaction never let events stand still: look for one that hangs in pg_stat_activity")


def _snapshot(alias: str, session: psycopg.Connection[Any]) -> Snapshot:
    session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    if alias not in APPS:  # no log: its snapshot is all there is to say
        row = session.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        return Snapshot(alias, row[0], "", 0)
    found = session.execute(
        """SELECT pg_export_snapshot(), coalesce((SELECT epoch::text FROM messaging_feed_head WHERE id = 1), ''),
                  coalesce((SELECT position FROM messaging_feed_head WHERE id = 1), 0)"""
    ).fetchone()
    assert found is not None
    return Snapshot(alias, *found)


def back_up(aliases: list[str], folder: Path, say: Callable[[str], None] = lambda line: None) -> dict[str, Dump]:
    """Dump all these databases as they were at one moment into `folder`, which is whole or not there.

    Raises BackupError.
    """
    if folder.exists():
        raise BackupError(f"{folder} exists: name a folder that does not")
    half = folder.with_name(f"{folder.name}.part-{uuid7()}")
    half.mkdir(parents=True, mode=0o700)
    with one_moment(aliases) as (snapshots, stood_s), ThreadPoolExecutor(AT_ONCE) as pool:
        say(f"one moment of {len(aliases)} databases; events stood still for {stood_s * 1000:.0f} ms")
        dumps = dict(zip(aliases, pool.map(lambda one: _dump(one, half), snapshots), strict=True))
    manifest = {"format": FORMAT, "dumps": {alias: asdict(dump) for alias, dump in dumps.items()}}
    (half / MANIFEST).write_text(json.dumps(manifest, indent=2))
    half.rename(folder)
    return dumps


def _dump(snapshot: Snapshot, folder: Path) -> Dump:
    file = folder / f"{snapshot.alias}.dump"
    _run(snapshot.alias, "pg_dump", "--format=custom", f"--snapshot={snapshot.id}", f"--file={file}")
    return Dump(file.name, file.stat().st_size, _digest(file), snapshot.epoch, snapshot.position)


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _run(alias: str, program: str, *options: str) -> None:
    """Run a program of PostgreSQL on a database; the password goes by the environment, where nobody else reads it."""
    given = connections[alias].get_connection_params()
    address = make_conninfo(**{name: given[name] for name in _CONNECTING if given.get(name)})
    environment = os.environ | ({"PGPASSWORD": given["password"]} if given.get("password") else {})
    try:
        command = [str(postgres_bin() / program), "--no-owner", "--no-privileges", *options, f"--dbname={address}"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except (EmbeddedError, OSError) as error:
        raise BackupError(f"{program} cannot be run: {error}") from None
    if done.returncode:
        raise BackupError(f"{program} of {alias}: {' '.join(done.stderr.split())[:500]}")


def restore(aliases: list[str], folder: Path) -> dict[str, Dump]:
    """Fill empty databases from a backup of all of them; their logs begin a new epoch, which every reader knows.

    Raises BackupError before anything is written when a dump is missing or damaged, or a database is not empty.
    """
    dumps = _read(folder)
    if missing := set(aliases) ^ set(dumps):
        raise BackupError(f"not the same databases here and in the backup: {', '.join(sorted(missing))}")
    for alias, dump in dumps.items():
        if _digest(folder / dump.file) != dump.sha256:
            raise BackupError(f"{folder / dump.file} is damaged")
        if not _is_empty(alias):
            raise BackupError(f"the database of {alias} is not empty: a restore goes into new ones")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda alias: _restore(alias, dumps[alias], folder), dumps))
    begin_new_epochs([alias for alias in aliases if alias in APPS])
    return dumps


def _read(folder: Path) -> dict[str, Dump]:
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        if manifest["format"] != FORMAT:
            raise BackupError(f"{folder} is a backup of format {manifest['format']}, this release reads {FORMAT}")
        return {alias: Dump(**dump) for alias, dump in manifest["dumps"].items()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{folder} is no backup: {error}") from None


def _is_empty(alias: str) -> bool:
    with _connect(alias) as session:
        found = session.execute("SELECT EXISTS (SELECT 1 FROM pg_tables WHERE schemaname = 'public')").fetchone()
    return not (found and found[0])


def _restore(alias: str, dump: Dump, folder: Path) -> None:
    _run(alias, "pg_restore", "--exit-on-error", "--single-transaction", str(folder / dump.file))


def begin_new_epochs(aliases: list[str]) -> None:
    """Tell whoever followed a log beyond the backup that it is another one now; our own readers go on where they were.

    A cursor that knows another log than the one it was backed up with stays as it is: the relay pauses it.
    """
    for source in aliases:
        with _connect(source) as session:
            found = session.execute("SELECT epoch FROM messaging_feed_head WHERE id = 1").fetchone()
        if found is None:
            continue
        before, after = found[0], uuid7()
        for alias in aliases:
            with _connect(alias) as session:
                session.execute(
                    "UPDATE messaging_inbox_cursor SET epoch = %s WHERE source = %s AND epoch = %s",
                    [after, source, before],
                )
        with _connect(source) as session:
            session.execute("UPDATE messaging_feed_head SET epoch = %s, began_at = position WHERE id = 1", [after])
