"""Draft what a receipt says: kind, direction and lines, from an entry of the ledger and the receipts before it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.conf import settings
from django.db.models import Exists
from django.utils import translation
from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.money import ZERO
from core.money.vat import NoTaxRule, find_regime
from payments.commands import ReceiptItem
from payments.errors import ReceiptImpossible
from payments.models import (
    EntryKind,
    LedgerEntry,
    LegalEntity,
    OrderCopy,
    Payment,
    Payout,
    PayoutPurpose,
    Purpose,
    Receipt,
    ReceiptKind,
    ReceiptOperation,
    ReceiptState,
    Refund,
)
from payments.rules.corrections import Basis
from payments.rules.receipts import (
    ADVANCE,
    BEFOREHAND,
    CREDIT_PAYMENT,
    FULL_PAYMENT,
    Line,
    Settlement,
    choose_method,
    draw,
    give_back,
)
from payments.rules.vat import NAMES

_ITEMS = msgspec.json.Decoder(list[ReceiptItem])
_METHODS = {Purpose.LOAN: CREDIT_PAYMENT, Purpose.POLICY: FULL_PAYMENT, Purpose.TICKET: FULL_PAYMENT}
_SUBJECTS = {"order": "payment", "loan": "payment", "policy": "insurance_premium", "ticket": "service"}
_KINDS = {ADVANCE: ReceiptKind.ADVANCE, CREDIT_PAYMENT: ReceiptKind.CREDIT, 2: ReceiptKind.ADVANCE}


BY_AGE = ("settled_at", "number", "pk")
"""Order of a payment's receipts: by their movements, and what was said anew after what it corrects."""


@dataclass(frozen=True)
class Draft:
    """Draft of a receipt. Without lines it cannot be sent, and `refusal` (code, reason) says why."""

    cause: LedgerEntry
    kind: ReceiptKind
    operation: ReceiptOperation
    amount: Decimal
    payment: Payment | None = None
    lines: Sequence[Line] = ()
    refusal: tuple[str, str] = ("", "")
    number: int = 0
    corrects: Receipt | None = None
    reason: str = field(default="")
    basis: Basis = field(default_factory=Basis)


def draft_charge(entry: LedgerEntry, payment: Payment) -> Draft:
    """Draft the receipt of money that arrived: for goods yet to come, for a service, or for a loan."""
    draft = Draft(entry, ReceiptKind.PAYMENT, ReceiptOperation.SALE, payment.amount, payment)
    try:
        lines = draw_charge(payment, entry.created_at)
    except ReceiptImpossible as error:
        return replace(draft, refusal=(error.code, error.reason))
    methods = {line.method for line in lines} - {FULL_PAYMENT}
    return replace(draft, lines=lines, kind=_KINDS.get(min(methods, default=0), ReceiptKind.PAYMENT))


def draw_charge(payment: Payment, at: datetime) -> list[Line]:
    """Draw the lines of a payment. Raises ReceiptImpossible."""
    items, method = read_charge(payment)
    items = items or [name_by_purpose(payment)]
    return draw(items, _settle(payment.amount, at, method, items))


def read_charge(payment: Payment, said: Sequence[ReceiptItem] = ()) -> tuple[list[ReceiptItem], int]:
    """Return what a payment pays for, and by which method goods are paid by it.

    What a person has `said` tells how much of the price is paid where the order's own lines are worth less than that.
    """
    method = _METHODS.get(Purpose(payment.purpose))
    items, is_sold = _read_order(payment) if method is None else (list_items(payment), False)
    is_told = not said or sum((item.amount for item in items), ZERO) >= payment.amount
    chosen = CREDIT_PAYMENT if is_sold else choose_method(items if is_told else said, payment.amount)
    return items, method or chosen


def _read_order(payment: Payment) -> tuple[list[ReceiptItem], bool]:
    """Return what an order's payment pays for, and whether that was handed over and has not come back; at once."""
    if payment.order_id is None:
        return _read_items(payment.receipt), False
    booked = LedgerEntry.objects.filter(reference=payment.order_account_id)
    sold, back = booked.filter(kind=EntryKind.SALE), booked.filter(kind=EntryKind.SALE_RETURNED)
    copies = OrderCopy.objects.filter(order_id=payment.order_id).annotate(is_sold=Exists(sold) & ~Exists(back))
    given, is_sold = copies.values_list("receipt", "is_sold").first() or (None, False)
    return _read_items(given if payment.receipt is None else payment.receipt), is_sold


