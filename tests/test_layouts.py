"""Declare which apps need which: what one asks of another at run time; a layout without it is refused."""

import ast
import os
import subprocess
import sys
from datetime import date
from decimal import Decimal
from importlib import import_module
from itertools import combinations
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from config.databases import APPS
from config.declared import checking
from config.layout import read_layout
from core.ids import uuid7
from financing.public import check_application, read_offer_terms, recalculate_offer
from messaging.peering import peers, reads
from tests.product import ROOT

pytestmark = pytest.mark.proof

OPERATORS = {("plugin", "copies"), ("plugin", "demo")}
"""Modules of an app that only commands use; these refuse to work without the databases that they compare or fill."""
TERMS = {
    "programme_id": uuid7(), "programme": "Any", "bank": "Any", "version": 1, "annual_rate": Decimal(12),
    "schedule": "annuity", "vehicle_price": Decimal(1_000_000), "down_payment": Decimal(0), "term_months": 12,
    "balloon": Decimal(0), "financed_premium": Decimal(0), "psk_premium": Decimal(0),
}  # fmt: skip
APPLICATION = {
    "vehicle_price": "1000000.00", "down_payment": "0.00", "term_months": 12, "financing_type": "car_loan",
    "employment_status": "employed", "monthly_income": "100000.00", "birth_date": str(date(1990, 1, 1)),
}  # fmt: skip
PURE = {
    "financing.check_application": lambda: check_application(APPLICATION, now=timezone.now()),
    "financing.read_offer_terms": lambda: read_offer_terms(TERMS),
    "financing.recalculate_offer": lambda: recalculate_offer(read_offer_terms(TERMS)),
}
"""Public functions that ask no database, so that they may be called wherever their code is."""


def crossings():
    """(caller, module, owner, name) of every function of a `public.py` that another app imports."""
    for caller in APPS:
        for file in sorted(Path(settings.BASE_DIR, caller).rglob("*.py")):
            module = file.relative_to(settings.BASE_DIR).with_suffix("").parts
            if "tests" in module or module[1:3] in OPERATORS:
                continue
            for node in ast.walk(ast.parse(file.read_text())):
                yield from (found for found in _imported(node, caller, ".".join(module)))


def _imported(node, caller, module):
    names = []
    if isinstance(node, ast.ImportFrom) and node.module:
        names = [f"{node.module}.{item.name}" for item in node.names]
    if isinstance(node, ast.Import):
        names = [item.name for item in node.names]
    for name in names:
        owner, _, rest = name.partition(".")
        if owner in APPS and owner != caller and rest.startswith("public"):
            assert rest.startswith("public."), f"{module} imports {name} whole: name the functions"
            yield caller, module, owner, rest.rpartition(".")[2]


def test_what_apps_ask_of_each_other_is_declared_or_asks_no_database():
    undeclared = []
    for caller, module, owner, name in crossings():
        found = getattr(import_module(f"{owner}.public"), name)
        read = reads.reads().get(f"{owner}.{name}")
        is_declared = read is not None and caller in read.callers
        if callable(found) and not isinstance(found, type) and not is_declared and f"{owner}.{name}" not in PURE:
            undeclared.append(f"{module} calls {owner}.public.{name}: @answers({caller!r})")
    assert undeclared == []


def test_no_declaration_outlives_its_caller():
    called = {(f"{owner}.{name}", caller) for caller, _, owner, name in crossings()}
    assert {(name, caller) for name, read in reads.reads().items() for caller in read.callers} <= called
    assert set(PURE) <= {name for name, _ in called}


@pytest.mark.parametrize("name", PURE)
def test_what_asks_no_database_needs_none(name):
    """This test has none: a query would fail it."""
    PURE[name]()


def declared_function(name):
    owner, _, function = name.partition(".")
    return getattr(import_module(f"{owner}.public"), function)


def test_declared_reads_are_public():
    for name, read in reads.reads().items():
        assert declared_function(name).__wrapped__ is read.function, name


# Layouts ------------------------------------------------------------------------------------------------------------
def problems(monkeypatch, settings, apps, databases, peers_of):
    monkeypatch.setattr(peers, "is_here", lambda app: app in databases)
    settings.PEERS = dict.fromkeys(peers_of, "http://peer:8000")
    return reads.layout_problems(apps)


