"""What is done to the whole OpenAPI document once every operation is described: names, nulls, refusals."""

from collections.abc import Iterator
from typing import Any

METHODS = ("get", "post", "put", "patch", "delete")
Node = dict[str, Any]


def operations(document: Node) -> Iterator[tuple[str, str, Node]]:
    """Yield path, method and operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def schemas(value: Any) -> Iterator[Node]:
    """Yield every schema below a value, itself included, before those that stand in it."""
    if isinstance(value, list):
        for item in value:
            yield from schemas(item)
    elif isinstance(value, dict):
        yield value
        for name, item in value.items():
            inner = item.values() if name in ("properties", "patternProperties", "$defs") else [item]
            if name not in ("example", "examples", "default", "enum", "const"):
                for one in inner:
                    yield from schemas(one)


def settle_schemas(result: Node, **_: Any) -> Node:
    """Name nothing by a text that a person reads, and say null as JSON Schema says it."""
    for part in (result["paths"], result.get("components", {}).get("schemas", {}).values()):
        for schema in schemas(list(part.values()) if isinstance(part, dict) else list(part)):
            _settle(schema)
    return result


def _settle(schema: Node) -> None:
    if isinstance(schema.get("title"), str):
        del schema["title"]
    schema.pop("x-spec-enum-id", None)
    if schema.pop("nullable", False) is True:
        _allow_null(schema)


def _allow_null(schema: Node) -> None:
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
    elif "type" not in schema:
        kept = {name: schema.pop(name) for name in list(schema) if name not in ("description", "readOnly")}
        schema["anyOf"] = [kept, {"type": "null"}]
