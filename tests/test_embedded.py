"""The embedded servers: started by anyone, killed by anything, never losing what was committed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from devtools import binaries
from devtools import embedded as module
from devtools.embedded import Embedded, EmbeddedError, wait_for


@pytest.fixture(scope="module")
def servers() -> Iterator[Embedded]:
    folder = Path(tempfile.mkdtemp(prefix="autosalon-test-"))
    servers = Embedded(folder / "data")
    servers.start(fsync=False)
    yield servers
    servers.stop()
    shutil.rmtree(folder)


def ask(servers: Embedded, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
    with psycopg.connect(servers.postgres_url(database), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def kill(pid: int | None) -> None:
    assert pid
    os.kill(pid, signal.SIGKILL)
    assert wait_for(lambda: not module.command_line(pid), 5)


def test_addresses_are_known_before_anything_runs(tmp_path: Path) -> None:
    servers = Embedded(tmp_path / "never")
    assert servers.database_settings("autosalon_orders")["HOST"] == str(servers.socket_dir)
    assert not servers.running()
    assert not (tmp_path / "never").exists()


def test_it_makes_databases_once(servers: Embedded) -> None:
    assert servers.create_databases(["a-1", "b"]) == ["a-1", "b"]
    assert servers.create_databases(["a-1", "b", "c"]) == ["c"]


def test_it_listens_on_sockets_only_its_owner_may_open(servers: Embedded) -> None:
    assert ask(servers, "SHOW listen_addresses") == [("",)]
    assert servers.socket_dir.stat().st_mode & 0o077 == 0


def test_it_knows_cyrillic_letters(servers: Embedded) -> None:
    assert ask(servers, "SELECT lower('ЛАДА'), 'Веста' ILIKE 'ВЕСТА'") == [("лада", True)]


def test_a_second_start_changes_nothing(servers: Embedded) -> None:
    before = servers.status()
    servers.start(fsync=False)
    assert servers.status() == before


def test_another_process_adopts_the_running_servers(servers: Embedded) -> None:
    code = "import sys; from devtools.embedded import Embedded; from pathlib import Path; "
    code += "servers = Embedded(Path(sys.argv[1])); servers.start(); print(servers.postgres_pid())"
    seen = subprocess.run([sys.executable, "-c", code, servers.data_dir], capture_output=True, text=True, check=True)
    assert int(seen.stdout) == servers.postgres_pid()


def test_committed_rows_survive_kill_9(servers: Embedded) -> None:
    ask(servers, "CREATE TABLE kept AS SELECT 1 AS one")
    redis.Redis(unix_socket_path=str(servers.redis_socket)).set("note", "there")
    kill(servers.postgres_pid())
    kill(servers.valkey_pid())
    servers.start(fsync=False)
    assert ask(servers, "SELECT one FROM kept") == [(1,)]
    assert all(servers.status().values())


def test_a_stale_pid_taken_by_another_program_is_no_obstacle(servers: Embedded) -> None:
    kill(servers.postgres_pid())
    file = servers.cluster / "postmaster.pid"
    file.write_text(file.read_text().replace(file.read_text().split("\n")[0], str(os.getpid()), 1))
    assert servers.postgres_pid() is None
    servers.start(fsync=False)
    assert ask(servers, "SELECT 1") == [(1,)]


def test_two_data_folders_run_at_once_even_under_a_very_long_path(servers: Embedded, tmp_path: Path) -> None:
    other = Embedded(tmp_path / ("long-" * 30) / "data")
    assert other.socket_dir.parent != other.data_dir
    other.start(fsync=False)
    try:
        assert other.postgres_pid() != servers.postgres_pid()
        assert ask(other, "SELECT 1") == ask(servers, "SELECT 1")
    finally:
        other.stop()
    assert not other.running()
    assert servers.running()


def test_a_socket_folder_of_someone_else_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    servers = Embedded(tmp_path / "data")
    servers.socket_dir.mkdir(parents=True)
    os.chown(servers.socket_dir, 12345, 12345)
    with pytest.raises(EmbeddedError, match="belongs to another user"):
        servers.start(postgres=False)


def test_a_full_disk_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nearly_full = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: nearly_full)
    with pytest.raises(EmbeddedError, match="is full: free 100 MB") as refused:
        Embedded(tmp_path / "data").start(valkey=False)
    assert "\n" not in str(refused.value)


def test_a_data_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match="file"):
        Embedded(tmp_path / "file" / "data").start()


def test_data_of_another_version_is_refused_not_touched(tmp_path: Path) -> None:
    servers = Embedded(tmp_path / "data")
    servers.cluster.mkdir(parents=True)
    (servers.cluster / "PG_VERSION").write_text("12\n")
    with pytest.raises(EmbeddedError, match="made by PostgreSQL 12"):
        servers.start(valkey=False)


def test_without_any_server_it_names_the_remedies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_wheel_binary", lambda package, pattern: None)
    monkeypatch.setattr(binaries.shutil, "which", lambda name: None)
    with pytest.raises(EmbeddedError, match=r"requirements-demo\.txt.*AUTOSALON_REDIS_URL"):
        Embedded(tmp_path / "data").start(postgres=False)


def test_up_says_plainly_that_a_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        environment = os.environ | {"AUTOSALON_PORT": str(port), "AUTOSALON_DATA_DIR": str(tmp_path)}
        refused = subprocess.run(
            [sys.executable, "manage.py", "up"], env=environment, capture_output=True, text=True, check=False
        )
    assert refused.returncode == 1
    assert f"port {port} is taken" in refused.stderr
    assert not (tmp_path / "postgres").exists()
