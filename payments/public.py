"""Answer what other apps may read of payments, and check its books."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connections
from django.db.models import DurationField, ExpressionWrapper, F, Q, QuerySet, Sum
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.outside.provider_http import NoAnswer, Refused, TransientFault
from core.plugins import Disagreement
from messaging.peering.reads import answers
from payments.errors import MethodUnknown
from payments.models import (
    REFUNDS_PAYABLE,
    RESERVING,
    SANDBOX,
    TAKEN,
    Dispute,
    DisputeStatus,
    EntryKind,
    LedgerEntry,
    LedgerLine,
    OrderCopy,
    Payment,
    PaymentMethod,
    Payout,
    PayoutPurpose,
    PayoutStatus,
    Receipt,
    ReceiptState,
    Refund,
    RefundStatus,
    Status,
)
from payments.providers import provider
from payments.queries.morning import read_money_in
from payments.queries.receipts import receipt_disagreements

__all__ = [
    "KnownOrder",
    "OrderMoney",
    "PaidThing",
    "PaymentFacts",
    "TradeInBooks",
    "booked_trade_ins",
    "doubtful_payments",
    "known_orders",
    "ledger_disagreements",
    "money_by_order",
    "paid_thing",
    "payable",
    "payments_of_order",
    "provider_disagreements",
    "read_money_in",
    "receipt_disagreements",
    "require_method",
    "settled_deposits",
    "silent_payments",
    "waiting_for_somebody",
]

SILENT = timedelta(minutes=15)
"""How long a payment may be under way before a manager should look at it."""
COUNTED = 100


@dataclass(frozen=True)
class PaymentFacts:
    """A payment as other apps may see it; `action_url` is where the buyer has to confirm it."""

    id: UUID
    method: str
    status: str
    amount: Decimal
    refunded_amount: Decimal
    currency: str
    action_url: str
    failure_code: str
    failure_detail: str
    created_at: datetime


@dataclass(frozen=True)
class OrderMoney:
    """Money taken for an order, and money that went back."""

    order_id: UUID
    taken: Decimal
    refunded: Decimal


@dataclass(frozen=True)
class PaidThing:
    """The thing a payment is for, and how it stands: `purpose` says what `subject_id` is the id of."""

    purpose: str
    subject_id: UUID
    status: str
    is_in_flight: bool


def paid_thing(payment_id: UUID, *, customer_id: UUID) -> PaidThing | None:
    """Return what a payment of this customer's is for; None when it is nobody's or another's."""
    found = Payment.objects.filter(pk=payment_id, customer_id=customer_id).first()
    if found is None:
        return None
    return PaidThing(found.purpose, found.order_account_id, found.status, found.is_in_flight)


def payments_of_order(order_id: UUID) -> list[PaymentFacts]:
    """Payments of one order, newest first."""
    return [
        PaymentFacts(
            id=payment.id,
            method=payment.method,
            status=payment.status,
            amount=payment.amount,
            refunded_amount=payment.refunded_amount,
            currency=payment.currency,
            action_url=payment.action_url,
            failure_code=payment.failure_code,
            failure_detail=payment.failure_detail,
            created_at=payment.created_at,
        )
        for payment in Payment.objects.filter(order_id=order_id).order_by("-created_at", "-id")
    ]


@answers("financing", "insurance", "orders", "showroom")
def require_method(method_id: UUID, *, method: str, caller_id: UUID, customer_id: UUID, field: str) -> None:
    """Refuse a stored method that is not the caller's own, named for what is theirs, or that is of another kind.

    Staff act for clients, and never with a client's card. Raises MethodUnknown, InvalidInput, which name `field`.
    """
    stored = PaymentMethod.objects.filter(pk=method_id, customer_id=customer_id).first()
    if stored is None or caller_id != customer_id:
        raise MethodUnknown(field)
    if stored.method != method:
        raise InvalidInput(field, "invalid", _("The stored payment method is of another kind."))


def silent_payments(now: datetime) -> Q:
    """The condition of payments whose end nobody knows."""
    return Q(status=Status.UNKNOWN) | Q(status=Status.PROCESSING, updated_at__lt=now - SILENT)


