"""Papers for the dealer's accounting: journal, sales, money and stock, each handed over by the app that has it.

An app declares its `Contribution` in its `plugin`; rows are read in chunks and hold whole kopecks. A person is their id
and nothing else: accounting needs the names and numbers of companies only.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import day_begins, day_ends, dealer_zone
from core.errors import InvalidInput
from core.money import ZERO

FIRST_YEAR, LAST_YEAR = 2000, 2100


class Section(StrEnum):
    """Part of what accounting is given."""

    JOURNAL = "journal"
    SALES = "sales"
    MONEY = "money"
    STOCK = "stock"


ON_HAND, MOVED = "Остаток", "Движение"
"""Names of facts of a movement of stock, as 1С shows them: what was left, and which way the goods went."""


class Operation(StrEnum):
    """Kind of a paper: goods that left for a buyer or came back, money in and out, or an entry of another kind."""

    SALE = "sale"
    SALE_RETURNED = "sale_returned"
    CASH_IN = "cash_in"
    CASH_OUT = "cash_out"
    BANK_IN = "bank_in"
    BANK_OUT = "bank_out"
    OTHER = "other"


@dataclass(frozen=True)
class Span:
    """Days of the dealer, the first and the last of them included."""

    since: date
    until: date

    @property
    def begins(self) -> datetime:
        """Return the first moment of the span."""
        return day_begins(self.since)

    @property
    def ends(self) -> datetime:
        """Return the first moment after the span."""
        return day_ends(self.until)


def read_span(since: date, until: date) -> Span:
    """Return the span of two days. Raises InvalidInput for days that make none, or are of no year of a dealer's."""
    for name, day in (("from", since), ("to", until)):
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise InvalidInput(name, "out_of_range", _("A day of the years 2000 to 2100."))
    if until < since:
        raise InvalidInput("to", "min_value", _("The last day is before the first."))
    return Span(since, until)


@dataclass(frozen=True)
class Party:
    """One side of a paper; `name`, `inn` and `kpp` are a company's."""

    id: str
    name: str = ""
    inn: str = ""
    kpp: str = ""


@dataclass(frozen=True, kw_only=True)
class Goods:
    """A line of a paper: `total` in the paper's currency holds `vat_amount`, at `vat_rate` per cent.

    `vat_amount` is None where the tax is not known, `vat_rate` where there is none; `untaxed_by` says by which law.
    """

    id: str
    sku: str
    name: str
    vin: str = ""
    quantity: int
    price: Decimal = ZERO
    total: Decimal = ZERO
    vat_rate: Decimal | None = None
    vat_amount: Decimal | None = None
    untaxed_by: str = ""


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One document for accounting. `basis` names the order it rests on; `notes` are further facts by name.

    Quantities of stock are below zero for what went. `sides` are the lines of an entry in the books by account: debits
    positive, summing to zero.
    """

    id: UUID
    number: str
    at: datetime
    operation: Operation
    kind: str
    currency: str
    amount: Decimal
    seller: Party | None = None
    other: Party | None = None
    basis: str = ""
    goods: tuple[Goods, ...] = ()
    sides: tuple[tuple[str, Decimal], ...] = ()
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def local(self) -> datetime:
        """Return the moment by the dealer's clock, to the second."""
        return self.at.astimezone(dealer_zone()).replace(microsecond=0)


@dataclass(frozen=True, kw_only=True)
class Contribution:
    """One section that an app hands over: `count` papers of a span, oldest first by `read`."""

    section: Section
    count: Callable[[Span], int]
    read: Callable[[Span], Iterator[Paper]]


PAPER_COLUMNS = (
    "id", "number", "date", "time", "operation", "kind", "basis", "currency", "amount", "seller_inn", "party_id",
    "party_name", "party_inn", "party_kpp",
)  # fmt: skip
GOODS_COLUMNS = (
    "product_id", "sku", "name", "vin", "quantity", "price", "total", "vat_rate", "vat_amount",
    "untaxed_by",
)  # fmt: skip
COLUMNS: dict[Section, tuple[str, ...]] = {
    Section.JOURNAL: (*PAPER_COLUMNS, "account", "debit", "credit"),
    Section.SALES: (*PAPER_COLUMNS, *GOODS_COLUMNS),
    Section.MONEY: (*PAPER_COLUMNS, "account"),
    Section.STOCK: (*PAPER_COLUMNS, *GOODS_COLUMNS[:5], "on_hand"),
}
"""Columns of the table of each section; a paper has a row for each of its lines."""


def build_table(section: Section, papers: Iterator[Paper]) -> Iterator[list[object]]:
    """Papers as rows for a spreadsheet, headings first."""
    yield list(COLUMNS[section])
    for paper in papers:
        for line in _list_lines(section, paper):
            yield [*_head(paper), *line]


def _head(paper: Paper) -> list[object]:
    seller, other = paper.seller or Party(""), paper.other or Party("")
    return [
        str(paper.id), paper.number, paper.local.date().isoformat(), paper.local.time().isoformat(), paper.operation,
        paper.kind, paper.basis, paper.currency, paper.amount, seller.inn, other.id, other.name, other.inn, other.kpp,
    ]  # fmt: skip


def _list_lines(section: Section, paper: Paper) -> Iterator[list[object]]:
    if section is Section.JOURNAL:
        for account, amount in paper.sides:
            yield [account, max(amount, ZERO) or "", max(-amount, ZERO) or ""]
    elif section is Section.MONEY:
        yield [account for account, _amount in paper.sides]
    else:
        for goods in paper.goods:
            row = [getattr(goods, "id" if name == "product_id" else name) for name in GOODS_COLUMNS]
            cells: list[object] = ["" if cell is None else cell for cell in row]
            yield cells if section is Section.SALES else [*cells[:5], paper.notes.get(ON_HAND, "")]
