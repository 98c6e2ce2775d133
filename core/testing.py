"""Share what tests of every app need: callers with tokens, and an HTTP client that speaks for them."""

import contextlib
import json
import socket
import ssl
import time
import traceback
from collections.abc import Iterator
from functools import lru_cache
from typing import Any
from uuid import UUID

import jwt
from asgiref.testing import ApplicationCommunicator
from cryptography.hazmat.primitives import serialization
from django.conf import settings
from django.db import connections
from django.db import transaction as django_transaction
from django.test import Client

from core.db import InsideTransaction, refuse_inside_transaction
from core.ids import uuid7

LIFETIME_S = 4 * 3600
"""Longer than any run of the tests: callers made while modules are read are used at its end."""


def token_for(user_id: UUID | None = None, *roles: str, **claims: Any) -> str:
    """An access token as accounts would sign it, for a user who need not exist."""
    now = int(time.time())
    payload = {
        "sub": str(user_id or uuid7()),
        "email": "someone@example.com",
        "roles": list(roles) or ["client"],
        "jti": str(uuid7()),
        "iat": now,
        "auth_time": now,
        "exp": now + LIFETIME_S,
        "iss": settings.JWT_ISSUER,
        "aud": settings.JWT_AUDIENCE,
    } | claims
    return jwt.encode(payload, _signing_key(settings.JWT_PRIVATE_KEY), algorithm="RS256")


@lru_cache(maxsize=4)
def _signing_key(pem: str) -> Any:
    """Reading a key and checking its primes takes longer than a request does."""
    return serialization.load_pem_private_key(pem.encode(), password=None)


def _address(user_id: UUID) -> str:
    """Callers come from addresses of their own, so that one test's requests do not use up another's allowance."""
    return f"198.18.{user_id.bytes[-2]}.{user_id.bytes[-1]}"


class Api:
    """A caller of the API: `Api()` anonymous, `Api("client")`, `Api("manager")`, `Api("admin")` signed in."""

    def __init__(self, *roles: str, user_id: UUID | None = None) -> None:
        self.user_id = user_id or uuid7()
        self.client = Client(raise_request_exception=False, REMOTE_ADDR=_address(self.user_id))
        self.headers = {"Authorization": f"Bearer {token_for(self.user_id, *roles)}"} if roles else {}

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Send JSON to `/api/v1<path>`; header names are written with underscores."""
        sent = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        options = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(self.client, method)(f"/api/v1{path}", headers=sent, **options)

    def get(self, path: str, **headers: str) -> Any:
        return self.request("get", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.request("post", path, {} if body is None else body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.request("put", path, body, **headers)

    def patch(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.request("patch", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.request("delete", path, **headers)


class Socket(ApplicationCommunicator):
    """A WebSocket client of an ASGI application, in the test's own loop."""

    def __init__(
        self, application: Any, path: str, subprotocols: list[str] | None = None, origin: str = "http://testserver"
    ) -> None:
        bare, _, query = path.partition("?")
        scope = {
            "type": "websocket",
            "path": bare,
            "query_string": query.encode(),
            "headers": [(b"host", b"testserver"), *([(b"origin", origin.encode())] if origin else [])],
            "subprotocols": subprotocols or [],
        }
        super().__init__(application, scope)

    async def connect(self) -> str | None:
        """Open; return the subprotocol that the server chose."""
        await self.send_input({"type": "websocket.connect"})
        accepted = await self.receive_output(timeout=10)
        assert accepted["type"] == "websocket.accept", accepted
        chosen: str | None = accepted["subprotocol"]
        return chosen

    async def say(self, message: Any) -> None:
        """Send text, or anything else as JSON."""
        text = message if isinstance(message, str) else json.dumps(message)
        await self.send_input({"type": "websocket.receive", "text": text})

    async def receive(self, count: int = 1) -> list[dict[str, Any]]:
        """The next messages."""
        frames = [await self.receive_output(timeout=10) for _ in range(count)]
        assert all(frame["type"] == "websocket.send" for frame in frames), frames
        return [json.loads(frame["text"]) for frame in frames]

    async def closing_code(self) -> int:
        """Read on until the server closes; return its code."""
        while (frame := await self.receive_output(timeout=10))["type"] != "websocket.close":
            pass
        code: int = frame["code"]
        return code

    async def disconnect(self) -> None:
        """Go away."""
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(timeout=10)


_NETWORK = (socket.AF_INET, socket.AF_INET6)
_GUARDED = ("connect", "connect_ex", "send", "sendall", "sendto", "sendmsg")


@contextlib.contextmanager
def no_network_inside_transactions() -> Iterator[list[str]]:
    """Refuse bytes to the network from any thread that has a transaction open; yield where that was tried.

    Whoever swallows the refusal is found all the same: look into the list afterwards. Our own servers are reached
    through sockets of the file system, and PostgreSQL's client library through none of Python's.
    """
    slips: list[str] = []
    originals = {name: getattr(socket.socket, name) for name in _GUARDED}
    write = ssl.SSLSocket.write
    for name, original in originals.items():
        setattr(socket.socket, name, _guarded(original, slips))
    ssl.SSLSocket.write = _guarded(write, slips)  # type: ignore[method-assign]
    try:
        yield slips
    finally:
        for name, original in originals.items():
            setattr(socket.socket, name, original)
        ssl.SSLSocket.write = write  # type: ignore[method-assign]


def _guarded(original: Any, slips: list[str]) -> Any:
    def act(self: socket.socket, *args: Any, **options: Any) -> Any:
        if self.family in _NETWORK:
            try:
                refuse_inside_transaction()
            except InsideTransaction as error:
                slips.append(f"{error}\n{''.join(traceback.format_stack(limit=60))}")
                raise
        return original(self, *args, **options)

    return act


@contextlib.contextmanager
def undone(*aliases: str) -> Iterator[None]:
    """Let a block change what it likes in some databases: what it wrote is checked as a commit would, and undone.

    Cases that begin alike share what they begin with, and none finds what another one did to it.
    """
    with contextlib.ExitStack() as open_ones:
        for alias in aliases:
            open_ones.enter_context(django_transaction.atomic(using=alias))  # noqa: TID251 - around the services' own
        yield
        for alias in aliases:
            if not connections[alias].needs_rollback:
                connections[alias].check_constraints()
            django_transaction.set_rollback(True, using=alias)


@contextlib.contextmanager
def tampering(app: str) -> Iterator[None]:
    """Write past every trigger, as a bad restore or a hand in the database would; for tests of what finds it."""
    with connections[app].cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        yield
        cursor.execute("SET LOCAL session_replication_role = origin")
