"""Django's mail backend of debug: a folder that keeps every message once, by its Message-ID, as mailboxes do."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.utils import parsedate_to_datetime
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from core.ids import uuid7


class MailboxBackend(BaseEmailBackend):
    """Keeps what is sent in EMAIL_FILE_PATH; a repeat of a message adds nothing."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Keep messages; a file is whole or not there."""
        folder = Path(settings.EMAIL_FILE_PATH)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for message in email_messages:
            packed = message.message()
            half = folder / f"{uuid7()}.part"
            half.touch(mode=0o600)  # letters hold links that open an account
            half.write_bytes(packed.as_bytes())
            try:
                os.link(half, folder / _name(str(packed["Message-ID"])))
            except FileExistsError:
                pass
            finally:
                half.unlink()
        return len(email_messages)


@dataclass(frozen=True)
class Kept:
    """A message as the mailbox page shows it."""

    name: str
    at: datetime
    to: str
    subject: str
    body: str


def newest(limit: int = 100) -> list[Kept]:
    """The latest messages first."""
    files = sorted(Path(settings.EMAIL_FILE_PATH).glob("*.eml"), key=lambda file: file.stat().st_mtime, reverse=True)
    return [_read(file) for file in files[:limit]]


def _name(message_id: str) -> str:
    """The file of a message: its id where that is a plain name, else a digest of it."""
    plain = message_id.strip("<>").partition("@")[0]
    is_plain = plain.replace("-", "").replace(".", "").isalnum() and len(plain) < 100
    return f"{plain if is_plain else hashlib.sha256(message_id.encode()).hexdigest()}.eml"


def _read(file: Path) -> Kept:
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    text = message.get_body(("plain", "html"))
    return Kept(
        name=file.stem,
        at=parsedate_to_datetime(str(message["Date"])),
        to=str(message["To"]),
        subject=str(message["Subject"]),
        body=text.get_content() if text is not None else "",
    )
