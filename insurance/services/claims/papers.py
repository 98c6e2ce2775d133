"""Papers and photographs of a claim: what they are by their bytes, where they lie, and which are still missing."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePath
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import InvalidInput, NotFound
from core.ids import uuid7
from insurance.errors import PaperNotAccepted, PaperTooLarge
from insurance.events import ClaimDocumentsRequested
from insurance.models import Claim, ClaimDocument, DocumentKind
from insurance.services.claims.reporting import due_date_of, lock_claim
from messaging.outbox import publish

MAX_PAPERS = 40
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"%PDF-", "application/pdf", "pdf"),
)


def kind_of_file(content: bytes) -> tuple[str, str]:
    """Content type and extension by the first bytes: a file's name proves nothing. Raises PaperNotAccepted."""
    for signature, content_type, extension in _SIGNATURES:
        if content.startswith(signature):
            return content_type, extension
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp", "webp"
    raise PaperNotAccepted


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
    if not content:
        raise InvalidInput("file", "empty", _("The file is empty."))
    if len(content) > settings.CLAIM_FILE_MAX_BYTES:
        raise PaperTooLarge(max_bytes=settings.CLAIM_FILE_MAX_BYTES)
    content_type, extension = kind_of_file(content)
    digest = hashlib.sha256(content).hexdigest()
    with transaction("insurance"):
        claim = lock_claim(claim_id, customer_id)
        known = claim.documents.filter(sha256=digest).first()
        if known is not None:
            return known
        if claim.documents.count() >= MAX_PAPERS:
            raise InvalidInput("file", "too_many", _("At most %(most)d files a claim.") % {"most": MAX_PAPERS})
        document = ClaimDocument(
            claim=claim,
            kind=kind,
            name=PurePath(name.replace("\\", "/")).name[-150:] or f"paper.{extension}",
            content_type=content_type,
            size=len(content),
            sha256=digest,
            path=f"claims/{claim.id}/{uuid7()}.{extension}",
            uploaded_by=actor_id,
            created_at=now,
        )
        document.save(force_insert=True)
        _note_complete(claim, now)
        storages["private"].save(document.path, ContentFile(content))
    return document


def _note_complete(claim: Claim, now: datetime) -> None:
    missing = claim.missing_of(set(claim.documents.values_list("kind", flat=True)))
    claim.missing = missing
    if not missing and claim.papers_complete_at is None:
        claim.papers_complete_at, claim.due_date = now, due_date_of(claim, now)
    claim.touch(now)
    claim.save()


def read_document(document: ClaimDocument) -> bytes:
    """The bytes of a paper. Raises NotFound when the file is gone."""
    storage = storages["private"]
    if not storage.exists(document.path):
        raise NotFound
    with storage.open(document.path, "rb") as stored:
        return bytes(stored.read())


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
        wanted = [[name] for name in documents] or claim.missing_of(given)
        if not wanted:
            raise InvalidInput("documents", "required", _("Nothing is missing: name the papers wanted."))
        claim.ask_for(wanted, now)
        claim.save()
        publish(
            ClaimDocumentsRequested(
                claim_id=claim.id, policy_id=claim.policy_id, customer_id=claim.customer_id, documents=wanted
            )
        )
    return claim


def is_complete(claim: Claim) -> bool:
    """Whether every required paper is there."""
    return not claim.missing_of(set(claim.documents.values_list("kind", flat=True)))
