"""The paper of a written offer, by the contract desk's templates: a preview of a draft, frozen once it is sent."""

import hashlib
import re
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.errors import InvalidInput, NotFound
from core.money import ZERO
from core.secrecy.sealing import seal, unseal
from orders.errors import FactsMissing
from orders.models import DocumentTemplate, OfferPaper, OfferState, Order, PaperKind, SalesOffer
from orders.queries.requisites import describe_company, describe_seller, find_company, find_seller
from orders.rules.offer_deals import draw_policies, read_policies
from orders.rules.offers import draw_lines
from orders.rules.paper_facts import Deal, find_missing, say_day, state_facts
from orders.rules.paper_pages import print_paper
from orders.rules.paper_template import fill_in
from orders.services.templates import find_template

_NAMES_SELLER = re.compile(r"\{\{ *seller\.(?:name|tax_id|inn) *\}\}")


def freeze_paper(offer: SalesOffer, now: datetime) -> OfferPaper:
    """Issue the paper of an offer that is being sent; it never changes afterwards. Raises NoTemplate, FactsMissing."""
    template = find_template(kind=PaperKind.OFFER, language=offer.language, now=now)
    text, pdf = _print(offer, template, now)
    return OfferPaper.objects.create(
        offer=offer,
        template=template,
        title=template.title,
        text=text,
        content=seal(pdf),
        sha256=hashlib.sha256(pdf).hexdigest(),
        issued_at=now,
    )


def read_offer_paper(*, offer_id: UUID, now: datetime) -> bytes:
    """Return the PDF of an offer: as it was sent, or of a draft as it would be today.

    Raises NotFound (also where its words were erased), NoTemplate, FactsMissing.
    """
    offer = SalesOffer.objects.filter(pk=offer_id).select_related("paper").first()
    if offer is None:
        raise NotFound
    if offer.sent_at is None:
        if offer.state != OfferState.DRAFT:
            raise NotFound
        template = find_template(kind=PaperKind.OFFER, language=offer.language, now=now)
        return _print(offer, template, now)[1]
    if not offer.paper.content:
        raise NotFound
    return unseal(bytes(offer.paper.content))


def refuse_other_seller(offer: SalesOffer) -> None:
    """Let nobody sell what is offered but whom its paper names, by name or ИНН. Raises InvalidInput.

    Offers that an earlier release sent name no seller, or were given the default one since: only their paper knows.
    """
    seller, paper = find_seller(Order(legal_entity_id=offer.legal_entity_id)), offer.paper
    if seller is None or not paper.text or not _NAMES_SELLER.search(paper.template.text):
        return
    told = " ".join(paper.text.split())
    numbers = [" ".join(seller.facts.get(name, "").split()) for name in ("name", "inn")]
    if not any(known and known in told for known in numbers):
        words = _("This offer was made by another company of ours than sells now: ask our manager for a new offer.")
        raise InvalidInput("legal_entity_id", "another_seller", words)


def _print(offer: SalesOffer, template: DocumentTemplate, now: datetime) -> tuple[str, bytes]:
    day = dealer_day(offer.sent_at or now)
    deal = _gather(offer, now)
    _require_words(offer, template)
    details: dict[str, str] = {}
    facts = state_facts(deal, kind=PaperKind.OFFER, language=offer.language, number="", day=day, details=details)
    if missing := find_missing(PaperKind.OFFER, facts):
        raise FactsMissing(fields=missing)
    named = {"document": {"number": offer.known_as, "date": say_day(day, offer.language)}}
    text = fill_in(template.text, facts | named)
    title = f"{template.title} {offer.known_as}"
    return text, print_paper(text, title=title, author=deal.seller["name"], language=offer.language)


def _require_words(offer: SalesOffer, template: DocumentTemplate) -> None:
    """Refuse words that would leave out what the buyer is to pay. Raises InvalidInput."""
    wanted = {"offer.loan_payment": offer.loan, " policies ": offer.insurance}
    if any(told and name not in template.text for name, told in wanted.items()):
        detail = _("The words in force for written offers leave out its loan or its policies: put newer ones in force.")
        raise InvalidInput("language", "template_lacks", detail)


def _gather(offer: SalesOffer, now: datetime) -> Deal:
    lines = draw_lines(offer.lines)
    lines += draw_policies(read_policies(offer.insurance), len(lines))
    is_taxed = any(line.vat_amount is not None for line in lines)
    sale = Order(
        currency=offer.currency,
        total_amount=offer.total_amount,
        discount_total=offer.discount_total,
        legal_entity_id=offer.legal_entity_id,
        vat_total=sum((line.vat_amount or ZERO for line in lines), ZERO) if is_taxed else None,
        created_at=now,
    )
    return Deal(
        order=sale,
        lines=lines,
        seller=describe_seller(sale, offer.language),
        buyer=describe_company(find_company(offer.customer_id)),
        known_as=offer.buyer_name or str(offer.customer_id),
        car_line=None,
        offer=offer,
    )
