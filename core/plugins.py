"""Find what each app plugs into the house: one page per app, its `plugin`, read once all models are loaded."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

from django.apps import apps
from django.utils.module_loading import module_has_submodule

from core.files.accounting import Contribution
from core.outside.letters import Letter
from core.postgres.trails import Audit
from core.running.switches import Switch


@dataclass(frozen=True)
class Disagreement:
    """Two records that should tell the same and do not, as an app's check of the books finds: the rows, and how."""

    kind: str
    ids: dict[str, str]
    detail: str


@dataclass(frozen=True, kw_only=True)
class Feed:
    """Give an app's log to the live feed: the types of its events that are carried, and how their rows are read."""

    carries: frozenset[str]
    read: Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """Name all that one app plugs in.

    `declares`: modules that register by their decorators: messages, handlers, operations, approvals, personal data,
    copies and answers. `connect`: functions called once, when all apps are ready. `metrics`: sources of gauges and
    counters, quick, which must not raise. `demo`: makes the demo data that are missing; called in debug only.
    `audit`: the histories that the audit search reads. `switches`: what an operator may switch off. `accounting`:
    sections of what the dealer's accounting is given. `letters`: every kind of letter that the app sends, by name, with
    made-up values, in a language: for the page of previews and for the test that reads them all.
    `tags` name the groups of the app's operations in the API document, and say what they are about.
    `consumers` and `channels` are dotted names of modules, imported only by processes that serve sockets and by the
    API document: the addresses of the app's sockets, and what is said there.
    """

    declares: tuple[ModuleType, ...]
    connect: tuple[Callable[[], None], ...] = ()
    feed: Feed | None = None
    metrics: tuple[Callable[[], Iterable[Any]], ...] = ()
    demo: Callable[[datetime], Any] | None = None
    tags: dict[str, str] = field(default_factory=dict)
    accounting: tuple[Contribution, ...] = ()
    audit: Audit = field(default_factory=Audit)
    switches: tuple[Switch, ...] = ()
    letters: Callable[[str], dict[str, Letter]] | None = None
    consumers: str = ""
    channels: str = ""


@cache
def plugins() -> dict[str, Plugin]:
    """Read the page of every installed app that has one, by the app's name, in the order of installation."""
    return {
        config.name: import_module(f"{config.name}.plugin").PLUGIN
        for config in apps.get_app_configs()
        if config.module is not None and module_has_submodule(config.module, "plugin")
    }
