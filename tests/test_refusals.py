"""Every refusal is said in the reader's language: nothing that anybody may read is left in English."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import translation

from config.databases import APPS
from core.errors import DomainError
from insurance.rules.rating.errors import InvalidRisk

FOLDERS = (*APPS, "core", "gateway", "messaging", "storefront", "config")
NOT_FOR_CLIENTS = {"tests", "migrations", "management"}
"""Tests, and the operator's own tools."""
WRAPPERS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}
OTHERS = {"ValidationError", "ParseError", "problem"}
"""Refusals that are no DomainError: those of the framework, and a problem document itself."""
PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|%%|`[^`]*`")


@cache
def sources() -> list[tuple[Path, ast.Module]]:
    paths = [path for folder in FOLDERS for path in sorted((settings.BASE_DIR / folder).rglob("*.py"))]
    mine = [path.relative_to(settings.BASE_DIR) for path in paths if path.name != "testing.py"]
    return [(path, ast.parse(path.read_text())) for path in mine if not NOT_FOR_CLIENTS & set(path.parts)]


def refusals() -> set[str]:
    found, left = set(OTHERS), [DomainError, InvalidRisk]
    while left:
        one = left.pop()
        found.add(one.__name__)
        left += one.__subclasses__()
    return found


def get_name(call: ast.Call) -> str:
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def is_sentence(node: ast.expr) -> bool:
    """Words, and not the name of a field or a code."""
    if isinstance(node, ast.JoinedStr):
        text = "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value
    else:
        return False
    return bool(re.search(r"\s|\.$", text) and re.search(r"[a-z]{2}", text))


def bare(node: ast.expr) -> Iterator[ast.expr]:
    """Sentences in an argument that no wrapper translates."""
    if is_sentence(node):
        yield node
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from bare(value)
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        for value in node.elts:
            yield from bare(value)
    elif isinstance(node, ast.IfExp):
        yield from bare(node.body)
        yield from bare(node.orelse)
    elif isinstance(node, ast.BinOp | ast.BoolOp):
        for value in node.values if isinstance(node, ast.BoolOp) else (node.left,):
            yield from bare(value)


def unwrapped(tree: ast.Module, names: set[str]) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and get_name(node) in names:
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                yield from bare(argument)
        elif isinstance(node, ast.ClassDef) and names & {getattr(base, "id", "") for base in node.bases}:
            for inner in ast.walk(node):
                if isinstance(inner, ast.Assign) and getattr(inner.targets[0], "id", "") == "detail":
                    yield from bare(inner.value)
                elif isinstance(inner, ast.Call) and get_name(inner) == "__init__":
                    for argument in inner.args:
                        yield from bare(argument)


def test_no_refusal_is_raised_in_english_alone():
    names = refusals()
    found = [
        f"{path}:{node.lineno}: {ast.unparse(node)}" for path, tree in sources() for node in unwrapped(tree, names)
    ]
    assert not found, "wrap these in gettext, as _('…') % {…}, and say them in Russian:\n" + "\n".join(found)


def test_every_sentence_of_the_code_is_in_the_catalogue():
    missing = []
    with translation.override("ru"):
        for path, tree in sources():
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and get_name(node) in WRAPPERS:
                    missing += [f"{path}:{node.lineno}: {text}" for text in untranslated(node)]
    assert not missing, "locale/ru/LC_MESSAGES/django.po does not say these in Russian:\n" + "\n".join(missing)


def untranslated(call: ast.Call) -> list[str]:
    """The sentence of a call, if Russian says the same; abbreviations are the same in every language."""
    texts = [each.value for each in call.args[:2] if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if not texts or not re.search(r"[a-z]{2}", PLACEHOLDER.sub("", texts[-1])):
        return []
    kind = get_name(call)
    if kind.startswith("ngettext"):
        return texts[:1] if translation.ngettext(texts[0], texts[1], 2) in texts else []
    if kind.startswith("pgettext"):
        return texts[1:] if translation.pgettext(*texts) == texts[1] else []
    return texts[:1] if translation.gettext(texts[0]) == texts[0] else []


@pytest.mark.parametrize(
    ("code", "is_found"),
    [
        ("raise InvalidInput('a', 'b', 'Only so.')", True),
        ("raise InvalidRisk('a', 'b', f'At most {n}.')", True),
        ("raise InvalidInput(f'items.{n}.a', 'b', f'At most {n}.')", True),
        ("raise ValidationError({'to': [f'At most {n} days.']})", True),
        ("class Gone(DomainError):\n    detail = 'It is gone.'", True),
        ("class Gone(DomainError):\n    def __init__(self):\n        super().__init__('It is gone.')", True),
        ("raise InvalidInput(f'items.{n}.a', 'unknown_product', _('Only so.'))", False),
        ("raise InvalidInput('a', 'b', _('At most %(n)s.') % {'n': n})", False),
        ("raise DomainError(_('Yes.') if a else _('No.'))", False),
    ],
)
def test_the_search_finds_what_is_not_wrapped(code, is_found):
    assert bool(list(unwrapped(ast.parse(code), refusals()))) is is_found


def test_what_a_bank_lends_has_one_name():
    """A bank gives credit (Civil Code, 819); the other word is for private people and microlenders (807)."""
    catalogue = (settings.BASE_DIR / "locale/ru/LC_MESSAGES/django.po").read_text()
    said = [line for line in catalogue.splitlines() if line.startswith("msgstr")]
    assert [line for line in said if re.search(r"\bза(ём|ем|йм(а|у|ом|е|ы|ов|ам|ами|ах))\b", line, re.I)] == []
