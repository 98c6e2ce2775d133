"""Issuing tax papers: what they state is frozen under a number of their seller, without gaps within a year.

One whose facts have changed since is issued again as its own correction of mistakes (исправление): the same number,
and the number of the correction beside it.
"""

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import fetch, transaction
from core.errors import Forbidden
from core.money import ZERO
from core.secrecy.secret_keys import sign
from orders.errors import DocumentNotAvailable, NoVatOnSale, RequisitesMissing, TaxPaperRefused
from orders.models import (
    HistoryKind,
    IssuedDocument,
    OrderHistory,
    OrderLine,
    PaperKind,
    Status,
    TaxPaperCounter,
    TaxPaperKind,
)
from orders.queries.requisites import find_company, find_seller
from orders.rules.tax_forms import TITLES, print_tax_paper
from orders.rules.tax_papers import add_up, list_goods, state_advance, state_correction, state_line
from orders.services.changing import load_for
from orders.services.history import Actor
from orders.services.numbering import freeze_paper
from orders.services.saga import Saga

SHIPPED = frozenset({Status.COMPLETED, Status.RETURNING, Status.RETURNED})
BEFORE = frozenset({Status.PAID, Status.IN_PROGRESS, Status.READY, Status.AWAITING_PAYMENT})
ISSUED_IN: dict[str, frozenset[str]] = {
    TaxPaperKind.TAX_INVOICE: SHIPPED,
    TaxPaperKind.UPD: SHIPPED,
    TaxPaperKind.ADVANCE_INVOICE: BEFORE,
    TaxPaperKind.CORRECTION: frozenset({Status.COMPLETED, Status.RETURNED}),
}
"""States of an order in which a kind of tax paper is issued: the hand-over is the shipment."""
LANGUAGE = "ru"
_ROUBLES = "RUB"
_COMPANY = 10
"""Digits of a company's ИНН; a sole trader's has two more, and no КПП."""
_SELLER = ("name", "address", "inn", "kpp", "director", "accountant")
_BUYER = ("name", "address", "inn", "kpp")
_OF_ISSUE = frozenset({"number", "first_on", "mended", "mended_on"})
_SHIPMENTS = (TaxPaperKind.TAX_INVOICE, TaxPaperKind.UPD)
_COUNT = f"""INSERT INTO {TaxPaperCounter._meta.db_table} AS c (legal_entity_id, year, last_number) VALUES (%s, %s, 1)
             ON CONFLICT (legal_entity_id, year) DO UPDATE SET last_number = c.last_number + 1 RETURNING last_number"""


def issue_tax_paper(*, order_id: UUID, kind: str, actor: Actor, now: datetime) -> IssuedDocument:
    """Issue a tax paper of a sale to a company, or return the last one while it still says what is true.

    Raises NotFound, Forbidden (clients), DocumentNotAvailable, RequisitesMissing, NoVatOnSale and TaxPaperRefused.
    """
    if not actor.is_staff:
        raise Forbidden
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        if saga.order.status not in ISSUED_IN[kind]:
            raise DocumentNotAvailable(current=saga.order.status)
        seller_id, facts = _collect(saga, kind)
        last = _find_last(saga, kind)
        if last is not None and _same(_told(last), facts):
            return last
        return _issue(saga, facts | _number(facts, seller_id, _mended(last, facts), now), actor)


def _mended(last: IssuedDocument | None, facts: dict[str, Any]) -> dict[str, Any]:
    """Return what the paper states that this one mends: none for more money, or for another reason of a correction."""
    told = _told(last) if last is not None else {}
    is_new = facts["kind"] == TaxPaperKind.ADVANCE_INVOICE or told.get("reason") != facts.get("reason")
    return {} if is_new else told


