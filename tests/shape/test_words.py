"""Words that were given up for the field's own do not come back: docs/glossary.md has the table old → new."""

import ast
import re

import pytest

from tests.shape.measure import PACKAGES, ROOT, is_in_dialect

PLACES = (*PACKAGES, "sandbox", "devtools", "benchmarks", "tests", "conftest.py")
VERBS = re.compile(r"_*(tell|note|hear|keep|let_go)(_|$)")
"""What functions were called that publish, notify, send, record, receive, store or release."""
NOUNS = re.compile(r"twins?|tills?", re.IGNORECASE)
SUSPECT = re.compile(r"[Tt]win|TWIN|(?<![A-Za-z])till|Till|TILL|def _*(tell|note|hear|keep|let_go)|def \w*_of\b")
KEPT = {
    "insurance/api/views.py:keep",
    "insurance/models/policies.py:keep",
    "insurance/services/ending.py:keep_policy",
}
"""`POST /policies/{id}/keep`: a client takes back a cancellation that was set for a later day."""


def trees():
    """Yield each file's name and tree, of those alone whose text has such a word at all."""
    for place in PLACES:
        found = sorted((ROOT / place).rglob("*.py")) or [ROOT / place]
        for path in found:
            if "migrations" not in path.parts and SUSPECT.search(text := path.read_text()):
                yield str(path.relative_to(ROOT)), ast.parse(text)


def functions(tree):
    return [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.fixture(scope="module")
def read():
    return list(trees())


def test_no_function_is_named_by_a_word_given_up(read):
    found = {f"{file}:{name}" for file, tree in read for name in functions(tree) if VERBS.match(name)}
    assert found == KEPT, "publish, notify, send, record, receive, store, release: docs/glossary.md"


def test_no_function_is_called_x_of(read):
    found = {f"{file}:{name}" for file, tree in read for name in functions(tree) if is_in_dialect(name)}
    assert found == set(), "get_x, find_x, list_x, compute_x, parse_x, build_x: docs/glossary.md"


def identifiers(tree):
    """Parts of all names that a module defines or reads: `is_twin_live` has the part `twin`."""
    for node in ast.walk(tree):
        names = (getattr(node, field, None) for field in ("id", "attr", "arg", "name", "asname"))
        for name in filter(lambda name: isinstance(name, str), names):
            yield from re.findall(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]+", name)


def test_no_identifier_has_a_noun_given_up(read):
    found = {f"{file}:{part}" for file, tree in read for part in identifiers(tree) if NOUNS.fullmatch(part)}
    assert found == set(), "sandbox, duplicate, account: docs/glossary.md"


def test_a_word_given_up_is_found():
    tree = ast.parse("class A:\n async def _tell(self): ...\ndef note_it(): ...\ndef kept(): ...\ndef teller(): ...")
    assert [name for name in functions(tree) if VERBS.match(name)] == ["note_it", "_tell"]
    tree = ast.parse("def _of(): ...\nclass A:\n def cost_of(self): ...\n def of(self): ...\ndef test_told_of(): ...")
    assert [name for name in functions(tree) if is_in_dialect(name)] == ["_of", "cost_of"]
    tree = ast.parse("from a import b as twin\nis_twin_live = OrderTwins(TWIN, twine)")
    assert sorted(part for part in identifiers(tree) if NOUNS.fullmatch(part)) == ["TWIN", "Twins", "twin", "twin"]