def list_items(payment: Payment) -> list[ReceiptItem]:
    """Return what a payment pays for: what was said with it, else what its order sells; nothing from older releases."""
    given = payment.receipt
    if given is None and payment.order_id:
        given = OrderCopy.objects.filter(pk=payment.order_id).values_list("receipt", flat=True).first()
    return _read_items(given)


def _read_items(given: Any) -> list[ReceiptItem]:
    return [item for item in _ITEMS.decode(msgspec.json.encode(given or [])) if item.amount > 0]


def name_by_purpose(movement: Payment | Payout) -> ReceiptItem:
    """Name in one line what money is for that nobody has said more of."""
    with translation.override(settings.LANGUAGE_CODE):
        names = {
            "order": _("Advance for an order"),
            "loan": _("Payment of a loan"),
            "policy": _("Insurance premium"),
            "ticket": _("Seat of a happening"),
            "trade_in": _("Car bought from its owner"),
        }
    said = movement.description if isinstance(movement, Payment) else movement.reason
    name = " ".join([names[movement.purpose], said]).strip()
    subject = _SUBJECTS.get(movement.purpose, "commodity")
    return ReceiptItem(name=name, amount=movement.amount, unit_price=movement.amount, subject=subject)


def draft_refund(entry: LedgerEntry, payment: Payment, before: Sequence[Receipt]) -> Draft:
    """Draft the receipt of money that went back, from what is left of the lines it came by; a premium's by its own."""
    refund = entry.refund
    assert refund is not None  # an entry of this kind books one
    draft = Draft(entry, ReceiptKind.REFUND, ReceiptOperation.SALE_RETURN, refund.amount, payment)
    try:
        return replace(draft, lines=draw_refund(payment, refund, before, entry.created_at))
    except ReceiptImpossible as error:
        return replace(draft, refusal=(error.code, error.reason))


def draw_refund(payment: Payment, refund: Refund, before: Sequence[Receipt], at: datetime) -> list[Line]:
    """Draw the lines of a refund. Raises ReceiptImpossible."""
    lines = stand(before) or draw_charge(payment, at)
    premiums = [line for line in lines if line.subject == "insurance_premium"] if refund.subject_id else []
    is_enough = sum((line.amount for line in premiums), ZERO) >= refund.amount
    return give_back(premiums if is_enough else lines, refund.amount)


def list_receipts(payment_id: UUID) -> list[Receipt]:
    """List the receipts of a payment with their lines, oldest first."""
    theirs = Receipt.objects.filter(payment_id=payment_id).select_related("cause", "payment")
    return list(theirs.prefetch_related("lines").order_by(*BY_AGE))


def draft_refund_returned(entry: LedgerEntry, payment: Payment, before: Sequence[Receipt]) -> Draft:
    """Draft the receipt of a refund that came back to us: it undoes the refund's own."""
    assert entry.refund is not None  # an entry of this kind books one
    theirs = [one for one in before if one.kind == ReceiptKind.REFUND and one.cause.refund_id == entry.refund_id]
    lines = list_lines(theirs[-1]) if theirs else []
    draft = Draft(entry, ReceiptKind.PAYMENT, ReceiptOperation.SALE, entry.refund.amount, payment, lines)
    return (
        draft if lines else replace(draft, refusal=("refund_without_receipt", _("The refund has no receipt to undo.")))
    )


def draft_offset(entry: LedgerEntry, payment: Payment, before: Sequence[Receipt]) -> Draft | None:
    """Draft the offset of what was paid beforehand for goods that were handed over; None where nothing was."""
    standing = stand(before)
    paid = sum((line.amount for line in standing if line.method in BEFOREHAND), ZERO)
    if not paid:
        return None
    draft = Draft(entry, ReceiptKind.OFFSET, ReceiptOperation.SALE, paid, payment)
    goods = [item for item in list_items(payment) if item.subject != "insurance_premium"]
    try:
        goods = goods or [name_by_purpose(payment)]
        lines = draw(goods, _settle(paid, entry.created_at, FULL_PAYMENT, goods))
    except ReceiptImpossible as error:
        return replace(draft, refusal=(error.code, error.reason))
    first = 1 + max(line.position for line in standing)
    return replace(draft, lines=[replace(line, position=first + index) for index, line in enumerate(lines)])