def waiting_for_somebody(*, now: datetime) -> dict[str, int]:
    """Count the money that waits for a person, by what it is; nothing is counted beyond a hundred."""
    queues: dict[str, QuerySet[Any]] = {
        "payments_silent": Payment.objects.filter(silent_payments(now)),
        "refunds_to_approve": Refund.objects.filter(status=RefundStatus.REQUESTED),
        "refunds_failed": Refund.objects.filter(status=RefundStatus.FAILED),
        "receipts_refused": Receipt.objects.filter(state=ReceiptState.REFUSED),
        "payouts_failed": Payout.objects.filter(status=PayoutStatus.FAILED),
        "disputes_open": Dispute.objects.filter(status=DisputeStatus.OPEN),
    }
    return {name: len(rows.values_list("pk", flat=True)[:COUNTED]) for name, rows in queues.items()}


def doubtful_payments(seconds: int) -> tuple[int, float]:
    """Count payments nobody knows the end of for longer than so many seconds, and tell how long the oldest waits.

    None is counted beyond a hundred.
    """
    since = Payment.objects.filter(status=Status.UNKNOWN, updated_at__lt=Now() - timedelta(seconds=seconds))
    rows = since.order_by("updated_at").annotate(age=ExpressionWrapper(Now() - F("updated_at"), DurationField()))
    ages = list(rows.values_list("age", flat=True)[:COUNTED])
    return len(ages), ages[0].total_seconds() if ages else 0.0


def payable(order_id: UUID) -> Decimal | None:
    """Return what may still be paid for an order, payments under way counted as paid; None when it is unknown here."""
    order = OrderCopy.objects.filter(pk=order_id).first()
    return None if order is None else max(Decimal(0), order.amount_due)


_MONEY = """
SELECT order_id, sum(amount), sum(refunded_amount) FROM payments_payment
WHERE status = ANY(%s) AND order_id > %s AND purpose = 'order' GROUP BY order_id ORDER BY order_id LIMIT %s
"""


def money_by_order(*, chunk: int = 2000) -> Iterator[OrderMoney]:
    """Every order for which money was taken, in the order of ids, read in chunks."""
    after = UUID(int=0)
    while True:
        with connections["payments"].cursor() as cursor:
            cursor.execute(_MONEY, [list(TAKEN), after, chunk])
            rows = cursor.fetchall()
        for row in rows:
            yield OrderMoney(*row)
        if len(rows) < chunk:
            return
        after = rows[-1][0]


_UNBALANCED = """
SELECT e.id, count(l.id), coalesce(sum(l.amount), 0)
FROM payments_ledgerentry AS e LEFT JOIN payments_ledgerline AS l ON l.entry_id = e.id
GROUP BY e.id HAVING count(l.id) < 2 OR coalesce(sum(l.amount), 0) <> 0
"""

_PAYMENT_AND_LEDGER = """
WITH booked AS MATERIALIZED (
    SELECT e.payment_id, -sum(l.amount) AS owed
    FROM payments_ledgerentry AS e JOIN payments_ledgerline AS l ON l.entry_id = e.id
    WHERE l.account_id = %s OR l.account_id ~ '^(order|loan|policy|ticket):'
    GROUP BY e.payment_id
)
SELECT p.id, p.held, coalesce(b.owed, 0)
FROM (SELECT id, CASE WHEN status = ANY(%s) THEN amount - refunded_amount ELSE 0 END AS held
      FROM payments_payment) AS p
LEFT JOIN booked AS b ON b.payment_id = p.id
WHERE p.held <> coalesce(b.owed, 0)
"""

_CHARGES_BOOKED = """
SELECT p.id, p.status, count(e.id)
FROM payments_payment AS p LEFT JOIN payments_ledgerentry AS e ON e.payment_id = p.id AND e.kind = 'charge'
GROUP BY p.id HAVING count(e.id) <> CASE WHEN p.status = ANY(%s) THEN 1 ELSE 0 END
"""

