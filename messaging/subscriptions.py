"""Keep who reacts to which event and obeys which command: the registry behind `@subscribe`."""

import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import msgspec

from core.events import Message, facts_implying, implied_by
from messaging.models import SHARDS

Handler = Callable[[Any], None]
MAX_ATTEMPTS = 15


@dataclass(frozen=True)
class Subscription:
    """One handler of one app. Its `name` is its identity for ever: it keys the deliveries and the cursors."""

    name: str
    alias: str
    messages: tuple[type[Message], ...]
    function: Handler
    partition_field: str
    is_batch: bool
    start: Literal["beginning", "now"]
    on_parked: Literal["block", "continue"]
    max_attempts: int
    is_replayable: bool = False
    can_wait: bool = False
    needed_while: str = ""
    final: tuple[type[Exception], ...] = ()

    @cached_property
    def events(self) -> dict[str, type[Message]]:
        """Map each type on the wire that is delivered here to its class: what was subscribed to, and what implies it.

        Read only once every app's declarations are imported.
        """
        own = {each.type: each for each in self.messages if each.type}
        return {fact.type: fact for each in self.messages for fact in facts_implying(each)} | own

    def read(self, message_type: str, data: str | bytes) -> list[Message]:
        """Read a delivery as what the function takes: the message itself, or the commands that it implies, if any."""
        message = msgspec.json.decode(data, type=self.events[message_type])
        own = [message] if isinstance(message, self.messages) else []
        return [*own, *implied_by(message, self.messages)]

    def partition_key(self, aggregate_id: str, data: dict[str, Any]) -> str:
        """Return the key of a delivery's partition: those with equal keys are handled in order, one at a time."""
        return str(data[self.partition_field]) if self.partition_field else aggregate_id

    def shard(self, partition_key: str) -> int:
        """Return the shard of a partition; a batch handler has one shard, since its gain is in long batches."""
        return 0 if self.is_batch else zlib.crc32(partition_key.encode()) % SHARDS

    @cached_property
    def sources(self) -> frozenset[str]:
        """Name the aliases whose logs this handler reads. Read only once every app's declarations are imported."""
        return frozenset(event.app() for event in self.events.values())


_registry: dict[str, Subscription] = {}


class DuplicateHandler(ValueError):
    """Two handlers claim the same name."""


def subscribe(
    *messages: type[Message],
    name: str = "",
    partition_key: str = "",
    batch: bool = False,
    start: Literal["beginning", "now"] = "beginning",
    on_parked: Literal["block", "continue"] = "block",
    max_attempts: int = MAX_ATTEMPTS,
    replayable: bool = False,
    can_wait: bool = False,
    needed_while: str = "",
    final: tuple[type[Exception], ...] = (),
) -> Callable[[Handler], Handler]:
    """Register `function(event)` to run in a transaction on its own app's database, exactly once per message.

    A message is an event, or a command of the function's own app: one that was sent, or that others' facts imply.
    `partition_key` names the field on the wire whose value orders deliveries (default: the event's aggregate id). With
    `batch` the function gets a list of up to 200 events in one transaction: for read copies. `start`: where a handler
    deployed later begins. `on_parked`: whether a parked delivery holds up the rest of its partition. `replayable`:
    the handler may be given its whole past again, and ends where it is now: `manage.py replay_events` rebuilds by it.
    `can_wait`: nobody waits for it, so it comes after the others, and a second late, with whatever comes meanwhile.
    `needed_while`: a condition in SQL on the app's own tables; what reaches the app while it is false is not delivered.
    `final`: errors that no repetition heals; the delivery is parked at once, and a person has it the sooner.
    """

    def register(function: Handler) -> Handler:
        identity = name or f"{_get_app(function)}.{function.__name__}"
        _registry[_free(identity, function)] = Subscription(
            identity, _get_app(function), messages, function, partition_key, batch, start, on_parked, max_attempts,
            is_replayable=replayable, can_wait=can_wait, needed_while=needed_while, final=final,
        )  # fmt: skip
        return function

    return register


def _get_app(function: Handler) -> str:
    return function.__module__.partition(".")[0]


def _free(identity: str, function: Handler) -> str:
    """Return the name if no other module's handler has it. Raises DuplicateHandler."""
    known = _registry.get(identity)
    if known and known.function.__module__ != function.__module__:
        raise DuplicateHandler(identity)
    return identity


def subscriptions() -> dict[str, Subscription]:
    """All registered handlers by name."""
    return _registry


def list_subscriptions(alias: str) -> list[Subscription]:
    """Handlers that run in one app's database."""
    return [item for item in _registry.values() if item.alias == alias]


def foreign_sources(aliases: Collection[str]) -> list[str]:
    """Logs that handlers of these databases read and whose events are not ours to place."""
    heard = {source for item in _registry.values() if item.alias in aliases for source in item.sources}
    return sorted(heard - set(aliases))
