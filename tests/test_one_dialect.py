"""One way for each concern of HTTP: to declare writes, to answer repeats, to read ids and to compare versions."""

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import URLPattern, get_resolver

from core.ids import UUID_PATTERN
from tests.test_architecture import PACKAGES, sources

ROOT = Path(settings.BASE_DIR)
WRITING = {"post", "put", "patch", "delete"}
ONCE = {
    "gateway/requests/idempotency.py",
    "gateway/document/reach.py",  # tells of it
    "gateway/fast_path.py",  # declared by `@fast_path(idempotent_on=...)`
    "gateway/writes.py",  # declared by `@write(once=...)`
    "orders/admin/dealing.py",  # the admin's form of a deal, which is answered in one of two ways
    "storefront/visitor.py",  # forms: `send_once`
}
"""Modules that know how a repeat is answered."""
GROUP = re.compile(r"\(\?P<(\w+)>(.*?)\)")


def api(resolver=None, prefix=""):
    """Paths and views of the API, by its urls."""
    for item in (resolver or get_resolver()).url_patterns:
        path = prefix + item.pattern.regex.pattern.removeprefix("^")
        if not isinstance(item, URLPattern):
            yield from api(item, path)
        elif path.startswith("api/v1/"):
            yield path, item.callback


def undeclared(view_class, actions):
    """Actions of a viewset that write without saying so."""
    for method, name in actions.items():
        action = getattr(view_class, name)
        if method in WRITING and not (hasattr(action, "write") or hasattr(action, "fast_path")):
            yield f"{view_class.__name__}.{name}"


def test_what_writes_is_declared():
    viewsets = [view for _path, view in api() if getattr(view, "actions", None)]
    assert len(viewsets) > 100
    found = {name for view in viewsets for name in undeclared(view.cls, view.actions)}
    assert found == set(), "declare it by gateway.writes.write: it is given a call, and returns the object"


def test_an_undeclared_write_is_found():
    class View:
        def list(self): ...

        def add(self): ...

    assert list(undeclared(View, {"get": "list", "post": "add"})) == ["View.add"]


def test_names_of_keys_are_one_actions_own():
    declared = {getattr(view.cls, name) for _path, view in api() for name in getattr(view, "actions", {}).values()}
    names = [action.write.once for action in declared if getattr(action, "write", None) and action.write.once]
    assert len(names) > 40
    assert len(set(names)) == len(names), "a key used for the one would be answered by the other"


def test_keys_have_a_database():
    for _path, view in api():
        for name in getattr(view, "actions", {}).values():
            declared = getattr(getattr(view.cls, name), "write", None)
            assert not (declared and declared.once) or view.cls.idempotent_on, f"{view.cls.__name__}.{name}"


def test_ids_in_paths_have_one_pattern_and_one_kind_of_name():
    groups = {group for path, _view in api() for group in GROUP.findall(path)}
    assert len(groups) > 10
    assert {name for name, pattern in groups if pattern == UUID_PATTERN} == {
        name for name, _pattern in groups if name == "pk" or name.endswith("_id")
    }, "core.ids makes UUIDs of `pk` and `…_id`, and of nothing else"


def trees():
    for package in PACKAGES:
        for path in sources(package):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def get_name(node):
    return getattr(node, "attr", getattr(node, "id", ""))


def readers(tree):
    """Lines at which a text is made an id or else an error, and nothing more."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Try)
            and len(node.body) == 1
            and any(get_name(each.type) == "ValueError" for each in node.handlers)
        ):
            value = getattr(node.body[0], "value", None)
            made = value.body if isinstance(value, ast.IfExp) else value
            if isinstance(made, ast.Call) and get_name(made.func) == "UUID":
                yield node.lineno


def test_ids_are_read_in_one_place():
    found = [name for name, tree in trees() for _line in readers(tree)]
    assert found == ["core/ids.py"], "ask core.ids.find_uuid"


@pytest.mark.parametrize("text", ["return UUID(pk)", "found = UUID(pk)", "return UUID(pk) if pk else None"])
def test_a_reader_of_ids_is_found(text):
    code = f"def _uuid(pk):\n    try:\n        {text}\n    except ValueError as error:\n        raise NotFound\n"
    assert list(readers(ast.parse(code))) == [2]


def test_repeats_are_answered_in_one_way():
    users = {name for name, tree in trees() if any(get_name(node) == "run_once" for node in ast.walk(tree))}
    assert users | {"gateway/requests/idempotency.py"} == ONCE


def test_versions_are_compared_in_one_place():
    raised = {
        name
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise) and any(get_name(each) == "StaleVersion" for each in ast.walk(node))
    }
    assert raised == {"core/db.py"}, "ask core.db.require_version, under the lock"
    read = {
        name
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call | ast.Subscript | ast.Compare)
        and any(isinstance(each, ast.Constant) and each.value == "If-Match" for each in ast.iter_child_nodes(node))
        and not name.startswith("gateway/document/")
    }
    assert read == {"gateway/requests/etags.py"}, "a call's `expected_version` says what its caller has read"
    words = {
        argument.arg
        for name, tree in trees()
        if "/services/" in name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for argument in [*node.args.args, *node.args.kwonlyargs]
        if argument.annotation is not None
        and any(get_name(each) == "Expected" for each in ast.walk(argument.annotation))
    }
    assert words == {"expected_version"}