@pytest.mark.parametrize("app", APPS)
def test_every_app_works_alone_with_peers_and_says_which_it_lacks(app, monkeypatch, settings):
    others = reads.needs(app)
    assert app not in others
    assert problems(monkeypatch, settings, [app], {app}, others) == []
    for lacking in others:
        [line] = problems(monkeypatch, settings, [app], {app}, others - {lacking})
        assert line.startswith(f"{lacking} is needed by {app}: ")
        assert f"AUTOSALON_{lacking.upper()}_DATABASE_URL" in line
        assert f"AUTOSALON_PEERS ({lacking}=http://" in line
        assert problems(monkeypatch, settings, [app], {app, lacking}, others - {lacking}) == []


def test_every_pair_of_groups_works_with_the_other_as_its_peer(monkeypatch, settings):
    here, there = set(), {}
    monkeypatch.setattr(peers, "is_here", here.__contains__)
    settings.PEERS = there
    for size in range(1, len(APPS)):
        for group in combinations(APPS, size):
            here.clear()
            here.update(group)
            there.clear()
            there.update(dict.fromkeys(set(APPS) - here, "http://peer:8000"))
            assert reads.layout_problems(group) == []


def test_needs_are_mutual():
    """Whoever reads a log needs its owner, and the owner must know how far it was read before it deletes anything."""
    for app in APPS:
        for other in reads.needs(app):
            heard = app in {source for item in reads.subscriptions().values() for source in item.sources}
            assert not heard or app in reads.needs(other) or other in reads.needs(app)


@pytest.mark.parametrize(
    ("names", "apps", "roles"),
    [
        ([], APPS, {"storefront", "admin", "contracts"}),
        (list(APPS), APPS, {"storefront", "admin", "contracts"}),
        (["payments", "orders"], ("orders", "payments"), set()),
        (["storefront"], (), {"storefront", "admin"}),
        (["admin"], (), {"admin"}),
        (["contracts"], (), {"contracts"}),
        (["accounts", "storefront"], ("accounts",), {"storefront", "admin"}),
    ],
)
def test_a_layout_is_read(names, apps, roles):
    layout = read_layout(names)
    assert (layout.apps, set(layout.roles)) == (apps, roles)
    assert layout.databases == (APPS if roles & {"storefront", "admin"} else apps)
    assert layout.stores == (*layout.databases, *(["contracts"] if "contracts" in roles else []))
    assert layout.answered == (APPS if "storefront" in roles else apps)


def urls(app):
    return f"postgres://x@db/{app}"


REFUSED = {
    "an app that does not exist": ({"SERVICES": "payment"}, "there is no payment"),
    "pages without a database": (
        {"SERVICES": "storefront", "ORDERS_DATABASE_URL": ""},
        "AUTOSALON_ORDERS_DATABASE_URL: required outside debug, to serve orders, the storefront or the admin",
    ),
    "the admin without a database": (
        {"SERVICES": "admin", "CLIENTS_DATABASE_URL": ""},
        "AUTOSALON_CLIENTS_DATABASE_URL: required outside debug, to serve clients, the storefront or the admin",
    ),
    "pages without the key that signs": (
        {"SERVICES": "storefront", "JWT_PRIVATE_KEY_FILE": ""},
        "AUTOSALON_JWT_PRIVATE_KEY_FILE: required outside debug, to serve accounts or the storefront",
    ),
    "an app without its database": (
        {"SERVICES": "payments", "PAYMENTS_DATABASE_URL": ""},
        "AUTOSALON_PAYMENTS_DATABASE_URL: required outside debug",
    ),
    "peers without a secret": (
        {"SERVICES": "payments", "ORDERS_DATABASE_URL": "", "PEERS": "orders=http://x:1"},
        "AUTOSALON_PEER_SECRET: required with AUTOSALON_PEERS",
    ),
    "a secret that can be guessed": ({"PEER_SECRET": "x" * 31}, "AUTOSALON_PEER_SECRET: expected 32 characters"),
    "a peer and a database": (
        {"SERVICES": "payments", "PEERS": "orders=http://x:1", "PEER_SECRET": "x" * 32},
        "AUTOSALON_PEERS: orders has AUTOSALON_ORDERS_DATABASE_URL too",
    ),
    "a peer for what is served here": (
        {"SERVICES": "payments", "PEERS": "payments=http://x:1", "PEER_SECRET": "x" * 32},
        "AUTOSALON_PEERS: payments is no peer",
    ),
    "a peer that is no app": ({"PEERS": "order=http://x:1", "PEER_SECRET": "x" * 32}, "there is no order"),
    "a peer without an address": (
        {"PEERS": "orders=x:1", "PEER_SECRET": "x" * 32},
        "expected <app>=http://host:port",
    ),
    "a peer named twice": (
        {"SERVICES": "payments", "ORDERS_DATABASE_URL": "", "PEERS": "orders=http://x:1,orders=http://y:1"},
        "AUTOSALON_PEERS: orders is named twice",
    ),
}
PROGRAMS = {
    "manage.py": [sys.executable, "manage.py", "relay"],
    "worker": [sys.executable, "-m", "celery", "-A", "config", "worker"],
    "web": [sys.executable, "-m", "uvicorn", "config.asgi:application", "--port", "0"],
}


