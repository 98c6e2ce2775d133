"""Add to the whole OpenAPI document what no view says: headers, refusals and their codes, names, nulls, examples."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from core.ids import UUID_PATTERN
from core.plugins import plugins
from gateway.document.codes import codes
from gateway.document.refusals import ALWAYS, REFUSALS, SCHEMA, WITH_A_BODY, refusal
from gateway.requests.idempotency import MAX_KEY
from gateway.responses.rendering import OCTETS, is_file

METHODS = ("get", "post", "put", "patch", "delete")
Node = dict[str, Any]

_TEXT: Node = {"type": "string"}
_COUNT: Node = {"type": "integer", "minimum": 0}
REQUEST_HEADERS = {
    "Idempotency-Key": (
        (
            "Any text of yours that names this one intention, a UUID say. The same key and body get the first answer "
            "again, with `Idempotent-Replayed: true`; the same key with another body is refused with 422."
        ),
        {"type": "string", "maxLength": MAX_KEY, "examples": ["7f3c8a52-order-1"]},
    ),
    "If-Match": (
        "The `ETag` of what you have read. If the object has changed since, the answer is 412 and nothing happens.",
        {"type": "string", "examples": ['"3"']},
    ),
    "If-None-Match": (
        "The `ETag` of what you have. If it still stands, the answer is 304 without a body.",
        {"type": "string", "examples": ['"3"']},
    ),
}
RESPONSE_HEADERS = {
    "X-Request-ID": ("The id of this request, yours or one made for it; every line of the log has it.", _TEXT),
    "RateLimit-Limit": ("Requests that this limit admits in its window.", _COUNT),
    "RateLimit-Remaining": ("How many of them are left.", _COUNT),
    "RateLimit-Reset": ("Seconds until the oldest of them leaves the window.", _COUNT),
    "ETag": ("The version of the object, for `If-Match` and `If-None-Match`.", {"type": "string", "examples": ['"3"']}),
    "Idempotent-Replayed": ("This answer was given before, to the same `Idempotency-Key`.", {"const": "true"}),
    "Retry-After": ("Seconds after which to try again.", _COUNT),
    "WWW-Authenticate": ("How to sign in.", {"const": "Bearer"}),
    "Location": ("Where to go on.", {"type": "string", "format": "uri-reference"}),
    "Content-Disposition": ("The name to save the file under.", _TEXT),
    "X-Document-Number": ("The number that the document was issued under.", _TEXT),
    "X-Document-Version": ("Which issue of the document this is.", _COUNT),
}


def operations(document: Node) -> Iterator[tuple[str, str, Node]]:
    """Yield path, method and operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def describe_headers(operation: Node, method: str, promises: frozenset[str]) -> None:
    """Add the request headers that an operation honours, what they bring about, and what else its code says."""
    kept = {name for name in promises if _applies(name, method)}
    parameters = operation.setdefault("parameters", [])
    parameters += [{"$ref": f"#/components/parameters/{name}"} for name in REQUEST_HEADERS if name in kept]
    if not parameters:
        del operation["parameters"]
    if "Idempotency-Key" in kept:
        for response in operation["responses"].values():
            _add_headers(response, ["Idempotent-Replayed"])
    if "If-None-Match" in kept:
        operation["responses"]["304"] = {"description": "What you have still stands."}
        _add_headers(operation["responses"]["304"], ["ETag"])
    for status, response in operation["responses"].items():
        if status < "400":
            _add_headers(response, [name for name in RESPONSE_HEADERS if name in promises])
            _add_headers(response, ["Location"] if status.startswith("3") and status != "304" else [])
    for status in (name for name in promises if name.isdigit()):
        operation["responses"].setdefault(status, refusal(status))
    refused = set(REFUSALS) - (set() if "If-Match" in kept else {"412"})
    refused -= set() if "Idempotency-Key" in kept else {"422"}
    refused -= WITH_A_BODY if method == "get" else set()
    for status in sorted(refused):
        operation["responses"].setdefault(status, {"$ref": f"#/components/responses/Problem{status}"})


def _applies(header: str, method: str) -> bool:
    return (header == "If-None-Match") == (method == "get")


def _add_headers(response: Node, names: Iterable[str]) -> None:
    if "$ref" not in response:
        known = response.setdefault("headers", {})
        for name in names:
            known[name] = {"$ref": f"#/components/headers/{name}"}


