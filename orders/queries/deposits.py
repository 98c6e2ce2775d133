"""Deposits as others read them: the agreement, what is held of it, what waits for a word, and what disagrees."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings

from core.plugins import Disagreement
from gateway.models import Approval, ApprovalState
from orders.approvals import FAULT
from orders.models import CLOSED, HELD, SOLD, DepositAgreement, DepositState, Order

MOST = 100


@dataclass(frozen=True)
class DepositFacts:
    """The agreement about an order's deposit, in the words that its buyer accepted, and what became of it.

    `held_amount` is what stayed of earnest money whose sale failed, `fault` whose fault that was, once it is stated.
    """

    kind: str
    state: str
    amount: Decimal
    currency: str
    until: datetime
    terms_version: str
    terms_text: str
    agreed_at: datetime
    paid_at: datetime | None
    ended_at: datetime | None
    held_amount: Decimal | None
    fault: str
    fault_reason: str


@dataclass(frozen=True)
class JudgedDeposit:
    """Earnest money whose sale failed by somebody's fault: `id` is what payments knows it by."""

    id: UUID
    order_id: UUID
    state: str
    amount: Decimal


def find_deposit(order_id: UUID) -> DepositFacts | None:
    """Return the agreement about an order's deposit, for who may see the order."""
    columns = [field.name for field in fields(DepositFacts)]
    found = DepositAgreement.objects.filter(order_id=order_id).values(*columns).first()
    return DepositFacts(**found) if found else None


def get_held_amount(order: Order) -> Decimal:
    """Return what is held by right of an ended order's earnest money."""
    found: DepositAgreement | None = getattr(order, "deposit", None)
    return found.held_amount or Decimal(0) if found is not None and found.state in HELD else Decimal(0)


def deposits_for_people(*, now: datetime) -> dict[str, int]:
    """Count the earnest money that waits for a word for too long; nothing is counted beyond a hundred."""
    late = now - timedelta(days=settings.EARNEST_WAIT_DAYS)
    rows = DepositAgreement.objects.filter(state=DepositState.WAITING, waiting_since__lt=late)
    return {"deposits_waiting": len(rows.values_list("pk", flat=True)[:MOST])}


def judged_deposits() -> Iterator[JudgedDeposit]:
    """Read all earnest money whose fault is stated, for checking the books."""
    rows = DepositAgreement.objects.exclude(fault="").order_by("pk")
    for row in rows.iterator(chunk_size=500):
        yield JudgedDeposit(row.id, row.order_id, row.state, row.held_amount or Decimal(0))


def deposit_disagreements() -> Iterator[Disagreement]:
    """Find deposits that say something else than their order, and faults that no second person confirmed."""
    rows = DepositAgreement.objects.select_related("order").filter(order__checkout__finished_at__isnull=False)
    for found in rows.order_by("pk").iterator(chunk_size=500):
        status, ids = found.order.status, {"order_id": str(found.order_id)}
        is_unsettled = status in CLOSED | SOLD and found.state in (DepositState.AGREED, DepositState.PAID)
        if is_unsettled and not (status in SOLD and found.state == DepositState.AGREED):
            yield Disagreement("deposit_unsettled", ids, f"the order is {status}, its deposit is still {found.state}")
        if found.state in HELD and status not in CLOSED:
            yield Disagreement("deposit_held_early", ids, f"the order is {status}, its deposit {found.state}")
        if found.fault and not _is_confirmed(found):
            yield Disagreement("fault_unconfirmed", ids, f"{found.fault}'s fault, as nobody confirmed")


def _is_confirmed(found: DepositAgreement) -> bool:
    asked = Approval.objects.using("orders").filter(kind=FAULT.name, subject_id=found.order_id)
    agreed = asked.filter(state=ApprovalState.APPROVED, asked_by=found.stated_by, decided_by=found.confirmed_by)
    return agreed.exclude(asked_by=found.confirmed_by).exists()
