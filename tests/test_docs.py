"""The documents name what exists: commands, settings, files and every path of the API."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.urls import URLResolver, get_resolver

from config.declared.setting import ALL
from config.management.commands.architecture import with_tables
from config.migrating.releases import changelog, digest, releases
from orders.models import ISSUED_KINDS
from tests.permissions import table as permissions

ROOT = Path(settings.BASE_DIR)
READMES = ("README.md", "README.ru.md")
DOCUMENTS = [*(ROOT / name for name in READMES), *ROOT.glob("[A-Z]*.md"), *(ROOT / "docs").rglob("*.md")]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def read_text(name):
    return (ROOT / name).read_text()


def commands_in(name):
    return {
        "manage.py": set(re.findall(r"manage\.py ([a-z_]+)", read_text(name))),
        "make": set(re.findall(r"\bmake ([a-z]+(?:-[a-z]+)*)", "\n".join(code_in(name)))),
    }


def code_in(name):
    text = read_text(name)
    return re.findall(r"`([^`\n]+)`", text) + re.findall(r"```sh\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("name", READMES)
def test_every_command_named_in_a_readme_exists(name):
    named = commands_in(name)
    assert named["manage.py"] <= set(get_commands())
    assert named["make"] <= set(re.findall(r"^([a-z-]+):", read_text("Makefile"), re.MULTILINE))


def test_both_readmes_name_the_same_commands():
    english, russian = map(commands_in, READMES)
    assert english == russian
    assert all(english.values())


def test_both_readmes_show_the_same_first_purchase():
    def steps(name):
        blocks = re.findall(r"```sh\n(.*?)```", read_text(name), re.DOTALL)
        lines = [re.sub(r"\s+#.*| \"full_name.*", "", line) for line in "".join(blocks).splitlines()]
        return [line for line in lines if line and not line.startswith("#")]

    assert steps("README.md") == steps("README.ru.md")


def test_every_setting_named_in_a_document_exists():
    known = {name for name, setting in ALL.items() if not setting.group.is_hidden}
    known |= {f"{name}_FILE" for name, setting in ALL.items() if setting.is_secret}
    for path in DOCUMENTS:
        named = set(re.findall(r"AUTOSALON_([A-Z_]*[A-Z])\b", path.read_text()))
        assert named <= known, path.name


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_resolves(path):
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if "://" in target:
            continue
        file, _, anchor = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), f"{path.name} links to {target}"
        if anchor:
            assert anchor in anchors(linked), f"{path.name} links to {target}"


def anchors(path):
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def routes(resolver=None, prefix=""):
    """(path with `{}` for its variables, methods) of everything under /api/v1/."""
    for item in (resolver or get_resolver()).url_patterns:
        path = prefix + item.pattern.regex.pattern.removeprefix("^").replace(r"\Z", "").removesuffix("$")
        if isinstance(item, URLResolver):
            yield from routes(item, path)
        elif path.startswith("api/v1/"):
            actions = getattr(item.callback, "actions", None) or list_methods(item.callback.cls)
            bare = re.sub(r"\(\?P<\w+>[^)]*\)", "{}", path.removesuffix("/?"))
            # a view that has answered once also lists the HEAD it derives from GET
            yield "/" + bare.removeprefix("api/v1/"), {method.upper() for method in actions} - {"HEAD"}


def list_methods(view_class):
    return [method.lower() for method in METHODS if hasattr(view_class, method.lower())]


def served():
    return {(method, path) for path, methods in routes() for method in methods}


ROW = re.compile(r"^\| ([A-Z]+(?:, [A-Z]+)*) `(/[^`]*)` \|[^|]*\|[^|]*\| (.+) \|$", re.MULTILINE)
"""Endpoint, who, what, proof."""


def covered():
    """(method, path) of every row of the coverage tables, and the test files that row names."""
    rows = {}
    for methods, path, tests in ROW.findall(read_text("docs/coverage.md")):
        for method in methods.split(", "):
            rows[method, re.sub(r"\{[^}]*\}", "{}", path)] = re.findall(r"`([^`]+)`", tests)
    return rows


def test_the_coverage_page_and_the_api_agree():
    assert set(covered()) == served()


def test_every_endpoint_has_one_row_in_the_table_of_permissions():
    known = [(row.method, row.path) for row in permissions.rows()]
    assert len(known) == len(set(known))
    missing, gone = served() - set(known), set(known) - served()
    assert (missing, gone) == (set(), set()), "add a line to tests/permissions/table.py, then write the page anew"


def test_the_page_of_permissions_shows_the_table():
    assert permissions.DOCUMENT.read_text() == permissions.render(), "run: python -m tests.permissions.table"


def test_every_kind_of_paper_is_drawn_on_its_page():
    page = read_text("docs/contract-desk.md")
    drawn = set(re.findall(r"\(papers/([a-z-]+)\.(?:ru|en)\.png\)", page)) - {"signed"}
    assert drawn == {kind for kind, _name in ISSUED_KINDS}, "draw it by docs/papers.py"


def test_every_test_named_in_the_coverage_page_exists():
    for row, files in covered().items():
        for file in files:
            assert (ROOT / file).is_file(), f"{row}: {file}"


@pytest.mark.parametrize("release", releases(), ids=lambda release: release.version)
def test_what_a_release_brought_is_not_written_anew(release):
    said = digest(changelog()[release.version])
    assert said == release.changelog, f"new lines of CHANGELOG.md belong under Unreleased, not under {release.version}"


def test_the_tables_of_the_architecture_are_those_of_the_code():
    page = read_text("docs/architecture.md")
    assert with_tables(page) == page, "run manage.py architecture"
