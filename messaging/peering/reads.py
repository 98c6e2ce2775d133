"""Ask another app at run time: functions of `public.py` that answer across machines as well.

`@answers("orders")` declares that orders calls the function while it works. Where the database of the function's app
is at hand it is simply called; elsewhere the peer that serves the app is asked. A process refuses to start when it
neither has a database that its apps need nor a peer for it.
"""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, wraps
from typing import Any, ParamSpec, TypeVar, get_type_hints
from uuid import UUID

import msgspec
from django.conf import settings

from core.outside import asking
from gateway.access.audit.searching import Act, Question, find_named, find_persons, search_app
from messaging.peering import peers
from messaging.people.personal import Obligation, begin_leaving, export, obliging_apps
from messaging.subscriptions import subscriptions
from messaging.transport.cursors import positions

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Read:
    """A function that other apps may call wherever they run; `callers` do."""

    app: str
    function: Callable[..., Any]
    callers: frozenset[str]

    @property
    def name(self) -> str:
        """Return the name it is asked for by: `<app>.<function>`."""
        return f"{self.app}.{self.function.__name__}"

    @cached_property
    def arguments(self) -> type[msgspec.Struct]:
        """The shape of a question: the function's parameters with their types and defaults."""
        hints = get_type_hints(self.function)
        fields: list[Any] = [
            (name, hints[name]) if item.default is item.empty else (name, hints[name], item.default)
            for name, item in inspect.signature(self.function).parameters.items()
        ]
        return msgspec.defstruct(self.name.replace(".", "_"), fields, kw_only=True)

    def question(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The question that a call is."""
        bound = inspect.signature(self.function).bind(*args, **kwargs)
        plain: dict[str, Any] = msgspec.to_builtins(dict(bound.arguments), enc_hook=str)
        return plain

    def answer(self, question: bytes) -> Any:
        """Put a question from another machine to the function. Raises what that raises, msgspec.ValidationError."""
        given = msgspec.json.decode(question, type=self.arguments, strict=False)
        return self.function(**{name: getattr(given, name) for name in given.__struct_fields__})

    def ask(self, *args: Any, **kwargs: Any) -> Any:
        """Call it on the machine that serves its app."""
        question = self.question(*args, **kwargs)
        key = f"{self.name} {msgspec.json.encode(question, order='sorted').decode()}"
        shape = get_type_hints(self.function)["return"]
        return asking.ask(key, lambda: peers.ask(self.app, f"read/{self.name}", question, shape))


_reads: dict[str, Read] = {}


def reads() -> dict[str, Read]:
    """Every declared read by its name."""
    return _reads


def answers(*callers: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare a function of a `public.py` that the apps `callers` call while they work.

    Its arguments and its answer are plain: numbers, texts, moments, ids, dataclasses, lists and dicts of these. It may
    raise DomainErrors and LookupError.
    """

    def declare(function: Callable[P, R]) -> Callable[P, R]:
        read = Read(function.__module__.partition(".")[0], function, frozenset(callers))
        _reads[read.name] = read

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            if peers.is_here(read.app):
                return function(*args, **kwargs)
            answer: R = read.ask(*args, **kwargs)
            return answer

        return call

    return declare


# Plumbing's own questions ---------------------------------------------------------------------------------------------
def copied_upto(app: str, source: str, names: list[str]) -> list[int]:
    """Return how far handlers of `app` have copied `source`; 0 for one that has no cursor yet. Raises PeerAway."""
    if peers.is_here(app):
        return positions(app, source, names)
    question = {"source": source, "names": names}
    found: list[int] = peers.ask(app, f"cursors/{app}", question, list[int])
    return found


def personal_data(app: str, user_id: UUID) -> dict[str, list[dict[str, Any]]]:
    """Everything an app holds of a person. Raises PeerAway."""
    if peers.is_here(app):
        return export(app, user_id)
    shape = dict[str, list[dict[str, Any]]]
    found: dict[str, list[dict[str, Any]]] = peers.ask(app, f"personal/{app}", {"user_id": user_id}, shape)
    return found


def search_history(app: str, asked: Question) -> list[Act]:
    """The newest acts that an app's database tells. Raises PeerAway."""
    if peers.is_here(app):
        return search_app(app, asked)
    found: list[Act] = peers.ask(app, f"history/{app}", msgspec.to_builtins(asked, enc_hook=str), list[Act])
    return found


def find_ids(app: str, text: str, *, are_people: bool = False) -> list[UUID]:
    """Ids of an app's things, or of its people, that a number or an address stands for. Raises PeerAway."""
    if peers.is_here(app):
        return find_persons(app, text) if are_people else find_named(app, text)
    question = {"text": text, "are_people": are_people}
    found: list[UUID] = peers.ask(app, f"named/{app}", question, list[UUID])
    return found


def leaving(user_id: UUID, closing_id: UUID) -> list[Obligation]:
    """Let nothing new begin for a person in any app, and tell what has to end before they can be erased.

    Raises PeerAway.
    """
    found = []
    for app in obliging_apps():
        if peers.is_here(app):
            found += begin_leaving(app, user_id, closing_id)
        else:
            question = {"user_id": user_id, "closing_id": closing_id}
            found += peers.ask(app, f"leaving/{app}", question, list[Obligation])
    return found


# What a process stands on ---------------------------------------------------------------------------------------------
GATHERS_PERSONAL_DATA = "accounts"


def needs(app: str) -> set[str]:
    """Other apps without which this one does not work: whose log it reads, who reads its log, and whom it asks."""
    items = subscriptions().values()
    heard = {source for item in items if item.alias == app for source in item.sources}
    hearing = {item.alias for item in items if app in item.sources}
    asked = {read.app for read in _reads.values() if app in read.callers}
    gathered = set(settings.APPS) if app == GATHERS_PERSONAL_DATA else set()
    return (heard | hearing | asked | gathered) - {app}


def layout_problems(services: Iterable[str]) -> list[str]:
    """Everything that the served apps need and that is neither here nor with a peer, one plain line each."""
    missing: dict[str, list[str]] = {}
    for app in services:
        for other in needs(app):
            if not peers.is_here(other) and other not in settings.PEERS:
                missing.setdefault(other, []).append(app)
    return [
        f"{other} is needed by {', '.join(sorted(apps))}: name AUTOSALON_{other.upper()}_DATABASE_URL,"
        f" or where it answers in AUTOSALON_PEERS ({other}=http://host:port)"
        for other, apps in sorted(missing.items())
    ]
