"""Declare what apps tell and ask each other: facts and commands of plain fields, free of Django."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from typing import Any, ClassVar, TypeVar

import msgspec


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all events and commands. Fields are only ever added, with defaults; a breaking change is a new version.

    Class attributes are set by the decorators `event` and `command`: `type` (name on the wire), `aggregate` (stream
    whose `sequence` counts), `key` (field holding the aggregate's id), `version` (of the data's shape), `personal`
    (fields that tell of the person in `user_id`, and are blanked when that person is erased).
    """

    type: ClassVar[str] = ""
    aggregate: ClassVar[str]
    key: ClassVar[str]
    version: ClassVar[int]
    internal: ClassVar[bool]
    personal: ClassVar[tuple[str, ...]]

    @property
    def aggregate_id(self) -> str:
        """Return the id of the aggregate this is about, as text."""
        return str(getattr(self, self.key))

    @classmethod
    def owner(cls) -> str:
        """Return the label of the app that declares the message."""
        return cls.__module__.partition(".")[0]

    @classmethod
    def app(cls) -> str:
        """Return the label of the app in whose log the message is written: the alias of the database, too."""
        return cls.owner()


class Event(Message, frozen=True, kw_only=True):
    """Base of all domain events: a fact, declared and published by the app that it happened in."""


class Command(Message, frozen=True, kw_only=True):
    """Base of all commands: what an app does when it is asked, declared by the app that obeys.

    One with a name on the wire is sent, and stands in the log of its `sender`. One without is never sent by itself:
    facts of other apps imply it.
    """

    sender: ClassVar[str]

    @classmethod
    def app(cls) -> str:
        """Return the label of the app that sends the command and in whose log it is written."""
        return cls.sender


E = TypeVar("E", bound=type[Event])
C = TypeVar("C", bound=type[Command])
REGISTRY: dict[str, type[Message]] = {}
Reading = Callable[[Any], Command | None]
_IMPLIED: dict[type[Message], dict[type[Message], Reading]] = defaultdict(dict)


def event(
    name: str, *, aggregate: str, key: str, version: int = 1, internal: bool = False, personal: tuple[str, ...] = ()
) -> Callable[[E], E]:
    """Declare an event class. `internal` marks steps that integrators are not promised."""

    def declare(cls: E) -> E:
        if not {*personal, *(["user_id"] if personal else [])} <= set(cls.__struct_fields__):
            raise ValueError(f"{cls.__name__} lacks a personal field, or the user_id of whom they tell")
        _register(cls, name, aggregate, key, version)
        cls.internal, cls.personal = internal, personal
        return cls

    return declare


def command(name: str, *, sender: str, aggregate: str, key: str, version: int = 1) -> Callable[[C], C]:
    """Declare a command that the app `sender` sends; no integrator is promised it."""

    def declare(cls: C) -> C:
        _register(cls, name, aggregate, key, version)
        cls.internal, cls.personal, cls.sender = True, (), sender
        return cls

    return declare


def _register(cls: type[Message], name: str, aggregate: str, key: str, version: int) -> None:
    """Know a class by its name on the wire. Raises ValueError."""
    if name in REGISTRY and REGISTRY[name].__qualname__ != cls.__qualname__:
        raise ValueError(f"two messages are called {name!r}")
    if "version" in cls.__struct_fields__ or "version" in cls.__annotations__:
        raise ValueError(f"{cls.__name__}.version is that of the data's shape: call the field version_number")
    if key not in cls.__struct_fields__:
        raise ValueError(f"{cls.__name__} has no field {key!r}")
    cls.type, cls.aggregate, cls.key, cls.version = name, aggregate, key, version
    REGISTRY[name] = cls


def implies(*facts: type[Event], command: type[Command]) -> Callable[[Reading], Reading]:
    """Declare that facts of one's own app mean a command to the app that obeys it: so it need not know the facts.

    The function reads a fact as the command, or as None where this one means nothing to that app. It is pure: it runs
    in the process of whoever obeys. Raises ValueError for a second reading of a fact as the same command.
    """

    def declare(reading: Reading) -> Reading:
        for fact in facts:
            known = _IMPLIED[command].setdefault(fact, reading)
            if (known.__module__, known.__qualname__) != (reading.__module__, reading.__qualname__):
                raise ValueError(f"{fact.__name__} is read as {command.__name__} twice")
        return reading

    return declare


def facts_implying(command: type[Message]) -> Collection[type[Message]]:
    """Return the facts that may mean a command."""
    return _IMPLIED.get(command, {}).keys()


def readings() -> Iterator[tuple[type[Message], Reading]]:
    """List every fact that implies a command, with the function that reads it so."""
    for known in _IMPLIED.values():
        yield from known.items()


def implied_by(fact: Message, commands: Collection[type[Message]]) -> Iterator[Command]:
    """Read a fact as those of the commands that it implies, in the order of the commands."""
    for wanted in commands:
        reading = _IMPLIED.get(wanted, {}).get(type(fact))
        if reading is not None and (found := reading(fact)) is not None:
            yield found
