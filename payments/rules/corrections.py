"""Read what a person says of a receipt that was wrong: its lines, and the document that a correction rests on."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.money import line_total
from core.money.vat import VatKind
from payments.commands import ReceiptItem
from payments.rules.receipts import NAME_LENGTH, SUBJECTS

PARTS = 5


@dataclass(frozen=True)
class Basis:
    """Document that a correction rests on: the dealer's own note, or an order of the tax office (tags 1173, 1179)."""

    number: str = ""
    day: date | None = None
    is_ordered: bool = False


def require_basis(basis: Basis, today: date) -> None:
    """Refuse an order of the tax office without its number, and a document of a day to come. Raises InvalidInput."""
    if basis.is_ordered and not (basis.number and basis.day):
        raise InvalidInput("basis_number", "required", _("An order of the tax office has a number and a date."))
    if basis.day is not None and basis.day > today:
        raise InvalidInput("basis_date", "out_of_range", _("The document is of a day to come."))


def read_lines(text: str) -> list[ReceiptItem]:
    """Read lines as a person writes them, `name; quantity; price of one; subject; kind of tax`. Raises InvalidInput."""
    return [_read_line(number, row) for number, row in enumerate(text.strip().splitlines(), 1) if row.strip()]


def _read_line(number: int, row: str) -> ReceiptItem:
    parts = [part.strip() for part in row.split(";")]
    if len(parts) != PARTS or not parts[0]:
        raise _wrong(number, _("A line has a name, a quantity, a price, a subject and a kind of tax."))
    name, quantity, price, subject, kind = parts
    if subject not in SUBJECTS or kind not in {one.value for one in VatKind}:
        raise _wrong(number, _("Subjects are %(subjects)s, kinds of tax %(kinds)s.") % _known())
    try:
        pieces, unit_price = int(quantity), Decimal(price.replace(",", "."))
    except (ValueError, InvalidOperation) as error:
        raise _wrong(number, _("A quantity is a whole number, a price roubles and kopecks.")) from error
    if pieces < 1 or not unit_price.is_finite() or unit_price <= 0 or unit_price != round(unit_price, 2):
        raise _wrong(number, _("A quantity is a whole number, a price roubles and kopecks."))
    return ReceiptItem(
        name=name[:NAME_LENGTH], quantity=pieces, unit_price=unit_price, amount=line_total(unit_price, pieces),
        subject=subject, vat_kind=kind,
    )  # fmt: skip


def _known() -> dict[str, str]:
    return {"subjects": ", ".join(sorted(SUBJECTS)), "kinds": ", ".join(kind.value for kind in VatKind)}


def _wrong(number: int, detail: str) -> InvalidInput:
    return InvalidInput(f"lines.{number}", "invalid", detail)