def describe_edge(result: Node, **_: Any) -> Node:
    """Add the problem document, the refusals and the headers that the operations refer to."""
    components = result.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas |= {"Problem": _problem(), "ProblemError": _problem_error()}
    components["headers"] = {
        name: {"description": text, "schema": schema} for name, (text, schema) in RESPONSE_HEADERS.items()
    }
    components["parameters"] = {
        name: {"name": name, "in": "header", "description": text, "schema": schema}
        for name, (text, schema) in REQUEST_HEADERS.items()
    }
    components["responses"] = {f"Problem{status}": refusal(status) for status in REFUSALS}
    for _path, _method, operation in operations(result):
        for status, response in operation["responses"].items():
            _add_headers(response, ALWAYS if "x-rate-limit" in operation else ALWAYS[:1])
            _offer_octets(response.get("content", {}))
            if status.startswith("2") and _is_versioned(response, schemas):
                _add_headers(response, ["ETag"])
    result["paths"] = {path.rstrip("/") or "/": item for path, item in result["paths"].items()}
    own = {name: text for plugin in plugins().values() for name, text in plugin.tags.items()}
    result["tags"] = sorted(
        [*result.get("tags", ()), *({"name": name, "description": text} for name, text in own.items())],
        key=lambda tag: str(tag["name"]),
    )
    result["servers"] = [{"url": "/", "description": "The dealership that serves this document."}]
    return result


def _offer_octets(content: Node) -> None:
    """Name what `send_as_asked` does: many generators know files as plain bytes only."""
    if content and all(map(is_file, content)):
        content[OCTETS] = {"schema": {"type": "string", "format": "binary"}}


def _problem() -> Node:
    return {
        "type": "object",
        "description": "Why a request was refused (RFC 9457). Some codes bring members of their own.",
        "required": ["type", "title", "status", "code", "detail", "errors", "request_id"],
        "properties": {
            "type": {"type": "string", "description": "`urn:autosalon:problem:` and the code."},
            "title": _TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "code": {
                "type": "string",
                "description": "What a program decides by. New codes may be added: treat one that you do not know by "
                "its status.",
                "x-extensible-enum": codes(),
            },
            "detail": {"type": "string", "description": "A sentence for people, in the language of Accept-Language."},
            "errors": {
                "type": "array",
                "items": {"$ref": f"{SCHEMA}Error"},
            },
            "request_id": _TEXT,
            "retry_after": {"type": "number", "description": "Seconds, as in `Retry-After`."},
            "allowed": {"description": "Where the object's state may go instead."},
        },
        "additionalProperties": True,
    }


def _problem_error() -> Node:
    return {
        "type": "object",
        "description": "What is wrong with one field; `items.0.quantity` is one deeper in the body.",
        "required": ["field", "code", "detail"],
        "properties": dict.fromkeys(("field", "code", "detail"), _TEXT),
    }


def _is_versioned(response: Node, components: Node) -> bool:
    schema = response.get("content", {}).get("application/json", {}).get("schema", {})
    schema = components.get(schema.get("$ref", "").rpartition("/")[2], schema)
    return schema.get("properties", {}).get("version", {}).get("type") == "integer"


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
    for schema in schemas([*result["paths"].values(), *result["components"]["schemas"].values()]):
        _settle(schema)
    return result


def _settle(schema: Node) -> None:
    if isinstance(schema.get("title"), str):
        del schema["title"]
    schema.pop("x-spec-enum-id", None)
    _settle_default(schema)
    _settle_pattern(schema)
    if {"type": "string", "maxLength": 0} in schema.get("oneOf", ()):  # the other may allow an empty text too
        schema["anyOf"] = schema.pop("oneOf")
    if {"type": "null"} in schema.get("oneOf", ()):  # what fits anything fits null as well: one of two would be both
        kept = [part for part in schema.pop("oneOf") if part]
        if len(kept) > 1:
            schema["anyOf"] = kept
    if schema.pop("nullable", False) is True:
        _allow_null(schema)


def _settle_default(schema: Node) -> None:
    """A default is a value that may be sent: an empty one that is refused when sent stands for nothing."""
    for part in schema.get("oneOf", ()):
        if "default" in part:  # what may be empty or else an address is neither of the two by default, but the field
            schema["default"] = part.pop("default")
    if schema.get("default") == "" and schema.get("minLength", 0) > 0:
        del schema["default"]


def _settle_pattern(schema: Node) -> None:
    """Replace the pattern by which an address takes an id or a word with a format or an enum, as bodies have it."""
    bare = str(schema.get("pattern", "")).removeprefix("^").removesuffix("$")
    if bare == UUID_PATTERN:
        del schema["pattern"]
        schema["format"] = "uuid"
    elif re.fullmatch(r"\w+(\|\w+)+", bare):  # the ends of a pattern would bind closer than its choices
        del schema["pattern"]
        schema["enum"] = bare.split("|")


def _allow_null(schema: Node) -> None:
    if isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema and None not in schema["enum"]:
            schema["enum"] = [*schema["enum"], None]
    elif "type" not in schema:
        kept = {name: schema.pop(name) for name in list(schema) if name not in ("description", "readOnly")}
        schema["anyOf"] = [kept, {"type": "null"}]
