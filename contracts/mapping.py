"""Declare how a contract's objects and ours are written as each other: primitives, each readable in both directions."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from contracts.numbers import NOBODY, Numbers, find_id
from core.clock import dealer_zone
from core.errors import InvalidInput

Schema = dict[str, Any]
ID_IN: Schema = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]}
ID_OUT: Schema = {"type": "integer", "minimum": 1}
MONEY_IN: Schema = {"anyOf": [{"type": "number"}, {"type": "string"}]}


@dataclass
class Reading:
    """Notes of one request's way in: which fields named nobody, and which no table names."""

    unknown: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    key: str = ""


def _same_out(value: Any, numbers: Numbers) -> Any:
    return value


def _same_back(value: Any, reading: Reading, name: str) -> Any:
    return value


def _same_schema(native: Schema) -> Schema:
    return native


@dataclass(frozen=True)
class Field:
    """One field: `source` is its name with us, `out` makes the contract's value of ours, `back` ours of theirs.

    `out` of a field `of_all` is given the whole object. `shape` is that of the objects in it.
    """

    source: str = ""
    out: Callable[[Any, Numbers], Any] = _same_out
    back: Callable[[Any, Reading, str], Any] = _same_back
    schema_out: Callable[[Schema], Schema] = _same_schema
    schema_in: Callable[[Schema], Schema] = _same_schema
    of_all: bool = False
    shape: "Shape | None" = None

    def __call__(self, source: str) -> "Field":
        """Return the same field, found with us under another name."""
        return replace(self, source=source)


class Shape:
    """Fields of an object by the contract's names; `a | b` has those of both."""

    def __init__(self, fields: Mapping[str, Field], constants: Mapping[str, Any] | None = None) -> None:
        self.fields, self.constants = dict(fields), dict(constants or {})

    def __or__(self, other: "Shape") -> "Shape":
        return Shape(self.fields | other.fields, self.constants | other.constants)

    def out(self, native: Mapping[str, Any], numbers: Numbers) -> dict[str, Any]:
        """Write one of our objects as the contract has it."""
        shown = {}
        for name, one in self.fields.items():
            value = native if one.of_all else native.get(one.source)
            shown[name] = None if value is None else one.out(value, numbers)
        return shown | self.constants

    def back(self, given: Any, reading: Reading, place: str = "") -> dict[str, Any]:
        """Read what a client sends as what our API takes; what is absent stays absent. Raises InvalidInput."""
        if not isinstance(given, dict):
            raise InvalidInput(place.rstrip("."), "invalid", _("Send a JSON object."))
        reading.ignored += [f"{place}{name}" for name in given if name not in self.fields]
        taken = {}
        for name, one in self.fields.items():
            if name in given:
                value = given[name]
                taken[one.source] = None if value is None else one.back(value, reading, f"{place}{name}")
        made = {name: value(reading) if callable(value) else value for name, value in self.constants.items()}
        return taken | made

    def rename(self, native: str) -> str:
        """Return the contract's name of one of our fields, as refusals name it: `items.0.product_id`."""
        head, _dot, rest = native.partition(".")
        for name, one in self.fields.items():
            if one.source == head:
                if one.shape is None or not rest:
                    return f"{name}.{rest}" if rest else name
                place, _dot, inner = rest.partition(".")
                return f"{name}.{place}.{one.shape.rename(inner)}" if inner else f"{name}.{place}"
        return native


NUMBERED = {
    "order_id": "order", "customer_id": "user", "payment_id": "payment", "application_id": "application",
    "quote_id": "quote", "policy_id": "policy", "renewal_of_id": "policy",
}  # fmt: skip
"""Ids in our own documents that have numbers, by the names they go by."""
AMOUNTS = frozenset((
    "amount", "refunded_amount", "vehicle_price", "down_payment", "financed_premium", "requested_amount",
    "monthly_income", "monthly_obligations", "approved_amount", "own_part", "balloon", "monthly_payment",
    "amount_financed", "total_interest", "total_paid", "payment", "principal", "interest", "fees", "balance",
    "premium", "due_now", "unrounded", "coverage_amount", "insured_value", "deductible", "refund_amount",
    "refund_estimate", "paid_out", "withheld",
))  # fmt: skip
"""Amounts of money in them."""


class Ours(Shape):
    """Our own document as it stands, but that `id` and ids beside it are numbers, and money is written as numbers."""

    def __init__(self, kind: str) -> None:
        super().__init__({"id": number(kind)("id")})
        self.kind = kind

    def out(self, native: Mapping[str, Any], numbers: Numbers) -> dict[str, Any]:
        """Write one of our objects, and what is in it."""
        return {name: self._show(name, value, numbers) for name, value in native.items()} | self.constants

    def _show(self, name: str, value: Any, numbers: Numbers) -> Any:
        if isinstance(value, dict):
            return {inside: self._show(inside, found, numbers) for inside, found in value.items() if inside != "id"} | (
                {"id": value["id"]} if "id" in value else {}
            )
        if isinstance(value, list):
            return [self._show("", one, numbers) if isinstance(one, dict) else one for one in value]
        if not isinstance(value, str):
            return value
        if name == "id" or name in NUMBERED:
            return numbers.slot(NUMBERED.get(name, self.kind), value)
        return show_money(value) if name in AMOUNTS and _AMOUNT.fullmatch(value) else value


_AMOUNT = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def _fields(plain: Iterable["str | Field"], named: Mapping[str, "str | Field"]) -> dict[str, Field]:
    fields = {(one if isinstance(one, str) else "id"): one for one in plain} | dict(named)
    return {
        name: Field(one) if isinstance(one, str) else one if one.source or one.of_all else one(name)
        for name, one in fields.items()
    }


