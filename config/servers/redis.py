"""Addresses of one Valkey server in the dialect of each library that talks to it."""

from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit


class RedisAddresses:
    """Logical databases of the server at `url`, or behind the unix `socket` when `url` is empty.

    0 broker, 1 cache, 2 live feed, 3 guards (rate limits, revocations, tickets, breakers). What `url` says of TLS after
    its question mark (`ssl_ca_certs`, `ssl_certfile`, `ssl_keyfile`, `ssl_cert_reqs`) is told to every library.
    """

    def __init__(self, url: str, socket: Path) -> None:
        parts = urlsplit(url.replace("valkey://", "redis://", 1))
        self._socket = Path(parts.path) if parts.scheme == "unix" else (None if url else socket)
        self._server = f"{parts.scheme}://{parts.netloc}"
        self._options = dict(parse_qsl(parts.query))
        self._is_private = parts.scheme == "rediss"

    def url(self, database: int) -> str:
        """For redis-py, Django's cache and the channel layer."""
        if self._socket:
            return f"unix://{self._socket}?db={database}"
        return _join(f"{self._server}/{database}", self._options)

    def celery_url(self, database: int) -> str:
        """For kombu, which spells a socket differently, and speaks TLS only where an option of TLS is given."""
        if self._socket:
            return f"redis+socket://{self._socket}?virtual_host={database}"
        demanded = {"ssl_cert_reqs": "required"} if self._is_private else {}
        return _join(f"{self._server}/{database}", demanded | self._options)


def _join(address: str, options: dict[str, str]) -> str:
    return f"{address}?{urlencode(options, safe='/')}" if options else address
