"""`migrate_all`: repeatable, right about what is missing, safe in pairs, and no obstacle to an open shop."""

import threading
import time
from contextlib import contextmanager
from io import StringIO

import psycopg
import pytest
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently
from django.core.management import CommandError, call_command
from django.db import OperationalError, connections, migrations, models
from psycopg import sql

from config.management.commands import migrate_all
from config.migrating.migrator import Executor, _refuse_pooler, alone

ALIASES = ("resources", "showroom")
TABLE = "resources_resource"


def scratch(alias):
    return f"scratch_{alias}_{settings.REDIS_PREFIX.replace('-', '_')}"


def connect(alias):
    return open_database(scratch(alias))


def open_database(name):
    where = connections["resources"].get_connection_params()
    return psycopg.connect(
        **{key: where[key] for key in ("host", "port", "user", "password") if where.get(key)},
        dbname=name,
        autocommit=True,
    )


@pytest.fixture
def empty(django_db_blocker, monkeypatch):
    """Two databases without a table, in the place of the apps' own."""
    names = [scratch(alias) for alias in ALIASES]
    with open_database("postgres") as admin:
        for name in names:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    monkeypatch.setattr(migrate_all, "aliases", lambda: list(ALIASES))
    monkeypatch.setattr(migrate_all, "FRAMEWORK_HOME", ALIASES[0])
    with django_db_blocker.unblock():
        for alias in ALIASES:
            connections[alias].close()
            monkeypatch.setitem(connections[alias].settings_dict, "NAME", scratch(alias))
        yield
        for alias in ALIASES:
            connections[alias].close()
    with open_database("postgres") as admin:
        for name in names:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def run(*arguments):
    said = StringIO()
    call_command("migrate_all", *arguments, stdout=said)
    return said.getvalue()


def test_a_second_run_has_nothing_to_do_and_says_so(empty):
    first = run()
    for alias in ALIASES:
        assert f"{alias}.0001_initial: " in first, "each migration is told as it is done"
        assert f"{alias}: {len(migrate_all.migration_files(alias))} migration(s), " in first
    for _ in range(2):
        assert run() == "every database is up to date\n"


def test_check_names_what_is_missing_and_is_content_when_nothing_is(empty):
    with pytest.raises(CommandError) as refusal:
        run("--check")
    assert "resources: " in str(refusal.value)
    assert "showroom.0001_initial" in str(refusal.value)
    with connect("showroom") as connection:
        assert connection.execute("SELECT to_regclass('showroom_happening')").fetchone() == (None,)
    run()
    assert run("--check") == "every database is up to date\n"
    with connect("showroom") as connection:
        connection.execute("DELETE FROM django_migrations WHERE app = 'showroom' AND name = '0001_initial'")
    with pytest.raises(CommandError) as refusal:
        run("--check")
    assert str(refusal.value) == "not migrated:\nshowroom: showroom.0001_initial"


def test_two_at_once_share_the_work(empty):
    said: list[str] = []
    counts: list[int] = []
    entered = threading.Barrier(2)

    def one():
        entered.wait()
        counts.append(migrate_all.migrate("resources", said.append))
        connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    wanted = len(migrate_all.migration_files("resources"))
    assert sorted(counts) == [0, wanted]
    assert "resources: another process migrates it, waiting" in said


def test_who_waits_for_another_process_gives_up_in_the_end(empty):
    with connect("resources") as other:
        other.execute("SELECT pg_advisory_lock(7267562)")
        with pytest.raises(CommandError, match="another process has been migrating it for"):
            migrate_all.migrate("resources", patience_s=0.3)


def test_one_databases_failure_is_told_and_stops_no_other(empty):
    with connect("resources") as connection:
        connection.execute("CREATE TABLE resources_resource ()")
    with pytest.raises(CommandError, match='migrating resources: relation "resources_resource" already exists'):
        run()
    with pytest.raises(CommandError) as refusal:
        run("--check")
    assert "showroom" not in str(refusal.value)


@contextmanager
def executor(say, lock_s=0.2, patience_s=30.0):
    with alone("resources", say):
        yield Executor(connections["resources"], say, lock_s=lock_s, patience_s=patience_s)


def made(operation, *, atomic=True):
    migration = migrations.Migration("9999_invented", "resources")
    migration.operations, migration.atomic = [operation], atomic
    return migration


def new_column():
    return made(migrations.AddField("resource", "invented", models.IntegerField(null=True)))


def columns():
    with connect("resources") as connection:
        query = "SELECT column_name FROM information_schema.columns WHERE table_name = %s"
        return {name for (name,) in connection.execute(query, [TABLE])}


def test_a_migration_lets_the_traffic_pass_and_tries_again(empty):
    run()
    said: list[str] = []
    with connect("resources") as holder, connect("resources") as visitor:
        holder.execute(f"BEGIN; LOCK TABLE {TABLE} IN ACCESS SHARE MODE")

        def receive(line):
            said.append(line)
            if "again in" in line:
                started = time.monotonic()
                visitor.execute(f"SELECT count(*) FROM {TABLE}")
                assert time.monotonic() - started < 5, "between two tries others read"
                if len(said) == 2:
                    holder.execute("COMMIT")

        with executor(receive) as migrating:
            state = migrating._create_project_state(with_applied_migrations=True)
            migrating.apply_migration(state, new_column())
    assert [line.partition(",")[0] for line in said[:2]] == ["resources.9999_invented: others hold its lock"] * 2
    assert len(said) == 3
    assert "invented" in columns()


def test_a_migration_whose_lock_never_comes_fails_and_leaves_nothing(empty):
    run()
    with connect("resources") as holder:
        holder.execute(f"BEGIN; LOCK TABLE {TABLE} IN ACCESS SHARE MODE")
        with executor(lambda line: None, patience_s=0) as migrating:
            state = migrating._create_project_state(with_applied_migrations=True)
            with pytest.raises(OperationalError, match="lock timeout"):
                migrating.apply_migration(state, new_column())
    assert "invented" not in columns()


def test_an_index_left_unfinished_is_made_anew(empty):
    run()
    with connect("resources") as connection:
        connection.execute(f"CREATE INDEX unfinished ON {TABLE} (id)")
        connection.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'unfinished'::regclass")
    said: list[str] = []
    with executor(said.append) as migrating:
        state = migrating._create_project_state(with_applied_migrations=True)
        index = models.Index(fields=["name"], name="unfinished")
        migrating.apply_migration(state, made(AddIndexConcurrently("resource", index), atomic=False))
    assert "resources.9999_invented: dropped the unfinished index unfinished" in said
    with connect("resources") as connection:
        query = "SELECT indisvalid, pg_get_indexdef(indexrelid) FROM pg_index WHERE indexrelid = 'unfinished'::regclass"
        valid, definition = connection.execute(query).fetchone()
    assert valid
    assert "(name)" in definition


def test_it_refuses_to_migrate_through_a_pooler(empty):
    connection = connections["resources"]
    with connection.cursor() as cursor:
        _refuse_pooler("resources", connection.connection.info.backend_pid, cursor)
        with pytest.raises(CommandError, match="AUTOSALON_RESOURCES_DATABASE_URL"):
            _refuse_pooler("resources", 1, cursor)
