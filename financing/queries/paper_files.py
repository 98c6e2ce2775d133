"""Read the file of a paper, and while papers are taken."""

from core.files.papers import read_paper
from financing.models import ApplicationDocument, ApplicationStatus
from financing.models.applications import OPEN

TAKEN_WHILE = OPEN | {ApplicationStatus.REJECTED}
"""A refused client may still show papers: a manager may decide otherwise."""


def read_document(document: ApplicationDocument) -> bytes:
    """The bytes of a paper. Raises NotFound when the file is gone."""
    return read_paper(document.path)
