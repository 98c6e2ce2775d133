"""Answer what other apps may read of orders."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import msgspec

from core.errors import InvalidInput
from core.plugins import Disagreement
from messaging.peering.reads import answers
from orders.models import (
    DOCUMENTS,
    DocumentKind,
    LegKind,
    Order,
    OrderHistory,
    OrderLine,
    Side,
    Status,
)
from orders.models.deals import DealQuote
from orders.models.messages import LONGEST as LONGEST_MESSAGE
from orders.models.owing import payable_column
from orders.queries.board import Board, Card, Column, read_board
from orders.queries.cache import find_order
from orders.queries.carts import CartDocument, count_in_cart, read_cart
from orders.queries.commissions import commission_disagreements
from orders.queries.deal_document import DealDocument, deal_document, read_deal, read_ordered_deal, reproduces
from orders.queries.deal_sums import recalculate
from orders.queries.deposits import (
    DepositFacts,
    JudgedDeposit,
    deposit_disagreements,
    deposits_for_people,
    find_deposit,
    get_held_amount,
    judged_deposits,
)
from orders.queries.finding import find_orders
from orders.queries.handovers import (
    DueHandover,
    find_appointment,
    find_asked,
    find_newest,
    handover_bookings,
    handover_calendar,
    handovers_between,
    list_slots,
)
from orders.queries.headlines import Headline, find_headline
from orders.queries.messages import (
    Talk,
    WaitingBuyer,
    count_unread,
    messages_for_people,
    read_talk,
    waiting_buyers,
)
from orders.queries.morning import read_morning
from orders.queries.offers import SentOffer, find_sent_offer, list_sent_offers
from orders.queries.promotions import CampaignPrice, read_campaign_prices
from orders.queries.queues import HeldCar, Offer, Place, QueueView, Waiter, get_places, held_cars, live_offers, queue_at
from orders.queries.reading import FundingPart, OrderDocument, read_orders
from orders.queries.stats import stat_disagreements
from orders.queries.taxes import vat_disagreements
from orders.queries.trade_ins import TradeInFacts, trade_in_disagreements, trade_ins
from orders.rules.requests import earned_by_insurers

__all__ = [
    "LONGEST_MESSAGE",
    "Board",
    "CampaignPrice",
    "Card",
    "CartDocument",
    "Column",
    "DealDocument",
    "DepositFacts",
    "DueHandover",
    "FundingPart",
    "HeldCar",
    "JudgedDeposit",
    "Offer",
    "OrderDocument",
    "OrderFacts",
    "OrderState",
    "OrderedGoods",
    "Place",
    "QueueView",
    "SentOffer",
    "Side",
    "Talk",
    "TimelineEntry",
    "TradeInFacts",
    "Waiter",
    "WaitingBuyer",
    "commission_disagreements",
    "count_in_cart",
    "count_unread",
    "deal_disagreements",
    "deal_document",
    "deposit_disagreements",
    "deposits_for_people",
    "document_kinds",
    "find_appointment",
    "find_asked",
    "find_deposit",
    "find_newest",
    "find_orders",
    "find_sent_offer",
    "get_order",
    "get_places",
    "handover_bookings",
    "handover_calendar",
    "handovers_between",
    "held_cars",
    "judged_deposits",
    "list_orders",
    "list_sent_offers",
    "list_slots",
    "live_offers",
    "messages_for_people",
    "order_facts",
    "order_states",
    "ordered_goods",
    "queue_at",
    "read_board",
    "read_campaign_prices",
    "read_cart",
    "read_deal",
    "read_morning",
    "read_ordered_deal",
    "read_talk",
    "reproduces",
    "stat_disagreements",
    "timeline",
    "trade_in_disagreements",
    "trade_ins",
    "vat_disagreements",
    "waiting_buyers",
]


@dataclass(frozen=True)
class TimelineEntry:
    """A line of an order's history."""

    event: str
    status: str
    reason: str
    actor_role: str
    at: str


@dataclass(frozen=True)
class OrderFacts:
    """Facts about an order that the books need: the attempt that holds its stock, and its money.

    `returned_premiums` is what insurance gives back of it, `kept` what insurers have earned of an order that ended,
    and the earnest money that is held of it.

    `total_amount` is what has to come in as money.
    """

    order_id: UUID
    status: str
    total_amount: Decimal
    amount_paid: Decimal
    saga_state: str
    stock_attempt_id: UUID | None
    is_settled: bool
    sells_stock: bool
    returned_premiums: Decimal = Decimal(0)
    kept: Decimal = Decimal(0)


def get_order(order_id: UUID, *, viewer_id: UUID, is_staff: bool = False) -> OrderDocument | None:
    """One order, if this viewer may see it."""
    found = find_order(order_id, viewer_id=viewer_id, is_staff=is_staff)
    return msgspec.json.decode(found.body, type=OrderDocument) if found else None


