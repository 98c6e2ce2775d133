"""E-mail through Django's mail backend, whichever the settings name."""

from email.utils import parseaddr
from smtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPHeloError,
    SMTPNotSupportedError,
    SMTPRecipientsRefused,
    SMTPResponseException,
)
from uuid import UUID

from django.conf import settings
from django.core.mail import get_connection
from django.core.mail.backends.base import BaseEmailBackend

from core.db import refuse_inside_transaction
from core.outside.letters import Letter, pack_letter
from notifications.providers.port import Refused

PERMANENT = 500
"""Answers of a mail server from here on are final; those below ask to come again."""
OUR_SERVERS_FAULT = (SMTPAuthenticationError, SMTPConnectError, SMTPHeloError)
"""What a server says before it has heard of a message: no message is to blame, whatever the number."""


def send(*, message_id: UUID, to: str, letter: Letter) -> None:
    """Send one message. A repeat carries the same Message-ID, by which mailboxes recognise it.

    Raises Refused, or OSError and smtplib's errors when a later try may succeed.
    """
    refuse_inside_transaction()
    with get_connection() as server:  # what goes wrong before a message is named is no message's fault
        _send(server, message_id, to, letter)


def _send(server: BaseEmailBackend, message_id: UUID, to: str, letter: Letter) -> None:
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    message = pack_letter(letter, to=to, connection=server, headers={"Message-ID": f"<{message_id}@{domain}>"})
    try:
        message.send()
    except SMTPRecipientsRefused as error:
        if any(code < PERMANENT for code, _said in error.recipients.values()):
            raise  # greylisted, or a full mailbox
        raise Refused(str(error)) from error
    except OUR_SERVERS_FAULT:
        raise
    except SMTPResponseException as error:
        if error.smtp_code >= PERMANENT:
            raise Refused(str(error)) from error
        raise
    except (SMTPNotSupportedError, ValueError) as error:  # an address that no server of ours can write
        raise Refused(repr(error)) from error
