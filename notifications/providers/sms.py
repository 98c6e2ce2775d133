"""SMS through a gateway over HTTP: `POST /messages {to, text, sender}`, each Idempotency-Key once."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import httpx2
from django.conf import settings

from core.db import refuse_inside_transaction
from core.outside.provider_http import client, patience
from notifications.providers.port import NoAnswer, Refused

MAX_TEXT = 670
"""Ten parts of Cyrillic; a longer message is cut."""
TRY_LATER = (408, 425, 429)


def send(*, message_id: UUID, to: str, text: str) -> None:
    """Send one message. A repeat carries the same key, by which the gateway recognises it.

    Raises Refused (also while no gateway is configured: nothing is dropped in silence) and NoAnswer.
    """
    refuse_inside_transaction()
    if not settings.SMS_URL:
        raise Refused("no SMS gateway is configured: set AUTOSALON_SMS_URL")
    headers = {"Idempotency-Key": str(message_id)}
    if settings.SMS_TOKEN:
        headers["Authorization"] = f"Bearer {settings.SMS_TOKEN}"
    body = {"to": to, "text": _cut(text), "sender": settings.SMS_SENDER}
    try:
        answer = client().post(
            f"{settings.SMS_URL.rstrip('/')}/messages", json=body, headers=headers, timeout=patience()
        )
    except httpx2.HTTPError as error:
        raise NoAnswer(repr(error)) from error
    if answer.status_code >= 500 or answer.status_code in TRY_LATER:
        raise NoAnswer(f"the gateway answered {answer.status_code}")
    if not answer.is_success:
        raise Refused(f"the gateway answered {answer.status_code}: {answer.text[:200]}")


@dataclass(frozen=True)
class Kept:
    """A message as the sandbox keeps it."""

    at: datetime
    to: str
    text: str


def newest() -> list[Kept]:
    """List what the sandbox was given lately, newest first; nothing while it is away. For the mailbox page of debug."""
    refuse_inside_transaction()
    try:
        answer = client().get(f"{settings.SMS_URL.rstrip('/')}/messages", timeout=2)
        rows = answer.json() if answer.is_success else []
    except (httpx2.HTTPError, ValueError):
        return []
    return [Kept(datetime.fromtimestamp(row["sent_at"], UTC), row["receiver"], row["text"]) for row in rows]


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_TEXT else f"{line[: MAX_TEXT - 1]}…"