def _collect(saga: Saga, kind: str) -> tuple[UUID, dict[str, Any]]:
    """Return who sells and all that a paper states but its number. Raises what `issue_tax_paper` does."""
    order = saga.order
    if order.currency != _ROUBLES:
        raise TaxPaperRefused(_("Tax papers are made out in roubles."))
    seller_id, parties = _name_parties(saga)
    lines = list_goods(saga.lines)
    is_taxed = any(line.vat_rate is not None for line in lines)
    if not is_taxed and kind != TaxPaperKind.UPD:
        raise NoVatOnSale
    facts = {
        "kind": kind,
        "order": order.number,
        "status": 1 if is_taxed else 2,
        "basis": _find_basis(saga),
        "shipped_on": "" if kind == TaxPaperKind.ADVANCE_INVOICE else _find_shipment(order.id),
        "advances": [],
        "corrects": {},
        **parties,
    }
    return seller_id, facts | _STATEMENTS[kind](saga, lines)


def _name_parties(saga: Saga) -> tuple[UUID, dict[str, Any]]:
    """Raises RequisitesMissing."""
    found, company = find_seller(saga.order), find_company(saga.order.customer_id)
    seller = {name: found.facts.get(name, "") if found else "" for name in _SELLER}
    buyer = {name: getattr(company, name) if company else "" for name in _BUYER}
    missing = [f"seller.{name}" for name in _lacks(seller, ("name", "address", "inn", "director"))]
    missing += [f"buyer.{name}" for name in _lacks(buyer, ("name", "address", "inn"))]
    if missing or found is None or saga.order.vat_total is None:
        raise RequisitesMissing(fields=missing or ["order.vat_total"])
    return found.entity_id, {"seller": seller | {"code": found.facts.get("code", "")}, "buyer": buyer}


def _lacks(party: dict[str, str], wanted: tuple[str, ...]) -> list[str]:
    needed = (*wanted, "kpp") if len(party["inn"]) == _COMPANY else wanted
    return [name for name in needed if not party[name]]


def _find_basis(saga: Saga) -> str:
    """Name the contract that the goods are handed over by: the newest one issued, else the order."""
    contracts = (PaperKind.SALE_NEW, PaperKind.SALE_USED, PaperKind.SALE_CONSIGNED, PaperKind.SALE_GOODS)
    issued = IssuedDocument.objects.filter(order_id=saga.order.id, kind__in=contracts).order_by("-issued_at", "-id")
    found = issued.values_list("number", "issued_at").first()
    name, number, at = ("договор", *found) if found else ("заказ", saga.order.number, saga.order.created_at)
    return f"{name} № {number} от {dealer_day(at):%d.%m.%Y}"


def _find_shipment(order_id: UUID) -> str:
    handed = OrderHistory.objects.filter(order_id=order_id, kind=HistoryKind.STATUS, status=Status.COMPLETED)
    return dealer_day(handed.earliest("id").at).isoformat()


def _state_shipment(saga: Saga, lines: list[OrderLine]) -> dict[str, Any]:
    rows = [state_line(line) for line in lines]
    advances = [_told(each) for each in _issued(saga, TaxPaperKind.ADVANCE_INVOICE)]
    named = [{name: each[name] for name in ("number", "first_on")} for each in advances if each]
    return {"lines": rows, "totals": add_up(rows), "advances": named}


def _state_invoice(saga: Saga, lines: list[OrderLine]) -> dict[str, Any]:
    _refuse_second_number(saga, TaxPaperKind.UPD)
    return _state_shipment(saga, lines)


def _state_upd(saga: Saga, lines: list[OrderLine]) -> dict[str, Any]:
    _refuse_second_number(saga, TaxPaperKind.TAX_INVOICE)
    return _state_shipment(saga, lines)


def _refuse_second_number(saga: Saga, other: str) -> None:
    if _issued(saga, other):
        raise TaxPaperRefused(_("The other tax paper was issued for this order: one sale has one number."))


def _state_advance(saga: Saga, lines: list[OrderLine]) -> dict[str, Any]:
    """State what came in since the last advance invoice. Raises TaxPaperRefused.

    Of goods taxed by the difference all of it bears the tax too: item 5.1 is about their sale, and what was taxed
    before comes off at the handover (letter of the Ministry of Finance 03-07-09/04 of 1 February 2010).
    """
    told = [facts for each in _issued(saga, TaxPaperKind.ADVANCE_INVOICE) if (facts := _told(each))]
    invoiced = sum((Decimal(each["received"]) for each in told), ZERO)
    received = saga.order.amount_paid - invoiced
    if told and received == 0:
        return {name: told[0][name] for name in ("lines", "totals", "received")}
    rows = state_advance(list(saga.lines), max(ZERO, received), saga.order.number) if saga.order.total_amount else []
    if not rows:
        raise TaxPaperRefused(_("Nothing was received that an advance invoice could be made out for."))
    totals = add_up([row | {"base": "0"} for row in rows])
    return {"lines": rows, "totals": totals, "received": str(received)}