@pytest.fixture
def whole(tmp_path):
    """Every setting that production needs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUTOSALON_")}
    kept.pop("DJANGO_SETTINGS_MODULE", None)
    key = tmp_path / "private.pem"
    key.write_text(settings.JWT_PRIVATE_KEY)
    return kept | {
        "AUTOSALON_TEST_RUN": "on",
        "AUTOSALON_DEBUG": "off",
        "AUTOSALON_DATA_DIR": str(tmp_path),
        "AUTOSALON_REDIS_URL": "redis://nowhere:1",
        "AUTOSALON_SECRET_KEY": "x" * 60,
        "AUTOSALON_ALLOWED_HOSTS": "x",
        "AUTOSALON_EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend",
        "AUTOSALON_JWT_PRIVATE_KEY_FILE": str(key),
        **{f"AUTOSALON_{app.upper()}_DATABASE_URL": urls(app) for app in APPS},
    }


def refuse(program, env):
    done = subprocess.run(program, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_at_the_start_with_the_reason(case, whole, monkeypatch):
    """Nothing starts while `checking.problems` finds anything: test_settings.py."""
    given, reason = REFUSED[case]
    for name, value in (whole | {f"AUTOSALON_{name}": value for name, value in given.items()}).items():
        monkeypatch.setenv(name, value)
    assert any(reason in line for line in checking.problems()), checking.problems()


def test_what_production_needs_is_all_that_it_needs(whole, monkeypatch):
    for name, value in whole.items():
        monkeypatch.setenv(name, value)
    assert checking.problems() == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_refuses_a_layout_that_lacks_peers(program, whole):
    lonely = {f"AUTOSALON_{app.upper()}_DATABASE_URL": "" for app in APPS if app != "orders"}
    said = refuse(PROGRAMS[program], whole | lonely | {"AUTOSALON_SERVICES": "orders"})
    for app in reads.needs("orders"):
        assert f"{app} is needed by orders" in said


ROUTES = """
import django
django.setup()
from django.urls import resolve, reverse
from config.celery import app
app.finalize()
print(reverse("storefront:home"), reverse("admin:index"), resolve("/api/v1/orders").url_name)
print(len(app.conf.beat_schedule))
"""


def test_a_storefront_has_every_path_and_no_work_of_its_own(whole):
    env = whole | {"AUTOSALON_SERVICES": "storefront", "DJANGO_SETTINGS_MODULE": "config.settings"}
    done = subprocess.run(
        [sys.executable, "-c", ROUTES], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["/", "/admin/", "orders-list", "0"], done.stderr
    said = refuse(PROGRAMS["manage.py"], env)
    assert "this process serves no app whose events it could move" in said


def test_the_books_are_checked_where_all_databases_are(whole):
    env = whole | {"AUTOSALON_SERVICES": "orders", "AUTOSALON_PEER_SECRET": "x" * 32}
    env |= {f"AUTOSALON_{app.upper()}_DATABASE_URL": "" for app in APPS if app != "orders"}
    env["AUTOSALON_PEERS"] = ",".join(f"{app}=http://peer:1" for app in APPS if app != "orders")
    said = refuse([sys.executable, "manage.py", "check_books"], env)
    assert "AUTOSALON_CATALOG_DATABASE_URL" in said
    assert "AUTOSALON_ORDERS_DATABASE_URL" not in said
    said = refuse([sys.executable, "manage.py", "events", "diff", "orders.ProductCopy"], env)
    assert "orders.ProductCopy needs AUTOSALON_CATALOG_DATABASE_URL" in said
