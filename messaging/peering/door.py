"""The internal door: what peers on other machines are told, if they know the secret. For all others there is none.

What lies behind it reads, and writes nothing but who is leaving (`people.departures`). It opens on every log, and on
what is known of every person: whoever has the secret has as good as a reader's password to the databases served here.
"""

import hmac
import json
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
import structlog
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext as _

from gateway.access.audit.searching import Question, find_named, find_persons, search_app
from gateway.responses import problems
from messaging.peering import peers
from messaging.peering.reads import reads
from messaging.people import personal
from messaging.transport import cursors, logs

log = structlog.get_logger(__name__)


class LogQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """Events of some types after a position, and which events stand at some positions."""

    after: int
    types: list[str]
    anchors: list[int] = []


class CursorQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """Question how far some handlers have copied a source."""

    source: str
    names: list[str]


class PersonQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """Question of what is held of a person."""

    user_id: UUID


class LeavingQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """Question of what ties a person who is leaving: the only one that leaves something behind, a door that is shut."""

    user_id: UUID
    closing_id: UUID


class NameQuestion(msgspec.Struct, forbid_unknown_fields=True):
    """Question which things, or which people, a number or an address stands for."""

    text: str
    are_people: bool = False


def _log(source: str, body: bytes) -> Any:
    given = msgspec.json.decode(body, type=LogQuestion)
    return logs.read_page(source, given.after, given.types, given.anchors)


def _cursors(app: str, body: bytes) -> Any:
    given = msgspec.json.decode(body, type=CursorQuestion)
    return cursors.positions(app, given.source, given.names)


def _personal(app: str, body: bytes) -> Any:
    """In the words of a JSON document at once: what a column holds has no type that travels."""
    found = personal.export(app, msgspec.json.decode(body, type=PersonQuestion).user_id)
    return json.loads(json.dumps(found, cls=DjangoJSONEncoder))


def _leaving(app: str, body: bytes) -> Any:
    given = msgspec.json.decode(body, type=LeavingQuestion)
    return personal.begin_leaving(app, given.user_id, given.closing_id)


def _history(app: str, body: bytes) -> Any:
    return search_app(app, msgspec.json.decode(body, type=Question))


def _named(app: str, body: bytes) -> Any:
    given = msgspec.json.decode(body, type=NameQuestion)
    return find_persons(app, given.text) if given.are_people else find_named(app, given.text)


def _read(name: str, body: bytes) -> Any:
    return reads()[name].answer(body)


QUESTIONS: dict[str, Callable[[str, bytes], Any]] = {
    "log": _log,
    "cursors": _cursors,
    "personal": _personal,
    "leaving": _leaving,
    "history": _history,
    "named": _named,
    "read": _read,
}


def serve(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    """Answer `POST /internal/v1/<kind>/<app or read>` from a peer; 404 to whoever does not sign as one."""
    secret = _find_secret(request)
    if secret is None:
        return problems.problem(404, "not_found", _("Not found."))
    response = _answer(request, kind, name)
    given = request.headers[peers.SIGNATURE]
    response[peers.SIGNATURE] = peers.sign_answer(secret, given, response.status_code, response.content)
    return response


def _answer(request: HttpRequest, kind: str, name: str) -> HttpResponse:
    app = name.partition(".")[0]
    if kind not in QUESTIONS or app not in settings.SERVICES or (kind == "read" and name not in reads()):
        return problems.problem(404, "not_found", _("This is not answered here."))
    try:
        return _plain(QUESTIONS[kind](name, request.body), 200)
    except Exception as error:
        refusal = peers.build_refusal(error)
        return problems.from_exception(error, request) if refusal is None else _plain(refusal, 409)


def _plain(found: Any, status: int) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(found), status=status, content_type="application/json")


def _find_secret(request: HttpRequest) -> str | None:
    """The secret that a request is signed with; None when it is signed with none of ours, or too long ago."""
    moment, nonce = request.headers.get(peers.TIME, ""), request.headers.get(peers.NONCE, "")
    given = request.headers.get(peers.SIGNATURE, "")
    if request.method != "POST" or not (moment.isdecimal() and nonce and given):
        return None
    if abs(time.time() - int(moment)) > peers.MAX_SKEW_S:
        log.warning("peer_refused", path=request.path, reason="its clock differs, or the request is an old one")
        return None
    for secret in settings.PEER_SECRETS:
        expected = peers.sign_request(secret, request.path, moment, nonce, request.body)
        if hmac.compare_digest(expected.encode(), given.encode()):
            return str(secret)
    log.warning("peer_refused", path=request.path, reason="it is not signed with AUTOSALON_PEER_SECRET")
    return None


urlpatterns = [path("internal/v1/<str:kind>/<str:name>", serve, name="internal")]
