"""A new app is in every list that has to name it, and its tests are found; what is missing is said by name."""

import re

import pytest
from django.conf import settings

from config.databases import APPS, STORES

ROOT = settings.BASE_DIR
APART = {"chaos", "browser"}
"""Folders of tests with a command of their own."""
LISTS = [
    (".importlinter", r"(?m)\[importlinter\](?:\n.*)*?root_packages =(?:\n .*)*?\n    {app}$", "root_packages"),
    (".importlinter", r"(?m)\[importlinter:contract:apps\](?:\n.+)*?\n    {app}$", "modules of the contract `apps`"),
    (".importlinter", r"(?m)\[importlinter:contract:inside\](?:\n.+)*?\n    {app}$", "containers of `inside`"),
    (".importlinter", r"(?m)^    (?:.* : )?{app}(?: : .*)?$(?=\n    messaging)", "the apps' layer of `plumbing`"),
    (".env.example", r"(?m)^#AUTOSALON_{APP}_DATABASE_URL=", "a line `#AUTOSALON_{APP}_DATABASE_URL=…`"),
    ("docker-compose.yml", r"(?m)^ +AUTOSALON_{APP}_DATABASE_URL: ", "its address in `x-app`"),
    ("docker-compose.yml", r"(?m)^  postgres-{app}:", "a service `postgres-{app}`"),
    ("docker-compose.yml", r"\bq\.{app}\b", "its queue `q.{app}` in the `-Q` of a worker"),
    ("deploy/kubernetes/base/workers.yaml", r"\bq\.{app}\b", "its queue `q.{app}` in the `-Q` of a worker"),
    ("deploy/kubernetes/base/workers.yaml", r"values: \[(?:.*, )?{app}[,\]]", "its inbox in a measure of a worker"),
    (
        "deploy/kubernetes/production/secrets.env.example",
        r"(?m)^AUTOSALON_{APP}_DATABASE_URL=",
        "a line `AUTOSALON_{APP}_DATABASE_URL=…`",
    ),
    ("deploy/pgbouncer.ini", r"(?m)^autosalon_{app} = host=postgres-{app} ", "a line `autosalon_{app} = …`"),
]


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize(("file", "pattern", "what"), LISTS, ids=[f"{file}: {what}" for file, _, what in LISTS])
def test_every_list_has_the_app(app, file, pattern, what):
    names = {"{app}": app, "{APP}": app.upper()}
    for mark, name in names.items():
        pattern, what = pattern.replace(mark, name), what.replace(mark, name)
    assert re.search(pattern, (ROOT / file).read_text()), f"{file} lacks {app}: add {what}"


OF_APPS_ALONE = "deploy/kubernetes/production/secrets.env.example"
DATABASES = [row for row in LISTS if ("DATABASE_URL" in row[1] or "postgres-" in row[1]) and row[0] != OF_APPS_ALONE]


@pytest.mark.parametrize("store", [store for store in STORES if store not in APPS])
@pytest.mark.parametrize(("file", "pattern", "what"), DATABASES, ids=[f"{file}: {what}" for file, _, what in DATABASES])
def test_every_list_of_databases_has_those_of_no_app(store, file, pattern, what):
    test_every_list_has_the_app(store, file, pattern, what)


def test_whatever_is_done_to_databases_is_done_to_all():
    """Who goes through the apps' databases means all of them, or says why not here."""
    apart = {
        "config/databases.py": "the list itself",
        "config/layout.py": "which apps a process serves",
        "config/settings.py": "which apps are installed",
        "config/declared/lists.py": "lists of apps beside those of databases",
        "config/declared/machine.py": "names of apps",
        "config/management/commands/architecture.py": "a table of apps",
        "config/management/commands/check_books.py": "numbers are no books",
        "config/servers/backup.py": "logs of events, which numbers have none of",
    }
    files = {str(path.relative_to(ROOT)) for path in (ROOT / "config").rglob("*.py")}
    named = {file for file in files if re.search(r"\bAPPS\b", (ROOT / file).read_text())}
    assert {file for file in named if "STORES" not in (ROOT / file).read_text()} <= apart.keys(), "STORES, or a reason"
    assert apart.keys() <= files


def packages() -> set[str]:
    """Folders of the checkout that hold code."""
    return {path.parent.name for path in ROOT.glob("*/__init__.py")}


def test_every_test_is_found_without_a_list(request):
    hidden = set(request.config.getini("norecursedirs"))
    assert request.config.getini("testpaths") == [], "tests are looked for everywhere: a list would miss a new app's"
    files = {path.relative_to(ROOT) for name in packages() for path in (ROOT / name).rglob("test_*.py")}
    assert {path.parts[0] for path in files} >= {*APPS, "core", "gateway", "messaging", "storefront", "tests"}
    assert not {path for path in files if hidden & set(path.parts[:-1]) - APART}


@pytest.mark.parametrize("app", APPS)
def test_every_app_has_tests(app):
    assert list((ROOT / app / "tests").glob("test_*.py")), f"{app}/tests has none"
    assert (ROOT / app / "tests" / "__init__.py").exists(), f"{app}/tests/__init__.py is missing"
    assert (ROOT / app / "tests" / "objects.py").exists(), f"{app}/tests/objects.py is missing: makers (`@made_by`)"


def test_no_other_file_of_settings_lists_all_apps():
    """A list that can be derived from `config/databases.py` is; one that cannot is among those above."""
    known = {file for file, _, _ in LISTS} | {"docker-compose.yml"}
    files = [
        *ROOT.glob("*.toml"),
        *ROOT.glob("*.cfg"),
        *ROOT.glob("*.py"),
        *(ROOT / ".ci").iterdir(),
        ROOT / "Makefile",
    ]
    full = [path for path in files if all(re.search(rf"(?i)\b{app}\b", path.read_text()) for app in APPS)]
    assert {str(path.relative_to(ROOT)) for path in full} <= known
