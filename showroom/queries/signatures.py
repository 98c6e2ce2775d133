"""Read the signature that a driver drew."""

from core.files.papers import read_paper
from showroom.models import Drive


def read_signature(drive: Drive) -> bytes:
    """Return the picture. Raises NotFound where nothing was drawn, or the file is gone with its person."""
    return read_paper(drive.signature_path)
