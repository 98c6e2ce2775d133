"""Papers of one's own application as a page shows them: what is asked for, what came, and what was said of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from financing.errors import DocumentNotFound
from financing.models import Application, ApplicationDocument, OfferStatus, PaperKind, PaperStatus
from financing.queries.paper_files import TAKEN_WHILE

_MISSING = "missing"
_BEST_FIRST = (PaperStatus.ACCEPTED, PaperStatus.SUBMITTED, PaperStatus.REJECTED)


@dataclass(frozen=True)
class PaperCard:
    """A file that was sent: its size in bytes, and a manager's word on it."""

    id: UUID
    kind_name: str
    name: str
    size: int
    status: str
    status_name: str
    note: str
    created_at: datetime


@dataclass(frozen=True)
class WantedPaper:
    """A kind of paper that is asked for; `state` is that of the best one that came, or missing."""

    kind: str
    kind_name: str
    state: str
    state_name: Any


@dataclass(frozen=True)
class PapersPage:
    """Everything about the papers of an application; `is_open` while more are taken."""

    application_id: UUID
    wanted: list[WantedPaper]
    papers: list[PaperCard]
    is_open: bool

    @property
    def is_complete(self) -> bool:
        """Tell whether all that is asked for was accepted."""
        return all(paper.state == PaperStatus.ACCEPTED for paper in self.wanted)

    @property
    def next_kind(self) -> str:
        """The kind to be sent next."""
        to_send = (paper.kind for paper in self.wanted if paper.state in (_MISSING, PaperStatus.REJECTED))
        return next(to_send, PaperKind.OTHER.value)


def read_papers(application_id: UUID, *, customer_id: UUID) -> PapersPage | None:
    """The papers of one's own application, newest first; None for another's."""
    mine = Application.objects.filter(pk=application_id, customer_id=customer_id).select_related("programme")
    found = mine.prefetch_related("documents").first()
    if found is None:
        return None
    sent = sorted(found.documents.all(), key=lambda paper: (paper.created_at, paper.pk), reverse=True)
    return PapersPage(
        application_id=found.pk,
        wanted=[_wanted(kind, sent) for kind in _wanted_kinds(found)],
        papers=[_card(paper) for paper in sent],
        is_open=found.status in TAKEN_WHILE,
    )


def read_own_paper(document_id: UUID, *, application_id: UUID, customer_id: UUID) -> ApplicationDocument:
    """A paper of one's own application. Raises DocumentNotFound."""
    mine = ApplicationDocument.objects.filter(application_id=application_id, application__customer_id=customer_id)
    paper = mine.filter(pk=document_id).first()
    if paper is None:
        raise DocumentNotFound
    return paper


def _wanted_kinds(application: Application) -> list[str]:
    """Return what the application's programme asks for, and those of banks that offer besides."""
    offered = application.offers.filter(status=OfferStatus.OFFERED).values_list(
        "programme__required_documents", flat=True
    )
    kinds = [*application.programme.required_documents, *(kind for wanted in offered for kind in wanted)]
    return list(dict.fromkeys(kinds))


def _wanted(kind: str, sent: Iterable[ApplicationDocument]) -> WantedPaper:
    states = {paper.status for paper in sent if paper.kind == kind}
    state = next((state for state in _BEST_FIRST if state in states), None)
    name = str(PaperKind(kind).label)
    return WantedPaper(kind, name, state or _MISSING, state.label if state else _("not sent yet"))


def _card(paper: ApplicationDocument) -> PaperCard:
    return PaperCard(
        id=paper.id,
        kind_name=paper.get_kind_display(),
        name=paper.name,
        size=paper.size,
        status=paper.status,
        status_name=paper.get_status_display(),
        note=paper.note,
        created_at=paper.created_at,
    )
