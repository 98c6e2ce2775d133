"""Written offers on the desk: drafts, their prices by the same rules as a manager's discounts, and their revisions.

What was sent is never changed: a revision takes its place once it is sent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Max
from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import Expected, require_version, transaction
from core.errors import Forbidden, InvalidInput, NotFound, WrongTransition
from core.money import DEFAULT_CURRENCY, MAX_AMOUNT
from core.outside.asking import with_answers
from gateway import approvals
from gateway.models import Approval
from messaging.outbox import publish
from messaging.people.departures import refuse_leavers
from orders.approvals import OFFER
from orders.events import OfferChanged, OfferCreated, OfferNews
from orders.models import (
    DiscountSource,
    LegalEntityCopy,
    OfferHistory,
    OfferState,
    Order,
    OrderLine,
    PaperLanguage,
    SalesOffer,
)
from orders.rules.offer_deals import read_policies, sum_premiums
from orders.rules.offers import freeze_goods, read_goods
from orders.rules.prices import Bargain, sum_discounts
from orders.services.bargaining import bargain_at_placing
from orders.services.below_cost import find_sunk, refuse
from orders.services.deal_quote import LoanWish
from orders.services.history import Actor
from orders.services.lines import ProductLine, build_lines
from orders.services.numbering import take_number
from orders.services.offer_deals import read_loan_wish, set_figures
from orders.services.taxing import tax_goods

LONGEST_DAYS = 90
"""Days that an offer holds at most: prices of a year ago bind nobody."""


@dataclass(frozen=True, kw_only=True)
class OfferTerms:
    """Terms of an offer: its goods, the day until it holds (included), and words to its buyer.

    With `below_cost` prices below cost are meant, and a second person agrees before it is sent. A `loan` and
    `insurance` (requests as POST /insurance/quotes takes them) go with the goods.
    """

    lines: Sequence[ProductLine]
    valid_until: date
    language: str = PaperLanguage.RUSSIAN
    comment: str = ""
    below_cost: bool = False
    legal_entity_id: UUID | None = None
    loan: LoanWish | None = None
    insurance: Sequence[Mapping[str, Any]] = ()


def draft_offer(
    *, customer_id: UUID, terms: OfferTerms, actor: Actor, now: datetime, buyer_name: str = ""
) -> SalesOffer:
    """Write an offer down as a draft, which nobody but staff sees.

    Raises Forbidden, FourEyes (their own), InvalidInput, UnknownProduct, ProductNotReady, CurrencyMismatch,
    InsufficientStock, BelowCost, NoTaxRule, NoProgramme, AccountClosing.
    """
    return with_answers(lambda: _draft(customer_id, terms, actor, now, buyer_name))


def _draft(customer_id: UUID, terms: OfferTerms, actor: Actor, now: datetime, buyer_name: str) -> SalesOffer:
    with transaction("orders"):
        require_seller(actor, customer_id)
        refuse_leavers("orders", customer_id)
        offer = SalesOffer(
            customer_id=customer_id,
            buyer_name=buyer_name,
            manager_id=actor.id,
            currency=DEFAULT_CURRENCY,
            created_at=now,
            updated_at=now,
        )
        set_terms(offer, terms, actor, now)
        offer.number = take_number("offer", "OFFER", now)
        offer.save(force_insert=True)
        record_change(offer, "offer.created", actor, now)
        publish_offer(offer, OfferCreated)
    return offer


def change_offer(
    *, offer_id: UUID, changes: dict[str, Any], actor: Actor, now: datetime, expected_version: Expected = None
) -> SalesOffer:
    """Change some terms of a draft, by the names of `OfferTerms`.

    Raises NotFound, StaleVersion, WrongTransition (it was sent: revise it), and what `draft_offer` does.
    """
    return with_answers(lambda: _change(offer_id, changes, actor, now, expected_version))


def _change(
    offer_id: UUID, changes: dict[str, Any], actor: Actor, now: datetime, expected_version: Expected
) -> SalesOffer:
    with transaction("orders"):
        offer = lock_offer(offer_id)
        require_version(offer.version, expected_version)
        require_seller(actor, offer.customer_id)
        offer.require_draft()
        approvals.supersede(OFFER, offer.pk, now=now)
        set_terms(offer, replace(read_terms(offer), **changes), actor, now)
        offer.touch(now)
        offer.save()
        record_change(offer, "offer.changed", actor, now)
        publish_offer(offer, OfferChanged)
    return offer


def revise_offer(*, offer_id: UUID, actor: Actor, now: datetime) -> SalesOffer:
    """Begin a new version of what was sent, as a draft with the same terms; the draft that is there already, if one is.

    What was sent holds until the revision is sent. Raises NotFound, FourEyes, WrongTransition (a draft, or accepted).
    """
    with transaction("orders"):
        offer = lock_offer(offer_id)
        require_seller(actor, offer.customer_id)
        if offer.sent_at is None or offer.state == OfferState.ACCEPTED:
            raise WrongTransition(offer.state, offer.list_next())
        revisions = SalesOffer.objects.filter(number=offer.number)
        if (known := revisions.filter(state=OfferState.DRAFT).first()) is not None:
            return known
        made = _copy(offer, revisions.aggregate(last=Max("revision"))["last"] + 1, actor, now)
        made.save(force_insert=True)
        record_change(made, "offer.created", actor, now)
        publish_offer(made, OfferCreated)
    return made


def _copy(offer: SalesOffer, revision: int, actor: Actor, now: datetime) -> SalesOffer:
    names = ("number", "customer_id", "buyer_name", "language", "lines", "total_amount", "discount_total")
    more = ("insurance", "loan", "currency", "is_below_cost", "comment", "legal_entity_id")
    return SalesOffer(
        revision=revision,
        manager_id=actor.id,
        valid_until=max(offer.valid_until, dealer_day(now)),
        created_at=now,
        updated_at=now,
        **{name: getattr(offer, name) for name in (*names, *more)},
    )


def set_terms(
    offer: SalesOffer, terms: OfferTerms, actor: Actor, now: datetime, *, is_rated: bool = False
) -> tuple[list[OrderLine], UUID | None]:
    """Price the goods by the catalogue of this moment less what the manager takes off; return lines and who sells.

    Who sells is None where no legal entity is kept. What `is_rated` keeps its loan and policies as they are. Raises
    what `draft_offer` does.
    """
    require_days(terms.valid_until, now)
    offer.valid_until, offer.comment, offer.language = terms.valid_until, terms.comment, terms.language
    offer.is_below_cost, offer.legal_entity_id = terms.below_cost, terms.legal_entity_id
    built = build_lines(terms.lines, actor)
    if any(line.bargain for line in terms.lines):
        bargain_at_placing(built, terms.lines, actor, offer.customer_id)
    seller_id = _tax(offer, built, now)
    if not terms.below_cost:
        refuse(find_sunk(built))
    reasons = {at: line.bargain.reason for at, line in enumerate(terms.lines) if line.bargain}
    offer.lines = freeze_goods(built, reasons)
    if not is_rated:
        set_figures(offer, built, terms.loan, terms.insurance, now)
    premiums = sum_premiums(read_policies(offer.insurance))
    offer.total_amount = sum((line.line_total for line in built), premiums)
    offer.discount_total = sum_discounts(built, DiscountSource.MANAGER)
    if offer.total_amount > MAX_AMOUNT:
        raise InvalidInput("items", "too_large", _("The total is larger than any amount we can book."))
    return built, seller_id


def require_days(valid_until: date, now: datetime) -> None:
    """Pass a last day that is neither past nor too far. Raises InvalidInput."""
    today = dealer_day(now)
    if not today <= valid_until <= today + timedelta(days=LONGEST_DAYS):
        detail = _("An offer holds until today or later, at most for %(most)s days.") % {"most": LONGEST_DAYS}
        raise InvalidInput("valid_until", "out_of_range", detail)


def _tax(offer: SalesOffer, built: Sequence[OrderLine], now: datetime) -> UUID | None:
    """Write the VAT by who sells into the lines; return who that is. Raises InvalidInput, NoTaxRule."""
    refuse_retired(offer, _("This legal entity sells no more: choose another one."))
    sale = Order(legal_entity_id=offer.legal_entity_id)
    tax_goods(sale, built, now)
    if offer.legal_entity_id is not None and sale.vat_total is None:
        raise InvalidInput("legal_entity_id", "unknown", _("There is no such legal entity."))
    return sale.legal_entity_id


def refuse_retired(offer: SalesOffer, words: str) -> None:
    """Let no legal entity sell what is offered once it was retired. Raises InvalidInput with the words."""
    seller_id = offer.legal_entity_id
    if seller_id and LegalEntityCopy.objects.filter(entity_id=seller_id, is_deleted=True).exists():
        raise InvalidInput("legal_entity_id", "retired", words)


def read_terms(offer: SalesOffer) -> OfferTerms:
    """Return the terms that an offer was written by; what was taken off comes back as the price that was agreed."""
    lines = []
    for goods in read_goods(offer.lines):
        bargain = Bargain(unit_price=goods.unit_price, reason=goods.reason) if goods.discount_amount else None
        lines.append(ProductLine(goods.product_id, goods.quantity, bargain))
    return OfferTerms(
        lines=lines,
        valid_until=offer.valid_until,
        language=offer.language,
        comment=offer.comment,
        below_cost=offer.is_below_cost,
        legal_entity_id=offer.legal_entity_id,
        loan=read_loan_wish(offer),
        insurance=[policy.request for policy in read_policies(offer.insurance)],
    )


def require_seller(actor: Actor, customer_id: UUID) -> None:
    """Pass staff that sell to somebody else. Raises Forbidden, FourEyes."""
    if not actor.is_staff:
        raise Forbidden
    approvals.refuse_own("orders", person_id=actor.id, beneficiary_id=customer_id)


def lock_offer(offer_id: UUID) -> SalesOffer:
    """Lock an offer with its other revisions, in one order for all. Raises NotFound."""
    number = SalesOffer.objects.filter(pk=offer_id).values_list("number", flat=True).first()
    revisions = SalesOffer.objects.select_for_update().filter(number=number or "").order_by("pk")
    found = next((offer for offer in revisions if offer.pk == offer_id), None)
    if found is None:
        raise NotFound
    return found


def record_change(
    offer: SalesOffer, event: str, actor: Actor | None, now: datetime, *, reason: str = "", **more: Any
) -> None:
    """Write a change into the offer's history, with its facts after it; None is the system."""
    named = ("state", "lines", "insurance", "loan", "total_amount", "discount_total", "valid_until", "comment")
    names = (*named, "language", "is_below_cost", "legal_entity_id", "manager_id")
    facts = msgspec.to_builtins({name: getattr(offer, name) for name in names} | more)
    OfferHistory.objects.create(
        offer=offer, event=event, actor_id=actor.id if actor else None, reason=reason, facts=facts, at=now
    )


def publish_offer(offer: SalesOffer, fact: type[OfferNews], **more: Any) -> None:
    """Publish what happened to an offer."""
    publish(
        fact(
            offer_id=offer.id,
            number=offer.known_as,
            customer_id=offer.customer_id,
            manager_id=offer.manager_id,
            total_amount=offer.total_amount,
            currency=offer.currency,
            valid_until=offer.valid_until,
            version_number=offer.version,
            **more,
        )
    )


def record_offer_approval(*, approval: Approval, person_id: UUID | None, reason: str, now: datetime) -> None:
    """Write into an offer's history what became of a request about it."""
    with transaction("orders"):
        offer = SalesOffer.objects.filter(pk=approval.subject_id).first()
        if offer is not None:
            actor = None if person_id is None else Actor(person_id, frozenset({"manager"}))
            told = {"approval_id": str(approval.id), "amount": approval.amount and str(approval.amount)}
            record_change(offer, f"approval.{approval.state}", actor, now, reason=reason, **told)
