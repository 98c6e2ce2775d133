"""Papers of an application: taken in, looked at by a manager, and held against what the programme wants."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from core.db import transaction
from core.errors import InvalidInput, WrongTransition
from core.files.papers import examine
from financing.errors import DocumentNotFound
from financing.models import ApplicationDocument, PaperKind, PaperStatus
from financing.queries.paper_files import TAKEN_WHILE
from financing.services.approving import accept_beforehand
from financing.services.orders import lock_application

MAX_PAPERS = 40


def add_document(
    *,
    application_id: UUID,
    kind: str,
    name: str,
    content: bytes,
    actor_id: UUID,
    now: datetime,
    customer_id: UUID | None = None,
) -> ApplicationDocument:
    """Add a file to an application that goes on; the same file twice is one paper. `customer_id` None is a manager.

    Raises ApplicationNotFound, WrongTransition, PaperTooLarge, PaperNotAccepted, InvalidInput.
    """
    if kind not in PaperKind.values:
        raise InvalidInput("kind", "invalid_choice", _("There is no such kind of paper."))
    paper = examine(name=name, content=content, max_bytes=settings.CREDIT_FILE_MAX_BYTES)
    with paper.stored(f"applications/{application_id}") as kept, transaction("financing"):
        application = lock_application(application_id, customer_id)
        if application.status not in TAKEN_WHILE:
            raise WrongTransition(application.status, [])
        known = application.documents.filter(sha256=paper.sha256).first()
        if known is not None:
            return known
        if application.documents.count() >= MAX_PAPERS:
            raise InvalidInput("file", "too_many", _("At most %(most)d files.") % {"most": MAX_PAPERS})
        document = ApplicationDocument(
            application=application,
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
    return document


def review_document(
    *, application_id: UUID, document_id: UUID, is_accepted: bool, manager_id: UUID, now: datetime, note: str = ""
) -> ApplicationDocument:
    """Accept a paper or turn it down, and say why; the last word counts.

    With the last paper that was wanted a checkout whose buyer agreed beforehand goes on. Raises ApplicationNotFound,
    DocumentNotFound, WrongTransition, InvalidInput where a refusal has no note.
    """
    if not is_accepted and not note.strip():
        raise InvalidInput("note", "required", _("Say what is wrong with it."))
    with transaction("financing"):
        application = lock_application(application_id)
        document = application.documents.select_for_update().filter(pk=document_id).first()
        if document is None:
            raise DocumentNotFound
        if application.status not in TAKEN_WHILE:
            raise WrongTransition(application.status, [])
        document.status = PaperStatus.ACCEPTED if is_accepted else PaperStatus.REJECTED
        document.note, document.reviewed_by, document.reviewed_at = note, manager_id, now
        document.save()
        if is_accepted:
            accept_beforehand(application, now)
    return document
