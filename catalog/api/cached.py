"""Answers that are the same for everyone who is not staff, read from the catalogue's cache."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.http import HttpRequest
from django.utils.translation import get_language
from rest_framework.response import Response

from catalog.queries.cache import cached_answers
from gateway import fast_path
from gateway.principal import Principal
from gateway.requests.etags import etag
from gateway.responses.rendering import JSONRenderer

MOST_BYTES = 262_144
"""A longer answer is not worth its room."""


class Cached(msgspec.Struct, array_like=True):
    """An answer with status 200, and its entity tag."""

    tag: str
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Cached).decode


class _Long(Exception):
    """The answer is too long to cache; it is the argument."""


def cached(*roots: str) -> Callable[[Callable[..., Response]], Callable[..., Any]]:
    """Let a public GET action be read from the cache until a write voids one of `roots`; staff see more, never that.

    Whoever finds an entry goes past DRF. Who does not is shown what the action makes, without DRF's way to it.
    """

    def declare(action: Callable[..., Response]) -> Callable[..., Any]:
        @wraps(action)
        def method(self: Any, request: HttpRequest, principal: Principal | None, **path: Any) -> fast_path.Answer:
            def make() -> Cached:
                return _tagged(action(self, self.attend(request, principal, path), **path))

            if principal is not None and principal.is_staff:
                return _answer(make())
            try:
                return _answer(_decode(_find(roots, _key(request), lambda: _pack(make()))))
            except _Long as long:
                return _answer(long.args[0])

        return fast_path.fast_path(is_public=True)(method)

    return declare


def _find(roots: tuple[str, ...], key: str, read: Callable[[], bytes]) -> bytes:
    found = cached_answers.find_under(roots, key, read)
    assert found is not None
    return found


def _key(request: HttpRequest) -> str:
    """All that an answer depends on; links to other pages carry the host."""
    asked = request.GET.lists() if request.META.get("QUERY_STRING") else ()
    query = urlencode(sorted((name, value) for name, values in asked for value in values)) if asked else ""
    text = f"{request.scheme} {request.get_host()} {request.path.rstrip('/')} {query} {get_language()}"
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


def _tagged(response: Response) -> Cached:
    """The tag of an object is its version, which If-Match compares, and its bytes: its stock has no version."""
    body = JSONRenderer().render(response.data)
    version = response.data.get("version") if isinstance(response.data, dict) else None
    digest = hashlib.blake2b(body, digest_size=12).hexdigest()
    return Cached(etag(version, digest) if isinstance(version, int) else f'W/"{digest}"', body)


def _pack(answer: Cached) -> bytes:
    if len(answer.body) > MOST_BYTES:
        raise _Long(answer)
    return _encode(answer)


def _answer(found: Cached) -> fast_path.Answer:
    """Spare a second sending of what did not change."""
    return fast_path.Answer(found.body, headers={"ETag": found.tag, "Cache-Control": "private, no-cache"})
