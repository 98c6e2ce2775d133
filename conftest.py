"""One test run: its own servers in its own data folder, and migrated template databases that tests clone.

Servers start before Django reads its settings, so every process a test starts finds the same ones.
"""

import contextlib
import fcntl
import gc
import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import pytest

from config.databases import STORES
from devtools.embedded import Embedded, EmbeddedError, postgres_version
from tests import ports
from tests.examples import clock

ROOT = Path(__file__).resolve().parent
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
"""Every property on 10,000 random cases, however long each takes: `HYPOTHESIS_PROFILE=nightly make test`."""
PRODUCT = "the whole product"
WHOLE = ("tests/journeys/", "tests/test_chaos_short.py", "tests/test_production.py", "tests/test_upgrade.py")
LONG = 40
"""Longer texts are bodies, tokens and signatures: nobody reads them in a test's name."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_held: dict[str, IO[str]] = {}


def _free_data_dir() -> Path:
    """The first test folder no other run holds, so that two runs in one checkout do not meet."""
    for number in range(1, 20):
        folder = ROOT / ".data" / f"test-{postgres_version()}{f'-{number}' if number > 1 else ''}"
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "pytest.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        _held[str(folder)] = lock
        return folder
    raise EmbeddedError("twenty test runs at once: end some")


def _isolate() -> None:
    """Point this process and those it starts at the test servers, whatever .env or the shell say."""
    if "django" in sys.modules and os.environ.get("DJANGO_SETTINGS_MODULE"):
        raise pytest.UsageError("tests choose their own settings: unset DJANGO_SETTINGS_MODULE and give no --ds")
    for name in [name for name in os.environ if name.startswith("AUTOSALON_") and name not in _KEPT]:
        del os.environ[name]
    os.environ.update(_ENVIRONMENT)
    os.environ.update({f"AUTOSALON_{name}": str(ports.hold_port()) for name in _PORTS})
    run = Path(os.environ["AUTOSALON_DATA_DIR"]) if WORKER else _free_data_dir()
    os.environ["AUTOSALON_DATA_DIR"] = str(run / WORKER)
    os.environ["AUTOSALON_REDIS_PREFIX"] = f"test-{WORKER or 'main'}"
    for app in STORES if WORKER else ():
        url = f"postgres://postgres@/autosalon_{app}?host={quote(str(Embedded(run).socket_dir), safe='/')}"
        os.environ[f"AUTOSALON_{app.upper()}_DATABASE_URL"] = url


_PORTS = ("PORT", "SANDBOX_PORT", "INSURERS_PORT", "BANKS_PORT", "SMS_PORT")
"""Nobody answers there: a test that needs a server starts one, and says where."""
_KEPT = {"AUTOSALON_POSTGRES_BIN", "AUTOSALON_CHAOS_SEED", "AUTOSALON_CHAOS_KILLS", "AUTOSALON_CHAOS_SECONDS"}
_KEPT |= {"AUTOSALON_FAULT_PAYMENTS", "AUTOSALON_FAULT_SEED", "AUTOSALON_FUZZ_EXAMPLES", "AUTOSALON_FUZZ_SEED"}
_KEPT |= {
    "AUTOSALON_DEAL_RUNS",
    "AUTOSALON_EXAMPLES_DIR",
    "AUTOSALON_FEED_DISCONNECTS",
    "AUTOSALON_LAYOUT_SECONDS",
    "AUTOSALON_SHUFFLES",
    "AUTOSALON_UPGRADE_FROM",
    "AUTOSALON_UPGRADE_ORDERS",
}
_KEPT |= {"AUTOSALON_DATA_DIR"} if WORKER else set()
_ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "AUTOSALON_TEST_RUN": "on",
    "AUTOSALON_DEBUG": "on",
    "AUTOSALON_REDIS_URL": "",
    "AUTOSALON_VALKEY_PATIENCE_MS": "20000",  # a busy machine may stall for a second and owes the answer all the same
    "AUTOSALON_STATEMENT_TIMEOUT_MS": "30000",
    "AUTOSALON_ORDER_CACHE_SECONDS": "0",  # tests patch rows past the services; its own tests switch it on
    "AUTOSALON_CATALOG_CACHE_SECONDS": "0",
    "AUTOSALON_SWITCH_CACHE_SECONDS": "0",
    "AUTOSALON_HOLDS_WITHOUT_DEPOSIT": "1000",  # one buyer of a test orders what many would; its own tests lower it
} | {f"AUTOSALON_{app.upper()}_DATABASE_URL": "" for app in STORES}

try:
    ports.guard()
    _isolate()
    clock.set_apart()
except (EmbeddedError, OSError, pytest.UsageError) as problem:
    pytest.exit(f"tests cannot start: {problem}", returncode=1)

import django  # noqa: E402
from django.conf import settings  # noqa: E402
from hypothesis import settings as properties  # noqa: E402

# Before any test module is read: they take their number of examples from the profile at import. Every day the same
# cases, so that a red run is the change's fault; the nightly run goes looking for new ones.
properties.register_profile("daily", derandomize=True, deadline=None)
properties.register_profile("nightly", max_examples=10_000, deadline=None)
properties.load_profile("nightly" if NIGHTLY else "daily")
django.setup()  # before the apps' conftests import their models
from tests import emptying, told_writes  # noqa: E402

emptying.set_up()
told_writes.watch()
del os.environ["DJANGO_SETTINGS_MODULE"]  # xdist's workers must come through here too


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name no test after what every process makes anew, as ids, signatures and zipped files: workers find the same."""
    if isinstance(val, bytes) or (isinstance(val, str) and len(val) > LONG):
        return argname
    return _UUID.sub("uuid", val) if isinstance(val, str) and _UUID.search(val) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is left with it at the end."""
    if WORKER:
        items.sort(key=lambda item: (get_unit(item.nodeid) != PRODUCT, not item.nodeid.startswith("tests/")))


def pytest_collection_finish() -> None:
    """Leave alone what was loaded for the whole run: to look for garbage in it cost a fifth of the tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give whole files to a worker, and all that start the whole product to the same one, one after another."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = get_unit
    return scheduler


