"""Papers that people send: judged by their bytes, sealed, and kept where only services reach them.

Who copies a disk or a backup has no passports: a file begins with a mark and goes on encrypted (`secrecy.sealing`).
One from before papers were sealed is read as it is; `manage.py seal_papers` seals those.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePath

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import DomainError, InvalidInput, NotFound, Unavailable
from core.files.kept import PAPERS, names_in, rewrite
from core.ids import uuid7
from core.secrecy.sealing import seal, unseal

_SEALED = b"sealed-1:"
"""No photograph and no PDF begins like that."""
LONGEST_NAME = 150
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (b"\x89PNG\r\n\x1a\n", "image/png", "png"),
    (b"%PDF-", "application/pdf", "pdf"),
)


KINDS = (*(content_type for _signature, content_type, _extension in _SIGNATURES), "image/webp")
"""Content types that a paper may have."""


class PaperTooLarge(DomainError):
    """The file is larger than we keep; `max_bytes` says how large it may be."""

    code = "file_too_large"
    status = 413
    detail = gettext_lazy("The file is too large.")


class PaperNotAccepted(DomainError):
    """The file is not a photograph or a PDF, whatever its name says."""

    code = "unsupported_media_type"
    status = 415
    detail = gettext_lazy("Photographs (JPEG, PNG, WebP) and PDF files are accepted.")


@dataclass(frozen=True)
class Paper:
    """A file that was found to be a paper: `name` is for people, `sha256` tells one file from another."""

    name: str
    content_type: str
    extension: str
    size: int
    sha256: str
    content: bytes

    @contextmanager
    def stored(self, folder: str) -> Iterator["StoredPaper"]:
        """Store the file before the transaction that takes it; untaken, or where that fails, it goes again.

        Where a database went away while it was asked to commit nobody knows whether it did: then the file stays.
        """
        path = f"{folder}/{uuid7()}.{self.extension}"  # a name that tells nothing
        kept = StoredPaper(storages[PAPERS].save(path, ContentFile(_SEALED + seal(self.content))))
        try:
            yield kept
        except (OperationalError, InterfaceError):
            raise
        except BaseException:
            kept.is_taken = False
            raise
        finally:
            if not kept.is_taken:
                with suppress(Unavailable):
                    destroy_papers([kept.path])


@dataclass
class StoredPaper:
    """A file that waits for the row which names it."""

    path: str
    is_taken: bool = False

    def take(self) -> str:
        """Return the path for the row that is about to be saved."""
        self.is_taken = True
        return self.path


def check_size(size: int, max_bytes: int) -> None:
    """Refuse a file by its size alone, before it is read. Raises PaperTooLarge."""
    if size > max_bytes:
        raise PaperTooLarge(max_bytes=max_bytes)


def examine(*, name: str, content: bytes, max_bytes: int) -> Paper:
    """Find out what a file is. Raises InvalidInput where it is empty, PaperTooLarge, PaperNotAccepted."""
    if not content:
        raise InvalidInput("file", "empty", _("The file is empty."))
    check_size(len(content), max_bytes)
    content_type, extension = kind_of_file(content)
    return Paper(
        name=PurePath(name.replace("\\", "/")).name[-LONGEST_NAME:] or f"paper.{extension}",
        content_type=content_type,
        extension=extension,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        content=content,
    )


def kind_of_file(content: bytes) -> tuple[str, str]:
    """Content type and extension by the first bytes: a file's name proves nothing. Raises PaperNotAccepted."""
    for signature, content_type, extension in _SIGNATURES:
        if content.startswith(signature):
            return content_type, extension
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp", "webp"
    raise PaperNotAccepted


def read_paper(path: str) -> bytes:
    """Return the bytes of a paper. Raises NotFound when the file is gone, Unopenable when its key is."""
    try:
        with storages[PAPERS].open(path, "rb") as stored:
            return opened(bytes(stored.read()))
    except FileNotFoundError:
        raise NotFound from None


def opened(kept: bytes) -> bytes:
    """Open the bytes of a kept file, sealed or from before. Raises Unopenable when no known key does."""
    return unseal(kept.removeprefix(_SEALED)) if kept.startswith(_SEALED) else kept


def stored_papers() -> Iterator[str]:
    """Name every file of the private storage."""
    return names_in(storages[PAPERS])


def seal_paper(path: str, *, again: bool = False) -> bool:
    """Seal a file that is not sealed yet, or with `again` by today's key; return whether it was written.

    Whoever reads meanwhile has the old file or the new one, whole. A file that was destroyed meanwhile stays away.
    """

    def sealed(kept: bytes) -> bytes | None:
        return None if kept.startswith(_SEALED) and not again else _SEALED + seal(opened(kept))

    return rewrite(storages[PAPERS], path, sealed)


def destroy_papers(paths: Iterable[str]) -> None:
    """Delete the files of papers whose rows are gone; one that is missing is gone already."""
    for path in paths:
        storages[PAPERS].delete(path)
