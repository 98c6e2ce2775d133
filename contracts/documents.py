"""Describe each contract to programs and people: made of its routes and of our own document, through the same maps."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.translation import get_language

from contracts.mapping import Field, Ours, Schema, Shape
from contracts.routes import Contract, Route
from core.errors import NotFound
from gateway.document import openapi

_HOLE = re.compile(r"{[a-z_]+}")
_REFERENCE = "#/components/schemas/"
Document = Callable[[HttpRequest, Contract], HttpResponse]


def find(contract: Contract, path: str) -> Document | None:
    """Return what shows the document at a path of a contract."""
    return _DOCUMENTS.get(path) if path != "/asyncapi.yaml" or contract.has_events else None


def _show(page: str) -> Document:
    def show(request: HttpRequest, contract: Contract) -> HttpResponse:
        told = {"document": f"{contract.base}/openapi.json", "title": contract.title}
        html = render_to_string(f"gateway/{page}.html", told | {"language": get_language() or settings.LANGUAGE_CODE})
        return HttpResponse(html)

    return show


def _serve_openapi(request: HttpRequest, contract: Contract) -> HttpResponse:
    return HttpResponse(_encode(contract), content_type="application/json")


_made: dict[str, bytes] = {}


def _encode(contract: Contract) -> bytes:
    if contract.letter not in _made:
        _made[contract.letter] = msgspec.json.encode(describe(contract))
    return _made[contract.letter]


def _serve_asyncapi(request: HttpRequest, contract: Contract) -> HttpResponse:
    path = openapi.FOLDER / "contracts" / f"{contract.letter}.asyncapi.yml"
    if not path.exists():
        raise NotFound
    return HttpResponse(path.read_bytes(), content_type="application/yaml; charset=utf-8")


_DOCUMENTS: dict[str, Document] = {
    "/docs": _show("swagger"), "/redoc": _show("redoc"), "/openapi.json": _serve_openapi,
    "/asyncapi.yaml": _serve_asyncapi,
}  # fmt: skip


@cache
def _native() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(openapi.get_document_path(openapi.LANGUAGE, "json").read_text())
    return found


@cache
def _operations() -> dict[str, Any]:
    return {
        f"{method.upper()} {_HOLE.sub('{}', path.removeprefix('/api/v1'))}": operation
        for path, methods in _native()["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, dict)
    }


def get_operation(call: str) -> dict[str, Any]:
    """Return our own document's words on a native call. Raises KeyError for one that it does not know."""
    found: dict[str, Any] = _operations()[_HOLE.sub("{}", call)]
    return found


def _resolve(schema: Schema) -> Schema:
    """Follow references and join what is said in parts."""
    while "$ref" in schema:
        schema = _native()["components"]["schemas"][schema["$ref"].removeprefix(_REFERENCE)]
    parts = schema.get("allOf") or []
    if "oneOf" in schema or "anyOf" in schema:
        choices: list[Schema] = schema.get("oneOf") or schema.get("anyOf") or []
        parts = [part for part in choices if part.get("type") != "null"][:1]
    joined = {name: value for name, value in schema.items() if name not in ("allOf", "oneOf", "anyOf")}
    for part in parts:
        found = _resolve(part)
        joined["properties"] = found.get("properties", {}) | joined.get("properties", {})
        joined.setdefault("items", found.get("items", {}))
    return joined


def _is_nullable(schema: Schema) -> bool:
    kind = schema.get("type")
    parts = [*schema.get("oneOf", []), *schema.get("anyOf", [])]
    return "null" in (kind if isinstance(kind, list) else [kind]) or any(part.get("type") == "null" for part in parts)


def _or_null(schema: Schema) -> Schema:
    return schema if _is_nullable(schema) or not schema else {"anyOf": [schema, {"type": "null"}]}


def _describe_field(one: Field, native: Schema, *, is_answer: bool) -> Schema:
    if one.shape is not None and one.of_all:
        return _describe(one.shape, native, is_answer=is_answer)
    known = _resolve(native).get("properties", {}).get(one.source, {}) if one.source else {}
    if one.shape is not None:
        items = _resolve(_resolve(known).get("items", {}))
        within = _describe(one.shape, items, is_answer=is_answer)
        return {"type": "array", "items": within} if _resolve(known).get("type") == "array" else within
    made = (one.schema_out if is_answer else one.schema_in)(known)
    plain = {name: value for name, value in made.items() if name not in ("readOnly", "writeOnly", "example", "title")}
    return _or_null(plain) if is_answer else plain


