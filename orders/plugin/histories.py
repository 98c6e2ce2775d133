"""Declare the histories of orders that the audit search reads, and which deals a number or a VIN stands for."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import Q

from core.postgres.trails import Audit, Trail
from orders.models import (
    Commission,
    CommissionRule,
    Document,
    DocumentFile,
    DocumentSignature,
    IssuedDocument,
    OfferHistory,
    OfferPaper,
    Order,
    OrderDiscount,
    OrderHistory,
    OrderLine,
    OrderMessage,
    SalesOffer,
)

MOST = 50
_PAPER = {"order_id": "order"}


def _find_deals(text: str) -> Iterator[UUID]:
    spelt = text.upper()
    yield from Order.objects.filter(number=spelt).values_list("pk", flat=True)
    yield from SalesOffer.objects.filter(number=spelt).order_by("-revision").values_list("pk", flat=True)[:MOST]
    for papers in (IssuedDocument, Document):
        yield from papers.objects.filter(number=spelt).values_list("order_id", flat=True)
    lines = OrderLine.objects.filter(~Q(vin=""), vin=spelt).order_by("-pk")
    yield from lines.values_list("order_id", flat=True)[:MOST]


AUDIT = Audit(
    trails=(
        Trail(
            model=OrderHistory,
            at="at",
            by=("actor_id",),
            things={"order_id": "order"},
            what="event",
            tells=("actor_role", "previous", "status", "reason", "before", "after", "data"),
        ),
        Trail(
            model=OrderDiscount,
            at="at",
            by=("actor_id",),
            things={"order_id": "order"},
            what="source",
            tells=("list_price", "amount", "quantity", "reason"),
        ),
        Trail(
            model=OrderMessage,
            at="sent_at",
            by=("author_id",),
            things={"order_id": "order"},
            what="side",
            tells=("number",),
        ),
        Trail(
            model=OfferHistory,
            at="at",
            by=("actor_id",),
            things={"offer_id": "offer"},
            what="event",
            tells=("reason",),
        ),
        Trail(model=Document, at="issued_at", by=("issued_by",), things=_PAPER, what="kind", tells=("number",)),
        Trail(
            model=IssuedDocument,
            at="issued_at",
            by=("issued_by",),
            things=_PAPER,
            what="kind",
            tells=("number", "language", "sha256"),
        ),
        Trail(
            model=DocumentSignature,
            at="signed_at",
            by=("signer_id",),
            things={"document_id": "paper", "document__order_id": "order"},
            what="method",
            tells=("side", "sha256"),
        ),
        Trail(
            model=Commission,
            at="at",
            by=("actor_id", "agreed_by"),
            things={"order_id": "order", "manager_id": "person"},
            what="kind",
            tells=("amount", "currency", "day", "reason"),
        ),
        Trail(
            model=CommissionRule,
            at="at",
            by=("made_by", "agreed_by"),
            what="goods",
            tells=("basis", "value", "valid_from", "reason"),
        ),
    ),
    parts={DocumentFile: Document, OfferPaper: OfferHistory},
    find_things=_find_deals,
)
