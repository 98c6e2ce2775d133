"""Bring every app's database up to date, several at a time; databases that are current cost one query."""

import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.management.sql import emit_post_migrate_signal, emit_pre_migrate_signal
from django.db import DatabaseError, connections, router
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder

from config.databases import APPS, FRAMEWORK_HOME

LOCK_KEY = 7_267_562
"""Advisory lock under which one process at a time migrates a database."""
UNLIMITED = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0"


def aliases() -> list[str]:
    """Databases this process knows, in the order of the apps."""
    return [alias for alias in APPS if alias in connections]


def _labels(alias: str) -> set[str]:
    return {app.label for app in apps.get_app_configs() if router.allow_migrate(alias, app.label)}


def migration_files(alias: str) -> list[Path]:
    """Migration modules of the apps whose tables stand in `alias`."""
    folders = [
        Path(app.path) / "migrations" for app in apps.get_app_configs() if router.allow_migrate(alias, app.label)
    ]
    return sorted(file for folder in folders for file in folder.glob("[!_]*.py"))


def is_current(alias: str) -> bool:
    """Tell whether `alias` has applied every migration on disk."""
    labels = {Path(app.path): app.label for app in apps.get_app_configs()}
    wanted = {(labels[file.parent.parent], file.stem) for file in migration_files(alias)}
    return wanted <= MigrationRecorder(connections[alias]).applied_migrations().keys()


def migrate(alias: str) -> int:
    """Apply what is pending in `alias`, apps of that database only; return how many migrations ran."""
    connection = connections[alias]
    with connection.cursor() as cursor:
        cursor.execute(UNLIMITED)
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
    try:
        executor = MigrationExecutor(connection)
        labels = _labels(alias)
        targets = [node for node in executor.loader.graph.leaf_nodes() if node[0] in labels]
        plan = executor.migration_plan(targets)
        emit_pre_migrate_signal(verbosity=0, interactive=False, db=alias, plan=plan)
        executor.migrate(targets, plan)
        emit_post_migrate_signal(verbosity=0, interactive=False, db=alias, plan=plan)
        return len(plan)
    finally:
        connection.close()  # also gives the lock back


def _timed(alias: str) -> tuple[str, int, float]:
    started = time.perf_counter()
    try:
        return alias, migrate(alias), time.perf_counter() - started
    except DatabaseError as error:
        raise CommandError(f"migrating {alias}: {' '.join(str(error).split())}") from error


def migrate_databases(wanted: list[str]) -> Iterator[tuple[str, int, float]]:
    """Migrate several databases side by side; yield (alias, migrations run, seconds) as each is done."""
    for alias in wanted:
        connections[alias].close()
    if "fork" not in multiprocessing.get_all_start_methods() or len(wanted) == 1:
        yield from map(_timed, wanted)
        return
    workers = min(len(wanted), os.cpu_count() or 1, 4)
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("fork")) as pool:
        for done in as_completed([pool.submit(_timed, alias) for alias in wanted]):
            yield done.result()


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

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate what is behind and say what was done."""
        behind = pending()
        if options["check"] and behind:
            raise CommandError(f"not migrated: {', '.join(behind)}")
        for alias, count, seconds in migrate_databases(behind):
            self.stdout.write(f"{alias}: {count} migration(s), {seconds:.2f} s")
        if not behind:
            self.stdout.write("every database is up to date")
