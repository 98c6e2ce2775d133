"""The declarations: by which actions of people value can leave, and by which rules it leaves without one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from django.utils.module_loading import import_string

from core.approvals import ApprovalNews
from core.events import REGISTRY

ALWAYS, NEVER = "always", "never"
"""In place of a limit: a second person is always needed; or never, but nobody acts on what is their own."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One action by which a person gives value away. `name` is `<app>.<what>`.

    `limit` names the setting that holds the roubles one person may give away alone in a day; kinds with one `pool`
    share that sum. `favours` says whether it is known whom it favours, `is_told` whether requests are news, which those
    with events of their own are not, nor those with `by_admins`, which administrators alone see and decide. `run` is
    the dotted path of the service that does what was agreed to: it takes `subject_id`, `maker_id`, `approver_id`,
    `now` and what the action stored.
    `noted`, if given, is the path of a service that writes what became of the request into the object's own history;
    `refused` one that undoes what the asking had reserved. `doors` are the ways in, as docs/value-leaving.md lists
    them; `gives` says what leaves by them.
    """

    name: str
    title: Any
    subject: str
    limit: str
    doors: tuple[str, ...]
    gives: str
    run: str = ""
    pool: str = ""
    favours: bool = True
    is_told: bool = True
    by_admins: bool = False
    noted: str = ""
    refused: str = ""

    @property
    def app(self) -> str:
        """The app whose database holds the requests: its alias."""
        return self.name.partition(".")[0]

    @property
    def purse(self) -> str:
        """Return whose day's sum it counts in."""
        return self.pool or self.name

    @property
    def news(self) -> type[ApprovalNews]:
        """The app's event that tells of requests."""
        return cast(type[ApprovalNews], REGISTRY[f"{self.app}.approval_changed"])

    def service(self, path: str) -> Callable[..., object]:
        """The service behind a dotted path of this declaration."""
        return cast(Callable[..., object], import_string(path))


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Value that leaves with no person's say: `why` says what makes that right.

    `heard` says what sets it off: an endpoint, a handler, a task, or the answer to a call.
    """

    name: str
    why: str
    heard: tuple[str, ...] = field(default=())

    @property
    def app(self) -> str:
        """The app in whose database it happens."""
        return self.name.partition(".")[0]


_kinds: dict[str, Kind] = {}
_rules: dict[str, Rule] = {}


def declare(kind: Kind) -> Kind:
    """Register a kind."""
    _kinds[kind.name] = kind
    return kind


def rule(name: str, *, why: str, heard: tuple[str, ...] = ()) -> Rule:
    """Register a rule."""
    _rules[name] = Rule(name=name, why=why, heard=heard)
    return _rules[name]


def kinds() -> list[Kind]:
    """Every kind, by name."""
    return [_kinds[name] for name in sorted(_kinds)]


def rules() -> list[Rule]:
    """Every rule, by name."""
    return [_rules[name] for name in sorted(_rules)]


def kinds_of_admins() -> list[str]:
    """Names of the kinds that only administrators see and decide."""
    return [kind.name for kind in kinds() if kind.by_admins]


def kind_named(name: str) -> Kind:
    """The kind of a stored request. Raises KeyError."""
    return _kinds[name]
