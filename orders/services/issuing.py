"""Issuing papers of the contract desk: the words in force, filled in with the deal, frozen under a number.

A paper is issued again, under a new number, only when its words or what they state have changed.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.public import get_person
from catalog.public import ProductView, get_products
from core.clock import dealer_day
from core.db import transaction
from core.errors import Forbidden, InvalidInput, NotFound
from core.secrecy.secret_keys import sign
from orders.errors import DocumentNotAvailable, FactsMissing, MoneyMissing
from orders.models import (
    OPEN,
    SOLD,
    BuyerPapers,
    DepositAgreement,
    DepositState,
    DocumentTemplate,
    IssuedDocument,
    LegKind,
    Order,
    OrderLine,
    PaperKind,
    PaperLanguage,
    ReturnState,
    Status,
    TaxPaperKind,
)
from orders.queries.requisites import describe_company, describe_seller, find_company
from orders.rules.funding import GONE, compute_lent
from orders.rules.paper_facts import Deal, find_missing, may_be_said, say_day, sayable, state_facts, suits
from orders.rules.paper_fields import MOST_ITEMS
from orders.rules.paper_pages import print_paper
from orders.rules.paper_template import fill_in
from orders.rules.requests import LoanRequest, TradeInRequest
from orders.services.buyer_papers import read_buyer_papers
from orders.services.changing import load_for
from orders.services.history import Actor
from orders.services.numbering import freeze_paper, take_number
from orders.services.saga import Saga
from orders.services.tax_papers import ISSUED_IN as TAX_ISSUED_IN
from orders.services.tax_papers import issue_tax_paper
from orders.services.templates import find_template

_AGREED = SOLD | {Status.AWAITING_PAYMENT}
ISSUED_IN: dict[str, frozenset[str]] = {
    PaperKind.SALE_NEW: _AGREED,
    PaperKind.SALE_USED: _AGREED,
    PaperKind.SALE_CONSIGNED: _AGREED,
    PaperKind.HANDOVER: frozenset({Status.READY, Status.COMPLETED}),
    PaperKind.TRADE_IN: _AGREED,
    PaperKind.LOAN: _AGREED,
    PaperKind.DEPOSIT: SOLD.union(OPEN),
    PaperKind.ATTORNEY: SOLD - {Status.COMPLETED},
    PaperKind.CONSENT: SOLD.union(OPEN),
    PaperKind.INVOICE: SOLD.union(OPEN),
    PaperKind.SALE_GOODS: _AGREED,
    PaperKind.ACT_GOODS: frozenset({Status.READY, Status.COMPLETED}),
    PaperKind.RETURN_ACT: frozenset({Status.RETURNED}),
    PaperKind.OFFER: frozenset(),
}
"""States of an order in which a kind of paper is issued; an offer is sent before there is one."""
NUMBERED: dict[str, tuple[str, str]] = {
    PaperKind.SALE_NEW: ("NEW", "sale-new"),
    PaperKind.SALE_USED: ("USED", "sale-used"),
    PaperKind.SALE_CONSIGNED: ("COMM", "sale-consigned"),
    PaperKind.HANDOVER: ("HAND", "handover"),
    PaperKind.TRADE_IN: ("TRADE", "trade-in"),
    PaperKind.LOAN: ("LOAN", "loan"),
    PaperKind.DEPOSIT: ("DEP", "deposit"),
    PaperKind.ATTORNEY: ("POA", "attorney"),
    PaperKind.CONSENT: ("PDN", "consent"),
    PaperKind.INVOICE: ("INV", "invoice"),
    PaperKind.SALE_GOODS: ("CON", "contract"),
    PaperKind.ACT_GOODS: ("ACT", "handover-act"),
    PaperKind.RETURN_ACT: ("RET", "return-act"),
    PaperKind.OFFER: ("OFFER", "offer"),
}
"""What numbers of a kind begin with, and the counter that they come from: earlier releases numbered some by another."""


def issue_paper(
    *, order_id: UUID, kind: str, language: str, details: Mapping[str, str], actor: Actor, now: datetime
) -> IssuedDocument:
    """Issue a paper of an order, or return the last one while it still says what is true.

    `details` are said by hand, by staff alone. Raises NotFound, Forbidden, InvalidInput (a detail that nobody may
    say), NoTemplate, DocumentNotAvailable, MoneyMissing (an act of handover before all is paid) and FactsMissing; of a
    tax paper what `issue_tax_paper` does.
    """
    if details and not actor.is_staff:
        raise Forbidden
    if kind in TaxPaperKind.values:
        _refuse_words(language, details)
        return issue_tax_paper(order_id=order_id, kind=kind, actor=actor, now=now)
    for path in set(details) - sayable(kind):
        raise InvalidInput(f"details.{path}", "unknown_field", _("There is no field “%(field)s”.") % {"field": path})
    known = _ask_others(order_id, actor)
    template = find_template(kind=kind, language=language, now=now)
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        deal = _gather(saga, known, language)
        _refuse_untimely(kind, deal)
        return _issue(saga, deal, template, details, actor)


def preview_paper(
    *, order_id: UUID, kind: str, language: str, details: Mapping[str, str], actor: Actor, now: datetime
) -> bytes:
    """Return a paper as it would be issued now, as PDF and without a number; nothing is kept of it.

    For staff. Raises what `issue_paper` does; tax papers have no preview (DocumentNotAvailable).
    """
    if not actor.is_staff:
        raise Forbidden
    if kind in TaxPaperKind.values:
        raise DocumentNotAvailable(current=kind)
    known = _ask_others(order_id, actor)
    template = find_template(kind=kind, language=language, now=now)
    with transaction("orders"):
        deal = _gather(load_for(order_id, actor, now), known, language)
    _refuse_untimely(kind, deal)
    day = dealer_day(now)
    facts = state_facts(deal, kind=kind, language=language, number="", day=day, details=details)
    _refuse_silent(kind, facts, details)
    text = _fill(template, facts, "—", day)
    return print_paper(text, title=template.title, author=deal.seller["name"], language=language)


def list_kinds(status: str) -> list[str]:
    """List the kinds of paper that an order in this state may be issued, tax papers last."""
    return [kind for kind, states in (ISSUED_IN | TAX_ISSUED_IN).items() if status in states]


def issue_first(*, order_id: UUID, kinds: Sequence[str], language: str, actor: Actor, now: datetime) -> IssuedDocument:
    """Issue the first of these kinds whose facts are known, saying again what was said by hand the last time.

    Raises what `issue_paper` does of the last kind.
    """
    known = _ask_others(order_id, actor)
    templates = {kind: find_template(kind=kind, language=language, now=now) for kind in kinds}
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        deal = _gather(saga, known, language)
        for kind in kinds[:-1]:
            with suppress(FactsMissing, DocumentNotAvailable, InvalidInput):
                return _issue_again(saga, deal, templates[kind], actor)
        return _issue_again(saga, deal, templates[kinds[-1]], actor)


def _issue_again(saga: Saga, deal: Deal, template: DocumentTemplate, actor: Actor) -> IssuedDocument:
    _refuse_untimely(template.kind, deal)
    issued = IssuedDocument.objects.filter(order_id=saga.order.id, kind=template.kind).order_by("-issued_at", "-id")
    said = next((each.details for each in issued if each.details), None)
    return _issue(saga, deal, template, json.loads(said) if said else {}, actor)


def _refuse_words(language: str, details: Mapping[str, str]) -> None:
    """Raises InvalidInput: the law's forms are Russian, and nothing in them is said by hand."""
    if language != PaperLanguage.RUSSIAN:
        raise InvalidInput("language", "invalid", _("Tax papers are issued in Russian."))
    if details:
        raise InvalidInput("details", "unknown_field", _("Nothing in a tax paper is said by hand."))


