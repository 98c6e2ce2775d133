"""Find changes of the published language that break a reader: of the stream, of a webhook, of a delivery under way."""

from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """Compare two AsyncAPI documents; one sentence for each change that needs a new version and has none.

    A field may be added when it has a default: a delivery written before the deploy lacks it. A field that goes,
    changes its type or becomes required breaks somebody, unless the event's version rises with it.
    """
    before, after = _declared(old), _declared(new)
    hidden = set(new.get("x-internal-events", {})) - set(old.get("x-internal-events", {}))
    found = [f"{name}: is no longer public" for name in before if name in hidden]
    for name, (version, payload) in before.items():
        if name not in after:
            found.append(f"{name}: was removed")
            continue
        new_version, new_payload = after[name]
        if new_version <= version:
            found += [f"{name}: {change}" for change in _compare(_shape(payload, old), _shape(new_payload, new))]
    return found


def _declared(document: Schema) -> dict[str, tuple[int, Schema]]:
    """Version and schema of each message; an internal event that becomes public stays the same event."""
    internal = {name: (item["x-version"], item["data"]) for name, item in document.get("x-internal-events", {}).items()}
    messages = document["components"]["messages"]
    return internal | {name: (item.get("x-version", 1), _data(item["payload"])) for name, item in messages.items()}


def _data(payload: Schema) -> Schema:
    """An event's own data without its envelope."""
    for part in payload.get("allOf", []):
        if "data" in part.get("properties", {}):
            data: Schema = part["properties"]["data"]
            return data
    return payload


def _shape(schema: Schema, document: Schema) -> dict[str, tuple[str, bool]]:
    """Path of each field → its type, and whether it is always there."""
    return {path: (kind, required) for path, kind, required in _walk(schema, document, "", True, ())}


def _walk(
    schema: Schema, document: Schema, path: str, required: bool, inside: tuple[str, ...]
) -> Iterator[tuple[str, str, bool]]:
    reference = schema.get("$ref", "")
    if reference:
        if reference in inside:
            return
        schema, inside = _resolve(reference, document), (*inside, reference)
    if path:
        yield path, _kind(schema, document), required
    for part in schema.get("anyOf", []):
        if "$ref" in part or "items" in part:
            yield from (found for found in _walk(part, document, path, required, inside) if found[0] != path)
    if "items" in schema and isinstance(schema["items"], dict):
        yield from _walk(schema["items"], document, f"{path}[]", required, inside)
    needed = set(schema.get("required", []))
    for name, item in schema.get("properties", {}).items():
        yield from _walk(item, document, f"{path}.{name}" if path else name, name in needed, inside)


def _kind(schema: Schema, document: Schema) -> str:
    if "$ref" in schema:
        return _kind(_resolve(schema["$ref"], document), document)
    if "anyOf" in schema:
        return " or ".join(sorted(_kind(part, document) for part in schema["anyOf"]))
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    return " ".join(str(schema[key]) for key in ("type", "format") if key in schema) or "anything"


def _resolve(reference: str, document: Schema) -> Schema:
    found: Any = document
    for key in reference.removeprefix("#/").split("/"):
        found = found[key]
    return dict(found)


def _compare(before: dict[str, tuple[str, bool]], after: dict[str, tuple[str, bool]]) -> Iterator[str]:
    for path, (kind, was_required) in before.items():
        if path not in after:
            yield f"field {path} was removed"
            continue
        new_kind, is_required = after[path]
        if new_kind != kind:
            yield f"field {path} was {kind} and became {new_kind}"
        elif is_required and not was_required:
            yield f"field {path} became required"
    for path, (_, is_required) in after.items():
        parent = path.rpartition(".")[0].removesuffix("[]")
        if path not in before and is_required and (not parent or parent in before) and not path.endswith("[]"):
            yield f"field {path} was added without a default"
