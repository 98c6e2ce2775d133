"""E-mail through Django's mail backend, whichever the settings name."""

from email.utils import parseaddr
from smtplib import SMTPRecipientsRefused, SMTPResponseException
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage

from core.db import refuse_inside_transaction
from notifications.providers.port import Refused


def send(*, message_id: UUID, to: str, title: str, body: str) -> None:
    """Send one message. A repeat carries the same Message-ID, by which mailboxes recognise it.

    Raises Refused, or OSError and smtplib's errors when a later try may succeed.
    """
    refuse_inside_transaction()
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    message = EmailMessage(
        subject=" ".join(title.split()),
        body=body,
        to=[to],
        headers={"Message-ID": f"<{message_id}@{domain}>", "Auto-Submitted": "auto-generated"},
    )
    try:
        message.send()
    except SMTPRecipientsRefused as error:
        raise Refused(str(error)) from error
    except SMTPResponseException as error:
        if error.smtp_code >= 500:
            raise Refused(str(error)) from error
        raise
