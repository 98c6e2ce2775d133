"""Every code that a refusal may have, read from the declared errors and from where a code is chosen on the spot."""

import ast
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from django.conf import settings

from core.errors import DomainError

OF_THE_FRAMEWORK = (
    "authentication_failed", "bad_request", "internal_error", "method_not_allowed", "not_authenticated",
    "not_found", "parse_error", "permission_denied", "throttled", "unsupported_media_type",
    "validation_error",
)  # fmt: skip
_PLUMBING = ("core", "core.importing", "core.postgres", "gateway", "gateway.approvals")


def codes() -> list[str]:
    """Return the codes in order."""
    _load()
    kinds = [kind for kind in _all_kinds(DomainError) if _is_declared(kind)]
    choosing = {kind.__name__ for kind in kinds if "code" in inspect.signature(kind).parameters}
    declared = {kind.code for kind in kinds if kind.status >= 400}
    return sorted({*declared, *_chosen(choosing), *OF_THE_FRAMEWORK})


def _load() -> None:
    for app in settings.APPS:
        import_module(f"{app}.errors")
    for package in _PLUMBING:
        for found in iter_modules(import_module(package).__path__, f"{package}."):
            if not found.ispkg and not found.name.endswith("testing"):
                import_module(found.name)


def _all_kinds(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _all_kinds(narrower)


def _is_declared(kind: type[DomainError]) -> bool:
    """Errors stand in an app's errors.py or in the plumbing; those of a test are nobody's."""
    return ".tests." not in kind.__module__ and (
        kind.__module__.startswith(("core.", "gateway.")) or kind.__module__.endswith(".errors")
    )


def _chosen(choosing: set[str]) -> Iterator[str]:
    """Yield codes that are given to an error where it is raised, or set in its constructor."""
    for path in _sources():
        text = path.read_text()
        if "self.code = " in text or any(f"{name}(" in text for name in choosing):
            yield from _chosen_in(ast.parse(text), choosing, is_of_errors=path.name == "errors.py")


def _chosen_in(tree: ast.AST, choosing: set[str], *, is_of_errors: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        value: ast.AST | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in choosing and node.args:
            value = node.args[0]
        elif isinstance(node, ast.Assign) and is_of_errors and ast.unparse(node.targets[0]) == "self.code":
            value = node.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value


def _sources() -> Iterator[Path]:
    for package in (*settings.APPS, "core", "gateway"):
        for path in sorted((Path(settings.BASE_DIR) / package).rglob("*.py")):
            if not {"tests", "migrations"} & set(path.parts):
                yield path
