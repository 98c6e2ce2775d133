"""Statements written by hand: what sums is made once, whatever PostgreSQL takes the tables for."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

_PART = re.compile(r"\b(\w+) AS (MATERIALIZED )?\(")
_JOINED = re.compile(r"(?<!FULL )\b(JOIN) \((?=\s*SELECT\b)")
_SUMS = re.compile(r"\bGROUP BY\b", re.IGNORECASE)
_WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
_NO_PRODUCT = {"tests", "migrations", "benchmarks", ".venv"}


def _texts(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else "x" for part in node.values]
            yield node.lineno, "".join(str(part) for part in parts)


def _body(text: str, start: int) -> str:
    """Return what stands between a bracket, which opens just before `start`, and the one that closes it."""
    depth = 1
    for place in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return text[start:place]
    return text[start:]


def unfenced(text: str) -> list[str]:
    """Name the parts of a statement that sum and may be made anew for each row that they are joined to.

    PostgreSQL puts a part of a WITH that is read once into the statement around it. Where it takes a table for empty
    (analyzed while a large import had not committed), it joins by a loop and sums the whole part once a row: a
    second's work takes hours. MATERIALIZED makes it once; a part that writes is always made once.
    """
    joined = [match[1] for match in _JOINED.finditer(text) if _SUMS.search(_body(text, match.end()))]
    if not text.lstrip().startswith("WITH "):
        return joined
    found = [(match[1], match[2], _body(text, match.end())) for match in _PART.finditer(text)]
    loose = [name for name, fence, body in found if not fence and _SUMS.search(body) and not _WRITES.match(body)]
    return loose + joined


def _modules() -> list[Path]:
    root = Path(settings.BASE_DIR)
    return [path for path in sorted(root.rglob("*.py")) if not _NO_PRODUCT & set(path.relative_to(root).parts)]


def test_what_sums_in_a_with_is_made_once():
    loose = [f"{path}:{line} {name}" for path in _modules() for line, text in _texts(path) for name in unfenced(text)]
    assert loose == []


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("\nWITH a AS (SELECT x, sum(y) FROM t GROUP BY x) SELECT 1 FROM a", ["a"]),
        ("WITH a AS (SELECT 1), b AS (SELECT max(f(x)) FROM a GROUP BY y) SELECT 1", ["b"]),
        ("WITH a AS MATERIALIZED (SELECT x FROM t GROUP BY x) SELECT 1 FROM a", []),
        ("WITH a AS (\n    INSERT INTO s SELECT x FROM t GROUP BY x RETURNING x) SELECT 1 FROM a", []),
        ("SELECT 1 FROM s JOIN (\n    SELECT x FROM t GROUP BY x) AS a USING (x)", ["JOIN"]),
        ("SELECT 1 FROM (SELECT x FROM t GROUP BY x) AS r FULL JOIN (SELECT x FROM t GROUP BY x) AS s USING (x)", []),
        ("WITH a AS (SELECT (x) FROM t) SELECT x FROM a GROUP BY x", []),
    ],
)
def test_the_check_sees_what_sums(text, names):
    assert unfenced(text) == names
