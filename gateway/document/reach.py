"""Find which headers an action honours and sends by following its own code: Idempotency-Key, If-Match, ETag …

A list kept by hand would fall behind the views; what a method calls on itself, and of its module, cannot.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from core.errors import DomainError
from gateway.requests.etags import not_modified
from gateway.requests.idempotency import run_once

PROMISES: dict[Callable[..., Any], str] = {
    run_once: "Idempotency-Key",
    not_modified: "If-None-Match",
}
EXPECTED = ("call", "expected_version")
"""A write that looks there honours If-Match."""

HEADERS = frozenset(
    {"Content-Disposition", "ETag", "If-None-Match", "Location", "X-Document-Number", "X-Document-Version"}
)
"""What an action reads or sends by name, in the edge or by itself."""
UNUSUAL = frozenset({410})


def collect_promises(view_class: type, action: Callable[..., Any]) -> frozenset[str]:
    """Return the headers that `action` on such a view honours, those it sends, and unusual statuses of its own."""
    found: set[str] = set()
    waiting, seen = [action], set()
    while waiting:
        method = waiting.pop()
        if method in seen:
            continue
        seen.add(method)
        waiting += [method.__wrapped__] if hasattr(method, "__wrapped__") else []
        if method in PROMISES:
            found.add(PROMISES[method])
        else:
            found |= _texts_in(method) & HEADERS | _statuses_in(method)
            found |= {"If-Match"} if EXPECTED in _names_in(method) else set()
            waiting += _called(view_class, method)
    return frozenset(found)


def _called(view_class: type, method: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    for owner, name in _names_in(method):
        if owner == "self":
            known = inspect.getattr_static(view_class, name, None)
            known = known.fget if isinstance(known, property) else known
        elif owner:
            known = getattr(method.__globals__.get(owner), name, None)
        else:
            known = method.__globals__.get(name)
        if inspect.isfunction(known) and _is_ours(known):
            yield known


def _statuses_in(method: Callable[..., Any]) -> frozenset[str]:
    named = (method.__globals__.get(name) for owner, name in _names_in(method) if not owner)
    kinds = [kind for kind in named if isinstance(kind, type) and issubclass(kind, DomainError)]
    return frozenset(str(kind.status) for kind in kinds if kind.status in UNUSUAL)


@cache
def _texts_in(method: Callable[..., Any]) -> frozenset[str]:
    nodes = list(ast.walk(_tree(method)))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return frozenset(texts | {node.arg for node in nodes if isinstance(node, ast.keyword) and node.arg})


def _tree(method: Callable[..., Any]) -> ast.AST:
    """The function's own text: of a decorated one that of the wrapper, whose inside is followed apart."""
    return ast.parse(textwrap.dedent(inspect.getsource(method.__code__)))


def _is_ours(function: Callable[..., Any]) -> bool:
    """Views and the edge only: beyond the services there are no headers."""
    if function.__name__ == "finalize_response":  # its ETag goes with a version, which the answer's schema tells of
        return False
    return function.__module__.startswith("gateway.") or ".api." in function.__module__


@cache
def _names_in(method: Callable[..., Any]) -> frozenset[tuple[str, str]]:
    found = set()
    for node in ast.walk(_tree(method)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add((node.value.id, node.attr))
        elif isinstance(node, ast.Name):
            found.add(("", node.id))
    return frozenset(found)
