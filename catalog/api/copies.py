"""Answers that are the same for everyone who is not staff, read from the catalogue's cache."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.http import HttpResponse
from django.utils.translation import get_language
from rest_framework.request import Request
from rest_framework.response import Response

from catalog.queries.cache import copies
from gateway.principal import Principal
from gateway.requests.etags import etag
from gateway.responses.rendering import JSONRenderer

MOST_BYTES = 262_144
"""A longer answer is not worth its room."""


class Answer(msgspec.Struct, array_like=True):
    """An answer with status 200, and its entity tag."""

    tag: str
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Answer).decode


class _Long(Exception):
    """The answer is too long to keep; it is the argument."""


def kept(*roots: str) -> Callable[[Callable[..., Response]], Callable[..., Any]]:
    """Let a GET action be read from the cache until a write voids one of `roots`; staff see more and never do."""

    def declare(action: Callable[..., Response]) -> Callable[..., Any]:
        @wraps(action)
        def method(self: Any, request: Request, *args: Any, **kwargs: Any) -> Any:
            if isinstance(request.user, Principal) and request.user.is_staff:
                return _respond(request, _answer(action(self, request, *args, **kwargs)))
            try:
                packed = _find(roots, _key(request), lambda: _pack(_answer(action(self, request, *args, **kwargs))))
            except _Long as long:
                return _respond(request, long.args[0])
            return _respond(request, _decode(packed))

        return method

    return declare


def _find(roots: tuple[str, ...], key: str, read: Callable[[], bytes]) -> bytes:
    found = copies.find_under(roots, key, read)
    assert found is not None
    return found


def _key(request: Request) -> str:
    """All that an answer depends on; links to other pages carry the host."""
    query = urlencode(sorted((name, value) for name, values in request.GET.lists() for value in values))
    text = f"{request.scheme} {request.get_host()} {request.path.rstrip('/')} {query} {get_language()}"
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


def _answer(response: Response) -> Answer:
    """The tag of an object is its version, which If-Match compares, and its bytes: its stock has no version."""
    body = JSONRenderer().render(response.data)
    version = response.data.get("version") if isinstance(response.data, dict) else None
    digest = hashlib.blake2b(body, digest_size=12).hexdigest()
    return Answer(etag(version, digest) if isinstance(version, int) else f'W/"{digest}"', body)


def _pack(answer: Answer) -> bytes:
    if len(answer.body) > MOST_BYTES:
        raise _Long(answer)
    return _encode(answer)


def _respond(request: Request, answer: Answer) -> HttpResponse:
    """Spare a second sending of what did not change."""
    headers = {"ETag": answer.tag, "Cache-Control": "private, no-cache"}
    given = [tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")]
    if answer.tag.removeprefix("W/") in given:
        return HttpResponse(status=304, headers=headers)
    return HttpResponse(answer.body, content_type="application/json", headers=headers)
