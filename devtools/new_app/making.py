"""Write a new app and the lists that name it; leave nothing behind where a step fails."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devtools.new_app.naming import Names

TEMPLATE = Path(__file__).parent / "template"
WRITTEN = (
    "docs", "deploy", "locale", "tests/permissions", "tests/value", "tests/changing_tables.txt", "config/databases.py",
    "docker-compose.yml", ".env.example", ".importlinter",
)  # fmt: skip
"""Files and folders that a new app's name is written into, or that are made from declarations."""
Edit = Callable[[str, Names], str]


class ListChanged(RuntimeError):
    """A list does not look as it did when this was written, so a name cannot be put into it."""


@contextmanager
def undone(root: Path, app: str) -> Iterator[None]:
    """Take everything back where the block fails: the app's folder, and every file that it wrote into."""
    kept = {path: path.read_bytes() for path in _files(root)}
    try:
        yield
    except BaseException:
        shutil.rmtree(root / app, ignore_errors=True)
        for path in set(_files(root)) - kept.keys():
            path.unlink()
        for path, content in kept.items():
            if not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)
        raise


def _files(root: Path) -> Iterator[Path]:
    for name in WRITTEN:
        place = root / name
        found = place.rglob("*") if place.is_dir() else [place]
        yield from (path for path in found if path.is_file() and "__pycache__" not in path.parts)


def write_app(root: Path, names: Names) -> None:
    """Write the app's files."""
    for template in sorted(TEMPLATE.rglob("*-tpl")):
        path = root / names.app / template.relative_to(TEMPLATE)
        path = path.with_name(path.name.removesuffix("-tpl"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(names.fill(template.read_text()))


def write_lists(root: Path, names: Names) -> None:
    """Put the app into the lists that no other command writes. Raises ListChanged."""
    for name, edit in EDITS.items():
        path = root / name
        text = path.read_text()
        edited = edit(text, names)
        if edited == text:
            raise ListChanged(f"{name}: there is no place for {names.app}")
        path.write_text(edited)


def _before(mark: str, added: str) -> Edit:
    """Put lines before the first that begins with a mark."""
    return lambda text, names: re.sub(rf"(?m)^(?={re.escape(mark)})", lambda _: names.fill(added), text, count=1)


def _after_section(heading: str, mark: str, added: str) -> Edit:
    """Put lines before the first mark after a heading."""

    def edit(text: str, names: Names) -> str:
        before, found, after = text.partition(heading)
        return before + found + _before(mark, added)(after, names)

    return edit


def _sorted(added: str) -> Edit:
    """Put a line among sorted ones: before the first that is greater, or at the end."""

    def edit(text: str, names: Names) -> str:
        line = names.fill(added)
        return "".join(sorted([*text.splitlines(True), line]))

    return edit


def _screen(text: str, names: Names) -> str:
    """Put a row into the table of screens, among the sorted ones; a row may go on for several lines."""
    head, opening, rest = text.partition('TABLE = """\n')
    table, closing, tail = rest.partition('"""')
    rows = re.findall(r"(?m)^\S.*\n(?:\s.*\n)*", table)
    row = f"{names.app}.{names.thing}".ljust(33) + "manager  manager  manager  nobody   -\n"
    return head + opening + "".join(sorted([*rows, row])) + closing + tail


def _russian(text: str, names: Names) -> str:
    """Add the Russian words; without any, the English ones stand alone and are reported as not translated."""
    one, many = names.russian or ("", "")
    words = {names.thing: one, names.app: many, names.app.title(): many[:1].upper() + many[1:]}
    told = [(word, said) for word, said in words.items() if f'\nmsgid "{word}"\n' not in text]
    return text + "".join(f'\nmsgid "{word}"\nmsgstr "{said}"\n' for word, said in told) or text


EDITS: dict[str, Edit] = {
    "config/databases.py": _before(")\nSTORES", '    "@app@",\n'),
    "tests/changing_tables.txt": _sorted("@app@.@Thing@\n"),
    "tests/value/harmless.txt": lambda text, names: (
        text.rstrip("\n")
        + names.fill(
            "\n\n# What is called by which name: nothing leaves the shop by it (@app@)\n"
            "PATCH /@app@/{}\nPOST /@app@\nadmin @app@.@thing@: add\nadmin @app@.@thing@: change\n"
        )
    ),
    "tests/permissions/table.py": _before(
        "# Approvals",
        "# @App@\n"
        + "".join(
            f"{method:<6} {path:<50} manager\n"
            for method, path in (("GET", "/@app@"), ("POST", "/@app@"), ("GET", "/@app@/{}"), ("PATCH", "/@app@/{}"))
        ),
    ),
    "tests/permissions/screens.py": _screen,
    "docs/architecture.md": _after_section("## Apps and databases", "\nWhat they tell", "| @app@ | @app@, by name |\n"),
    "docs/coverage.md": _after_section(
        "## The API",
        "## The live feed",
        "### @App@\n\n| Endpoint | Who | What | Proof |\n| --- | --- | --- | --- |\n"
        "| GET, POST `/@app@` | manager | everything that there is, by name | `@app@/tests/test_api.py` |\n"
        "| GET, PATCH `/@app@/{id}` | manager | one; another name | `@app@/tests/test_api.py` |\n\n",
    ),
    "locale/ru/LC_MESSAGES/django.po": _russian,
}
"""Each list that is written by hand otherwise, and how a name comes into it."""
