"""Names for the lists of words in the OpenAPI document: each is described once, as a component of its own.

Where one is left in its place, a generator of clients names it after that place, and the name may be another
component's: the method of a PaymentsPayment, say, is then called what a PaymentsPaymentMethod is.
"""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db.models import Choices
from drf_spectacular.drainage import error

from gateway.document.hooks import Node, operations, schemas

PLUMBING = ("core", "gateway", "messaging")


def name_enums(result: Node, **_: Any) -> Node:
    """Move every list of words to a component, named after the choices of the models or else after its place."""
    known = list(_choices())
    named: Node = {}
    for place, schema in list(_lists(result)):
        words = [word for word in schema["enum"] if word not in ("", None)]
        if len(schema["enum"]) == 1:
            schema["const"] = schema.pop("enum")[0]
            continue
        kind = _find_choices(words, place, known)
        name = f"{_get_app_name(kind)}{kind.__name__}Enum" if kind else f"{place}Enum"
        described = {"type": "string", "enum": [word for word in kind.values if word] if kind else words}
        if named.setdefault(name, described) != described or name in result["components"]["schemas"]:
            error(f"two different things are called {name}")
        _refer(schema, name)
    result["components"]["schemas"] |= dict(sorted(named.items()))
    return result


def _lists(result: Node) -> Iterator[tuple[str, Node]]:
    """Yield every list of words with a name made of where it stands; those with a name of their own are left."""
    for name, component in result["components"]["schemas"].items():
        for field, schema in component.get("properties", {}).items():
            yield from _below(f"{name}{_camel(field)}", schema)
    for _path, _method, operation in operations(result):
        for parameter in operation.get("parameters", ()):
            place = _camel(operation["operationId"]) + _camel(parameter.get("name", ""))
            yield from _below(place, parameter.get("schema", {}))


def _below(place: str, schema: Node) -> Iterator[tuple[str, Node]]:
    for part in schemas(schema):
        if all(isinstance(word, str | None) for word in part.get("enum", [0])):
            yield place, part


def _choices(kind: type[Choices] = Choices) -> Iterator[type[Choices]]:
    """Yield the choices of the models, whatever else is loaded."""
    for narrower in kind.__subclasses__():
        parts = narrower.__module__.split(".")
        if parts[0] in (*settings.APPS, *PLUMBING) and "tests" not in parts:
            yield narrower
        yield from _choices(narrower)


def _find_choices(words: list[str], place: str, known: list[type[Choices]]) -> type[Choices] | None:
    """Find the choices with these words: those of the place's own app, if they are only there; or of any app."""
    fitting = [kind for kind in known if {word for word in kind.values if word != ""} == set(words)]
    own = [kind for kind in fitting if _get_app_name(kind) and place.startswith(_get_app_name(kind))] or fitting
    return own[0] if len(own) == 1 else None


def _get_app_name(kind: type) -> str:
    app = kind.__module__.partition(".")[0]
    return app.capitalize() if app in settings.APPS else ""


def _refer(schema: Node, name: str) -> None:
    words = schema.pop("enum")
    schema.pop("type", None)
    forms: list[Node] = [{"$ref": f"#/components/schemas/{name}"}]
    forms += [{"type": "string", "const": ""}] if "" in words else []
    forms += [{"type": "null"}] if None in words else []
    schema |= forms[0] if len(forms) == 1 else {"anyOf": forms}


def _camel(words: str) -> str:
    return "".join(map(str.title, words.replace("-", "_").split("_")))
