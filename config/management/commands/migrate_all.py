"""Bring every app's database up to date, several at a time; databases that are current cost one query."""

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import DatabaseError, connections, router
from django.db.migrations.recorder import MigrationRecorder

from config.databases import FRAMEWORK_HOME, STORES
from config.migrating.migrator import LOCK_SECONDS, PATIENCE_SECONDS, Executor, Say, alone


def _silent(line: str) -> None:
    """Say nothing."""


def aliases() -> list[str]:
    """Databases this process knows, in the order of the apps."""
    return [alias for alias in STORES if alias in connections]


def _labels(alias: str) -> set[str]:
    return {app.label for app in apps.get_app_configs() if router.allow_migrate(alias, app.label)}


def migration_files(alias: str) -> list[Path]:
    """Migration modules of the apps whose tables stand in `alias`."""
    folders = [
        Path(app.path) / "migrations" for app in apps.get_app_configs() if router.allow_migrate(alias, app.label)
    ]
    return sorted(file for folder in folders for file in folder.glob("[!_]*.py"))


def missing(alias: str) -> list[str]:
    """Migrations on disk that `alias` has not applied, as app.name."""
    labels = {Path(app.path): app.label for app in apps.get_app_configs()}
    wanted = [(labels[file.parent.parent], file.stem) for file in migration_files(alias)]
    applied = MigrationRecorder(connections[alias]).applied_migrations()
    return [".".join(each) for each in wanted if each not in applied]


def is_current(alias: str) -> bool:
    """Tell whether `alias` has applied every migration on disk."""
    return not missing(alias)


def migrate(
    alias: str, say: Say = _silent, *, lock_s: float = LOCK_SECONDS, patience_s: float = PATIENCE_SECONDS
) -> int:
    """Apply what is pending in `alias`, apps of that database only; return how many migrations ran."""
    with alone(alias, say, patience_s=patience_s):
        executor = Executor(connections[alias], say, lock_s=lock_s, patience_s=patience_s)
        labels = _labels(alias)
        targets = [node for node in executor.loader.graph.leaf_nodes() if node[0] in labels]
        plan = executor.migration_plan(targets)
        emit_pre_migrate_signal(verbosity=0, interactive=False, db=alias, plan=plan)
        executor.migrate(targets, plan)
        emit_post_migrate_signal(verbosity=0, interactive=False, db=alias, plan=plan)
        return len(plan)


def _timed(alias: str, say: Say, limits: dict[str, float]) -> tuple[str, int, float]:
    started = time.perf_counter()
    try:
        return alias, migrate(alias, say, **limits), time.perf_counter() - started
    except DatabaseError as error:
        raise CommandError(f"migrating {alias}: {' '.join(str(error).split())}") from error


def migrate_databases(wanted: list[str], say: Say = _silent, **limits: float) -> Iterator[tuple[str, int, float]]:
    """Migrate several databases side by side; yield (alias, migrations run, seconds) as each is done.

    `say` hears of each migration; `lock_s` and `patience_s` are the migrator's. One database's failure stops no other;
    CommandError names all failures at the end.
    """
    for alias in wanted:
        connections[alias].close()
    if "fork" not in multiprocessing.get_all_start_methods() or len(wanted) < 2:
        yield from (_timed(alias, say, limits) for alias in wanted)
        return
    context = multiprocessing.get_context("fork")
    news: SimpleQueue[str] = context.SimpleQueue()
    workers = min(len(wanted), os.cpu_count() or 1, 4)
    failures = []
    with _interruptible(ProcessPoolExecutor(workers, context, initializer=_report_to, initargs=(news,))) as pool:
        waiting = {pool.submit(_in_worker, alias, limits) for alias in wanted}
        while waiting:
            done, waiting = wait(waiting, timeout=0.1, return_when=FIRST_COMPLETED)
            while not news.empty():
                say(news.get())
            for each in done:
                try:
                    yield each.result()
                except CommandError as error:
                    failures.append(str(error))
    if failures:
        raise CommandError("; ".join(failures))


@contextlib.contextmanager
def _interruptible(pool: ProcessPoolExecutor) -> Iterator[ProcessPoolExecutor]:
    """Leave a pool without waiting for its work when interrupted: the databases roll unfinished migrations back."""
    with pool:
        try:
            yield pool
        except (KeyboardInterrupt, GeneratorExit):
            for worker in multiprocessing.active_children():
                worker.kill()
            raise


_news: "SimpleQueue[str] | None" = None
"""Where a worker process tells of its migrations."""


def _report_to(news: "SimpleQueue[str]") -> None:
    global _news
    _news = news
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal: whoever runs the pool ends it


def _in_worker(alias: str, limits: dict[str, float]) -> tuple[str, int, float]:
    assert _news is not None
    return _timed(alias, _news.put, limits)


def pending() -> list[str]:
    """Databases to migrate; permissions of every app live in one, so it joins whenever another changes."""
    behind = [alias for alias in aliases() if not is_current(alias)]
    if behind and FRAMEWORK_HOME in connections and FRAMEWORK_HOME not in behind:
        behind.insert(0, FRAMEWORK_HOME)
    return behind


class Command(BaseCommand):
    """`manage.py migrate_all`: what `migrate` is for one database, for all of them."""

    help = "Migrate every app's database, each with its own apps only."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("--check", action="store_true", help="change nothing; fail when something is pending")
        parser.add_argument(
            "--lock-timeout", type=float, default=LOCK_SECONDS, metavar="S",
            help="seconds a statement may wait for a lock before it lets others pass (2)",
        )  # fmt: skip
        parser.add_argument(
            "--patience", type=float, default=PATIENCE_SECONDS, metavar="S",
            help="seconds to go on trying, and to wait for another process that migrates (600)",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate what is behind and say what was done."""
        if options["check"]:
            self._check()
            return
        behind = pending()
        limits = {"lock_s": options["lock_timeout"], "patience_s": options["patience"]}
        for alias, count, seconds in migrate_databases(behind, self._say, **limits):
            self._say(f"{alias}: {count} migration(s), {seconds:.2f} s")
        if not behind:
            self._say("every database is up to date")

    def _check(self) -> None:
        """Say that all is current. Raises CommandError with what is not."""
        lists = {alias: missing(alias) for alias in aliases()}
        lines = [f"{alias}: {', '.join(names)}" for alias, names in lists.items() if names]
        if lines:
            raise CommandError("\n".join(["not migrated:", *lines]))
        self._say("every database is up to date")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
