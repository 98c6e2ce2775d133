"""Sell through a real PgBouncer in transaction mode, and refuse there what needs a session of its own."""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connections

import catalog.tests.make
from config.celery import refuse_poolers
from config.databases import STORES
from config.servers import backup
from core import db
from core.ids import uuid7
from core.testing import token_for
from devtools.embedded import Embedded
from messaging.testing import drain_outbox
from tests.live import Web
from tests.product import ROOT, free_port, wait_for

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
POOL = 2
BUYERS = 12
ROUNDS = 8
"""So often a statement is run that psycopg would prepare at its sixth time."""


class Pooler:
    """PgBouncer as deploy/pgbouncer.ini has it, with this run's databases, a port of its own and a small pool."""

    def __init__(self, folder: Path) -> None:
        self.port, self.folder = free_port(), folder
        self.names = {alias: str(connections[alias].get_connection_params()["dbname"]) for alias in STORES}
        self.sockets = str(connections["orders"].get_connection_params()["host"])

    def __enter__(self) -> "Pooler":
        file = self.folder / "pgbouncer.ini"
        file.write_text(self._render((ROOT / "deploy/pgbouncer.ini").read_text()))
        who = Embedded(settings.DATA_DIR)._identity()  # it refuses root as PostgreSQL does
        command = [*who.prefix, str(PGBOUNCER), "-q", str(file)]
        self.log = (self.folder / "pgbouncer.log").open("wb")
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        wait_for(self._answers, 20, "PgBouncer does not answer")
        return self

    def __exit__(self, *error: object) -> None:
        self.process.terminate()
        self.process.wait(20)
        self.log.close()

    def _render(self, shipped: str) -> str:
        for alias, name in self.names.items():
            shipped = shipped.replace(
                f"autosalon_{alias} = host=postgres-{alias}", f"{name} = host={self.sockets} user=postgres"
            )
        for setting, value in {
            "listen_addr": "127.0.0.1", "listen_port": self.port, "auth_type": "any", "default_pool_size": POOL,
        }.items():  # fmt: skip
            shipped, changed = re.subn(rf"(?m)^{setting} = .*$", f"{setting} = {value}", shipped)
            assert changed == 1
        return re.sub(r"(?m)^auth_file = .*$", "unix_socket_dir =", shipped)

    def _answers(self) -> bool:
        assert self.process.poll() is None, (self.folder / "pgbouncer.log").read_text()
        try:
            psycopg.connect(self.url("orders"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def url(self, alias: str) -> str:
        """Return where an app's database is behind this pooler."""
        return f"postgres://postgres@127.0.0.1:{self.port}/{quote(self.names[alias])}"


@pytest.fixture
def pooler(tmp_path):
    if PGBOUNCER is None:
        pytest.skip("PgBouncer is not installed here")
    with Pooler(tmp_path) as pooler:
        yield pooler


@pytest.fixture
def web(pooler):
    """A web process that reaches every database through the pooler."""
    urls = {f"AUTOSALON_{alias.upper()}_DATABASE_URL": pooler.url(alias) for alias in STORES}
    with Web(urls | {"AUTOSALON_DATABASE_POOLER": "on"}) as web:
        yield web


@pytest.mark.proof
@pytest.mark.django_db(databases=list(STORES), transaction=True)
def test_a_web_process_sells_through_a_pooler_with_fewer_sessions_than_threads(web, pooler):
    car = catalog.tests.make.product(stock=BUYERS * ROUNDS)
    drain_outbox()
    with ThreadPoolExecutor(BUYERS) as pool:
        answers = list(pool.map(lambda _: _order(web, str(car.id)), range(BUYERS * ROUNDS)))
    assert [answer.text for answer in answers if answer.status_code != 201] == []
    everything_is_read(web)
    the_limits_of_the_shipped_file_hold(pooler)


def _order(web, car):
    body = {"items": [{"product_id": car, "quantity": 1}]}
    headers = {"Authorization": f"Bearer {token_for()}", "Idempotency-Key": str(uuid7())}
    return web.http.post("/orders", json=body, headers=headers)


def everything_is_read(web):
    """Pages, lists, health and metrics, each more often than a statement is run before it would be prepared."""
    headers = {"Authorization": f"Bearer {token_for(None, 'admin', 'manager')}"}
    root = f"http://127.0.0.1:{web.port}"
    for _ in range(ROUNDS):
        for path in ("/products", "/orders", "/payments", "/clients", "/insurance/policies", "/financing/loans"):
            answer = web.http.get(path, headers=headers)
            assert answer.status_code == 200, (path, answer.text)
        for path in ("/", "/health/ready", "/metrics"):
            assert web.http.get(f"{root}{path}").status_code == 200, path
    assert "DuplicatePreparedStatement" not in web.log.read_text()


def the_limits_of_the_shipped_file_hold(pooler):
    """Nothing that the web process did left another limit on a session that is lent to the next one."""
    wanted = {"statement_timeout": "10s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "20s"}
    for alias in STORES:
        with psycopg.connect(pooler.url(alias), prepare_threshold=None, autocommit=True) as connection:
            for _ in range(POOL * 2):
                for name, value in wanted.items():
                    assert connection.execute(f"SHOW {name}").fetchone() == (value,), (alias, name)


def test_what_needs_a_session_is_refused_behind_a_pooler(settings):
    settings.DATABASE_POOLER = True
    with pytest.raises(db.NeedsSession, match="a lock needs sessions of its own"), db.session_lock("orders", "x", [1]):
        pass
    with pytest.raises(db.NeedsSession):
        db.try_session_lock(connections["orders"], 1)
    with pytest.raises(CommandError, match="a relay needs sessions of its own"):
        call_command("relay")
    with pytest.raises(SystemExit, match="a worker needs sessions of its own"):
        refuse_poolers()
    with pytest.raises(backup.BackupError, match="a backup needs sessions of its own"), backup.one_moment(["orders"]):
        pass


def test_a_worker_ends_before_it_takes_a_task():
    env = os.environ | {"AUTOSALON_DATABASE_POOLER": "on", "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-m", "celery", "-q", "-A", "config", "worker", "-P", "solo", "-Q", "q.nobody"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, "a worker needs sessions of its own" in done.stderr) == (1, True), done.stderr