_REFUNDS_BOOKED = """
WITH booked AS MATERIALIZED (
    SELECT refund_id, sum(CASE kind WHEN 'refund' THEN 1 WHEN 'refund_returned' THEN -1 ELSE 0 END) AS times
    FROM payments_ledgerentry WHERE refund_id IS NOT NULL GROUP BY refund_id
)
SELECT r.id, r.status, coalesce(b.times, 0)
FROM payments_refund AS r LEFT JOIN booked AS b ON b.refund_id = r.id
WHERE coalesce(b.times, 0) <> CASE WHEN r.status = %s THEN 1 ELSE 0 END
"""

_REFUNDED = """
WITH refunded AS MATERIALIZED (
    SELECT payment_id, sum(amount) FILTER (WHERE status = %s) AS done,
           sum(amount) FILTER (WHERE status = ANY(%s)) AS pending
    FROM payments_refund GROUP BY payment_id
)
SELECT p.id, p.refunded_amount, coalesce(r.done, 0), p.refund_pending, coalesce(r.pending, 0)
FROM payments_payment AS p LEFT JOIN refunded AS r ON r.payment_id = p.id
WHERE p.refunded_amount <> coalesce(r.done, 0) OR p.refund_pending <> coalesce(r.pending, 0)
"""

_NO_ORDER = """
SELECT p.id, p.order_id FROM payments_payment AS p
LEFT JOIN payments_ordercopy AS o ON o.order_id = p.order_id
WHERE p.status = ANY(%s) AND p.purpose = 'order'
  AND (o.order_id IS NULL OR o.currency <> p.currency OR o.customer_id <> p.customer_id)
"""

_LOANS_OVERPAID = """
SELECT l.account_id, sum(l.amount) FROM payments_ledgerline AS l
WHERE l.account_id LIKE 'loan:%%' GROUP BY l.account_id HAVING sum(l.amount) > %s
"""

_CHECKS: list[tuple[str, str, list[Any], str, str]] = [
    ("loan_money_left_twice", _LOANS_OVERPAID, [0], "account", "{} more was given out than came in"),
    ("ledger_unbalanced", _UNBALANCED, [], "entry", "{} lines sum to {}"),
    (
        "payment_not_in_ledger",
        _PAYMENT_AND_LEDGER,
        [REFUNDS_PAYABLE, list(TAKEN)],
        "payment",
        "the payment holds {}, the ledger says {}",
    ),
    ("charge_not_booked_once", _CHARGES_BOOKED, [list(TAKEN)], "payment", "{} and booked {} times"),
    ("refund_not_booked_once", _REFUNDS_BOOKED, [RefundStatus.SUCCEEDED.value], "refund", "{} and booked {} times"),
    (
        "refunds_differ",
        _REFUNDED,
        [RefundStatus.SUCCEEDED.value, list(RESERVING)],
        "payment",
        "refunded {} but its refunds say {}; reserved {} but its refunds say {}",
    ),
    ("payment_without_order", _NO_ORDER, [list(TAKEN)], "payment", "order {} is unknown here or is not the payment's"),
]


def get_payouts(request_ids: Sequence[UUID]) -> dict[UUID, Decimal]:
    """Return what was asked to be paid out, by request."""
    rows = Payout.objects.filter(request_id__in=request_ids)
    return dict(rows.values_list("request_id", "amount"))


def settled_deposits() -> dict[tuple[UUID, str], Decimal]:
    """Read what the ledger says of earnest money: how much was earned (`forfeit`) or doubled, by request."""
    lines = LedgerLine.objects.filter(entry__kind__in=[EntryKind.FORFEIT, EntryKind.DOUBLED], amount__gt=0)
    found: dict[tuple[UUID, str], Decimal] = {}
    for request_id, kind, amount in lines.values_list("entry__reference", "entry__kind", "amount"):
        found[request_id, kind] = found.get((request_id, kind), Decimal(0)) + amount
    return found


@dataclass(frozen=True)
class TradeInBooks:
    """Money booked of a car taken in exchange, in its order's currency; `is_undone` once that was reversed."""

    amount: Decimal
    is_undone: bool
    paid_out: Decimal


