"""Idempotency-Key: the same key and body answer the same; key, effect and answer commit in one transaction."""

import hashlib
from collections.abc import Callable
from uuid import UUID

import msgspec
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from core.db import fetch, transaction
from core.errors import DomainError, InvalidInput
from core.outside.asking import with_answers
from core.running import failpoints
from gateway.responses.problems import from_domain_error

MAX_KEY = 255
_RESERVE = """
INSERT INTO gateway_idempotency_key (principal, route, key, fingerprint, body, headers)
VALUES (%s, %s, %s, %s, '', '{}') ON CONFLICT DO NOTHING RETURNING id
"""
_KNOWN = """
SELECT fingerprint, status, body, headers::text FROM gateway_idempotency_key
WHERE principal = %s AND route = %s AND key = %s
"""
_STORE = """
UPDATE gateway_idempotency_key SET status = %s, body = %s, headers = %s
WHERE principal = %s AND route = %s AND key = %s
"""


class KeyReused(DomainError):
    """The key was used before with another body."""

    code = "idempotency_key_reused"
    status = 422
    detail = _("This Idempotency-Key was used with a different request.")


class KeyInUse(DomainError):
    """The first request with this key is still running."""

    code = "idempotency_key_in_use"
    detail = _("A request with this Idempotency-Key is still being processed.")


def run_once(
    request: HttpRequest,
    principal_id: UUID,
    *,
    alias: str,
    route: str,
    action: Callable[[], HttpResponse],
    form_key: str = "",
) -> HttpResponse:
    """Run `action` in a transaction on `alias`, or replay the answer its key already has.

    The key is the request's Idempotency-Key, or `form_key`, the hidden field of a page's form.
    A repeat that arrives meanwhile waits for the first on the unique index. Refusals and faults are not kept: the
    transaction rolls back, and the key is free to be tried again.
    """
    key = _read_key(request, form_key)
    if not key:
        return action()
    identity, fingerprint = (principal_id, route, key), _fingerprint(request, is_form=bool(form_key))

    def act() -> HttpResponse:
        with transaction(alias):
            replay = _reserve(alias, identity, fingerprint)
            if replay is not None:
                return replay
            response = action()
            _store(alias, identity, response)
            failpoints.reach("web.before_commit", alias)
        return response

    try:
        return with_answers(act)
    except DomainError as told:
        if told.status >= 400:
            raise
        return _store_waiting(alias, identity, fingerprint, from_domain_error(told))


def _read_key(request: HttpRequest, form_key: str) -> str:
    """Return the request's Idempotency-Key or the form's, "" without one. Raises InvalidInput."""
    key = request.headers.get("Idempotency-Key", "") or form_key
    if len(key) > MAX_KEY or not key.isprintable():
        raise InvalidInput(
            "Idempotency-Key", "invalid", _("A printable text of at most %(most)s characters.") % {"most": MAX_KEY}
        )
    return key


def _store_waiting(
    alias: str, identity: tuple[UUID, str, str], fingerprint: str, response: HttpResponse
) -> HttpResponse:
    """Keep the answer that the action waits for a second person: its request was left, though all else is undone."""
    with transaction(alias):
        replay = _reserve(alias, identity, fingerprint)
        if replay is not None:
            return replay
        _store(alias, identity, response)
    return response


def _fingerprint(request: HttpRequest, *, is_form: bool) -> str:
    """A form is known by its fields: its body may be read already."""
    if is_form:
        return hashlib.sha256(f"{request.method} {request.path}\n{request.POST.urlencode()}".encode()).hexdigest()
    try:
        canonical = msgspec.json.encode(msgspec.json.decode(request.body), order="sorted")
    except msgspec.DecodeError:
        canonical = request.body
    return hashlib.sha256(f"{request.method} {request.path}\n".encode() + canonical).hexdigest()


def _reserve(alias: str, identity: tuple[UUID, str, str], fingerprint: str) -> HttpResponse | None:
    try:
        if fetch(alias, _RESERVE, [*identity, fingerprint]):
            return None
    except OperationalError as error:
        raise KeyInUse(retry_after=1) from error
    ((known, status, body, headers),) = fetch(alias, _KNOWN, identity)
    if known != fingerprint:
        raise KeyReused
    replayed = HttpResponse(bytes(body), status=status, headers=msgspec.json.decode(headers))
    replayed["Idempotent-Replayed"] = "true"
    return replayed


def _store(alias: str, identity: tuple[UUID, str, str], response: HttpResponse) -> None:
    kept = {name: response[name] for name in ("Content-Type", "ETag", "Location") if name in response}
    fetch(alias, _STORE, [response.status_code, response.content, msgspec.json.encode(kept).decode(), *identity])
