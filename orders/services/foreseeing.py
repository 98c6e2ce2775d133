"""Show what an order or an offer would come to before anybody makes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.db import transaction
from gateway.approvals import Waits
from orders.models import OrderLine, SalesOffer
from orders.rules.offers import read_goods
from orders.rules.prices import get_list_price
from orders.services.history import Actor
from orders.services.lines import ProductLine
from orders.services.offering import send_offer
from orders.services.offers import OfferTerms, draft_offer
from orders.services.placing import place_order


@dataclass(frozen=True)
class ForeseenLine:
    """Goods of a deal: `list_price` and `unit_price` are of one piece."""

    product_id: UUID | None
    name: str
    quantity: int
    list_price: Decimal
    unit_price: Decimal
    line_total: Decimal


@dataclass(frozen=True)
class ForeseenDeal:
    """A deal as it would stand; `waits` where a second person has to agree before the buyer sees it."""

    lines: list[ForeseenLine]
    total: Decimal
    discount: Decimal
    currency: str
    waits: bool = False


class _Undone(Exception):
    """Takes back what was tried; `deal` is what it came to."""

    def __init__(self, deal: ForeseenDeal) -> None:
        super().__init__()
        self.deal = deal


def foresee_order(
    *, customer_id: UUID, actor: Actor, lines: Sequence[ProductLine], now: datetime, **terms: Any
) -> ForeseenDeal:
    """Return an order as it would be placed; nothing of it stays but a number that no order has.

    It is placed and undone, so that the rules which judge it are those of the order itself. `terms` are those of
    `place_order`, which says what is raised. Not to be called inside a transaction, which it would undo.
    """
    try:
        with transaction("orders"):
            order = place_order(customer_id=customer_id, actor=actor, lines=lines, now=now, **terms)
            goods = [_show_line(line) for line in order.lines.order_by("position")]
            raise _Undone(ForeseenDeal(goods, order.total_amount, order.discount_total, order.currency))
    except _Undone as undone:
        return undone.deal


def foresee_offer(*, customer_id: UUID, terms: OfferTerms, actor: Actor, now: datetime) -> ForeseenDeal:
    """Return an offer as it would be sent, and whether that would wait for a second person; nothing of it stays.

    Raises what `draft_offer` does. Not to be called inside a transaction, which it would undo.
    """
    try:
        with transaction("orders"):
            offer = draft_offer(customer_id=customer_id, terms=terms, actor=actor, now=now)
            raise _Undone(_show_offer(offer, waits=_would_wait(offer, actor, now)))
    except _Undone as undone:
        return undone.deal


def _would_wait(offer: SalesOffer, actor: Actor, now: datetime) -> bool:
    try:
        send_offer(offer_id=offer.pk, actor=actor, now=now)
    except Waits:
        return True
    return False


def _show_offer(offer: SalesOffer, *, waits: bool) -> ForeseenDeal:
    goods = [
        ForeseenLine(one.product_id, one.name, one.quantity, one.list_price, one.unit_price, one.line_total)
        for one in read_goods(offer.lines)
    ]
    return ForeseenDeal(goods, offer.total_amount, offer.discount_total, offer.currency, waits)


def _show_line(line: OrderLine) -> ForeseenLine:
    return ForeseenLine(
        line.product_id, line.name, line.quantity, get_list_price(line), line.unit_price, line.line_total
    )
