"""Wake-ups between the relays of different machines, through Valkey: hints that may be lost, like every other."""

import threading
from collections.abc import Iterable

import redis
import structlog
from django.conf import settings

from gateway.guards import guard

LISTEN_S = 1.0
log = structlog.get_logger(__name__)


def _channel() -> str:
    return f"{settings.REDIS_PREFIX}:placed"


def send(source: str) -> None:
    """Tell the relays of other machines that events of `source` got positions; where there are none, nobody is told."""
    if not settings.PEER_SECRETS:
        return
    try:
        guard.client().publish(_channel(), source)
    except redis.RedisError as error:
        log.info("wake_lost", source=source, error=type(error).__name__)


class Bells:
    """Bells that a relay's followers of other machines' logs wait for, one for each source."""

    def __init__(self, sources: Iterable[str]) -> None:
        self._rung = {source: threading.Event() for source in sources}

    def wait(self, source: str, seconds: float) -> None:
        """Wait until events of the source were placed, and no longer than so many seconds."""
        self._rung[source].wait(seconds)
        self._rung[source].clear()

    def ring(self) -> None:
        """Wake every follower."""
        for bell in self._rung.values():
            bell.set()

    def listen(self, stopping: threading.Event) -> None:
        """Ring at each wake-up until told to stop. Raises redis.RedisError when Valkey is away."""
        with redis.Redis.from_url(settings.REDIS.url(3), socket_timeout=10, socket_connect_timeout=2) as client:
            heard = client.pubsub(ignore_subscribe_messages=True)
            heard.subscribe(_channel())
            while not stopping.is_set():
                message = heard.get_message(timeout=LISTEN_S)
                if message is not None and (bell := self._rung.get(message["data"].decode())) is not None:
                    bell.set()