@dataclass(frozen=True)
class _Known:
    """Names that other apps know: the cars by product, and the buyer's name by their account."""

    cars: Mapping[UUID, ProductView]
    name: str


def _ask_others(order_id: UUID, actor: Actor) -> _Known:
    """Ask before any lock is taken. Raises NotFound of an order that the actor may not see."""
    customer_id = (
        Order.objects.filter(pk=order_id, deleted_at__isnull=True).values_list("customer_id", flat=True).first()
    )
    if customer_id is None or not (actor.is_staff or customer_id == actor.id):
        raise NotFound
    ids = OrderLine.objects.filter(order_id=order_id, product_id__isnull=False).values_list("product_id", flat=True)
    person = get_person(customer_id)
    name = (person.full_name or person.email) if person else ""
    return _Known(get_products([product_id for product_id in ids if product_id is not None]), name or str(customer_id))


def _gather(saga: Saga, known: _Known, language: str) -> Deal:
    order, cars = saga.order, known.cars
    legs = {kind: leg for kind, leg in saga.legs.items() if leg.state not in GONE}
    lines = list(OrderLine.objects.filter(order_id=order.id).order_by("position")[:MOST_ITEMS])
    vehicles = {product_id for product_id, product in cars.items() if product.kind == "vehicle"}
    line = next((line for line in lines if line.product_id in vehicles or line.vin), None)
    kept = read_buyer_papers(BuyerPapers.objects.filter(order_id=order.id).first())
    return Deal(
        order=order,
        lines=lines,
        seller=describe_seller(order, language),
        buyer={("name" if name == "full_name" else name): text for name, text in kept.items()}
        | describe_company(find_company(order.customer_id)),
        known_as=known.name,
        car_line=line,
        car=cars.get(line.product_id) if line and line.product_id else None,
        trade_in=TradeInRequest.of(legs.get(LegKind.TRADE_IN)),
        loan=LoanRequest.of(legs.get(LegKind.LOAN)),
        deposit=DepositAgreement.objects.filter(order_id=order.id).exclude(state=DepositState.DROPPED).first(),
        returned=order.returns.filter(state=ReturnState.DONE).first(),
        lent=compute_lent(legs),
    )


