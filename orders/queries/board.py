"""The managers' board: open orders by status, and first of all those that somebody has to look at."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, Prefetch, Q, QuerySet

from gateway.people import get_told
from orders.models import Checkout, DepositAgreement, DepositState, Order, OrderReturn, SagaState, Status
from orders.models.returns import UNDER_WAY

COLUMNS = (Status.CREATED, Status.AWAITING_PAYMENT, Status.PAID, Status.IN_PROGRESS, Status.READY)
CARDS = 40
"""Cards of a column; the rest is in the list of orders."""
EXPIRING = timedelta(minutes=10)
OVERDUE = {
    Status.PAID: timedelta(days=1),
    Status.IN_PROGRESS: timedelta(days=3),
    Status.READY: timedelta(days=7),
}
"""How long an order may stand still in a status that waits for us, or for its buyer to come."""
REASONS = (
    "parked", "stuck", "reservation_over", "reservation_expiring", "return_asked", "fault_unstated", "trade_in_owed",
    "overdue",
)  # fmt: skip
"""Why an order needs attention, the most urgent first."""


@dataclass(frozen=True)
class ReturnNote:
    """A return that a manager has to inspect or to decide; `mileage` in km."""

    id: UUID
    state: str
    reason: str
    mileage: int | None
    inspection: str


@dataclass(frozen=True)
class Card:
    """An order on the board; `since` is when it last changed, `attention` names what is wrong, gravest first.

    `step` is the leg of the checkout that it stands at, `cause` why that is parked, by code; `back` the return of it
    that is under way; `held` the earnest money that waits for a word on whose fault it was that the sale failed.
    `customer` and `phone` are the buyer's, `owner` is who looks after it: by name, empty while nobody knows it.
    """

    id: UUID
    number: str
    status: str
    version: int
    title: str
    more: int
    total_amount: Decimal
    amount_due: Decimal
    currency: str
    since: datetime
    held_until: datetime | None
    step: str
    owner_id: UUID | None
    attention: tuple[str, ...]
    allowed: tuple[str, ...]
    cause: str
    back: ReturnNote | None
    held: Decimal | None
    customer: str = ""
    phone: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Column:
    """Open orders of one status; `is_cut` when there are more than shown."""

    status: str
    cards: list[Card]
    is_cut: bool


@dataclass(frozen=True)
class Board:
    """Orders that need attention, whatever their status, and the columns."""

    attention: list[Card]
    columns: list[Column]


def read_board(*, roles: frozenset[str], now: datetime) -> Board:
    """The board for a manager with these roles; a fixed number of statements, however many orders there are."""
    needing = {order.id: order for order in _needing_attention(now)}
    stuck = set(Checkout.objects.needing_attention(now).filter(pk__in=list(needing)).values_list("pk", flat=True))

    def card(order: Order) -> Card:
        return _card(order, _reasons(order, stuck, now), order.allowed(roles))

    urgent = sorted((card(order) for order in needing.values()), key=_urgency)
    columns = []
    for status in COLUMNS:
        newest = list(_whole(Order.objects.filter(status=status)).order_by("-created_at", "-id")[: CARDS + 1])
        first = [one for one in urgent if one.status == status]
        rest = [card(order) for order in newest if order.id not in needing]
        columns.append(Column(status, (first + rest)[:CARDS], len(newest) > CARDS))
    return Board([one for one in urgent if one.attention][:CARDS], columns)


def find_reasons(*, now: datetime) -> Iterable[str]:
    """Name each reason for which an order needs attention, once for every such order that the board can show."""
    needing = {order.id: order for order in _needing_attention(now)}
    stuck = set(Checkout.objects.needing_attention(now).filter(pk__in=list(needing)).values_list("pk", flat=True))
    for order in needing.values():
        yield from _reasons(order, stuck, now)


def _needing_attention(now: datetime) -> Iterable[Order]:
    checkouts = Checkout.objects.needing_attention(now).order_by("started_at").values_list("pk", flat=True)[:CARDS]
    unpaid = Q(status=Status.AWAITING_PAYMENT, reservation_expires_at__lt=now + EXPIRING)
    late = Q()
    for status, limit in OVERDUE.items():
        late |= Q(status=status, updated_at__lt=now - limit)
    return [
        *_whole(Order.objects.filter(pk__in=list(checkouts))),
        *_whole(Order.objects.filter(unpaid)).order_by(F("reservation_expires_at").asc())[:CARDS],
        *_whole(Order.objects.filter(late)).order_by("updated_at")[:CARDS],
        *_whole(Order.objects.filter(status=Status.RETURNING)).order_by("-created_at", "-id")[:CARDS],
        *_whole(Order.objects.filter(deposit__state=DepositState.WAITING)).order_by("updated_at")[:CARDS],
        *_whole(Order.objects.filter(trade_in_owed__gt=0)).order_by("updated_at")[:CARDS],
    ]


def _whole(orders: QuerySet[Order]) -> QuerySet[Order]:
    under_way = Prefetch("returns", OrderReturn.objects.filter(state__in=UNDER_WAY), to_attr="under_way")
    return (
        orders.filter(deleted_at__isnull=True)
        .select_related("checkout", "deposit")
        .prefetch_related("lines", under_way)
        .annotate(known_customer=get_told("customer_id"), known_owner=get_told("checkout__owner_id"))
    )


def _held(order: Order) -> Decimal | None:
    found: DepositAgreement | None = getattr(order, "deposit", None)
    return found.held_amount if found is not None and found.state == DepositState.WAITING else None


def _back(order: Order) -> ReturnNote | None:
    for one in getattr(order, "under_way", []):
        return ReturnNote(one.id, one.state, one.reason, one.mileage, one.inspection)
    return None


def _reasons(order: Order, stuck: set[Any], now: datetime) -> tuple[str, ...]:
    held = order.reservation_expires_at if order.status == Status.AWAITING_PAYMENT else None
    limit = OVERDUE.get(Status(order.status))
    is_parked = order.checkout.state == SagaState.PARKED
    found = {
        "parked": is_parked,
        "stuck": order.pk in stuck and not is_parked,
        "reservation_over": held is not None and held <= now,
        "reservation_expiring": held is not None and now < held < now + EXPIRING,
        "return_asked": order.status == Status.RETURNING and not order.checkout.is_undoing,
        "fault_unstated": _held(order) is not None,
        "trade_in_owed": order.trade_in_owed > 0,
        "overdue": limit is not None and order.updated_at < now - limit,
    }
    return tuple(reason for reason in REASONS if found[reason])


def _urgency(card: Card) -> tuple[int, datetime]:
    gravest = REASONS.index(card.attention[0]) if card.attention else len(REASONS)
    return gravest, card.held_until or card.since


def _card(order: Order, attention: tuple[str, ...], allowed: list[str]) -> Card:
    lines = list(order.lines.all())
    customer, owner = (getattr(order, name, None) or {} for name in ("known_customer", "known_owner"))
    return Card(
        id=order.id,
        number=order.number,
        status=order.status,
        version=order.version,
        title=lines[0].name if lines else "",
        more=max(0, len(lines) - 1),
        total_amount=order.total_amount,
        amount_due=order.amount_due,
        currency=order.currency,
        since=order.updated_at,
        held_until=order.reservation_expires_at if order.status == Status.AWAITING_PAYMENT else None,
        step=order.checkout.step,
        owner_id=order.checkout.owner_id,
        attention=attention,
        allowed=tuple(allowed),
        cause=((order.checkout.failure or {}).get("parked") or {}).get("cause", ""),
        back=_back(order),
        held=_held(order),
        customer=customer.get("name", ""),
        phone=customer.get("phone", ""),
        owner=owner.get("name", ""),
    )
