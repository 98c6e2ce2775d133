"""Documents of a sale by their short names: each answers with the desk's paper, issued now where it has to be.

Papers that earlier releases printed by themselves stay as they are, and come first when versions are counted.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.errors import NotFound
from orders.errors import DocumentNotAvailable, MoneyMissing, NoTemplate
from orders.models import Document, DocumentFile, DocumentKind, IssuedDocument, Order, PaperKind
from orders.queries.papers import read_paper
from orders.services.history import Actor
from orders.services.issuing import issue_first

PAPERS: dict[str, tuple[PaperKind, ...]] = {
    DocumentKind.INVOICE: (PaperKind.INVOICE,),
    DocumentKind.CONTRACT: (PaperKind.SALE_NEW, PaperKind.SALE_USED, PaperKind.SALE_CONSIGNED, PaperKind.SALE_GOODS),
    DocumentKind.HANDOVER_ACT: (PaperKind.HANDOVER, PaperKind.ACT_GOODS),
    DocumentKind.RETURN_ACT: (PaperKind.RETURN_ACT,),
}
"""Papers of the desk under a short name: those of cars first, then the one of any goods."""


@dataclass(frozen=True)
class Printed:
    """A document as it was issued; `version` counts its issues in a language."""

    number: str
    version: int
    sha256: str
    content: bytes
    customer_id: UUID


def issue_document(
    *, order_id: UUID, kind: str, language: str, actor: Actor, now: datetime, version: int | None = None
) -> Printed:
    """Return the document as it must read now, or its earlier `version`, as PDF.

    A contract or act of a car is the desk's own once its manager has issued it, and that of any goods until then.
    Raises NotFound, NoTemplate, and what stands against issuing it where none was issued yet: DocumentNotAvailable,
    MoneyMissing.
    """
    customer_id = _get_customer(order_id, actor)
    if version is not None:
        return _read_version(order_id, kind, language, version, customer_id)
    try:
        made = issue_first(
            order_id=order_id, kinds=_list_kinds(order_id, kind), language=language, actor=actor, now=now
        )
    except (DocumentNotAvailable, MoneyMissing, NoTemplate):
        found = _list_versions(order_id, kind, language)
        if not found:
            raise
        return _read_version(order_id, kind, language, len(found), customer_id)
    place = [each.pk for each in _list_versions(order_id, kind, language)].index(made.pk)
    return _show(made, place + 1, customer_id, language)


def _get_customer(order_id: UUID, actor: Actor) -> UUID:
    found = Order.objects.filter(pk=order_id).values_list("customer_id", flat=True).first()
    if found is None or (found != actor.id and not actor.is_staff):
        raise NotFound
    return found


def _list_kinds(order_id: UUID, kind: str) -> list[str]:
    """List the desk's kinds that a document may be: of cars' own ones those that a manager has issued."""
    *of_cars, of_goods = PAPERS[kind]
    issued = IssuedDocument.objects.filter(order_id=order_id, kind__in=of_cars).order_by("-issued_at", "-id")
    return [*dict.fromkeys(issued.values_list("kind", flat=True)), of_goods]


def _list_versions(order_id: UUID, kind: str, language: str) -> Sequence[Document | IssuedDocument]:
    old = Document.objects.filter(order_id=order_id, kind=kind).order_by("version")
    new = IssuedDocument.objects.filter(order_id=order_id, kind__in=PAPERS[kind], language=language)
    return [*old, *new.defer("text", "content").order_by("issued_at", "id")]


def _read_version(order_id: UUID, kind: str, language: str, version: int, customer_id: UUID) -> Printed:
    found = _list_versions(order_id, kind, language)
    if version > len(found):
        raise NotFound
    return _show(found[version - 1], version, customer_id, language)


def _show(found: Document | IssuedDocument, version: int, customer_id: UUID, language: str) -> Printed:
    if isinstance(found, IssuedDocument):
        content = read_paper(found, is_signed_copy=False)
        return Printed(found.number, version, found.sha256, content, customer_id)
    files = DocumentFile.objects.filter(document=found)
    file = files.filter(language=language).first() or files.order_by("made_at").first()
    if file is None:
        raise NotFound
    return Printed(found.number, version, file.sha256, bytes(file.content), customer_id)


def compute_hash(facts: dict[str, Any]) -> str:
    """Return what tells one printed document's facts from another's."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