def take(*plain: str | Field, **named: str | Field) -> Shape:
    """Declare what is taken from a request: `price` as it is called, `quantity="stock"` as something else."""
    return Shape(_fields(plain, named))


show = take
"""Declare what is shown of our object, in the same words; a field without a name is its `id`."""


def const(**constants: Any) -> Shape:
    """Add what a client does not say; a function is asked anew for every request."""
    return Shape({}, constants)


def _number_out(kind: str) -> Callable[[Any, Numbers], Any]:
    return lambda value, numbers: numbers.slot(kind, value)


def _id_back(kind: str) -> Callable[[Any, Reading, str], Any]:
    def back(value: Any, reading: Reading, name: str) -> str:
        found = find_id(kind, value)
        if found == NOBODY:
            reading.unknown.append(name)
        return str(found)

    return back


def number(kind: str, source: str = "") -> Field:
    """An id that is shown as a number, and taken as number, digits or UUID."""
    return Field(source, _number_out(kind), _id_back(kind), lambda _native: ID_OUT, lambda _native: ID_IN)


def take_id(kind: str, source: str = "") -> Field:
    """An id that is shown as the UUID it is, and taken as number, digits or UUID."""
    return Field(source, back=_id_back(kind), schema_in=lambda _native: ID_IN)


uuid_of = take_id


def show_money(value: Any) -> Any:
    """Write an amount as a JSON number, exact to the kopeck."""
    amount = Decimal(str(value))
    return msgspec.Raw(format(amount, "f").encode())


def take_money(value: Any) -> Any:
    """Return an amount as our API takes it, as text; whatever is no amount goes on as it is, to be refused there."""
    if isinstance(value, Decimal | int) and not isinstance(value, bool):
        return format(Decimal(value), "f")
    return value


def _whole_out(value: Any, numbers: Numbers) -> Any:
    amount = Decimal(str(value))
    return int(amount) if amount == amount.to_integral_value() else show_money(amount)


def _money_in(value: Any, reading: Reading, name: str) -> Any:
    return take_money(value)


def _number_schema(native: Schema) -> Schema:
    return {"type": "number"}


money = Field(
    out=lambda value, numbers: show_money(value), back=_money_in,
    schema_out=_number_schema, schema_in=lambda _native: MONEY_IN,
)  # fmt: skip
whole = replace(money, out=_whole_out)
"""An amount that is an integer where it has no kopecks."""


def on_the_clock(text: Any) -> Any:
    """Return a moment with its offset: one without is on the dealership's clock; what is no moment stays as it is."""
    try:
        moment = parse_datetime(text.strip()) if isinstance(text, str) else None
    except ValueError:
        return text
    if not isinstance(moment, datetime) or moment.tzinfo is not None:
        return text
    return moment.replace(tzinfo=dealer_zone()).isoformat()


moment = Field(back=lambda value, reading, name: on_the_clock(value))


def status(table: Mapping[str, str], source: str = "") -> Field:
    """A word that is another one with us: `table` has ours first. What it does not name goes on as it is."""
    inverse: dict[str, str] = {}
    for ours, theirs in table.items():
        inverse.setdefault(theirs, ours)
    words = {"type": "string", "enum": list(dict.fromkeys(table.values()))}
    return Field(
        source,
        lambda value, numbers: table.get(value, value),
        lambda value, reading, name: inverse.get(value, value) if isinstance(value, str) else value,
        lambda _native: words,
        lambda _native: {"type": "string"},
    )


def roles(table: Mapping[str, str], source: str = "roles") -> Field:
    """A list of words, each as by `status`."""
    inverse = {theirs: ours for ours, theirs in table.items()}

    def back(value: Any, reading: Reading, name: str) -> Any:
        if not isinstance(value, list):
            return value
        return [inverse.get(one, one) if isinstance(one, str) else one for one in value]

    words: Schema = {"type": "array", "items": {"type": "string"}}
    return Field(
        source, lambda value, numbers: [table.get(one, one) for one in value], back, lambda _native: words,
        lambda _native: words,
    )  # fmt: skip


def highest(table: Mapping[str, str], source: str = "roles") -> Field:
    """Return the word of the highest role somebody has: `table` begins with the highest, and ends with everybody's."""

    def out(value: Any, numbers: Numbers) -> str:
        words = [theirs for ours, theirs in table.items() if ours in value]
        return words[0] if words else list(table.values())[-1]

    words = {"type": "string", "enum": list(dict.fromkeys(table.values()))}
    return Field(source, out, schema_out=lambda _native: words)


def each(shape: Shape, source: str = "") -> Field:
    """A list of objects."""

    def out(value: Any, numbers: Numbers) -> list[Any]:
        return [shape.out(one, numbers) for one in value]

    def back(value: Any, reading: Reading, name: str) -> Any:
        if not isinstance(value, list):
            return value
        return [shape.back(one, reading, f"{name}.{place}.") for place, one in enumerate(value)]

    return Field(source, out, back, shape=shape)


def inner(shape: Shape, source: str = "") -> Field:
    """An object within; without a source it is made of the fields of the object around it."""
    return Field(source, lambda value, numbers: shape.out(value, numbers), of_all=not source, shape=shape)


def made(make: Callable[[Mapping[str, Any]], Any], schema: Schema) -> Field:
    """Make a field of our whole object; nobody sends it."""
    return Field("", lambda native, numbers: make(native), schema_out=lambda _native: schema, of_all=True)


def refuse_unless_amount(value: Any, name: str) -> Decimal:
    """Return an amount that a client sent. Raises InvalidInput."""
    try:
        amount = Decimal(str(value)) if isinstance(value, Decimal | int | str) and not isinstance(value, bool) else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite():
        raise InvalidInput(name, "invalid", _("An amount of money, such as 75000.00."))
    return amount