def _describe(shape: Shape | None, native: Schema, *, is_answer: bool) -> Schema:
    if shape is None:
        return native
    properties = {name: _describe_field(one, native, is_answer=is_answer) for name, one in shape.fields.items()}
    if isinstance(shape, Ours):
        return {"type": "object", "properties": properties, "additionalProperties": True}
    if is_answer:
        properties |= {name: {} for name in shape.constants}
        return {"type": "object", "properties": properties, "required": list(properties)}
    required = {*_resolve(native).get("required", ())} - {*shape.constants}
    names = Counter(one.source for one in shape.fields.values())
    wanted = [name for name, one in shape.fields.items() if one.source in required and names[one.source] == 1]
    return {"type": "object", "properties": properties} | ({"required": wanted} if wanted else {})


def _content(part: Mapping[str, Any]) -> Schema:
    contents = part.get("content", {})
    chosen: Mapping[str, Any] = contents.get("application/json") or next(iter(contents.values()), {})
    schema: Schema = chosen.get("schema", {})
    return schema


def _describe_answer(contract: Contract, route: Route, operation: Mapping[str, Any]) -> Schema:
    native = next((_content(part) for code, part in operation["responses"].items() if code.startswith("2")), {})
    if route.answer is None and not route.is_list:
        return {}
    if route.is_list:
        rows = _resolve(native).get("properties", {}).get("results", {}).get("items", {})
        answer: Schema = {"type": "array", "items": _describe(route.answer, rows, is_answer=True)}
    else:
        answer = _describe(route.answer, native, is_answer=True)
    return contract.describe_envelope(answer)


def _describe_operation(contract: Contract, route: Route) -> dict[str, Any]:
    native = get_operation(route.call)
    described: dict[str, Any] = {
        "operationId": f"{route.method.lower()}{re.sub('[^a-z0-9]+', '_', route.template)}".rstrip("_"),
        "summary": route.summary or native.get("description", "").partition("\n")[0],
        "description": f"Answered by `{route.call.replace(' ', ' /api/v1', 1)}`.",
        "parameters": [*_path_parameters(route), *_query_parameters(route, native)],
        "responses": {
            str(route.status): {
                "description": "As the contract has it.",
                "content": {"application/json": {"schema": _describe_answer(contract, route, native)}},
            },
            "default": {
                "description": "Refused.",
                "content": {"application/json": {"schema": contract.refusal_schema}},
            },
        },
        "security": [] if route.is_open else [{"bearer": []}],
    }
    if route.request is not None:
        schema = _describe(route.request, _content(native.get("requestBody", {})), is_answer=False)
        told = {"schema": schema} | ({"example": route.example} if route.example else {})
        kind = "application/x-www-form-urlencoded" if route.is_form else "application/json"
        described["requestBody"] = {"required": True, "content": {kind: told}}
    return described


def _path_parameters(route: Route) -> Iterator[dict[str, Any]]:
    for name in _HOLE.findall(route.template):
        yield {"name": name.strip("{}"), "in": "path", "required": True, "schema": {"type": "string"}}


def _query_parameters(route: Route, native: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    known = {one["name"]: one.get("schema", {}) for one in native.get("parameters", ()) if one.get("in") == "query"}
    for name, one in (route.query.fields if route.query else {}).items():
        yield {"name": name, "in": "query", "schema": one.schema_in(known.get(one.source, {"type": "string"}))}
    if route.is_list:
        yield {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1}}
        yield {"name": "cursor", "in": "query", "schema": {"type": "string"}}


def describe(contract: Contract) -> dict[str, Any]:
    """Make the OpenAPI document of a contract."""
    paths: dict[str, dict[str, Any]] = {}
    for route in contract.routes:
        paths.setdefault(route.template, {})[route.method.lower()] = _describe_operation(contract, route)
    document = {
        "openapi": "3.1.0",
        "info": {"title": contract.title, "version": settings.VERSION, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": contract.base}],
        "paths": paths,
        "components": {
            "schemas": {},
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }
    document["components"] = _with_referenced(document)
    return document


def _with_referenced(document: dict[str, Any]) -> dict[str, Any]:
    """Bring in the schemas of our own document that this one refers to, and those that they do."""
    components: dict[str, Any] = document["components"]
    known = _native()["components"]["schemas"]
    waiting = _names(document["paths"])
    while waiting:
        name = waiting.pop()
        if name not in components["schemas"]:
            components["schemas"][name] = known[name]
            waiting |= _names(known[name])
    return components


def _names(tree: Any) -> set[str]:
    return set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(tree)))
