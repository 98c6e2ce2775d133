"""Correct receipts that said something wrong, or that nobody would register (tag 1173: by oneself)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import transaction
from core.errors import InvalidInput
from core.money import ZERO
from payments.commands import ReceiptItem
from payments.errors import WrongReceiptState
from payments.models import REVERSED, EntryKind, Receipt, ReceiptKind, ReceiptOperation, ReceiptState
from payments.queries.receipt_drafts import (
    Draft,
    find_seller_regime,
    list_items,
    list_lines,
    list_receipts,
    read_charge,
)
from payments.rules.corrections import Basis, require_basis
from payments.rules.receipts import FULL_PAYMENT, Line, Settlement, draw
from payments.services.receipts.making import store_drafts
from payments.services.receipts.sending import add_step


def correct_receipt(
    *,
    receipt_id: UUID,
    items: Sequence[ReceiptItem],
    reason: str,
    actor_id: UUID,
    now: datetime,
    basis: Basis | None = None,
) -> Receipt:
    """Say anew what money was moved for; return the correction with the lines given. No money moves by it.

    One that was registered is undone by a correction of its own, one that was refused is replaced. The lines say how
    goods are paid as the former did; a payment is offset by them at the handover. Raises WrongReceiptState (under way,
    or corrected before), InvalidInput (the lines do not sum to what was moved, an order of the tax office without its
    number), ReceiptImpossible.
    """
    basis = basis or Basis()
    require_basis(basis, dealer_day(now))
    with transaction("payments"):
        wrong = Receipt.objects.select_for_update().get(pk=receipt_id)
        if wrong.state not in (ReceiptState.REGISTERED, ReceiptState.REFUSED) or wrong.corrections.exists():
            raise WrongReceiptState(state=wrong.state)
        if sum((item.amount for item in items), ZERO) != wrong.amount:
            detail = _("The lines must sum to %(amount)s.") % {"amount": wrong.amount}
            raise InvalidInput("lines", "lines_differ", detail)
        drafts = _draft(wrong, items, reason, basis)
        _say_anew(wrong, items)
        if wrong.state == ReceiptState.REFUSED:
            wrong.move(ReceiptState.REPLACED, now)
            wrong.save()
            add_step(wrong, now, actor_id=actor_id)
        return store_drafts(drafts, now, actor_id=actor_id)[-1]


def _draft(wrong: Receipt, items: Sequence[ReceiptItem], reason: str, basis: Basis) -> list[Draft]:
    former = list_lines(wrong)
    first = _next_position(wrong)
    day = dealer_day(wrong.settled_at)
    sold = list_items(wrong.payment) if wrong.payment is not None else items
    settlement = Settlement(wrong.amount, day, _find_method(wrong, former, items), find_seller_regime(day, sold))
    lines = [replace(line, position=first + index) for index, line in enumerate(draw(items, settlement))]
    number = 1 + max(_numbers(wrong), default=0)
    anew = Draft(
        cause=wrong.cause,
        kind=ReceiptKind.CORRECTION,
        operation=ReceiptOperation(wrong.operation),
        amount=wrong.amount,
        payment=wrong.payment,
        lines=lines,
        number=number + 1,
        corrects=wrong,
        reason=reason,
        basis=basis,
    )
    if wrong.state == ReceiptState.REFUSED:
        return [anew]
    undone = replace(anew, operation=REVERSED[ReceiptOperation(wrong.operation)], lines=former, number=number)
    return [undone, anew]


def _find_method(wrong: Receipt, former: Sequence[Line], items: Sequence[ReceiptItem]) -> int:
    """Find how goods are paid: as the former lines of goods were, or as the payment does that named none.

    A premium's line says nothing of it: it is settled at once, while goods may be yet to come.
    """
    methods = [line.method for line in former if line.subject != "insurance_premium"]
    if methods or wrong.payment is None or not _tells_of_charge(wrong):
        return methods[0] if methods else FULL_PAYMENT
    return read_charge(wrong.payment, items)[1]


def _tells_of_charge(wrong: Receipt) -> bool:
    return wrong.cause.kind == EntryKind.CHARGE and wrong.operation == ReceiptOperation.SALE


def _say_anew(wrong: Receipt, items: Sequence[ReceiptItem]) -> None:
    """Keep what a payment turned out to be for, sold by whom it was: its offset and refunds go by that."""
    payment = wrong.payment
    if payment is None or not _tells_of_charge(wrong):
        return
    seller = next((item.seller_id for item in list_items(payment) if item.seller_id is not None), None)
    said = [msgspec.structs.replace(item, seller_id=item.seller_id or seller) for item in items]
    payment.receipt = msgspec.to_builtins(said)
    payment.save(update_fields=["receipt"])


def _numbers(wrong: Receipt) -> list[int]:
    return list(Receipt.objects.filter(cause=wrong.cause, payment=wrong.payment).values_list("number", flat=True))


def _next_position(wrong: Receipt) -> int:
    """Return the first position that no line of the payment has: what is said anew stands beside what was undone."""
    known: list[Line] = []
    for receipt in list_receipts(wrong.payment_id) if wrong.payment_id else [wrong]:
        known += list_lines(receipt)
    return 1 + max((line.position for line in known), default=-1)
