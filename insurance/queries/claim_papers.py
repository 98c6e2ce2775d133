"""Read the papers of a claim."""

from core.files.papers import read_paper
from insurance.models import Claim, ClaimDocument


def read_document(document: ClaimDocument) -> bytes:
    """The bytes of a paper. Raises NotFound when the file is gone."""
    return read_paper(document.path)


def is_complete(claim: Claim) -> bool:
    """Tell whether every required paper is there."""
    return not claim.list_missing_papers(set(claim.documents.values_list("kind", flat=True)))
