"""One request of a contract's client on its way through: its words read, the native calls made, the answer mapped."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import msgspec
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _

from contracts.calling import Native, call
from contracts.mapping import Reading, Shape
from contracts.numbers import NOBODY, Numbers, find_id
from core.errors import DomainError, InvalidInput
from core.secrecy.cards import THINGS, may_hold_card_number, refuse_card_numbers
from gateway.fast_path import UnsupportedMediaType, refuse_deep
from gateway.principal import Principal

if TYPE_CHECKING:
    from contracts.routes import Contract, Route

PAGE_ROWS = 100
_KEPT = {"ETag", "Idempotent-Replayed"}
_PLACES = {"limit", "cursor"}
_NATIVE_MEMBERS = {"type", "title", "status", "code", "detail", "errors", "request_id", "retry_after"}


class CallRefused(InvalidInput):
    """A refusal of our API, on its way to the client in the contract's words."""

    def __init__(self, status: int, document: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        extra = {name: value for name, value in document.items() if name not in _NATIVE_MEMBERS}
        DomainError.__init__(self, document.get("detail", ""), retry_after=document.get("retry_after"), **extra)
        self.status, self.code = status, document.get("code", "error")
        if document.get("retry_after") is not None:
            self.extra["retry_after"] = document["retry_after"]
        self.errors: list[dict[str, str]] = document.get("errors", [])
        self.headers = {name: headers[name] for name in ("Allow", "Retry-After", "WWW-Authenticate") if name in headers}


class NothingThere(InvalidInput):
    """A field of what was sent leads to nothing that the caller may use."""

    code = "not_found"
    status = 404

    def __init__(self, field: str) -> None:
        super().__init__(field, self.code, _("Not found."))


@dataclass
class Reply:
    """Answer before its envelope: `body` is of plain values and slots, `beside` what stands beside the data."""

    body: Any
    status: int = 200
    beside: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    is_bare: bool = False
    """Without the envelope of the contract."""


def _refuse_constant(word: str) -> NoReturn:
    raise msgspec.DecodeError(f"JSON is malformed: {word} is no number")


class Trip:
    """A request under way. `person` is the caller, None where a route is open."""

    def __init__(
        self, contract: "Contract", route: "Route", request: HttpRequest, words: Mapping[str, str],
        person: Principal | None,
    ) -> None:  # fmt: skip
        self.contract, self.route, self.request, self.person = contract, route, request, person
        self.words = words
        self.numbers = Numbers()
        self.key = request.headers.get("Idempotency-Key", "")
        self.reading = Reading(key=self.key)
        self._body: Any = None
        self._is_read = False

    @property
    def cookies(self) -> dict[str, Any]:
        """Return the cookies that native calls have left, to be passed on."""
        kept: dict[str, Any] = self.request.contract_cookies  # type: ignore[attr-defined]
        return kept

    @property
    def body(self) -> Any:
        """Return the body as JSON, or the fields of a form. Raises UnsupportedMediaType, DecodeError, NestedTooDeep."""
        if not self._is_read:
            self._body, self._is_read = self._read(), True
        return self._body

    def _read(self) -> Any:
        if self.route.is_form and self.request.content_type == "application/x-www-form-urlencoded":
            return {name: values[-1] for name, values in parse_qs(self.request.body.decode()).items()}
        if not self.request.body:
            return {}
        if self.request.content_type != "application/json":
            raise UnsupportedMediaType
        refuse_deep(self.request.body)
        try:
            found = json.loads(self.request.body, parse_float=Decimal, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise msgspec.DecodeError(f"JSON is malformed: {error}") from error
        if may_hold_card_number(self.request.body):
            refuse_card_numbers(msgspec.json.decode(self.request.body), but=THINGS)
        return found

    def take(self, shape: Shape, given: Any = None) -> dict[str, Any]:
        """Read the body, or a part of it, as our API takes it. Raises InvalidInput."""
        return shape.back(self.body if given is None else given, self.reading)

    def take_query(self, shape: Shape | None) -> dict[str, Any]:
        """Read the query as our API takes it; what no table names is not passed on."""
        given = {name: values[-1] for name, values in self.request.GET.lists()}
        return (shape or Shape({})).back(given, self.reading)

    def get_query(self) -> dict[str, str]:
        """Return the query as it was sent."""
        return {name: values[-1] for name, values in self.request.GET.lists()}

    def get_body(self) -> dict[str, Any]:
        """Return the body, which has to be an object. Raises InvalidInput."""
        if not isinstance(self.body, dict):
            raise InvalidInput("", "invalid", _("Send a JSON object."))
        return self.body

    def require(self, given: Mapping[str, Any], shape: Shape, *names: str) -> None:
        """Refuse a request that lacks a field. Raises InvalidInput."""
        for name in names:
            if given.get(shape.fields[name].source) is None:
                raise InvalidInput(name, "required", _("This field is required."))

    def require_query(self, shape: Shape, *names: str) -> dict[str, Any]:
        """Read the query, which has to hold these. Raises InvalidInput."""
        given = shape.back(self.get_query(), Reading())
        self.require(given, shape, *names)
        return given

    def get_id(self, kind: str, name: str = "") -> UUID:
        """Return the id in the path that is named by its kind; NOBODY's where it is none."""
        return find_id(kind, self.words[name or kind])

    def fill(self, template: str) -> str:
        """Return a native path with the ids of this request's path in it."""
        for name in self.words:
            hole = f"{{{name}}}"
            if hole in template:
                template = template.replace(hole, str(self.get_id(name)))
        return template

    def ask(
        self, method: str, path: str, body: Any = None, *, query: Mapping[str, Any] | None = None, step: str = "",
        is_form: bool = False, token: str = "",
    ) -> Native:  # fmt: skip
        """Make a native call; `step` names one of several, whose Idempotency-Keys are the client's with it behind."""
        key = f"{self.key}:{step}" if self.key and step else self.key
        return call(
            self.request, method, path, body, query=query, key=key if method == "POST" else "",
            is_open=self.route.is_open, is_form=is_form, token=token,
        )  # fmt: skip

    def call(self, method: str, path: str, body: Any = None, **options: Any) -> Native:
        """Make a native call that has to succeed. Raises CallRefused."""
        answered = self.ask(method, path, body, **options)
        if answered.is_refusal:
            self.refuse(answered)
        return answered

    def refuse(self, answered: Native) -> NoReturn:
        """Raise the refusal of a native call, in the names and codes of this contract."""
        document = dict(answered.data or {})
        shape = self.route.request
        rows = [dict(row) for row in document.get("errors", [])]
        for row in rows:
            row["field"] = shape.rename(row["field"]) if shape else row["field"]
        unknown = [row for row in rows if _leads_to_nobody(row["code"])] or [
            {"field": name, "code": "not_found", "detail": _("Not found.")} for name in self.reading.unknown
        ]
        status = answered.status
        if unknown and status in (400, 404, 409, 422):
            rows = [row | {"code": "not_found"} for row in unknown]
            status, document["code"], document["detail"] = 404, "not_found", _("Not found.")
        status, document["code"], *told = self.route.refusals.get(document["code"], (status, document["code"]))
        if told:
            document["detail"] = told[0]
        if rows:
            document["errors"] = rows
        raise CallRefused(status, document, answered.headers)

    def reply(self, answered: Native, shape: Shape | None, status: int | None = None) -> Reply:
        """Show one native object."""
        body = answered.data if shape is None else shape.out(answered.data, self.numbers)
        headers = {name: value for name, value in answered.headers.items() if name in _KEPT}
        if answered.status == 202:
            status = 202
        return Reply(body, status or self.route.status, headers=headers)

    def read_list(
        self, path: str, query: Shape | None, extra: Mapping[str, Any] | None = None,
        change: Callable[[list[Any]], list[Any]] = list,
    ) -> Reply:  # fmt: skip
        """Show a whole list, newest first, up to as many rows as are allowed; the header `Link` leads on.

        `change` may join, leave out or add to rows before they are shown.
        """
        rows, cursor = self.gather(path, self._list_query(query) | dict(extra or {}))
        shape = self.route.answer
        body = [shape.out(row, self.numbers) for row in change(rows)] if shape else rows
        return Reply(body, self.route.status, headers=self._link(cursor))

    def _list_query(self, query: Shape | None) -> dict[str, Any]:
        given = {name: values[-1] for name, values in self.request.GET.lists() if name not in _PLACES}
        return (query or Shape({})).back(given, self.reading)

    def gather(self, path: str, query: Mapping[str, Any]) -> tuple[list[Any], str]:
        """Return rows of a native list from the `cursor` on, `limit` at most, and the cursor of what is left."""
        left, cursor = self._limit(), self.request.GET.get("cursor", "")
        rows: list[Any] = []
        while True:
            place = {"cursor": cursor} if cursor else {}
            page = self.call("GET", path, query={**query, "page_size": min(PAGE_ROWS, left), **place}).data
            rows += page["results"]
            left -= PAGE_ROWS
            cursor = get_cursor(page["next"])
            if not cursor or left <= 0:
                return rows, cursor

    def _limit(self) -> int:
        given, most = self.request.GET.get("limit"), settings.CONTRACT_LIST_ROWS
        if given is None:
            return int(most)
        if not (given.isascii() and given.isdecimal() and len(given) < 10 and 1 <= int(given) <= most):
            raise InvalidInput("limit", "invalid", _("A whole number from 1 to %(most)s.") % {"most": most})
        return int(given)

    def _link(self, cursor: str) -> dict[str, str]:
        if not cursor:
            return {}
        query = self.request.GET.copy()
        query["cursor"] = cursor
        return {"Link": f'<{self.request.path}?{query.urlencode()}>; rel="next"'}


def _leads_to_nobody(code: str) -> bool:
    """Tell whether our API says so that an id leads to nothing the caller may use."""
    return code in ("not_found", "does_not_exist") or (code.startswith("unknown") and code != "unknown_field")


def get_cursor(link: str | None) -> str:
    """Return the cursor that the address of a next page holds, "" for none."""
    return parse_qs(urlsplit(link).query).get("cursor", [""])[0] if link else ""


def is_nobody(found: UUID) -> bool:
    """Tell whether an id is that of no object."""
    return found == NOBODY
