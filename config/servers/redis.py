"""Addresses of one Valkey server in the dialect of each library that talks to it."""

from pathlib import Path
from urllib.parse import urlsplit


class RedisAddresses:
    """Logical databases of the server at `url`, or behind the unix `socket` when `url` is empty.

    0 broker, 1 cache, 2 live feed, 3 guards (rate limits, revocations, tickets, breakers).
    """

    def __init__(self, url: str, socket: Path) -> None:
        parts = urlsplit(url.replace("valkey://", "redis://", 1))
        self._socket = Path(parts.path) if parts.scheme == "unix" else (None if url else socket)
        self._server = f"{parts.scheme}://{parts.netloc}"

    def url(self, database: int) -> str:
        """For redis-py, Django's cache and the channel layer."""
        return f"unix://{self._socket}?db={database}" if self._socket else f"{self._server}/{database}"

    def celery_url(self, database: int) -> str:
        """For kombu, which spells a socket differently."""
        if self._socket:
            return f"redis+socket://{self._socket}?virtual_host={database}"
        return f"{self._server}/{database}"
