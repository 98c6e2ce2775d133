"""Read the written offers that a buyer was sent, as pages show them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from core.clock import dealer_day
from core.db import database_now
from orders.models import OfferState, SalesOffer
from orders.rules.offer_deals import OfferedLoan, OfferedPolicy, read_loan, read_policies, sum_premiums
from orders.rules.offers import OfferedGoods, read_goods


@dataclass(frozen=True, kw_only=True)
class SentOffer:
    """An offer as its buyer sees it: `state` is `expired` from the end of its last day on, ended or not.

    `list_total` is what the goods cost by the list of the day on which they were offered; `total_amount` holds what
    is due now for the policies too.
    """

    id: UUID
    number: str
    state: str
    goods: list[OfferedGoods]
    policies: list[OfferedPolicy]
    loan: OfferedLoan | None
    list_total: Decimal
    total_amount: Decimal
    currency: str
    valid_until: date
    comment: str
    order_id: UUID | None
    version: int

    @property
    def is_open(self) -> bool:
        """Tell whether its buyer may still answer."""
        return self.state == OfferState.SENT

    @property
    def more(self) -> int:
        """Return how many kinds of goods stand beside the first."""
        return len(self.goods) - 1

    @property
    def goods_total(self) -> Decimal:
        """Return what the goods cost as agreed."""
        return self.total_amount - sum_premiums(self.policies)

    @property
    def saved(self) -> Decimal:
        """Return what was taken off altogether."""
        return self.list_total - self.goods_total


def list_sent_offers(*, customer_id: UUID, before: UUID | None = None, limit: int = 20) -> list[SentOffer]:
    """List what somebody was sent, the newest first, from after `before` (an offer's id) on."""
    offers = SalesOffer.objects.filter(customer_id=customer_id, sent_at__isnull=False)
    if before:
        offers = offers.filter(id__lt=before)
    today = dealer_day(database_now("orders"))
    return [_show(offer, today) for offer in offers.order_by("-id")[:limit]]


def find_sent_offer(offer_id: UUID, *, customer_id: UUID) -> SentOffer | None:
    """Return an offer that this person was sent; None of a draft and of another's."""
    offer = SalesOffer.objects.filter(pk=offer_id, customer_id=customer_id, sent_at__isnull=False).first()
    return _show(offer, dealer_day(database_now("orders"))) if offer else None


def _show(offer: SalesOffer, today: date) -> SentOffer:
    goods = read_goods(offer.lines)
    is_over = offer.state == OfferState.SENT and offer.is_over(today)
    return SentOffer(
        id=offer.id,
        number=offer.known_as,
        state=str(OfferState.EXPIRED if is_over else OfferState(offer.state)),
        goods=goods,
        policies=read_policies(offer.insurance),
        loan=read_loan(offer.loan),
        list_total=sum((line.list_price * line.quantity for line in goods), Decimal(0)),
        total_amount=offer.total_amount,
        currency=offer.currency,
        valid_until=offer.valid_until,
        comment=offer.comment,
        order_id=offer.order_id,
        version=offer.version,
    )
