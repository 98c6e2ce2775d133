"""Draw up the receipts that movements of money are owed, and keep the span in which they are."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from core.db import transaction
from payments.models import (
    MANUAL,
    EntryKind,
    FiscalSpan,
    LedgerEntry,
    PayoutPurpose,
    Receipt,
    ReceiptLine,
    ReceiptState,
    ReceiptStep,
)
from payments.queries.receipt_drafts import (
    BY_AGE,
    Draft,
    draft_charge,
    draft_offset,
    draft_payout,
    draft_refund,
    draft_refund_returned,
)
from payments.queries.receipts import find_missing
from payments.services.receipts.sending import send_receipt

NO_OPERATOR = "none"
"""Where no law asks for receipts."""
BEHIND = timedelta(days=3)
"""How far back movements are looked for whose receipt nobody has drawn up; check_books looks at all."""
_SETTLED = frozenset({PayoutPurpose.POLICY, PayoutPurpose.LOAN, PayoutPurpose.TICKET, PayoutPurpose.TRADE_IN})
"""Payouts that settle for goods or services; a claim and the second half of earnest money are neither."""
_MOVING = (EntryKind.CHARGE, EntryKind.REFUND, EntryKind.REFUND_RETURNED, EntryKind.PAYOUT)


def attend_receipts(*, now: datetime) -> int:
    """Begin or end making receipts as the setting says, and draw up what was missed; return how many receipts."""
    with transaction("payments"):
        span = _lock_span()
        if span is None:
            if settings.FISCAL_OPERATOR != NO_OPERATOR:
                FiscalSpan.objects.create(began_at=now)
            return 0
        made = _make(find_missing(max(span.began_at, now - BEHIND), now), span, now)
        if settings.FISCAL_OPERATOR == NO_OPERATOR:
            span.ended_at = now
            span.save()
    return made


def make_receipts(*, payment_ids: Collection[UUID], request_ids: Collection[UUID], now: datetime) -> int:
    """Draw up the receipts that these payments, and what was paid out by these requests, lack; return how many."""
    with transaction("payments"):
        span = _lock_span()
        if span is None or settings.FISCAL_OPERATOR == NO_OPERATOR:
            return 0
        moved = _within(span).filter(kind__in=_MOVING, receipts=None)
        found = list(moved.filter(payment_id__in=payment_ids)) if payment_ids else []
        for way in ("refund", "payout") if request_ids else ():
            found += moved.filter(**{f"{way}__request_id__in": request_ids})
        return _draw_up({entry.pk: entry for entry in found}.values(), now)


def offset_advances(*, order_id: UUID, now: datetime) -> int:
    """Draw up the offsets of what was paid beforehand for goods that were handed over; return how many."""
    with transaction("payments"):
        span = _lock_span() if settings.FISCAL_OPERATOR != NO_OPERATOR else None
        sold = LedgerEntry.objects.filter(kind=EntryKind.SALE, reference=order_id, receipts=None)
        return _make(sold.values_list("pk", flat=True), span, now) if span else 0


def _lock_span() -> FiscalSpan | None:
    """Lock the open span: whoever draws up receipts waits for another who does."""
    return FiscalSpan.objects.select_for_update().filter(ended_at=None).first()


def _within(span: FiscalSpan) -> "QuerySet[LedgerEntry]":
    return LedgerEntry.objects.filter(created_at__gte=span.began_at).select_related("payment", "refund", "payout")


def _make(entry_ids: Iterable[UUID], span: FiscalSpan, now: datetime) -> int:
    return _draw_up(_within(span).filter(pk__in=list(entry_ids)), now)


def _draw_up(entries: Iterable[LedgerEntry], now: datetime) -> int:
    waiting, made = sorted(entries, key=lambda entry: (entry.created_at, entry.pk)), 0
    while waiting:
        turn, waiting = _take_turn(waiting)
        before = _receipts_before(turn)
        made += len(store_drafts([draft for entry in turn for draft in _draft(entry, before)], now))
    return made


def _take_turn(entries: Sequence[LedgerEntry]) -> tuple[list[LedgerEntry], list[LedgerEntry]]:
    """Part entries into those that can be drawn up together and the rest: one payment's build upon each other."""
    seen = set[UUID | None]()
    turn, rest = list[LedgerEntry](), list[LedgerEntry]()
    for entry in entries:
        subject = entry.order_id or entry.payment_id
        is_first = subject is None or subject not in seen
        (turn if is_first else rest).append(entry)
        seen.add(subject)
    return turn, rest


