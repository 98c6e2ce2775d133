"""Services on other machines: asked over HTTP behind a shared secret for what this one has no database of.

Every request and every answer is signed with `AUTOSALON_PEER_SECRET`, so that nobody else can ask, and nobody can
answer in a peer's place. A question that is heard twice does no more than one that is heard once. They are not
encrypted; between machines that do not share a private network the peers' addresses begin with https.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import httpx2
import msgspec
import structlog
from django.conf import settings
from django.db import connections
from django.utils import translation

from core.db import refuse_inside_transaction
from core.errors import DomainError
from core.outside.asking import PeerAway

T = TypeVar("T")
ROOT = "/internal/v1/"
TIME, NONCE, SIGNATURE = "X-Peer-Time", "X-Peer-Nonce", "X-Peer-Signature"
MAX_SKEW_S = 60
"""Seconds that the clocks of two machines may differ; a request that was overheard is worth nothing after."""
CONNECT_S, ANSWER_S = 2.0, 10.0
log = structlog.get_logger(__name__)


class Refusal(msgspec.Struct, frozen=True):
    """A refusal as it travels: the class of the error by its full name, and what its instance holds."""

    error: str
    state: dict[str, Any]


def is_here(app: str) -> bool:
    """Tell whether this process has the app's database."""
    return app in connections


def list_variables(apps: Iterable[str]) -> str:
    """Names of the variables that say where the databases of apps are."""
    return ", ".join(f"AUTOSALON_{app.upper()}_DATABASE_URL" for app in apps)


def sign(secret: str, *parts: bytes) -> str:
    """HMAC-SHA256 over the parts, each told apart from the next by its length."""
    signed = hmac.new(secret.encode(), digestmod=hashlib.sha256)
    for part in parts:
        signed.update(len(part).to_bytes(8))
        signed.update(part)
    return signed.hexdigest()


def sign_request(secret: str, path: str, moment: str, nonce: str, body: bytes) -> str:
    """The signature of a request, which its answer is bound to as well."""
    return sign(secret, b"request", path.encode(), moment.encode(), nonce.encode(), body)


def sign_answer(secret: str, request: str, status: int, body: bytes) -> str:
    """The signature of an answer to the request with the signature `request`."""
    return sign(secret, b"answer", request.encode(), str(status).encode(), body)


def ask(app: str, question: str, body: Mapping[str, Any], answer: type[T] | Any) -> T:
    """Put a question to the peer that serves `app`; `answer` is the type of what it says.

    Raises PeerAway when it cannot be reached, does not know us, or fails; what the peer refuses with, as it raised it;
    InsideTransaction. Ask through `core.outside.asking.ask` where a transaction may be open.
    """
    refuse_inside_transaction()
    path = f"{ROOT}{question}"
    try:
        status, content = _exchange(settings.PEERS[app], path, msgspec.json.encode(body))
    except httpx2.HTTPError as error:
        raise _away(app, repr(error)) from error
    if status == 409:
        raise _refusal(msgspec.json.decode(content, type=Refusal))
    if status != 200:
        raise _away(app, f"it answers {status}")
    try:
        found: T = msgspec.json.decode(content, type=answer)
    except msgspec.DecodeError as error:
        raise _away(app, f"its answer is not what this release expects: {error}") from error
    return found


class _Forged(httpx2.HTTPError):
    """The answer is not signed by whom we asked."""


def _exchange(address: str, path: str, body: bytes) -> tuple[int, bytes]:
    secret, moment, nonce = settings.PEER_SECRETS[0], str(int(time.time())), secrets.token_hex(16)
    request = sign_request(secret, path, moment, nonce, body)
    headers = {
        TIME: moment,
        NONCE: nonce,
        SIGNATURE: request,
        "Content-Type": "application/json",
        "Accept-Language": translation.get_language() or settings.LANGUAGE_CODE,
    }
    response = _client().post(address.rstrip("/") + path, content=body, headers=headers)
    content = response.read()
    expected = sign_answer(secret, request, response.status_code, content)
    if not hmac.compare_digest(expected, response.headers.get(SIGNATURE, "")):
        raise _Forged(
            f"{response.status_code} without a peer's signature: is AUTOSALON_PEER_SECRET the same there, do the clocks"
            " agree, and does the address lead to a web process?"
        )
    return response.status_code, content


@lru_cache(maxsize=1)
def _client() -> httpx2.Client:
    """This process's connections to its peers: no redirects, no proxies from the environment."""
    limits = httpx2.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=20.0)
    patience = httpx2.Timeout(ANSWER_S, connect=CONNECT_S)
    return httpx2.Client(limits=limits, timeout=patience, follow_redirects=False, trust_env=False)


def _away(app: str, reason: str) -> PeerAway:
    log.warning("peer_away", app=app, address=settings.PEERS[app], reason=reason)
    return PeerAway(retry_after=2)


# Refusals -------------------------------------------------------------------------------------------------------------
def build_refusal(error: Exception) -> Refusal | None:
    """A refusal for its way to the peer that asked; None for a surprise, which a KeyError is."""
    if type(error) is LookupError:
        return Refusal("LookupError", {"args": [str(item) for item in error.args]})
    if not isinstance(error, DomainError):
        return None
    state = {"code": error.code, "status": error.status} | vars(error)
    return Refusal(_name(type(error)), msgspec.to_builtins(state, enc_hook=str))


def _refusal(told: Refusal) -> Exception:
    """The refusal as the peer raised it; of a class that this release does not know, its words alone."""
    if told.error == "LookupError":
        return LookupError(*told.state["args"])
    found = _refusals().get(told.error)
    error = DomainError.__new__(found or DomainError, told.state.get("detail", ""))
    vars(error).update(told.state)
    return error


def _refusals() -> dict[str, type[DomainError]]:
    """Every refusal of this release by its full name: a peer can make us raise nothing else."""
    found, open_ = {_name(DomainError): DomainError}, [DomainError]
    while open_:
        for child in open_.pop().__subclasses__():
            found[_name(child)] = child
            open_.append(child)
    return found


def _name(error: type[DomainError]) -> str:
    return f"{error.__module__}.{error.__qualname__}"
