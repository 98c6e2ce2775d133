"""Speak to a façade as a contract's own client would: its paths, its bodies, its tokens, and nothing else."""

import itertools
import json
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.test import Client

from accounts.tests import make as people
from catalog.tests import make as goods
from config.databases import STORES
from core.testing import token_for
from messaging.testing import drain_outbox

DATABASES = [*STORES]
PASSWORD = "securepassword123"
_addresses = itertools.count(1)


class Speaker:
    """A client of one contract; `token` is what it was given."""

    def __init__(self, letter: str, token: str = "") -> None:
        self.letter, self.token = letter, token
        number = next(_addresses)
        self.http = Client(raise_request_exception=False, REMOTE_ADDR=f"198.19.{number // 250}.{number % 250 + 1}")

    def send(self, row: str, body: Any = None, *, form: str = "", **headers: str) -> Any:
        """Send `POST /v1/orders`; header names are written with underscores."""
        method, path = row.split(" ", 1)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        options: dict[str, Any] = {"headers": sent}
        if form:
            options |= {"data": form, "content_type": "application/x-www-form-urlencoded"}
        elif body is not None:
            text = body if isinstance(body, str) else json.dumps(body)
            options |= {"data": text, "content_type": "application/json"}
        elif method == "POST":
            options |= {"data": b"", "content_type": "application/octet-stream"}
        return getattr(self.http, method.lower())(f"/contracts/{self.letter}{path}", **options)


def speaker(letter: str, *roles: str, user_id: UUID | None = None) -> Speaker:
    """A client with a token of a user of these roles, who need not exist."""
    return Speaker(letter, token_for(user_id, *roles))


def member(letter: str, *roles: str, **fields: Any) -> tuple[Speaker, Any]:
    """A client whose user exists, with the user."""
    person = people.user(*roles, **fields)
    return Speaker(letter, people.pair(person).access_token), person


def on_sale(name: str, price: str = "75000.00", stock: int = 10, **fields: Any) -> Any:
    """A product that orders knows, too."""
    made = goods.product(name=name, price=Decimal(price), stock=stock, kind="accessory", **fields)
    drain_outbox()
    return made
