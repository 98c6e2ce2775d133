"""Sending written offers, and their ends: ordered at exactly their terms, declined, withdrawn, or over by their day."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import Expected, require_version, transaction
from core.errors import InvalidInput, NotFound, WrongTransition
from core.outside.asking import with_answers
from gateway import approvals
from messaging.people.departures import refuse_leavers
from messaging.people.personal import known_ids
from orders.approvals import OFFER, OFFERS_KEPT
from orders.errors import OfferedGoodsGone, OfferExpired, PriceChanged, ProductNotReady, UnknownProduct
from orders.events import OfferAccepted, OfferDeclined, OfferNews, OfferSent, OfferWithdrawn, SalesOfferLapsed
from orders.models import DiscountSource, LineKind, OfferState, Order, OrderLine, SalesOffer
from orders.rules.offers import is_same, read_goods
from orders.services.agreeing import as_maker
from orders.services.bargaining import is_too_much, record_discounts
from orders.services.below_cost import find_sunk
from orders.services.history import Actor
from orders.services.lines import OfferedLine
from orders.services.offer_deals import Purchase, ask_legs
from orders.services.offer_papers import freeze_paper, refuse_other_seller
from orders.services.offers import (
    lock_offer,
    publish_offer,
    read_terms,
    record_change,
    refuse_retired,
    require_days,
    require_seller,
    set_terms,
)
from orders.services.placing import place_order

BATCH = 200
_ENDS: dict[str, tuple[str, type[OfferNews]]] = {
    OfferState.DECLINED: ("offer.declined", OfferDeclined),
    OfferState.WITHDRAWN: ("offer.withdrawn", OfferWithdrawn),
    OfferState.EXPIRED: ("offer.expired", SalesOfferLapsed),
}


def send_offer(*, offer_id: UUID, actor: Actor, now: datetime, expected_version: Expected = None) -> SalesOffer:
    """Send a draft: its seller and its paper are frozen, and the revision that was sent before is withdrawn.

    What is taken off the list counts like a manager's discounts: above what one may give alone, or below cost, a second
    person agrees first. Raises NotFound, StaleVersion, FourEyes, WrongTransition, InvalidInput (its day is past),
    PriceChanged (the list, or a premium, is not what the draft was written by), Waits, and what `draft_offer` does.
    """
    return with_answers(lambda: _send(offer_id, actor, now, expected_version))


def _send(
    offer_id: UUID, actor: Actor, now: datetime, expected_version: Expected = None, *, is_rated: bool = False
) -> SalesOffer:
    with transaction("orders"):
        offer = lock_offer(offer_id)
        require_version(offer.version, expected_version)
        require_seller(actor, offer.customer_id)
        refuse_leavers("orders", offer.customer_id)
        offer.require_draft()
        require_days(offer.valid_until, now)
        built, offer.legal_entity_id = _price_again(offer, actor, now, is_rated=is_rated)
        _admit(offer, built, actor, now)
        _replace_sent(offer, actor, now)
        offer.move(OfferState.SENT, now=now)
        offer.save()
        freeze_paper(offer, now)
        record_change(offer, "offer.sent", actor, now)
        publish_offer(offer, OfferSent)
    return offer


def offer_agreed(*, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime) -> None:
    """Send what a second person agreed to, with the loan and the policies that they were asked about.

    Raises what `send_offer` does.
    """
    _send(subject_id, as_maker(maker_id), now, is_rated=True)


def _price_again(
    offer: SalesOffer, actor: Actor, now: datetime, *, is_rated: bool
) -> tuple[list[OrderLine], UUID | None]:
    """Price a draft by the catalogue of this moment; return lines and who sells. Raises PriceChanged."""
    written, total = read_goods(offer.lines), offer.total_amount
    try:
        priced = set_terms(offer, read_terms(offer), actor, now, is_rated=is_rated)
    except InvalidInput as refusal:
        if any(one["code"] == "above_list_price" for one in refusal.errors):
            raise PriceChanged(expected_total=str(total)) from refusal
        raise
    if not is_same(written, read_goods(offer.lines)) or offer.total_amount != total:
        raise PriceChanged(expected_total=str(total), total_amount=str(offer.total_amount))
    return priced


def _admit(offer: SalesOffer, built: Sequence[OrderLine], actor: Actor, now: datetime) -> None:
    """Let so much be taken off alone, or ask a second person. Raises FourEyes, Waits."""
    request = approvals.Ask(
        subject_id=offer.id,
        amount=offer.discount_total,
        currency=offer.currency,
        maker_id=actor.id,
        beneficiary_id=offer.customer_id,
        number=offer.known_as,
        reason="; ".join(dict.fromkeys(goods.reason for goods in read_goods(offer.lines) if goods.reason))[:1000],
    )
    is_certain = bool(find_sunk(built)) or is_too_much(built, actor)
    approvals.admit(OFFER, request, now=now, is_certain=is_certain)


def _replace_sent(offer: SalesOffer, actor: Actor, now: datetime) -> None:
    """Withdraw the revision that was sent before. Raises WrongTransition where one was accepted meanwhile."""
    others = SalesOffer.objects.filter(number=offer.number).exclude(pk=offer.pk)
    if others.filter(state=OfferState.ACCEPTED).exists():
        raise WrongTransition(OfferState.ACCEPTED, [])
    for other in others.filter(state=OfferState.SENT):
        _end(other, OfferState.WITHDRAWN, actor, "", now)


def accept_offer(
    *,
    offer_id: UUID,
    actor: Actor,
    now: datetime,
    purchase: Purchase = Purchase(),
    expected_version: Expected = None,
) -> Order:
    """Order what is offered, at exactly its terms: by its buyer, or by staff for them. Again, it is the same order.

    The catalogue's prices of this moment, campaigns and coupons change nothing; its loan is applied for and its
    policies are asked for with the order. Raises NotFound (another's, or never sent), StaleVersion, OfferExpired,
    WrongTransition, OfferedGoodsGone, InsufficientStock, CurrencyMismatch, CarHasQueue, TooManyHolds, PriceChanged (a
    premium), InvalidInput (the seller is retired, nobody borrows), UnknownProgramme, AccountClosing.
    """
    return with_answers(lambda: _accept(offer_id, actor, now, purchase, expected_version))


def _accept(offer_id: UUID, actor: Actor, now: datetime, purchase: Purchase, expected_version: Expected) -> Order:
    with transaction("orders"):
        offer = _lock_seen(offer_id, actor)
        if offer.order is not None:
            return offer.order
        if offer.state == OfferState.EXPIRED or (offer.state == OfferState.SENT and offer.is_over(dealer_day(now))):
            raise OfferExpired(valid_until=offer.valid_until.isoformat())
        if offer.state != OfferState.SENT:
            raise WrongTransition(offer.state, offer.list_next())
        require_version(offer.version, expected_version)
        order = _order(offer, actor, purchase, now)
        offer.order = order
        offer.move(OfferState.ACCEPTED, now=now)
        offer.save()
        record_change(offer, "offer.accepted", actor, now, order_id=str(order.pk))
        publish_offer(offer, OfferAccepted, order_id=order.pk)
    return order


def _order(offer: SalesOffer, actor: Actor, purchase: Purchase, now: datetime) -> Order:
    approvals.let(OFFERS_KEPT)
    refuse_retired(offer, _("The company that made this offer sells no more: ask our manager for a new offer."))
    refuse_other_seller(offer)
    goods = read_goods(offer.lines)
    try:
        order = place_order(
            customer_id=offer.customer_id,
            actor=actor,
            lines=[OfferedLine(one.product_id, one.quantity, goods=one, manager_id=offer.manager_id) for one in goods],
            now=now,
            expected_total=offer.total_amount,
            legal_entity_id=offer.legal_entity_id,
            **ask_legs(offer, purchase, now),
        )
    except (UnknownProduct, ProductNotReady) as refusal:
        raise OfferedGoodsGone from refusal
    lines = [line for line in order.lines.all() if line.kind != LineKind.POLICY]
    given = {line.id: one.reason for line, one in zip(lines, goods, strict=True) if one.discount_amount}
    taken_off = [line for line in lines if line.id in given]
    seller = Actor(offer.manager_id, frozenset({"manager"}))
    record_discounts(order, taken_off, DiscountSource.MANAGER, seller, now, reasons=given)
    return order


def decline_offer(
    *, offer_id: UUID, actor: Actor, now: datetime, reason: str = "", expected_version: Expected = None
) -> SalesOffer:
    """End an offer that its buyer does not want. Raises NotFound, StaleVersion, WrongTransition."""
    with transaction("orders"):
        offer = _lock_seen(offer_id, actor)
        require_version(offer.version, expected_version)
        _end(offer, OfferState.DECLINED, actor, reason, now)
    return offer


def withdraw_offer(*, offer_id: UUID, actor: Actor, now: datetime, reason: str = "") -> SalesOffer:
    """Take an offer or a draft back. Raises NotFound, Forbidden, FourEyes, WrongTransition."""
    with transaction("orders"):
        offer = lock_offer(offer_id)
        require_seller(actor, offer.customer_id)
        approvals.supersede(OFFER, offer.pk, now=now)
        _end(offer, OfferState.WITHDRAWN, actor, reason, now)
    return offer


def expire_offers(*, now: datetime) -> int:
    """End all offers whose last day is past; return how many."""
    ended = 0
    while found := _expire_some(now):
        ended += found
    return ended


def _expire_some(now: datetime) -> int:
    due = SalesOffer.objects.filter(state=OfferState.SENT, valid_until__lt=dealer_day(now))
    with transaction("orders"):
        rows = list(due.select_for_update(skip_locked=True).order_by("pk")[:BATCH])
        for offer in rows:
            _end(offer, OfferState.EXPIRED, None, "", now)
    return len(rows)


def withdraw_for_leaver(*, customer_id: UUID, now: datetime) -> None:
    """Take back what was offered to somebody whose account is closed, by their client cards too."""
    with transaction("orders"):
        whose = known_ids("orders", customer_id)
        live = SalesOffer.objects.filter(customer_id__in=whose, state__in=[OfferState.DRAFT, OfferState.SENT])
        for offer in live.select_for_update().order_by("pk"):
            approvals.supersede(OFFER, offer.pk, now=now)
            _end(offer, OfferState.WITHDRAWN, None, "", now)


def _end(offer: SalesOffer, state: str, actor: Actor | None, reason: str, now: datetime) -> None:
    event, fact = _ENDS[state]
    offer.move(state, now=now, reason=reason)
    offer.save()
    record_change(offer, event, actor, now, reason=reason)
    publish_offer(offer, fact)


def _lock_seen(offer_id: UUID, actor: Actor) -> SalesOffer:
    """Lock an offer that the actor may answer: their own that was sent, or as staff anybody's. Raises NotFound."""
    offer = lock_offer(offer_id)
    is_theirs = offer.customer_id == actor.id and offer.sent_at is not None
    if not is_theirs and not actor.is_staff:
        raise NotFound
    return offer
