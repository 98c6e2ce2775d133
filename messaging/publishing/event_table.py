"""Make `docs/events.md`: every event and command in a table, with who reacts to it, from the declarations."""

from collections.abc import Collection
from typing import Any

from core.events import Command, Message
from messaging.publishing.asyncapi import document, events, prose
from messaging.publishing.topics import get_topic
from messaging.subscriptions import subscriptions

_HEAD = """# Events

Made by `manage.py asyncapi` from the code; change the declarations, then run it again.

An event is a fact that an app has committed. A command is what another app asks of the one that declares it; it stands
in the log of its sender. Both reach each handler below once, in order for each `aggregate`.
Public events also go to the external stream and to webhooks, in a CloudEvents 1.0 envelope; internal ones are steps of
the checkout and alarms, and may change with any release, as may commands. `?` marks a field that may be null or
missing. The same in machine-readable form: [asyncapi.yml](asyncapi.yml), served at `/api/asyncapi.yaml`.
"""
_COLUMNS = (
    "| event | aggregate | version | who sees it | what happened | fields | who reacts |\n|---|---|---|---|---|---|---|"
)
_ASKED = "| command | aggregate | version | sender | what it asks | fields | who obeys |\n|---|---|---|---|---|---|---|"


def as_markdown() -> str:
    """The whole page."""
    schemas = document()["components"]["schemas"]
    by_app: dict[str, list[type[Message]]] = {}
    for event in events():
        by_app.setdefault(event.owner(), []).append(event)
    parts = [_section(app, members, schemas) for app, members in sorted(by_app.items())]
    return "\n".join([_HEAD, *parts, _nested(schemas)])


def _section(app: str, members: Collection[type[Message]], schemas: dict[str, Any]) -> str:
    tables = ((_COLUMNS, False), (_ASKED, True))
    parts = [
        "\n".join([columns, *(_row(each, schemas) for each in members if issubclass(each, Command) == is_asked)])
        for columns, is_asked in tables
        if any(issubclass(each, Command) == is_asked for each in members)
    ]
    return "\n\n".join([f"## {app}", f"Topic `{get_topic(app)}`.", *parts]) + "\n"


def _row(event: type[Message], schemas: dict[str, Any]) -> str:
    cells = (
        f"`{event.type}`",
        f"{event.aggregate}, by `{event.key}`",
        str(event.version),
        event.sender if issubclass(event, Command) else "internal" if event.internal else "public",
        prose(event),
        _fields(schemas[event.__name__]),
        ", ".join(f"`{name}`" for name in _reacting(event)) or "nobody here",
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _reacting(event: type[Message]) -> list[str]:
    return sorted(item.name for item in subscriptions().values() if event.type in item.events)


def _fields(schema: dict[str, Any]) -> str:
    needed = schema.get("required", [])
    return ", ".join(
        f"`{name}`{'' if name in needed else '?'} {_kind(item)}" for name, item in schema["properties"].items()
    )


def _kind(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_kind(part) for part in schema["anyOf"] if part.get("type") != "null")
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return str(schema.get("format") or schema.get("type") or "anything")


def _nested(schemas: dict[str, Any]) -> str:
    """Structs that fields of events are made of."""
    used = {name for event in events() for name in _used(schemas[event.__name__], schemas)}
    rows = "\n".join(
        f"| {name} | {schemas[name].get('description', '')} | {_fields(schemas[name])} |" for name in sorted(used)
    )
    return f"## Parts of events\n\n| part | what it is | fields |\n|---|---|---|\n{rows}\n"


def _used(schema: Any, schemas: dict[str, Any]) -> set[str]:
    if isinstance(schema, list):
        return {name for item in schema for name in _used(item, schemas)}
    if not isinstance(schema, dict):
        return set()
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return {name} | _used(schemas[name], schemas)
    return {name for item in schema.values() for name in _used(item, schemas)}
