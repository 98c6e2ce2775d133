"""The books for accounting: every entry as a paper of its lines, and every movement of money as one of its own."""

from collections.abc import Iterator

from django.db.models import Q, QuerySet

from core.files.accounting import Contribution, Operation, Paper, Party, Section, Span
from core.money import ZERO
from payments.models import LedgerEntry, LedgerLine, OrderCopy

CHUNK = 500
ASSETS = Q(account_id__in=("cash", "bank")) | Q(account__code__startswith="provider:")
"""Accounts where money itself lies; what they gain came in, what they lose went out."""


def count_entries(span: Span) -> int:
    """Count the entries of the journal."""
    return _entries(span).count()


def read_entries(span: Span) -> Iterator[Paper]:
    """Read the journal: each entry with its lines, which sum to zero."""
    for chunk in _chunks(_entries(span).prefetch_related("lines")):
        numbers = _numbers(chunk)
        for entry in chunk:
            sides = tuple(sorted((line.account_id, line.amount) for line in entry.lines.all()))
            yield Paper(
                id=entry.id,
                number=f"J-{entry.id.hex[-12:]}",
                at=entry.created_at,
                operation=Operation.OTHER,
                kind=entry.kind,
                currency=entry.currency,
                amount=sum((amount for _account, amount in sides if amount > 0), ZERO),
                other=Party(str(entry.customer_id)) if entry.customer_id else None,
                basis=numbers.get(entry.order_id, ""),
                sides=sides,
            )


def count_money(span: Span) -> int:
    """Count movements of money."""
    return _moved(span).count()


def read_money(span: Span) -> Iterator[Paper]:
    """Read receipts and payments of money: the lines of the books on accounts where money lies."""
    for chunk in _chunks(LedgerEntry.objects.filter(pk__in=_moved(span).values("entry")).prefetch_related("lines")):
        numbers = _numbers(chunk)
        for entry in chunk:
            lines = [line for line in entry.lines.all() if line.account_id in ("cash", "bank") or _is_provider(line)]
            for line in sorted(lines, key=lambda line: line.account_id):
                yield Paper(
                    id=line.id,
                    number=f"M-{line.id.hex[-12:]}",
                    at=entry.created_at,
                    operation=_name_operation(line),
                    kind=entry.kind,
                    currency=entry.currency,
                    amount=abs(line.amount),
                    other=Party(str(entry.customer_id)) if entry.customer_id else None,
                    basis=numbers.get(entry.order_id, ""),
                    sides=((line.account_id, line.amount),),
                )


def _entries(span: Span) -> "QuerySet[LedgerEntry]":
    return LedgerEntry.objects.filter(created_at__gte=span.begins, created_at__lt=span.ends)


def _moved(span: Span) -> "QuerySet[LedgerLine]":
    return LedgerLine.objects.filter(
        ASSETS, entry__created_at__gte=span.begins, entry__created_at__lt=span.ends
    ).order_by()


def _chunks(entries: "QuerySet[LedgerEntry]") -> Iterator[list[LedgerEntry]]:
    """Entries by their moment, some hundreds at a time."""
    ordered = entries.order_by("created_at", "id")
    rows = list(ordered[:CHUNK])
    while rows:
        yield rows
        last = rows[-1]
        after = Q(created_at=last.created_at, id__gt=last.id) | Q(created_at__gt=last.created_at)
        rows = list(ordered.filter(after, created_at__gte=last.created_at)[:CHUNK])


def _numbers(entries: list[LedgerEntry]) -> dict[object, str]:
    """Numbers of the orders of some entries."""
    ids = {entry.order_id for entry in entries if entry.order_id}
    return dict(OrderCopy.objects.filter(order_id__in=ids).values_list("order_id", "number"))


def _is_provider(line: LedgerLine) -> bool:
    return line.account_id.startswith("provider:")


def _name_operation(line: LedgerLine) -> Operation:
    if line.account_id == "cash":
        return Operation.CASH_IN if line.amount > 0 else Operation.CASH_OUT
    return Operation.BANK_IN if line.amount > 0 else Operation.BANK_OUT


ACCOUNTING = (
    Contribution(section=Section.JOURNAL, count=count_entries, read=read_entries),
    Contribution(section=Section.MONEY, count=count_money, read=read_money),
)
