"""Valkey as Celery's broker, lost at any moment without the death of whoever speaks to it."""

from typing import Any

from kombu.transport import redis
from redis.exceptions import ConnectionError as ConnectionLost


class Channel(redis.Channel):
    """Kombu's, which looks for the address of a connection that is closed, and finds an AttributeError.

    Nobody expects that one: a worker that still acknowledges a message, or gives one back, after its broker died ends
    altogether ("Unrecoverable error"). A lost connection is what everybody is prepared for. The message itself is not
    lost: deliveries are sent again from their database.
    """

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        """Return where to connect to. Raises ConnectionError of the driver for a channel that was closed."""
        if getattr(self.connection, "client", None) is None:
            raise ConnectionLost("the connection of this channel was closed")
        parameters: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[no-untyped-call]
        return parameters


class Transport(redis.Transport):
    """Kombu's with that channel."""

    Channel = Channel