def _refuse_untimely(kind: str, deal: Deal) -> None:
    """Raises DocumentNotAvailable and MoneyMissing."""
    order, condition = deal.order, deal.car.condition if deal.car else ""
    needed = {PaperKind.TRADE_IN: deal.trade_in.amount, PaperKind.DEPOSIT: deal.deposit}
    if order.status not in ISSUED_IN[kind] or not needed.get(PaperKind(kind), True) or not suits(kind, condition):
        raise DocumentNotAvailable(current=order.status)
    if kind == PaperKind.LOAN and not (deal.lent or order.loan_amount or deal.loan.amount):
        raise DocumentNotAvailable(current=order.status)
    if kind in (PaperKind.HANDOVER, PaperKind.ACT_GOODS) and order.amount_due:
        raise MoneyMissing(amount_due=str(order.amount_due))


def _issue(
    saga: Saga, deal: Deal, template: DocumentTemplate, details: Mapping[str, str], actor: Actor
) -> IssuedDocument:
    kind, language, day = template.kind, template.language, dealer_day(saga.now)
    nameless = state_facts(deal, kind=kind, language=language, number="", day=day, details=details)
    _refuse_silent(kind, nameless, details)
    last = find_last(saga.order.id, kind, language)
    if last is not None and last.text == _fill(template, nameless, last.number, dealer_day(last.issued_at)):
        return last
    number = take_number(NUMBERED[kind][1], NUMBERED[kind][0], saga.now)
    text = _fill(template, nameless, number, day)
    pdf = print_paper(text, title=f"{template.title} {number}", author=deal.seller["name"], language=language)
    paper = IssuedDocument(
        kind=kind,
        language=language,
        number=number,
        title=template.title,
        template=template,
        details=json.dumps(dict(details), ensure_ascii=False, sort_keys=True),
        text=text,
        facts_digest=sign(f"paper:{template.id}:{json.dumps(nameless | {'document': {}}, sort_keys=True)}"),
    )
    return freeze_paper(saga, paper, pdf, actor)


def _fill(template: DocumentTemplate, facts: dict[str, Any], number: str, day: date) -> str:
    """Return the words of a paper under a number and its day."""
    return fill_in(template.text, facts | {"document": {"number": number, "date": say_day(day, template.language)}})


def _refuse_silent(kind: str, facts: Mapping[str, Any], details: Mapping[str, str]) -> None:
    """Raises FactsMissing, and InvalidInput of a detail that the catalogue or the order says otherwise."""
    missing = find_missing(kind, facts)
    if missing:
        raise FactsMissing(fields=missing)
    for path, text in details.items():
        group, _point, name = path.partition(".")
        if facts[group][name] != text and not may_be_said(kind, path, facts[group][name]):
            raise InvalidInput(f"details.{path}", "known", _("The order or the catalogue says this already."))


def find_last(order_id: UUID, kind: str, language: str) -> IssuedDocument | None:
    """Return the newest issue of a kind of paper in a language."""
    issued = IssuedDocument.objects.filter(order_id=order_id, kind=kind, language=language)
    return issued.order_by("-issued_at", "-id").first()
