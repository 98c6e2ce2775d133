"""List the issued papers of an order as pages show them: who has signed, and who is still to."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Prefetch

from orders.models import DocumentSignature, IssuedDocument, QualifiedSigning
from orders.models.signings import PENDING, SigningState

MOST_PAPERS = 100


@dataclass(frozen=True)
class PaperSide:
    """A side that signs a paper, when it did, and the last request for its qualified signature."""

    side: str
    signed_at: datetime | None
    asked: QualifiedSigning | None

    @property
    def is_asked(self) -> bool:
        """Tell whether a provider is still to answer for this side."""
        return self.asked is not None and self.asked.state in PENDING

    @property
    def refused_for(self) -> str:
        """Return the code for which the last request got no signature, empty where it was not refused."""
        if self.asked is None or self.asked.state != SigningState.REFUSED:
            return ""
        return self.asked.failure_code or "refused"


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

    def is_asked(self, side: str) -> bool:
        """Tell whether a provider is still to answer for a side."""
        return any(each.side == side and each.is_asked for each in self.sides)


def list_issued(order_id: UUID) -> list[IssuedPaper]:
    """List the papers of an order, the newest first; whoever asks has seen to it that they may be seen."""
    signed = Prefetch("signatures", DocumentSignature.objects.only("document_id", "side", "signed_at"))
    asked = Prefetch("signings", QualifiedSigning.objects.order_by("requested_at", "id"))
    found = IssuedDocument.objects.filter(order_id=order_id).defer("text", "content", "details", "facts_digest")
    shown: list[IssuedPaper] = []
    for each in found.prefetch_related(signed, asked).order_by("-issued_at", "-id")[:MOST_PAPERS]:
        at = {signature.side: signature.signed_at for signature in each.signatures.all()}
        last = {signing.side: signing for signing in each.signings.all()}
        is_newest = not any((other.kind, other.language) == (each.kind, each.language) for other in shown)
        sides = [PaperSide(side, at.get(side), last.get(side)) for side in each.sides]
        shown.append(
            IssuedPaper(each.id, each.kind, each.number, each.title, each.language, each.issued_at, is_newest, sides)
        )
    return shown
