"""Every answer of the API that any test receives, held against the committed OpenAPI document.

Answers given in this process are seen where the edge gives them, whatever thread or client asked; those of other
processes where this one receives them. A mismatch is kept, and conftest.py fails the test that brought it about.
"""

import contextlib
import copy
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

import jsonschema_rs
from django.http import HttpRequest, HttpResponseBase

from gateway.document import openapi
from gateway.document.hooks import METHODS, schemas
from tests.examples import record

URN = "urn:autosalon:openapi"
TRACKED = {
    "etag", "location", "retry-after", "idempotent-replayed", "www-authenticate", "link", "last-modified",
    "content-disposition", "x-document-number", "x-document-version", "ratelimit-limit", "ratelimit-remaining",
    "ratelimit-reset", "x-request-id",
}  # fmt: skip
"""Headers that a client acts on: whoever sends one says so in the document."""
ANYWHERE = (405, 500)
"""Answers of the edge to what no client of the document does, or to a fault: problem documents all the same."""
SEEN = ("/api/v1/", "/health")
_lock = threading.Lock()
_slips: list[str] = []


@cache
def document() -> dict[str, Any]:
    """The document as committed."""
    loaded: dict[str, Any] = json.loads(openapi.get_document_path(openapi.LANGUAGE, "json").read_text())
    return loaded


@cache
def _strict() -> dict[str, Any]:
    """The same, with members that it does not know refused: what is sent and not described is a mismatch too."""
    strict = copy.deepcopy(document())
    joined = {id(part) for schema in schemas(strict) for part in schema.get("allOf", ())}
    for schema in schemas(strict):
        if "properties" in schema and "additionalProperties" not in schema and id(schema) not in joined:
            schema["additionalProperties"] = False
    return strict


@cache
def _registry() -> Any:
    return jsonschema_rs.Registry([(URN, _strict())])


@cache
def _templates() -> dict[tuple[str, int], list[tuple[re.Pattern[str], str]]]:
    found: dict[tuple[str, int], list[tuple[re.Pattern[str], str]]] = {}
    for template, item in sorted(document()["paths"].items(), key=lambda pair: pair[0].count("{")):
        plain = template.rstrip("/")
        pattern = re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(plain)))
        for method in METHODS:
            if method in item:
                found.setdefault((method, plain.count("/")), []).append((pattern, template))
    return found


def find_template(method: str, path: str) -> str | None:
    """Return the path of the document that an address is an instance of."""
    plain = path.rstrip("/")
    for pattern, template in _templates().get((method, plain.count("/")), ()):
        if pattern.fullmatch(plain):
            return template
    return None


@cache
def validator(pointer: str) -> Any:
    """Return the compiled schema at a place of the document."""
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"{URN}#{quote(pointer, safe='/~')}"}, registry=_registry(), validate_formats=True, formats=FORMATS
    )


def _is_decimal(value: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d+)?", value) is not None


def _is_email(value: str) -> bool:
    """RFC 6531: addresses of every script, as people have them."""
    return re.fullmatch(r"[^@\s]+@[^@\s]+", value) is not None


FORMATS: dict[str, Callable[[str], bool]] = {
    "binary": lambda value: True,
    "decimal": _is_decimal,
    "email": _is_email,
}


def _resolved(pointer: str) -> tuple[str, dict[str, Any]]:
    node: Any = document()
    for key in pointer.strip("/").split("/"):
        node = node[key.replace("~1", "/").replace("~0", "~")]
    if "$ref" in node:
        return _resolved(node["$ref"].removeprefix("#"))
    return pointer, node


def mismatches(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes | None) -> Iterator[str]:
    """Yield what an answer has that the document does not allow; `body` None is one that streams."""
    template = find_template(method, path)
    if template is None:
        if status < 400:  # what leads nowhere is refused, by whichever guard comes first
            yield f"the operation is not in the document, and answers {status}"
        return
    escaped = template.replace("~", "~0").replace("/", "~1")
    responses = document()["paths"][template][method]["responses"]
    if status in ANYWHERE:
        pointer, declared = _resolved("/components/responses/Problem400")
    elif str(status) in responses:
        pointer, declared = _resolved(f"/paths/{escaped}/{method}/responses/{status}")
    else:
        yield f"status {status} is not in the document"
        return
    known = {header.lower() for header in declared.get("headers", {})}
    for header in sorted({header.lower() for header in headers} & TRACKED - known):
        yield f"{status} carries {header}, which is not in the document"
    yield from _body_mismatches(pointer, declared, status, headers, body)


def _body_mismatches(
    pointer: str, declared: dict[str, Any], status: int, headers: Mapping[str, str], body: bytes | None
) -> Iterator[str]:
    content = declared.get("content", {})
    kind = headers.get("Content-Type", "").partition(";")[0].strip()
    if body == b"" and not content:
        return
    if kind not in content:
        yield f"{status} is sent as {kind or 'nothing'}, the document says {', '.join(content) or 'no body'}"
        return
    if body is None or not kind.endswith("json"):
        return
    here = f"{pointer}/content/{kind.replace('/', '~1')}/schema"
    value = json.loads(body)
    for error in validator(here).iter_errors(value):
        place = "/".join("*" if isinstance(step, int) else str(step) for step in error.instance_path)
        yield f"{status} body at `{place}`: {error.message[:300]}"
    if kind == "application/problem+json" and value.get("code") not in _codes():
        yield f"{status} has the code {value.get('code')!r}, which is not in the document's list"


@cache
def _codes() -> frozenset[str]:
    code = document()["components"]["schemas"]["Problem"]["properties"]["code"]
    return frozenset(code.get("x-extensible-enum", ()))


def hold(method: str, path: str, status: int, headers: Mapping[str, str], body: bytes | None) -> None:
    """Keep what is wrong with an answer."""
    lowered = method.lower()
    if lowered not in METHODS or not path.startswith(SEEN):
        return
    for slip in mismatches(lowered, path, status, headers, body):
        with _lock:
            _slips.append(f"{method} {find_template(lowered, path) or path}: {slip}")


def hold_received(response: Any) -> None:
    """Hold what another process answered; a response hook of httpx."""
    if "event-stream" in response.headers.get("content-type", ""):
        return
    body = response.read()
    hold(response.request.method, response.request.url.path, response.status_code, response.headers, body)


@contextlib.contextmanager
def held() -> Iterator[list[str]]:
    """Hold every answer of this process against the document; yield the slips."""
    from gateway import middleware

    answer = middleware._answer_api

    def answer_and_hold(request: HttpRequest) -> Any:
        sent = record.sent(request)
        response: HttpResponseBase = answer(request)
        record.store(request, sent, response)
        body = None if response.streaming else response.content
        hold(request.method or "", request.path, response.status_code, response.headers, body)
        return response

    middleware._answer_api = answer_and_hold
    try:
        yield _slips
    finally:
        middleware._answer_api = answer
