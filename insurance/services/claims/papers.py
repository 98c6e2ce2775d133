"""Papers and photographs of a claim, and which are still missing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import InvalidInput
from core.files.papers import examine
from insurance.events import ClaimDocumentsMissing
from insurance.models import Claim, ClaimDocument, DocumentKind
from insurance.services.claims.reporting import compute_due_date, lock_claim
from messaging.outbox import publish

MAX_PAPERS = 40


def add_document(
    *,
    claim_id: UUID,
    kind: str,
    name: str,
    content: bytes,
    actor_id: UUID,
    now: datetime,
    customer_id: UUID | None = None,
) -> ClaimDocument:
    """Add a file to an undecided claim; the same file twice is one paper. `customer_id` None is a manager.

    When nothing is missing any more, the days to settle the claim begin to run. Raises ClaimNotFound, PaperTooLarge,
    PaperNotAccepted, InvalidInput.
    """
    if kind not in DocumentKind.values:
        raise InvalidInput("kind", "invalid_choice", _("There is no such kind of paper."))
    paper = examine(name=name, content=content, max_bytes=settings.CLAIM_FILE_MAX_BYTES)
    with paper.stored(f"claims/{claim_id}") as kept, transaction("insurance"):
        claim = lock_claim(claim_id, customer_id)
        known = claim.documents.filter(sha256=paper.sha256).first()
        if known is not None:
            return known
        if claim.documents.count() >= MAX_PAPERS:
            raise InvalidInput("file", "too_many", _("At most %(most)d files a claim.") % {"most": MAX_PAPERS})
        document = ClaimDocument(
            claim=claim,
            kind=kind,
            name=paper.name,
            content_type=paper.content_type,
            size=paper.size,
            sha256=paper.sha256,
            path=kept.take(),
            uploaded_by=actor_id,
            created_at=now,
        )
        document.save(force_insert=True)
        _record_papers(claim, now)
    return document


def _record_papers(claim: Claim, now: datetime) -> None:
    missing = claim.list_missing_papers(set(claim.documents.values_list("kind", flat=True)))
    claim.missing = missing
    if not missing and claim.papers_complete_at is None:
        claim.papers_complete_at, claim.due_date = now, compute_due_date(claim, now)
    claim.touch(now)
    claim.save()


def request_documents(*, claim_id: UUID, now: datetime, documents: Sequence[str] = ()) -> Claim:
    """Ask the insured for papers: those named, or all that the kind of loss needs and are missing.

    Raises ClaimNotFound, WrongTransition, InvalidInput.
    """
    unknown = set(documents) - set(DocumentKind.values)
    if unknown:
        raise InvalidInput("documents", "invalid_choice", _("There is no such kind of paper."))
    with transaction("insurance"):
        claim = lock_claim(claim_id)
        given = set(claim.documents.values_list("kind", flat=True))
        wanted = [[name] for name in documents] or claim.list_missing_papers(given)
        if not wanted:
            raise InvalidInput("documents", "required", _("Nothing is missing: name the papers wanted."))
        claim.ask_for(wanted, now)
        claim.save()
        publish(
            ClaimDocumentsMissing(
                claim_id=claim.id, policy_id=claim.policy_id, customer_id=claim.customer_id, documents=wanted
            )
        )
    return claim