def _state_correction(saga: Saga, lines: list[OrderLine]) -> dict[str, Any]:
    """Raises TaxPaperRefused."""
    corrected = next((told for kind in _SHIPMENTS for found in _issued(saga, kind) if (told := _told(found))), None)
    is_returned = saga.order.status == Status.RETURNED
    granted = saga.order.allowance_amount
    if corrected is None or not (is_returned or granted):
        raise TaxPaperRefused(_("There is nothing to correct: no tax paper was issued, or nothing went back."))
    if granted > sum((line.line_total for line in lines), ZERO):
        raise TaxPaperRefused(_("More went back than the goods cost."))
    reason = "return" if is_returned else "allowance"
    known = any(_told(each).get("reason") == "allowance" for each in _issued(saga, TaxPaperKind.CORRECTION))
    rows = state_correction(lines, granted if known or not is_returned else ZERO, is_returned=is_returned)
    totals = {name: add_up(row[name] for row in rows) for name in ("increase", "decrease")}
    of = {name: corrected[name] for name in ("number", "first_on")}
    return {"lines": rows, "totals": totals, "corrects": of, "reason": reason}


_STATEMENTS: dict[str, Callable[[Saga, list[OrderLine]], dict[str, Any]]] = {
    TaxPaperKind.TAX_INVOICE: _state_invoice,
    TaxPaperKind.UPD: _state_upd,
    TaxPaperKind.ADVANCE_INVOICE: _state_advance,
    TaxPaperKind.CORRECTION: _state_correction,
}


def _issued(saga: Saga, kind: str) -> list[IssuedDocument]:
    """List the papers of a kind, newest first."""
    return list(IssuedDocument.objects.filter(order_id=saga.order.id, kind=kind).order_by("-issued_at", "-id"))


def _find_last(saga: Saga, kind: str) -> IssuedDocument | None:
    return next(iter(_issued(saga, kind)), None)


def _told(document: IssuedDocument) -> dict[str, Any]:
    """Return what a paper states; nothing once it was erased."""
    facts: dict[str, Any] = json.loads(document.text) if document.text else {}
    return facts


def _same(told: dict[str, Any], facts: dict[str, Any]) -> bool:
    return {name: value for name, value in told.items() if name not in _OF_ISSUE} == facts


def _number(facts: dict[str, Any], seller_id: UUID, mended: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the seller's next number, or that of the paper that is mended with the number of the correction.

    The counter's row stays locked until the paper commits: numbers have no gaps.
    """
    day = dealer_day(now)
    if mended:
        kept = {name: mended[name] for name in ("number", "first_on")}
        return kept | {"mended": str(int(mended["mended"] or 0) + 1), "mended_on": day.isoformat()}
    ((number,),) = fetch("orders", _COUNT, [seller_id, day.year])
    named = f"{facts['seller']['code']}-{day.year}-{number:06d}"
    return {"number": named, "first_on": day.isoformat(), "mended": "", "mended_on": ""}


def _issue(saga: Saga, facts: dict[str, Any], actor: Actor) -> IssuedDocument:
    text, pdf = json.dumps(facts, ensure_ascii=False, sort_keys=True, indent=1), print_tax_paper(facts)
    kind = facts["kind"]
    paper = IssuedDocument(
        kind=kind,
        language=LANGUAGE,
        number=facts["number"] + (f"-И{facts['mended']}" if facts["mended"] else ""),
        title=TITLES[TaxPaperKind(kind)],
        text=text,
        facts_digest=sign(f"tax-paper:{text}"),
    )
    return freeze_paper(saga, paper, pdf, actor)
