"""Papers that people send: judged by their bytes, and kept where only services reach them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import DomainError, InvalidInput, NotFound
from core.ids import uuid7

STORAGE = "private"
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

    def path_under(self, folder: str) -> str:
        """A place of its own for the file; its name there tells nothing."""
        return f"{folder}/{uuid7()}.{self.extension}"

    def keep(self, path: str) -> None:
        """Store the file. Call it last in the transaction: a rollback does not take a file away."""
        storages[STORAGE].save(path, ContentFile(self.content))


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
    """The bytes of a paper. Raises NotFound when the file is gone."""
    storage = storages[STORAGE]
    if not storage.exists(path):
        raise NotFound
    with storage.open(path, "rb") as stored:
        return bytes(stored.read())


def destroy_papers(paths: Iterable[str]) -> None:
    """Delete the files of papers whose rows are gone; one that is missing is gone already."""
    for path in paths:
        storages[STORAGE].delete(path)
