"""What a domain event is: an immutable fact with plain fields, free of Django so that anyone may import it."""

from collections.abc import Callable
from typing import ClassVar, TypeVar

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all domain events. Fields are only ever added, with defaults; a breaking change is a new version.

    Class attributes are set by the `event` decorator: `type` (public name), `aggregate` (stream whose `sequence`
    counts), `key` (field holding the aggregate's id), `version` (of the data's shape), `personal` (fields that tell of
    the person in `user_id`, and are blanked when that person is erased).
    """

    type: ClassVar[str]
    aggregate: ClassVar[str]
    key: ClassVar[str]
    version: ClassVar[int]
    internal: ClassVar[bool]
    personal: ClassVar[tuple[str, ...]]

    @property
    def aggregate_id(self) -> str:
        """Id of the aggregate this fact is about, as text."""
        return str(getattr(self, self.key))

    @classmethod
    def app(cls) -> str:
        """Label of the app that owns the event: also the alias of the database it is published in."""
        return cls.__module__.partition(".")[0]


E = TypeVar("E", bound=type[Event])
REGISTRY: dict[str, type[Event]] = {}


def event(
    name: str, *, aggregate: str, key: str, version: int = 1, internal: bool = False, personal: tuple[str, ...] = ()
) -> Callable[[E], E]:
    """Declare an event class. `internal` marks steps of a saga that integrators are not promised."""

    def declare(cls: E) -> E:
        if name in REGISTRY and REGISTRY[name].__qualname__ != cls.__qualname__:
            raise ValueError(f"two events are called {name!r}")
        if "version" in cls.__struct_fields__ or "version" in cls.__annotations__:
            raise ValueError(f"{cls.__name__}.version is that of the data's shape: call the field version_number")
        if key not in cls.__struct_fields__:
            raise ValueError(f"{cls.__name__} has no field {key!r}")
        if not {*personal, *(["user_id"] if personal else [])} <= set(cls.__struct_fields__):
            raise ValueError(f"{cls.__name__} lacks a personal field, or the user_id of whom they tell")
        cls.type, cls.aggregate, cls.key, cls.version, cls.internal = name, aggregate, key, version, internal
        cls.personal = personal
        REGISTRY[name] = cls
        return cls

    return declare
