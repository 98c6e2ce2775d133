"""Find which papers an application still lacks: what its programme wants before an offer is accepted."""

from financing.errors import DocumentsMissing
from financing.models import Application, PaperStatus, Programme


def papers_lacking(application: Application, programme: Programme | None = None) -> list[str]:
    """Kinds of papers that are wanted and not accepted yet, by the application's programme or the one given."""
    wanted = (programme or application.programme).required_documents
    if not wanted:
        return []
    accepted = {paper.kind for paper in application.documents.all() if paper.status == PaperStatus.ACCEPTED}
    return [kind for kind in wanted if kind not in accepted]


def papers_to_send(application: Application) -> list[str]:
    """Kinds of papers that the client has still to send: none was, or none that was sent will do."""
    standing = {paper.kind for paper in application.documents.all() if paper.status != PaperStatus.REJECTED}
    return [kind for kind in application.programme.required_documents if kind not in standing]


def require_papers(application: Application, programme: Programme | None = None) -> None:
    """Stop an acceptance while papers are wanted. Raises DocumentsMissing."""
    lacking = papers_lacking(application, programme)
    if lacking:
        raise DocumentsMissing(missing=lacking)