@answers("notifications")
def get_headline(order_id: UUID) -> Headline | None:
    """Return an order in a line, as its buyer knows it, or None."""
    return find_headline(order_id)


def _decoded(raw: object) -> OrderDocument:
    return msgspec.json.decode(msgspec.json.encode(raw), type=OrderDocument)


def document_kinds(status: str = "") -> list[str]:
    """Documents of a sale; with a status those that an order in it may be printed."""
    return [kind for kind in DocumentKind.values if not status or Status(status) in DOCUMENTS[kind]]


def list_orders(*, customer_id: UUID, before: UUID | None = None, limit: int = 20) -> list[OrderDocument]:
    """A customer's orders, newest first, from after `before` (an order id) on."""
    orders = Order.objects.filter(customer_id=customer_id, deleted_at__isnull=True)
    if before:
        orders = orders.filter(id__lt=before)
    ids = list(orders.order_by("-id").values_list("id", flat=True)[:limit])
    return [_decoded(raw) for raw in read_orders(ids)]


def timeline(order_id: UUID, *, limit: int = 100) -> list[TimelineEntry]:
    """The first lines of an order's history, oldest first."""
    rows = OrderHistory.objects.filter(order_id=order_id).order_by("id")[:limit]
    return [TimelineEntry(row.event, row.status, row.reason, row.actor_role, row.at.isoformat()) for row in rows]


def order_facts(*, chunk: int = 2000) -> Iterator[OrderFacts]:
    """Every order, for checking the books."""
    orders = Order.objects.select_related("checkout", "deposit").prefetch_related("checkout__legs", "lines")
    for order in orders.order_by("pk").iterator(chunk_size=chunk):
        legs = {leg.kind: leg for leg in order.checkout.legs.all()}
        stock, policies = legs.get(LegKind.STOCK), legs.get(LegKind.POLICIES)
        yield OrderFacts(
            order_id=order.id,
            status=order.status,
            total_amount=order.payable,
            amount_paid=order.amount_paid,
            returned_premiums=order.returned_premiums,
            kept=earned_by_insurers(policies) + get_held_amount(order),
            saga_state=order.checkout.state,
            stock_attempt_id=stock.attempt_id if stock else None,
            is_settled=order.checkout.finished_at is not None,
            sells_stock=any(line.product_id for line in order.lines.all()),
        )


@dataclass(frozen=True)
class OrderState:
    """Part of an order that other apps copy; `total_amount` is what has to come in as money, in `currency`."""

    customer_id: UUID
    number: str
    total_amount: Decimal
    currency: str
    status: str


def order_states(*, chunk: int = 2000) -> Iterator[tuple[UUID, OrderState]]:
    """Every order there ever was, by id, some thousands at a time."""
    columns = ("id", "customer_id", "number", "payable_amount", "currency", "status")
    reached = UUID(int=0)
    orders = Order.objects.annotate(payable_amount=payable_column())
    while rows := list(orders.filter(id__gt=reached).order_by("id").values_list(*columns)[:chunk]):
        reached = rows[-1][0]
        yield from ((row[0], OrderState(*row[1:])) for row in rows)


@dataclass(frozen=True)
class OrderedGoods:
    """Buyer of an order, and the products that its lines name, by id."""

    customer_id: UUID
    products: tuple[UUID, ...]


def ordered_goods(*, chunk: int = 2000) -> Iterator[tuple[UUID, OrderedGoods]]:
    """Every order there ever was with what it sells, by id, some thousands at a time."""
    reached = UUID(int=0)
    while owners := dict(Order.objects.filter(id__gt=reached).order_by("id").values_list("id", "customer_id")[:chunk]):
        reached = max(owners)
        sold: dict[UUID, set[UUID]] = {}
        lines = OrderLine.objects.filter(order_id__in=owners)
        for order_id, product_id in lines.values_list("order_id", "product_id"):
            if product_id is not None:
                sold.setdefault(order_id, set()).add(product_id)
        for order_id, customer_id in owners.items():
            yield order_id, OrderedGoods(customer_id, tuple(sorted(sold.get(order_id, ()))))


def deal_disagreements() -> Iterator[Disagreement]:
    """Stored calculations of deals that do not come out the same from their own snapshots."""
    for quote in DealQuote.objects.order_by("pk").iterator(chunk_size=500):
        try:
            again = recalculate(quote)
        except (InvalidInput, LookupError) as error:
            again = {"error": str(error)}
        if again != quote.result:
            yield Disagreement("deal_differs", {"deal_quote_id": str(quote.id)}, f"{quote.result} is now {again}")
