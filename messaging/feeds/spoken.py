"""Describe what every live socket says and listens to, whatever its feed, as the AsyncAPI document shows it."""

from typing import Any, Literal

import msgspec


class ResyncRequired(msgspec.Struct):
    """Too far behind to catch up, or longer away than changes are kept: a snapshot follows."""

    type: Literal["resync_required"]


class FeedError(msgspec.Struct):
    """A message was not understood: `malformed`, `unknown_type` or `invalid_since`. The socket lives on."""

    type: Literal["error"]
    code: str


class Pong(msgspec.Struct):
    """Answer to a ping."""

    type: Literal["pong"]


class Ping(msgspec.Struct):
    """Ask for a pong."""

    type: Literal["ping"]


class Resume(msgspec.Struct):
    """Send again what came after `since`: a `seq` where changes are counted for one reader, else a `position`."""

    type: Literal["resume"]
    since: int


SAYS: tuple[type[Any], ...] = (ResyncRequired, FeedError, Pong)
HEARS: tuple[type[Any], ...] = (Ping, Resume)
TICKET = "One-use ticket from `POST /api/v1/auth/ws-ticket`."