def _receipts_before(entries: Sequence[LedgerEntry]) -> dict[UUID, list[Receipt]]:
    """Receipts by payment, oldest first, of the payments whose earlier ones an entry builds upon."""
    builds = [entry for entry in entries if entry.kind not in (EntryKind.CHARGE, EntryKind.PAYOUT)]
    found: dict[UUID, list[Receipt]] = defaultdict(list)
    if not builds:
        return found
    whose = Receipt.objects.filter(payment_id__in=[entry.payment_id for entry in builds if entry.payment_id])
    whose |= Receipt.objects.filter(payment__order_id__in=[each.order_id for each in builds if not each.payment_id])
    for receipt in whose.select_related("cause", "payment").prefetch_related("lines").order_by(*BY_AGE):
        found[receipt.payment_id or receipt.pk].append(receipt)
    return found


def _draft(entry: LedgerEntry, before: dict[UUID, list[Receipt]]) -> list[Draft]:
    if entry.kind == EntryKind.SALE:
        return _offsets(entry, before)
    if entry.payout is not None:
        return [draft_payout(entry, entry.payout)] if entry.payout.purpose in _SETTLED else []
    payment = entry.payment
    if payment is None or payment.provider == MANUAL:
        return []
    if entry.kind == EntryKind.CHARGE:
        return [draft_charge(entry, payment)]
    make = draft_refund if entry.kind == EntryKind.REFUND else draft_refund_returned
    return [make(entry, payment, before[payment.id])]


def _offsets(entry: LedgerEntry, before: dict[UUID, list[Receipt]]) -> list[Draft]:
    offsets = []
    for receipts in before.values():
        payment = receipts[0].payment
        if payment is not None and payment.order_id == entry.order_id:
            offsets.append(draft_offset(entry, payment, receipts))
    return [offset for offset in offsets if offset is not None]


def store_drafts(drafts: Sequence[Draft], now: datetime, *, actor_id: UUID | None = None) -> list[Receipt]:
    """Write receipts with their lines and first steps, and have sent what can be."""
    made = [(draft, _build(draft, now)) for draft in drafts]
    Receipt.objects.bulk_create(receipt for _, receipt in made)
    ReceiptLine.objects.bulk_create(
        ReceiptLine(receipt=receipt, **vars(line)) for draft, receipt in made for line in draft.lines
    )
    ReceiptStep.objects.bulk_create(
        ReceiptStep(
            receipt=receipt, state=receipt.state, attempt=1, code=receipt.failure_code, actor_id=actor_id, at=now
        )
        for _, receipt in made
    )
    for _, receipt in made:
        if receipt.state == ReceiptState.WAITING:
            send_receipt(receipt)
    return [receipt for _, receipt in made]


def _build(draft: Draft, now: datetime) -> Receipt:
    entry, payment = draft.cause, draft.payment
    code, detail = draft.refusal
    return Receipt(
        kind=draft.kind,
        operation=draft.operation,
        state=ReceiptState.WAITING if draft.lines else ReceiptState.REFUSED,
        cause=entry,
        number=draft.number,
        payment=payment,
        corrects=draft.corrects,
        order_id=entry.order_id,
        customer_id=entry.customer_id,
        amount=draft.amount,
        currency=entry.currency,
        settled_at=entry.created_at,
        operator=settings.FISCAL_OPERATOR,
        reason=draft.reason[:255],
        basis_number=draft.basis.number,
        basis_date=draft.basis.day,
        is_ordered=draft.basis.is_ordered,
        failure_code=code,
        failure_detail=detail[:255],
        created_at=now,
        updated_at=now,
    )