def draft_payout(entry: LedgerEntry, payout: Payout) -> Draft:
    """Draft the receipt of money that leaves otherwise than by undoing a payment."""
    is_purchase = payout.purpose == PayoutPurpose.TRADE_IN
    method = CREDIT_PAYMENT if payout.purpose == PayoutPurpose.LOAN else FULL_PAYMENT
    kind = ReceiptKind.PAYMENT if is_purchase else ReceiptKind.REFUND
    operation = ReceiptOperation.PURCHASE if is_purchase else ReceiptOperation.SALE_RETURN
    draft = Draft(entry, kind, operation, payout.amount)
    try:
        items = [name_by_purpose(payout)]
        settlement = _settle(payout.amount, entry.created_at, method, items)
        settlement = replace(settlement, regime="exempt") if is_purchase else settlement
        return replace(draft, lines=draw(items, settlement))
    except ReceiptImpossible as error:
        return replace(draft, refusal=(error.code, error.reason))


def draw_again(receipt: Receipt) -> Sequence[Line]:
    """Draw the lines of a receipt that had none, of what is known by now. Raises ReceiptImpossible."""
    entry, payment = receipt.cause, receipt.payment
    draft: Draft | None = None
    if payment is None:
        draft = draft_payout(entry, entry.payout) if entry.payout is not None else None
    elif entry.kind == EntryKind.CHARGE:
        draft = draft_charge(entry, payment)
    else:
        make = {EntryKind.REFUND: draft_refund, EntryKind.SALE: draft_offset}.get(
            EntryKind(entry.kind), draft_refund_returned
        )
        draft = make(entry, payment, [one for one in list_receipts(payment.id) if one.settled_at < receipt.settled_at])
    if draft is None or not draft.lines:
        raise ReceiptImpossible(*(draft.refusal if draft else ("lines_differ", _("Nothing is to be offset any more."))))
    return draft.lines


def stand(receipts: Sequence[Receipt]) -> list[Line]:
    """Return the lines that stand of a payment after all its receipts so far, oldest first.

    Money that went back by lines which were corrected since is taken from those that stand.
    """
    standing: dict[int, Line] = {}
    for receipt in receipts:
        if receipt.state == ReceiptState.REPLACED:
            continue
        if receipt.kind == ReceiptKind.OFFSET:
            standing = {key: line for key, line in standing.items() if line.method not in BEFOREHAND}
        sign = 1 if receipt.operation == ReceiptOperation.SALE else -1
        for line in list_lines(receipt):
            was = standing.get(line.position)
            amount = (was.amount if was else ZERO) + sign * line.amount
            standing[line.position] = (was if was and was.amount else line).paid(amount)
    lines = [line for line in standing.values() if line.amount > 0]
    missing = -sum((line.amount for line in standing.values() if line.amount < 0), ZERO)
    left = sum((line.amount for line in lines), ZERO) - missing
    return give_back(lines, left) if missing and lines else lines


def list_lines(receipt: Receipt) -> list[Line]:
    """Read the lines of a receipt, as they were fetched with it."""
    return [
        Line(
            row.position, row.name, row.quantity, row.unit_price, row.amount, row.vat_code, row.subject, row.method,
            row.marking_code, row.vat_amount, row.supplier_name, row.supplier_inn, row.supplier_phone,
        )
        for row in sorted(receipt.lines.all(), key=lambda row: row.position)
    ]  # fmt: skip


def _settle(amount: Decimal, at: datetime, method: int, items: Sequence[ReceiptItem]) -> Settlement:
    return Settlement(amount, dealer_day(at), method, find_seller_regime(dealer_day(at), items))


def find_seller_regime(day: date, items: Sequence[ReceiptItem]) -> str:
    """Find the tax regime of the legal entity that sells the items, or else by default; that of the settings where
    there is none.

    Raises ReceiptImpossible where no row of the entity's holds on that day.
    """
    named = next((item.seller_id for item in items if item.seller_id is not None), None)
    sellers = LegalEntity.objects.filter(pk=named) if named else LegalEntity.objects.filter(deleted_at=None)
    seller = (sellers if named else sellers.filter(is_default=True)).first()
    if seller is None:
        return str(settings.FISCAL_REGIME)
    try:
        return NAMES[find_regime(seller.dated_regimes, day)]
    except NoTaxRule as error:
        raise ReceiptImpossible("vat_rate_unknown", str(error.detail)) from error
