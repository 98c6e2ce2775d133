"""Calls to the outside world: e-mails, each recorded before it is sent."""

from smtplib import SMTPException
from typing import Any
from uuid import UUID

from django.utils import timezone

from messaging.calls import Operation, Outcome, operation
from messaging.models import CallState
from notifications import services
from notifications.models import Notification, Recipient
from notifications.providers import mail


@operation
class SendEmail(Operation):
    """Send one notification by e-mail; a mail server that is away is tried again for about half an hour."""

    name = services.SEND_EMAIL
    max_attempts = 14

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Send it; what was erased meanwhile is not sent."""
        message = Notification.objects.filter(pk=request["notification_id"]).first()
        recipient = Recipient.objects.filter(pk=message.user_id).first() if message else None
        if message is None or recipient is None or not recipient.email:
            return Outcome(CallState.DECLINED, error="nobody to send it to")
        try:
            mail.send(message_id=message.id, to=recipient.email, title=message.title, body=message.body)
        except mail.AddressRefused as error:
            return Outcome(CallState.DECLINED, error=str(error))
        except (OSError, SMTPException) as error:
            return Outcome(CallState.NEW, error=repr(error))
        return Outcome(CallState.OK)

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """The mail server stayed away: the message is shown as failed."""
        return Outcome(CallState.DEAD, error=outcome.error)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Record the answer; nothing is known yet of an unknown one."""
        if outcome.state == CallState.UNKNOWN:
            return
        services.record_email(
            notification_id=UUID(request["notification_id"]),
            is_sent=outcome.state == CallState.OK,
            error=outcome.error,
            now=timezone.now(),
        )
