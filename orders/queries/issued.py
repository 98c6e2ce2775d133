"""List the issued papers of an order as pages show them: who has signed, and who is still to."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Prefetch

from orders.models import DocumentSignature, IssuedDocument

MOST_PAPERS = 100


@dataclass(frozen=True)
class PaperSide:
    """A side that signs a paper, and when it did."""

    side: str
    signed_at: datetime | None


@dataclass(frozen=True)
class IssuedPaper:
    """A paper that was issued; only the newest of its kind and language is signed."""

    id: UUID
    kind: str
    number: str
    title: str
    language: str
    issued_at: datetime
    is_newest: bool
    sides: list[PaperSide]

    def awaits(self, side: str) -> bool:
        """Tell whether a side has still to sign it."""
        return self.is_newest and any(each.side == side and each.signed_at is None for each in self.sides)


def list_issued(order_id: UUID) -> list[IssuedPaper]:
    """List the papers of an order, the newest first; whoever asks has seen to it that they may be seen."""
    signed = Prefetch("signatures", DocumentSignature.objects.only("document_id", "side", "signed_at"))
    found = IssuedDocument.objects.filter(order_id=order_id).defer("text", "content", "details", "facts_digest")
    shown: list[IssuedPaper] = []
    for each in found.prefetch_related(signed).order_by("-issued_at", "-id")[:MOST_PAPERS]:
        at = {signature.side: signature.signed_at for signature in each.signatures.all()}
        is_newest = not any((other.kind, other.language) == (each.kind, each.language) for other in shown)
        sides = [PaperSide(side, at.get(side)) for side in each.sides]
        shown.append(
            IssuedPaper(each.id, each.kind, each.number, each.title, each.language, each.issued_at, is_newest, sides)
        )
    return shown
