"""Data of a deal for an electronic vehicle passport and for registration, as JSON, CSV and XML.

What the owner is entered by in the system of electronic passports, and what a registration is applied for with:
Federal Law 283-FZ of 3 August 2018; Government Decree 1764 of 21 December 2019. docs/contract-desk.md.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID
from xml.etree.ElementTree import Element, SubElement, tostring

from django.conf import settings

from catalog.public import get_products
from core.clock import dealer_day
from core.errors import NotFound
from core.files.tables import csv_lines
from orders.errors import FactsMissing
from orders.models import BuyerPapers, CompanyCopy, IssuedDocument, Order, OrderLine, PaperKind
from orders.queries.requisites import find_company, find_seller
from orders.rules.paper_fields import SALES

_PERSON = ("full_name", "birth_date", "birth_place", "passport", "issued_by", "issued_on", "department_code", "address")
_COMPANY = ("name", "inn", "kpp", "ogrn", "address")
_CAR = ("make", "model", "year", "color", "body", "fuel", "power_hp", "engine_volume", "mileage", "condition")
_BY_HAND = {"passport": "passport_number", "passport_day": "passport_day", "engine_number": "engine_number"}
_BY_HAND |= {"plate": "plate", "year": "year", "color": "color", "mileage": "mileage"}
"""What papers were told of the car by hand, and under which name it stands here."""
Data = dict[str, Any]


def read_registration(order_id: UUID) -> tuple[UUID, Data]:
    """Return whose order it is, and the data of its car, parties, contract, price and act; no act before the handover.

    Raises NotFound, and FactsMissing while the order has no car, contract or buyer's data.
    """
    order = Order.objects.filter(pk=order_id, deleted_at__isnull=True).first()
    if order is None:
        raise NotFound
    line = OrderLine.objects.filter(order_id=order_id).exclude(vin="").order_by("position").first()
    contract, act = _find_paper(order_id, SALES), _find_paper(order_id, (PaperKind.HANDOVER,))
    buyer = _describe_buyer(order)
    lacking = {"car.vin": line, "contract": contract, "buyer": buyer}
    missing = [name for name, found in lacking.items() if not found]
    if missing or line is None:
        raise FactsMissing(fields=missing)
    return order.customer_id, {
        "order": order.number,
        "vehicle": _describe_car(line, contract, act),
        "seller": _describe_seller(order),
        "buyer": buyer,
        "contract": _describe_paper(contract),
        "act": _describe_paper(act),
        "price": str(line.line_total),
        "vat": None if line.vat_amount is None else str(line.vat_amount),
        "currency": order.currency,
    }


def _find_paper(order_id: UUID, kinds: tuple[PaperKind, ...]) -> IssuedDocument | None:
    issued = IssuedDocument.objects.filter(order_id=order_id, kind__in=kinds).defer("text", "content")
    return issued.order_by("-issued_at", "-id").first()


def _describe_paper(paper: IssuedDocument | None) -> Data | None:
    if paper is None:
        return None
    signed: datetime | None = paper.signatures.order_by("-signed_at").values_list("signed_at", flat=True).first()
    return {
        "number": paper.number,
        "date": dealer_day(paper.issued_at).isoformat(),
        "kind": paper.kind,
        "sha256": paper.sha256,
        "last_signed_at": signed.isoformat() if signed else None,
    }


def _describe_car(line: OrderLine, *papers: IssuedDocument | None) -> Data:
    told: Data = {"vin": line.vin, "name": line.name}
    product = get_products([line.product_id]).get(line.product_id) if line.product_id else None
    told |= {name: _plain(getattr(product, name, None)) for name in _CAR}
    for paper in papers:
        said = json.loads(paper.details) if paper is not None and paper.details else {}
        told |= {ours: said[f"car.{theirs}"] for theirs, ours in _BY_HAND.items() if said.get(f"car.{theirs}")}
    return told


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else str(value)


def _describe_seller(order: Order) -> Data:
    found = find_seller(order)
    facts = found.facts if found is not None else settings.DEALER
    return {name: facts.get(name, "") for name in _COMPANY}


def _describe_buyer(order: Order) -> Data:
    """Return a company by its card, a person by their passport; nothing while neither is known."""
    company: CompanyCopy | None = find_company(order.customer_id)
    if company is not None and company.inn:
        return {"type": "company"} | {name: getattr(company, name) for name in _COMPANY}
    kept = BuyerPapers.objects.filter(order_id=order.id).first()
    data = json.loads(kept.data) if kept is not None and kept.data else {}
    return {"type": "person"} | {name: data.get(name, "") for name in _PERSON} if data else {}


def write_csv(data: Data) -> Iterator[str]:
    """Write the data as lines of CSV: the path of a field, and its value."""
    return csv_lines([("field", "value"), *_flatten(data)])


def _flatten(data: Data, before: str = "") -> Iterator[tuple[str, str]]:
    for name, value in data.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", "" if value is None else str(value)


def write_xml(data: Data) -> bytes:
    """Write the data as XML: an element for each field, empty where nothing is known."""
    root = Element("registration-data")
    _add(root, data)
    written: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _add(parent: Element, data: Data) -> None:
    for name, value in data.items():
        child = SubElement(parent, name)
        if isinstance(value, dict):
            _add(child, value)
        elif value is not None:
            child.text = str(value)