def get_unit(nodeid: str) -> str:
    """Return the tests that one worker has to run together."""
    return PRODUCT if nodeid.startswith(WHOLE) else nodeid.split("::")[0]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Take no example from a test that failed."""
    if report.failed:
        from tests.examples import record

        record.disown(report.nodeid)


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers and build the templates once; let every worker clone them."""
    if config.getoption("version", 0) or config.getoption("help", False) or config.getoption("collectonly", False):
        return
    from config.management.commands.migrate_all import aliases

    if NIGHTLY:
        config.option.timeout = 0
    digest = _migrations_digest()
    _start_servers(digest)
    _clone_templates({alias: f"tmpl_{digest}_{alias}" for alias in aliases()})


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop this run's servers; the templates stay for the next run."""
    _servers().stop()
    for left in [] if WORKER else sorted(_servers().data_dir.glob("gw*")):  # by a worker that was killed
        Embedded(left).stop()


def _servers() -> Embedded:
    """Both servers; a worker has a Valkey and files of its own beside the PostgreSQL of the whole run."""
    return Embedded(Path(os.environ["AUTOSALON_DATA_DIR"]))


def _start_servers(digest: str) -> None:
    from django.core.management.base import CommandError

    try:
        _servers().start(postgres=not WORKER, fsync=False)
        _flush_valkey()
        if not WORKER:
            _build_templates(digest)
    except (EmbeddedError, CommandError) as error:
        pytest.exit(f"tests cannot start: {error}", returncode=1)


def _flush_valkey() -> None:
    import redis

    redis.Redis(unix_socket_path=str(_servers().redis_socket)).flushall()


def _migrations_digest() -> str:
    """Changes with the text of any migration, so that a stale template is never cloned."""
    from config.management.commands.migrate_all import aliases, migration_files

    digest = hashlib.sha256(b"letters")  # and with how databases are made
    for file in sorted({file for alias in aliases() for file in migration_files(alias)}):
        digest.update(file.parent.parent.name.encode() + file.name.encode() + file.read_bytes())
    return digest.hexdigest()[:10]


def _build_templates(digest: str) -> None:
    """Migrate one template per database, and drop the templates and clones of earlier migrations."""
    import psycopg
    from psycopg import sql

    from config.management.commands.migrate_all import aliases, migrate_databases

    servers = _servers()
    with psycopg.connect(servers.postgres_url("postgres"), autocommit=True) as connection:
        there = {row[0] for row in connection.execute("SELECT datname FROM pg_database").fetchall()}
        done = f"done_{digest}"
        if done in there:
            return
        for name in sorted(there):
            if name.startswith(("tmpl_", "test_", "done_")):
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        servers.create_databases([f"tmpl_{digest}_{alias}" for alias in aliases()])
        with _renamed({alias: f"tmpl_{digest}_{alias}" for alias in aliases()}):
            list(migrate_databases(aliases()))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(done)))  # the mark of a whole set