def booked_trade_ins() -> dict[UUID, TradeInBooks]:
    """Read what the books say of cars taken in exchange, by the order they were given in."""
    asked = Payout.objects.filter(purpose=PayoutPurpose.TRADE_IN).values_list("subject_id").annotate(Sum("amount"))
    paid: dict[UUID, Decimal] = dict(asked)
    undone = set(LedgerEntry.objects.filter(kind=EntryKind.TRADE_IN_UNDONE).values_list("reference", flat=True))
    taken = LedgerLine.objects.filter(entry__kind=EntryKind.TRADE_IN, amount__gt=0)
    booked = dict(taken.values_list("entry__reference", "amount"))
    nothing = Decimal(0)
    return {
        order_id: TradeInBooks(booked.get(order_id, nothing), order_id in undone, paid.get(order_id, nothing))
        for order_id in booked.keys() | paid.keys() | undone
    }


def ledger_disagreements() -> list[Disagreement]:
    """Everything in which payments, refunds, the ledger and the copies of orders do not tell the same."""
    return [found for check in _CHECKS for found in _run(*check)]


def _run(kind: str, sql: str, parameters: list[Any], subject: str, detail: str) -> Iterator[Disagreement]:
    with connections["payments"].cursor() as cursor:
        cursor.execute(sql, parameters)
        for subject_id, *values in cursor.fetchall():
            yield Disagreement(kind, {subject: str(subject_id)}, detail.format(*values))


def provider_disagreements() -> list[Disagreement] | None:
    """List where the sandbox's statement differs from our ledger, in what has ended; None when it cannot be asked.

    Never call it inside a transaction: it waits for another process.
    """
    try:
        rows = list(provider(SANDBOX).read_statement())
    except (TransientFault, NoAnswer, Refused):
        return None
    theirs = {row["reference"]: row for row in rows if row["kind"] == "charge" and row.get("reference")}
    gone = {row["reference"]: row for row in rows if row["kind"] == "refund"}
    return [*_charges_differ(theirs), *_refunds_differ(gone)]


def _charges_differ(theirs: dict[str, dict[str, str]]) -> Iterator[Disagreement]:
    seen = set()
    for payment in Payment.objects.filter(provider=SANDBOX).iterator(chunk_size=2000):
        seen.add(str(payment.id))
        row = theirs.get(str(payment.id))
        taken = row is not None and row["status"] == "succeeded"
        if payment.is_in_flight or (not payment.is_taken and not taken):
            continue
        if not taken or not payment.is_taken or row is None or Decimal(row["amount"]) != payment.amount:
            shown = f"{row['status']} {row['amount']}" if row else "nothing"
            detail = f"we have {payment.status} {payment.amount}, the provider {shown}"
            yield Disagreement("charge_differs", {"payment": str(payment.id)}, detail)
    for reference in theirs.keys() - seen:
        if theirs[reference]["status"] == "succeeded":
            detail = f"the provider took {theirs[reference]['amount']}, we know of no such payment"
            yield Disagreement("charge_unknown", {"payment": reference}, detail)


def _refunds_differ(gone: dict[str, dict[str, str]]) -> Iterator[Disagreement]:
    ended = (RefundStatus.SUCCEEDED, RefundStatus.FAILED)
    refunds = Refund.objects.filter(payment__provider=SANDBOX, status__in=ended)
    for refund in refunds.iterator(chunk_size=2000):
        row = gone.get(str(refund.id))
        done = row is not None and row["status"] == "succeeded"
        if done != (refund.status == RefundStatus.SUCCEEDED):
            shown = row["status"] if row else "nothing"
            detail = f"we have {refund.status} {refund.amount}, the provider {shown}"
            yield Disagreement("refund_differs", {"refund": str(refund.id)}, detail)


@dataclass(frozen=True)
class KnownOrder:
    """Order as payments knows it: `total_amount` is what its buyer has to pay."""

    customer_id: UUID
    number: str
    total_amount: Decimal
    currency: str
    status: str


def known_orders(*, chunk: int = 2000) -> Iterator[tuple[UUID, KnownOrder]]:
    """Read every order that payments has heard of, by id, `chunk` at a time."""
    reached = UUID(int=0)
    columns = ("order_id", "customer_id", "number", "total_amount", "currency", "status")
    copies = OrderCopy.objects.order_by("order_id").values_list(*columns)
    while rows := list(copies.filter(order_id__gt=reached)[:chunk]):
        reached = rows[-1][0]
        yield from ((row[0], KnownOrder(*row[1:])) for row in rows)
