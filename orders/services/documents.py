"""Issuing the documents of a sale: the facts are frozen under a number, then printed in the language asked for.

A document is issued again, as the next version under a new number, only when what it states has changed.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connections

from accounts.public import get_person
from core.clock import dealer_day
from core.db import transaction
from core.errors import NotFound
from orders.errors import DocumentNotAvailable
from orders.models import DOCUMENTS, Document, DocumentFile, DocumentKind, Order, ReturnState
from orders.rules.printing import print_document
from orders.services.changing import load_for
from orders.services.goods import plain
from orders.services.history import Actor, record_edit
from orders.services.saga import Saga

PREFIX = {
    DocumentKind.INVOICE: "INV",
    DocumentKind.CONTRACT: "CON",
    DocumentKind.HANDOVER_ACT: "ACT",
    DocumentKind.RETURN_ACT: "RET",
}


@dataclass(frozen=True)
class Printed:
    """A printed document."""

    number: str
    version: int
    sha256: str
    content: bytes
    customer_id: UUID


def issue_document(
    *, order_id: UUID, kind: str, language: str, actor: Actor, now: datetime, version: int | None = None
) -> Printed:
    """The document as it must read now, or its earlier `version`, as PDF.

    Raises NotFound, and DocumentNotAvailable when the order's state has no such document.
    """
    customer_id = _get_customer(order_id, actor)
    buyer = get_person(customer_id)
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        document = _find(saga.order, kind, version) or _issue(saga, kind, buyer, actor)
        file = DocumentFile.objects.filter(document=document, language=language).first()
    file = file or _print(document, language, now)
    return Printed(document.number, document.version, file.sha256, bytes(file.content), customer_id)


def _get_customer(order_id: UUID, actor: Actor) -> UUID:
    found = Order.objects.filter(pk=order_id).values_list("customer_id", flat=True).first()
    if found is None or (found != actor.id and not actor.is_staff):
        raise NotFound
    return found


def _find(order: Order, kind: str, version: int | None) -> Document | None:
    """The version asked for, or the last one of an order whose state issues no more."""
    issued = Document.objects.filter(order_id=order.id, kind=kind).order_by("-version")
    if version is not None:
        found = issued.filter(version=version).first()
        if found is None:
            raise NotFound
        return found
    if order.status in DOCUMENTS[kind]:
        return None
    last = issued.first()
    if last is None:
        raise DocumentNotAvailable(current=order.status)
    return last


def _issue(saga: Saga, kind: str, buyer: Any, actor: Actor) -> Document:
    """The last version if it still tells the truth, else a new one."""
    order, facts = saga.order, _facts(saga, buyer)
    if kind == DocumentKind.RETURN_ACT:
        facts |= _returned(order)
    told = compute_hash(facts)
    last = Document.objects.filter(order_id=order.id, kind=kind).order_by("-version").first()
    if last is not None and last.facts_hash == told:
        return last
    document = Document.objects.create(
        order_id=order.id,
        kind=kind,
        number=take_number(kind, PREFIX[DocumentKind(kind)], saga.now),
        version=last.version + 1 if last else 1,
        order_version=order.version,
        facts=facts,
        facts_hash=told,
        issued_by=actor.id,
        issued_at=saga.now,
    )
    record_edit(saga, "document.issued", actor=actor, now=saga.now, data={"kind": kind, "number": document.number})
    saga.write_timeline()
    return document


def compute_hash(facts: dict[str, Any]) -> str:
    """Return what tells one document's facts from another's."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _facts(saga: Saga, buyer: Any) -> dict[str, Any]:
    """Return what a document states. Nothing here may depend on the moment: the same facts are the same document."""
    order = saga.order
    return {
        "order": order.number,
        "ordered_at": dealer_day(order.created_at).isoformat(),
        "currency": order.currency,
        "lines": [plain(line) for line in saga.lines],
        "total": str(order.total_amount),
        "trade_in": str(order.trade_in_credit),
        "seller": dict(settings.DEALER),
        "buyer": {"name": (buyer.full_name or buyer.email) if buyer else "", "id": str(order.customer_id)},
    }


def _returned(order: Order) -> dict[str, Any]:
    """Return what an act of return states besides: why, and in what state the goods came back."""
    found = order.returns.get(state=ReturnState.DONE)
    stated = {"reason": found.reason, "mileage": found.mileage, "condition": found.condition or None}
    return {"return": stated | {"inspection": found.inspection}}


def take_number(kind: str, prefix: str, now: datetime) -> str:
    """Take the kind's next number of the year: no gaps, since its row is locked until the document commits."""
    year = dealer_day(now).year
    with connections["orders"].cursor() as cursor:
        cursor.execute(
            """INSERT INTO orders_documentcounter AS c (kind, year, last_number) VALUES (%s, %s, 1)
               ON CONFLICT (kind, year) DO UPDATE SET last_number = c.last_number + 1 RETURNING last_number""",
            [kind, year],
        )
        (number,) = cursor.fetchone()
    return f"{prefix}-{year}-{number:06d}"


def _print(document: Document, language: str, now: datetime) -> DocumentFile:
    """Print outside any lock; whoever stores the language first has made the document's only file in it."""
    content = print_document(document, language)
    with transaction("orders"):
        DocumentFile.objects.bulk_create(
            [
                DocumentFile(
                    document=document,
                    language=language,
                    content=content,
                    sha256=hashlib.sha256(content).hexdigest(),
                    made_at=now,
                )
            ],
            ignore_conflicts=True,
        )
        return DocumentFile.objects.get(document=document, language=language)
