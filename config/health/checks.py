"""The list of checks. A new one is declared here, and needs a test that brings its fault about: a test says so.

A check looks at one app's database (`where` is its alias), or at something all apps share. It yields a sentence for
every fault it finds. `is_vital`: an app with such a fault serves nobody.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings


@dataclass(frozen=True)
class Subject:
    """Subject of a check: an app's database. `due`: by source, the last position its readers should have copied."""

    alias: str
    due: Mapping[str, int] = field(default_factory=dict)


Ask = Callable[[Subject], Iterator[str]]


@dataclass(frozen=True)
class Check:
    """One thing that may be wrong. `limit` names the entry of settings.HEALTH from which on it counts as wrong.

    `apps`: whose databases it is asked of, () for all. `shared`: it is asked once, under that name. `every_s`: how
    old its answer may be where processes ask again and again. `is_deadline`: the limit is the time that others were
    given to answer, and a fault only once it is over; every other fault shows within a minute of its beginning.
    """

    name: str
    looks_at: str
    remedy: str
    ask: Ask
    limit: str = ""
    apps: tuple[str, ...] = ()
    shared: str = ""
    every_s: float = 0.0
    is_vital: bool = False
    is_deadline: bool = False


CHECKS: dict[str, Check] = {}


def check(name: str, *, looks_at: str, remedy: str, **more: Any) -> Callable[[Ask], Ask]:
    """Declare a check."""

    def declare(ask: Ask) -> Ask:
        if name in CHECKS:
            raise ValueError(f"two checks are called {name}")
        CHECKS[name] = Check(name, looks_at, remedy, ask, **more)
        return ask

    return declare


def limit(name: str) -> int:
    """A limit as the settings give it."""
    value: int = settings.HEALTH[name]
    return value
