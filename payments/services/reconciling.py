"""Comparing our books with a provider's own, asking about what stays open, and statements of accounts."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.db import transaction
from core.ids import find_uuid
from core.money import ZERO
from messaging.models import ExternalCall
from payments.models import (
    IN_FLIGHT,
    MANUAL,
    EntryKind,
    LedgerEntry,
    LedgerLine,
    Payment,
    Reconciliation,
    Refund,
    RefundStatus,
)
from payments.providers import provider as provider_named
from payments.services.charges import ask_provider

ASK_AFTER = timedelta(minutes=5)
"""An open payment of which nothing was heard for so long, and about which no call is under way, is asked about."""


def reconcile_day(*, provider: str, day: date, now: datetime) -> Reconciliation:
    """Compare one day (UTC) of a provider's statement with our ledger and store the result, anew when asked again.

    What began that day is compared however late it ended. Raises TransientFault, NoAnswer, and Refused for a provider
    that shows no statement.
    """
    rows = [row for row in provider_named(provider).read_statement() if _get_day(row) == day]
    theirs = {kind: {row["reference"]: row for row in rows if row["kind"] == kind} for kind in ("charge", "refund")}
    charged = _charged_here(provider, day, set(theirs["charge"]))
    returned = _returned_here(provider, day, set(theirs["refund"]))
    differences = [
        *_differences("charge", _done(theirs["charge"]), charged),
        *_differences("refund", _done(theirs["refund"]), returned),
    ]
    with transaction("payments"):
        return Reconciliation.objects.update_or_create(
            provider=provider,
            day=day,
            defaults={
                "charged_there": sum(_done(theirs["charge"]).values(), ZERO),
                "charged_here": sum(charged.values(), ZERO),
                "returned_there": sum(_done(theirs["refund"]).values(), ZERO),
                "returned_here": sum(returned.values(), ZERO),
                "differences": differences,
                "made_at": now,
            },
        )[0]


def _get_day(row: dict[str, Any]) -> date:
    return datetime.fromtimestamp(row["created_at"], UTC).date()


def _done(rows: dict[str, dict[str, Any]]) -> dict[str, Decimal]:
    return {ref: Decimal(row["amount"]) for ref, row in rows.items() if ref and row["status"] == "succeeded"}


def _span(day: date) -> tuple[datetime, datetime]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return start, start + timedelta(days=1)


def _charged_here(provider: str, day: date, known: set[str]) -> dict[str, Decimal]:
    """Return what the ledger took by payments the provider began that day, and by any of that day it does not know."""
    payments = Payment.objects.filter(provider=provider)
    ids = {str(pk) for pk in payments.filter(created_at__range=_span(day)).values_list("pk", flat=True)}
    wanted = [UUID(item) for item in ids | known if find_uuid(item) is not None]
    entries = LedgerEntry.objects.filter(kind=EntryKind.CHARGE, payment__in=wanted, payment__provider=provider)
    lines = LedgerLine.objects.filter(entry__in=entries, account=f"provider:{provider}")
    return {str(pk): amount for pk, amount in lines.values_list("entry__payment_id", "amount")}


def _returned_here(provider: str, day: date, known: set[str]) -> dict[str, Decimal]:
    refunds = Refund.objects.filter(payment__provider=provider, source="ours", status=RefundStatus.SUCCEEDED)
    ids = {str(pk) for pk in refunds.filter(succeeded_at__range=_span(day)).values_list("pk", flat=True)}
    wanted = [UUID(item) for item in ids | known if find_uuid(item) is not None]
    return {str(pk): amount for pk, amount in refunds.filter(pk__in=wanted).values_list("pk", "amount")}


def _differences(kind: str, theirs: dict[str, Decimal], ours: dict[str, Decimal]) -> Iterator[dict[str, str]]:
    for reference in sorted(theirs.keys() | ours.keys()):
        there, here = theirs.get(reference), ours.get(reference)
        if there != here:
            yield {"kind": kind, "id": reference, "there": str(there or "nothing"), "here": str(here or "nothing")}


def ask_about_open_payments(*, now: datetime, limit: int = 500) -> int:
    """Ask providers about payments that hang without anybody asking; return how many that were.

    Calls that met silence are repeated by themselves; this finds what lost its call, or waits for a webhook that
    never came. Once an hour for each.
    """
    waiting = Payment.objects.filter(status__in=IN_FLIGHT, updated_at__lt=now - ASK_AFTER).exclude(provider=MANUAL)
    asked = 0
    for payment_id in waiting.order_by("updated_at").values_list("pk", flat=True)[:limit]:
        calls = ExternalCall.objects.using("payments").filter(key__startswith=f"payment:{payment_id}:")
        if not calls.filter(finished_at__isnull=True).exists():
            ask_provider(payment_id=payment_id, reason=f"{now:%Y%m%d%H}")
            asked += 1
    return asked