class _renamed:
    """Let Django's aliases mean other databases for a while."""

    def __init__(self, names: dict[str, str]) -> None:
        self.names = names
        self.before: dict[str, str] = {}

    def __enter__(self) -> None:
        self.before = self._rename(self.names)

    def __exit__(self, *error: object) -> None:
        self._rename(self.before)

    def _rename(self, names: dict[str, str]) -> dict[str, str]:
        from django.db import connections

        before = {}
        for alias, name in names.items():
            connections[alias].close()
            before[alias] = connections[alias].settings_dict["NAME"]
            connections[alias].settings_dict["NAME"] = name
        return before


def _clone(
    creation: Any, verbosity: int = 1, autoclobber: bool = False, serialize: bool = False, keepdb: bool = False
) -> str:
    """Create a test database as Django does, less its `migrate`: the template has every table already.

    Returns its name.
    """
    name: str = creation._get_test_db_name()
    creation._create_test_db(verbosity, autoclobber, keepdb)
    creation.connection.close()
    settings.DATABASES[creation.connection.alias]["NAME"] = name
    creation.connection.settings_dict["NAME"] = name
    creation.connection.ensure_connection()
    emptying.remember(creation.connection.alias)
    return name


def _leave(*args: object, **options: object) -> None:
    """Leave a test database to the next run, which makes it anew: to drop them took as long as to make them."""


def _clone_templates(templates: dict[str, str]) -> None:
    from django.db import connections

    for alias, template in templates.items():
        test: dict[str, Any] = connections[alias].settings_dict["TEST"]
        test.update(TEMPLATE=template)
        creation: Any = connections[alias].creation
        creation.create_test_db = partial(_clone, creation)
        creation.destroy_test_db = _leave
        if postgres_version() >= 15:  # copied page by page through the log, ten databases take ten times as long
            suffix = creation.sql_table_creation_suffix
            creation.sql_table_creation_suffix = partial(lambda made: f"{made()} STRATEGY FILE_COPY", suffix)


@pytest.fixture(scope="module")
def lasting(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Keep what fixtures of a module make for all its tests, and undo it after them; each test is undone by itself."""
    from django.db import connections

    from core.testing import undone

    made = [alias for alias in STORES if connections[alias].settings_dict["NAME"].startswith("test_")]
    with django_db_blocker.unblock(), undone(*made):  # those that no test of this run names were not made
        yield


@pytest.fixture(autouse=True, scope="session")
def _network_slips() -> Iterator[list[str]]:
    from core.testing import no_network_inside_transactions

    with no_network_inside_transactions() as slips:
        yield slips


@pytest.fixture(autouse=True)
def network_slips(_network_slips: list[str]) -> Iterator[list[str]]:
    """Fail the test during which anything spoke to the network inside a transaction, even if it hid the refusal."""
    _network_slips.clear()
    yield _network_slips
    if _network_slips:
        pytest.fail("the network was used inside a transaction:\n" + "\n".join(_network_slips))


@pytest.fixture(autouse=True, scope="session")
def _contract_slips() -> Iterator[list[str]]:
    from tests import contract

    with contract.held() as slips:
        yield slips


@pytest.fixture(autouse=True)
def contract_slips(_contract_slips: list[str]) -> Iterator[list[str]]:
    """Fail the test during which the API answered anything that its document does not describe."""
    _contract_slips.clear()
    yield _contract_slips
    if _contract_slips:
        pytest.fail("the answer and the OpenAPI document differ:\n" + "\n".join(dict.fromkeys(_contract_slips)))


@pytest.fixture(autouse=True)
def examples_day() -> Iterator[None]:
    """Let every test of `make examples` begin at the same moment."""
    with clock.at_the_day():
        yield


@pytest.fixture(autouse=True)
def strange_ports() -> Iterator[list[str]]:
    """Fail the test during which anything reached for a port that this run did not open, even if it hid the refusal."""
    with ports.alone() as slips:
        yield slips


@pytest.fixture(autouse=True)
def closed_breakers() -> None:
    """Close the breakers: what one test did to a provider is not held against it in the next."""
    import redis

    from gateway.guards import breakers

    with contextlib.suppress(redis.RedisError):
        breakers.forget()


@pytest.fixture
def deliver(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Publish facts as their apps would, and deliver each of them twice to the app whose test this is."""
    from messaging.testing import deliver_twice

    return partial(deliver_twice, request.path.relative_to(ROOT).parts[0])


@pytest.fixture
def screens(client: Any) -> Any:
    """A browser with an administrator signed in to the manager screens, in English."""
    from django.contrib.auth import get_user_model

    person = get_user_model().objects.create_superuser(email="boss@example.com", password="x")
    client.force_login(person)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client
