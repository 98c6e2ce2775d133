"""Lines of a fiscal receipt: which part of what is sold a movement of money pays, and by which method of paying.

Tags are those of the formats of fiscal documents, ФНС ЕД-7-20/662@ of 14 September 2020; see docs/receipts.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _

from core.money import ZERO, money
from core.money.requisites import is_inn
from core.money.shares import share_out
from payments.commands import ReceiptItem
from payments.errors import ReceiptImpossible
from payments.rules.vat import WITHOUT, find_code

FULL_PREPAYMENT, PREPAYMENT, ADVANCE, FULL_PAYMENT, CREDIT_PAYMENT = 1, 2, 3, 4, 7
"""Methods of paying (tag 1214)."""
BEFOREHAND = frozenset({FULL_PREPAYMENT, PREPAYMENT, ADVANCE})
"""Methods of money paid before the goods are handed over: it is offset then."""
SUBJECTS = {"commodity": 1, "excise": 2, "service": 4, "insurance_premium": 4, "payment": 10, "marked": 33}
"""Codes of tag 1212. A premium is a service: what the tag calls insurance is the seller's own social contributions."""
UNTAXED = frozenset({"insurance_premium", "payment"})
"""Subjects without the tax: НК РФ, article 149, paragraph 3, and what is passed on to others."""
NAME_LENGTH = 128
"""Letters of a line's name (tag 1030)."""


@dataclass(frozen=True)
class Line:
    """One line of a receipt; `position` says which line of the payment's first receipt it is about."""

    position: int
    name: str
    quantity: int
    unit_price: Decimal
    amount: Decimal
    vat_code: int
    subject: str
    method: int
    marking_code: str = ""
    vat_amount: Decimal | None = None
    supplier_name: str = ""
    supplier_inn: str = ""
    supplier_phone: str = ""

    def paid(self, amount: Decimal) -> "Line":
        """Return the line as far as an amount pays it: a part is one thing at that price, with its part of the tax."""
        if amount == self.amount:
            return self
        vat = None if self.vat_amount is None else money(self.vat_amount * amount / self.amount)
        return replace(self, quantity=1, unit_price=amount, amount=amount, vat_amount=vat)


@dataclass(frozen=True)
class Settlement:
    """A movement of money that lines are drawn for: its amount in roubles, its day, and how goods are paid by it."""

    amount: Decimal
    day: date
    method: int
    regime: str


def choose_method(items: Sequence[ReceiptItem], amount: Decimal) -> int:
    """Choose how goods that are yet to be handed over are paid: in full, in part, or before anybody said which."""
    if not items:
        return ADVANCE
    return FULL_PREPAYMENT if amount == sum((item.amount for item in items), ZERO) else PREPAYMENT


def draw(items: Sequence[ReceiptItem], settlement: Settlement) -> list[Line]:
    """Draw the lines of a movement, each the part of its item that the movement pays, to the kopeck.

    Raises ReceiptImpossible where the items are worth less than the movement, a rate is unknown on its day, or goods
    are handed over without the marking code that they must have.
    """
    total = sum((item.amount for item in items), ZERO)
    if total < settlement.amount:
        raise ReceiptImpossible(
            "lines_differ",
            _("The lines sum to %(total)s, %(moved)s was moved.") % {"total": total, "moved": settlement.amount},
        )
    parts = share_out(settlement.amount, [item.amount for item in items])
    return [
        _whole(position, item, settlement).paid(part)
        for position, (item, part) in enumerate(zip(items, parts, strict=True))
        if part
    ]


def _whole(position: int, item: ReceiptItem, settlement: Settlement) -> Line:
    method = FULL_PAYMENT if item.subject == "insurance_premium" else settlement.method
    if item.subject not in SUBJECTS:
        raise ReceiptImpossible("subject_unknown", _("There is no subject %(subject)s.") % {"subject": item.subject})
    if item.subject == "marked" and method not in BEFOREHAND and not item.marking_code:
        raise ReceiptImpossible(
            "marking_code_missing", _("%(name)s is sold by its marking code alone.") % {"name": item.name}
        )
    is_even = item.unit_price * item.quantity == item.amount
    return Line(
        position=position,
        name=item.name[:NAME_LENGTH],
        quantity=item.quantity if is_even else 1,
        unit_price=item.unit_price if is_even else item.amount,
        amount=item.amount,
        vat_code=_vat_code(item, settlement, is_advance=method in BEFOREHAND),
        subject=item.subject,
        method=method,
        marking_code=item.marking_code,
        vat_amount=item.vat_amount,
        **_supplier(item),
    )


def _supplier(item: ReceiptItem) -> dict[str, str]:
    """Return in whose name a thing is sold. Raises ReceiptImpossible for an ИНН that cannot be one."""
    if item.supplier is None:
        return {}
    if not is_inn(item.supplier.inn):
        raise ReceiptImpossible(
            "supplier_unknown", _("%(name)s is sold for a company without its ИНН.") % {"name": item.name}
        )
    told = item.supplier
    return {"supplier_name": told.name, "supplier_inn": told.inn, "supplier_phone": told.telephone}


def _vat_code(item: ReceiptItem, settlement: Settlement, *, is_advance: bool) -> int:
    if item.subject in UNTAXED:
        return WITHOUT
    return find_code(
        item.vat_rate, kind=item.vat_kind, regime=settlement.regime, day=settlement.day, is_advance=is_advance
    )


def give_back(lines: Sequence[Line], amount: Decimal) -> list[Line]:
    """Draw the lines of money that goes back from what is left of the lines it was taken by.

    Raises ReceiptImpossible where less is left.
    """
    left = sum((line.amount for line in lines), ZERO)
    if left < amount:
        raise ReceiptImpossible(
            "lines_differ", _("The receipts have %(left)s left, %(back)s went back.") % {"left": left, "back": amount}
        )
    parts = share_out(amount, [line.amount for line in lines])
    return [line.paid(part) for line, part in zip(lines, parts, strict=True) if part]
