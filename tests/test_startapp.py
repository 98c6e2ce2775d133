"""Make a new app by one command, in every room and every list; nothing of it where its name is bad or a step fails."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from config.management.commands import startapp
from devtools.new_app import making
from devtools.new_app.naming import Names, guess_thing
from tests.product import ROOT

NAMES = Names("warranties", "warranty", ("гарантия", "гарантии"))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("orders", "taken"),
        ("contracts", "taken"),
        ("storefront", "taken"),
        ("admin", "taken"),
        ("core", "taken"),
        ("docs", "taken"),
        ("products", "taken"),
        ("class", "Python"),
        ("match", "Python"),
        ("json", "installed"),
        ("numpy", "installed"),
        ("Warranties", "one word"),
        ("warranty_cards", "one word"),
        ("warranty-cards", "one word"),
        ("2nd", "one word"),
        ("гарантии", "one word"),
        ("../warranties", "one word"),
        ("w", "one word"),
        ("w" * 19, "one word"),
    ],
)
def test_a_bad_name_is_refused_before_anything_is_written(monkeypatch, name, reason):
    monkeypatch.setattr(making, "undone", lambda *_: pytest.fail("it began to write"))
    with pytest.raises(CommandError, match=reason):
        call_command("startapp", name)


@pytest.mark.parametrize(
    ("thing", "reason"), [("order", "taken by a model"), ("resource", "taken"), ("pass", "Python"), ("a b", "one word")]
)
def test_a_bad_name_of_what_it_keeps_is_refused_too(monkeypatch, thing, reason):
    monkeypatch.setattr(making, "undone", lambda *_: pytest.fail("it began to write"))
    with pytest.raises(CommandError, match=reason):
        call_command("startapp", "warranties", thing=thing)


@pytest.mark.parametrize(
    ("app", "thing"),
    [("warranties", "warranty"), ("tyres", "tyre"), ("fleet", "fleet"), ("glass", "glass")],
)
def test_what_it_keeps_is_its_name_in_the_singular(app, thing):
    assert guess_thing(app) == thing


def copied_lists(folder):
    for name in making.EDITS:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((ROOT / name).read_bytes())


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_where_a_step_fails(tmp_path, error):
    copied_lists(tmp_path)
    before = content(tmp_path)

    def begin():
        with making.undone(tmp_path, NAMES.app):
            making.write_app(tmp_path, NAMES)
            making.write_lists(tmp_path, NAMES)
            (tmp_path / "docs/new.md").write_text("made by a step")
            assert before.keys() < content(tmp_path).keys()
            raise error

    with pytest.raises(error):
        begin()
    assert content(tmp_path) == before
    assert not (tmp_path / NAMES.app).exists()


OPEN = {"tests/changing_tables.txt", "tests/value/harmless.txt", "tests/permissions/screens.py"}
"""Lists that a line goes into whatever they hold."""


@pytest.mark.parametrize("name", [name for name in making.EDITS if name not in OPEN])
def test_a_list_without_a_place_for_the_name_stops_it(tmp_path, name):
    copied_lists(tmp_path)
    said = {"locale/ru/LC_MESSAGES/django.po": '\nmsgid "warranty"\n\nmsgid "warranties"\n\nmsgid "Warranties"\n'}
    (tmp_path / name).write_text(said.get(name, "another file\n"))
    with pytest.raises(making.ListChanged, match=name):
        making.write_lists(tmp_path, NAMES)


def test_a_step_that_fails_is_told_with_what_it_said():
    with pytest.raises(CommandError, match="nothing is left of the app:\nno such luck"):
        startapp._run(ROOT, ["-c", "raise SystemExit('no such luck')"])


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of what this checkout holds, with an app that was made in it."""
    folder = tmp_path_factory.mktemp("checkout")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not (ROOT / name).is_symlink():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    done(folder, "manage.py", "startapp", "warranties", "--russian", "гарантия", "гарантии")
    return folder


def done(folder, *command):
    """Run a command of the copy, with nothing of this run's settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AUTOSALON_", "PYTEST_"))}
    environment |= {"AUTOSALON_DEBUG": "on", "DJANGO_SETTINGS_MODULE": "config.settings"}
    if "pytest" in command:
        del environment["DJANGO_SETTINGS_MODULE"]
    ended = subprocess.run(
        [sys.executable, "-W", "ignore::RuntimeWarning", *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-5000:] + ended.stderr[-3000:]
    return ended.stdout


@pytest.mark.proof
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "command",
    [
        ("manage.py", "check"),
        ("manage.py", "makemigrations", "--check", "--dry-run"),
        ("manage.py", "lint_migrations"),
        ("-m", "ruff", "check"),
        ("-m", "ruff", "format", "--check"),
        (str(Path(sys.executable).with_name("lint-imports")), "--no-logo"),
        ("-m", "mypy", "warranties"),
        ("manage.py", "openapi", "--check"),
    ],
    ids=lambda command: " ".join(command).rpartition("/")[2],
)
def test_the_copy_with_the_new_app_passes_what_lint_asks(checkout, command):
    done(checkout, *command)


TOLD = "tests/shape/test_shape.py::test_no_figure_is_worse_than_it_was[lines of the product without tests, sandboxes"
TOLD += " and tools]"
"""The one figure that every app makes worse, and that whoever adds one raises."""


@pytest.mark.proof
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "tests",
    [
        ("warranties",),
        ("tests/shape", f"--deselect={TOLD}"),
        (
            "tests/test_architecture.py",
            "tests/test_lists_of_apps.py",
            "tests/test_settings.py",
            "tests/test_compose.py",
        ),
        (
            "tests/value/test_declarations.py",
            "tests/permissions/test_screens.py",
            "tests/test_docs.py",
            "-k",
            "not links",
        ),
    ],
    ids=lambda tests: tests[0],
)
def test_the_tests_of_the_new_app_and_of_the_house_pass(checkout, tests):
    assert " passed" in done(checkout, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *tests)
