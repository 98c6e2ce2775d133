"""Contracts as tables of routes: each names the call of our API that answers it, and the maps between the two."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from contracts.mapping import Schema, Shape
from contracts.trips import Reply, Trip

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
Form = Callable[[dict[str, Any]], dict[str, Any]]
"""A refusal as a contract words it, from our problem document."""
Refusal = tuple[int, str] | tuple[int, str, str]
"""Status and code of a refusal in the contract's own way, and its words where the contract has them."""
Handler = Callable[[Trip], Reply]
DETAIL_SCHEMA: Schema = {
    "type": "object",
    "properties": {"detail": {"type": "string"}, "code": {"type": "string"}, "errors": {"type": "array"}},
    "required": ["detail", "code"],
}
_HOLE = re.compile(r"{([a-z_]+)}")


@dataclass(frozen=True, kw_only=True)
class Route:
    """One row of a contract: `pattern` has a hole for each id, `{order}`, named by the kind of what it leads to.

    `call` is the native call that answers. Where it takes more than one, `handler` makes them, and `call` is the one
    whose words describe it. `scope` is the limit that a request counts against, once. An open route needs no token.
    `refusals` turn a native code into a status and a code of the contract's own.
    """

    method: str
    template: str
    pattern: re.Pattern[str]
    call: str
    status: int
    request: Shape | None
    query: Shape | None
    answer: Shape | None
    is_list: bool
    scope: str
    is_open: bool
    is_form: bool
    refusals: Mapping[str, Refusal]
    handler: Handler
    example: Any
    summary: str


@dataclass
class Contract:
    """One contract: its letter, how it words refusals, how long its access tokens live, and its routes."""

    letter: str
    title: str
    errors: Form
    token_seconds: int | None = None
    envelope: Callable[[Reply], Any] = lambda reply: reply.body
    describe_envelope: Callable[[Schema], Schema] = lambda schema: schema
    refusal_schema: Schema = field(default_factory=lambda: dict(DETAIL_SCHEMA))
    guard: Callable[[Trip], None] = lambda trip: None
    has_events: bool = True
    limit_names: tuple[str, ...] = ("",)
    """Before the names of the headers that say what is left of a limit."""
    routes: list[Route] = field(default_factory=list)

    @property
    def base(self) -> str:
        """Return the prefix under which it is spoken."""
        return f"/contracts/{self.letter}"

    def route(
        self,
        row: str,
        *,
        call: str,
        status: int = 200,
        request: Shape | None = None,
        query: Shape | None = None,
        answer: Shape | None = None,
        is_list: bool = False,
        scope: str = "default",
        is_open: bool = False,
        is_form: bool = False,
        refusals: Mapping[str, Refusal] | None = None,
        handler: Handler | None = None,
        example: Any = None,
        summary: str = "",
    ) -> None:
        """Declare a row: `POST /order`, and the native call that answers it, `POST /orders`."""
        method, template = row.split(" ")
        made = Route(
            method=method, template=template, pattern=_compile(template), call=call, status=status, request=request,
            query=query, answer=answer, is_list=is_list, scope=scope, is_open=is_open, is_form=is_form,
            refusals=refusals or {}, handler=handler or answer_by_one_call, example=example, summary=summary,
        )  # fmt: skip
        self.routes.append(made)

    def handle(self, row: str, **declared: Any) -> Callable[[Handler], Handler]:
        """Declare a row that takes more than one native call: they are made by the function below."""

        def declare(handler: Handler) -> Handler:
            self.route(row, handler=handler, **declared)
            return handler

        return declare

    def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str], list[str]]:
        """Return the route of a path with the words in its holes; without one, the methods that the path has."""
        methods = []
        for route in self.routes:
            found = route.pattern.fullmatch(path)
            if found is None:
                continue
            if route.method == method:
                return route, found.groupdict(), []
            methods.append(route.method)
        return None, {}, methods


def _compile(template: str) -> re.Pattern[str]:
    parts = _HOLE.split(template)
    made = "".join(re.escape(part) if place % 2 == 0 else f"(?P<{part}>[^/]+)" for place, part in enumerate(parts))
    return re.compile(made)


def answer_by_one_call(trip: Trip) -> Reply:
    """Answer a row as its table says: one native call, or as many pages of a list as it takes."""
    route = trip.route
    method, template = route.call.split(" ")
    path = trip.fill(template)
    if route.is_list:
        return trip.read_list(path, route.query)
    query = trip.take_query(route.query)
    body = None if route.request is None else trip.take(route.request)
    answered = trip.call(method, path, body, query=query, is_form=route.is_form)
    return trip.reply(answered, route.answer)
