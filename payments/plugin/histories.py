"""Declare the histories of payments that the audit search reads."""

from core.postgres.trails import Audit, Trail
from payments.models import (
    FiscalSpan,
    LedgerEntry,
    LedgerLine,
    LegalEntityRevision,
    ReceiptLine,
    ReceiptStep,
)

AUDIT = Audit(
    trails=(
        Trail(
            model=LedgerEntry,
            at="created_at",
            things={
                "order_id": "order",
                "customer_id": "person",
                "payment_id": "payment",
                "refund_id": "refund",
                "payout_id": "payout",
            },
            what="kind",
            tells=("currency",),
        ),
        Trail(
            model=ReceiptStep,
            at="at",
            by=("actor_id",),
            things={"receipt_id": "receipt", "receipt__order_id": "order"},
            what="state",
            tells=("attempt", "code"),
        ),
        Trail(
            model=LegalEntityRevision,
            at="at",
            by=("made_by", "agreed_by"),
            things={"entity_id": "legal_entity"},
            tells=("is_retired", "facts"),
        ),
        Trail(model=FiscalSpan, at="began_at", tells=("ended_at",)),
    ),
    parts={LedgerLine: LedgerEntry, ReceiptLine: ReceiptStep},
)
