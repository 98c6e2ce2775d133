"""The commands that partners may publish, and the calls of the API that they are."""

import re
from dataclasses import dataclass
from typing import Any

import msgspec
from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.ids import find_uuid
from gateway.fast_path import refuse_deep

MOST_BYTES = 1_000_000
LONG_ID = 256
_HOLE = re.compile(r"{(\w+)}")
_ID = re.compile(r"[!-~]{1,255}")
_PRINTABLE = re.compile(r"(?:[!-~](?:[ -~]{0,8190}[!-~])?)?")
"""What a header of HTTP may hold: no space before or behind."""


@dataclass(frozen=True)
class Operation:
    """A call that takes an Idempotency-Key, so that a message that comes twice is obeyed once.

    What stands in braces in `path` is an id, taken out of the command's data.
    """

    path: str

    def address(self, data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return the path and what is left for the body. Raises InvalidInput."""
        path, left = self.path, dict(data)
        for name in _HOLE.findall(self.path):
            found = find_uuid(str(left.pop(name, "")))
            if found is None:
                raise InvalidInput(name, "required", _("Say which: an id."))
            path = path.replace(f"{{{name}}}", str(found))
        return path, left


COMMANDS = {
    "order.place": Operation("/orders"),
    "order.cancel": Operation("/orders/{order_id}/cancel"),
    "order.return": Operation("/orders/{order_id}/return"),
    "payment.create": Operation("/payments"),
    "payment.cancel": Operation("/payments/{payment_id}/cancel"),
    "payment.refund": Operation("/payments/{payment_id}/refund"),
    "application.submit": Operation("/financing/applications"),
    "application.accept": Operation("/financing/applications/{application_id}/accept"),
    "quote.ask": Operation("/insurance/quotes"),
    "quote.purchase": Operation("/insurance/quotes/{quote_id}/purchase"),
    "claim.open": Operation("/insurance/claims"),
    "client.create": Operation("/clients"),
    "client.add_contact": Operation("/clients/{client_id}/contacts"),
    "client.log_activity": Operation("/clients/{client_id}/activity"),
    "lead.create": Operation("/leads"),
    "product.create": Operation("/products"),
    "product.adjust_stock": Operation("/products/{product_id}/stock"),
    "event.register": Operation("/events/{event_id}/register"),
    "test_drive.book": Operation("/test-drives"),
}
"""Every command that may be allowed (AUTOSALON_COMMANDS), by its type."""


class Envelope(msgspec.Struct):
    """A command as it is published: a CloudEvent, of which `type` and `data` count."""

    type: str
    data: dict[str, Any] = {}


@dataclass(frozen=True)
class Message:
    """A message as a broker hands it over; an `id` is cut at LONG_ID, which is too long for one."""

    id: str
    authorization: str
    body: bytes


def read(message: Message, allowed: set[str]) -> tuple[str, bytes]:
    """Return the path and the body of the call that a message is. Raises InvalidInput, NestedTooDeep."""
    if not _ID.fullmatch(message.id):
        raise InvalidInput("message_id", "required", _("Name the message, in up to 255 plain characters."))
    if not _PRINTABLE.fullmatch(message.authorization):
        raise InvalidInput("authorization", "invalid", _("This is no token."))
    if len(message.body) > MOST_BYTES:
        raise InvalidInput("body", "too_large", _("This is too large for a command."))
    try:
        refuse_deep(message.body)
        envelope = msgspec.json.decode(message.body, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput("body", "invalid", str(error)) from error
    if envelope.type not in allowed:
        raise InvalidInput("type", "unknown_command", _("No such command is taken here."))
    path, left = COMMANDS[envelope.type].address(envelope.data)
    return path, msgspec.json.encode(left)
