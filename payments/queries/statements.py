"""Read statements of account and reconciliations, as rows and as tables."""

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from core.money import ZERO
from payments.models import (
    LedgerLine,
    Reconciliation,
)


@dataclass(frozen=True)
class StatementLine:
    """One movement on an account, and its balance after it."""

    at: datetime
    entry_id: UUID
    kind: str
    order_id: UUID | None
    customer_id: UUID | None
    amount: Decimal
    balance: Decimal
    currency: str


def statement(*, account: str, since: datetime, until: datetime) -> Iterator[StatementLine]:
    """The movements of an account in a span of time, oldest first, with the running balance."""
    lines = LedgerLine.objects.filter(account=account).select_related("entry")
    balance = balance_before(account=account, moment=since)
    within = lines.filter(entry__created_at__gte=since, entry__created_at__lt=until)
    for line in within.order_by("entry__created_at", "pk").iterator(chunk_size=2000):
        balance += line.amount
        yield StatementLine(
            at=line.entry.created_at,
            entry_id=line.entry_id,
            kind=line.entry.kind,
            order_id=line.entry.order_id,
            customer_id=line.entry.customer_id,
            amount=line.amount,
            balance=balance,
            currency=line.entry.currency,
        )


def balance_before(*, account: str, moment: datetime) -> Decimal:
    """Return what an account held just before a moment."""
    lines = LedgerLine.objects.filter(account=account, entry__created_at__lt=moment)
    return lines.aggregate(total=Sum("amount"))["total"] or ZERO


def statement_table(*, accounts: Iterable[str], since: datetime, until: datetime) -> Iterator[list[object]]:
    """Statements as rows for a spreadsheet, headings first."""
    yield ["account", *(field.name for field in fields(StatementLine))]
    for code in accounts:
        for line in statement(account=code, since=since, until=until):
            yield [code, line.at.isoformat(), *astuple(line)[1:]]


def reconciliation_table(reports: Iterable[Reconciliation]) -> Iterator[list[object]]:
    """Reports as rows for a spreadsheet, headings first: a row of totals for each day, then one for each difference."""
    yield ["day", "provider", "what", "id", "there", "here"]
    for report in reports:
        yield [report.day, report.provider, "charged", "", report.charged_there, report.charged_here]
        yield [report.day, report.provider, "returned", "", report.returned_there, report.returned_here]
        for item in report.differences:
            yield [report.day, report.provider, f"{item['kind']}_differs", item["id"], item["there"], item["here"]]
