"""Calls to the outside world: e-mails, SMS and webhooks, each recorded before it is sent."""

import json
import time
from abc import abstractmethod
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from smtplib import SMTPException
from typing import Any
from uuid import UUID

import structlog
from django.utils import timezone

from core.secrecy.sealing import Unopenable, unseal
from messaging.delivery.calls import Operation, Outcome, operation
from messaging.delivery.work_queues import WorkQueue, work_queue
from messaging.models import CallState
from notifications import services
from notifications.models import Notification, Recipient
from notifications.providers import mail, sms, webhooks
from notifications.providers.port import NoAnswer, Refused
from notifications.queries.letters import write_letter

CODE_LIFETIME_S = 600
"""Seconds after which a code is sent to nobody any more."""
log = structlog.get_logger(__name__)


class SendMessage(Operation):
    """Send one notification over a channel; a provider that is away is tried again for about half an hour.

    The provider gets the notification's id as its key with every try, so a repeat after a crash is one it knows.
    """

    max_attempts = 14

    @abstractmethod
    def send(self, message: Notification, recipient: Recipient, to: str) -> None:
        """Hand it to the provider. Raises Refused; OSError, SMTPException or NoAnswer when a later try may succeed."""

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Send it; what was erased meanwhile is not sent."""
        message = Notification.objects.filter(pk=request["notification_id"]).first()
        recipient = Recipient.objects.filter(pk=message.user_id).first() if message else None
        to = recipient.address(message.channel) if message and recipient else ""
        if message is None or recipient is None or not to:
            return Outcome(CallState.DECLINED, error="nobody to send it to")
        try:
            self.send(message, recipient, to)
        except Refused as error:
            return Outcome(CallState.DECLINED, error=str(error))
        except (OSError, SMTPException, NoAnswer) as error:
            return Outcome(CallState.NEW, error=repr(error))
        return Outcome(CallState.OK)

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """The provider stayed away: the message is shown as failed, and may be sent again by hand."""
        return Outcome(CallState.DEAD, error=outcome.error)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Record the answer; nothing is known yet of an unknown one."""
        if outcome.state == CallState.UNKNOWN:
            return
        services.record_message(
            notification_id=UUID(request["notification_id"]),
            is_sent=outcome.state == CallState.OK,
            error=outcome.error,
            now=timezone.now(),
        )


@operation
class SendEmail(SendMessage):
    """By e-mail."""

    name = services.SEND_EMAIL

    def send(self, message: Notification, recipient: Recipient, to: str) -> None:
        """Through Django's mail backend, as a letter in the reader's language."""
        mail.send(message_id=message.id, to=to, letter=write_letter(message, recipient))


@operation
class SendSms(SendMessage):
    """By SMS."""

    name = services.SEND_SMS

    def send(self, message: Notification, recipient: Recipient, to: str) -> None:
        """Through the SMS gateway."""
        sms.send(message_id=message.id, to=to, text=message.body)


@operation
class SendCode(Operation):
    """A code to sign with, by SMS: it is opened here alone, and not after its time."""

    name = services.SEND_CODE
    max_attempts = 6

    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Send it; one that is too old, or whose reader was erased meanwhile, goes nowhere."""
        try:
            message = json.loads(unseal(request["body"].encode(), max_age_s=CODE_LIFETIME_S))
            sms.send(message_id=UUID(request["id"]), to=message["to"], text=message["text"])
        except Unopenable:
            return Outcome(CallState.DECLINED, error="too late, or erased")
        except Refused as error:
            return Outcome(CallState.DECLINED, error=str(error))
        except (OSError, NoAnswer) as error:
            return Outcome(CallState.NEW, error=repr(error))
        return Outcome(CallState.OK)

    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Keep nothing: whoever got no code asks for another."""


@work_queue
class SendWebhooks(WorkQueue):
    """Send what waits for the receivers, to many at once: one that is slow holds up two threads, nobody else.

    Rows are claimed and recorded by the worker itself; its threads only talk to the receivers. A turn lasts half a
    minute. In the quarter after it, while the last slow answers come in, receivers that are quick are served on.
    """

    name = services.SEND_WEBHOOKS
    threads = 32
    turn_s = 30.0
    extra_s = 15.0
    poll_s = 0.25
    slow_s = 1.0

    def is_due(self) -> bool:
        """Tell whether anything is due for any receiver."""
        return services.is_webhook_due(now=timezone.now())

    def run(self) -> bool:
        """Send until nothing is due, or others should have their turn."""
        started, count = time.monotonic(), 0
        slow: set[UUID] = set()
        under_way: dict[Future[webhooks.Answer], services.Sending] = {}
        with ThreadPoolExecutor(self.threads, "webhooks") as pool:
            while True:
                for sending in self._claim(time.monotonic() - started, slow, len(under_way)):
                    under_way[pool.submit(_send, sending)] = sending
                if not under_way:
                    return count > 0
                for future in wait(under_way, self.poll_s, FIRST_COMPLETED).done:
                    services.record_attempt(sending=under_way.pop(future), answer=future.result(), now=timezone.now())
                    count += 1
                slow |= self._slow(under_way.values())

    def _claim(self, elapsed: float, slow: set[UUID], busy: int) -> list[services.Sending]:
        if elapsed > self.turn_s + self.extra_s:
            return []
        left_out = slow if elapsed > self.turn_s else set()
        return services.claim_deliveries(limit=self.threads - busy, left_out=left_out, now=timezone.now())

    def _slow(self, under_way: Iterable[services.Sending]) -> set[UUID]:
        since = timezone.now() - timedelta(seconds=self.slow_s)
        return {sending.endpoint_id for sending in under_way if sending.at < since}


def _send(sending: services.Sending) -> webhooks.Answer:
    try:
        return webhooks.send(
            url=sending.url,
            message_id=sending.message_id,
            body=sending.body,
            secrets=sending.secrets,
            sent_at=sending.at,
        )
    except Exception as error:
        log.exception("webhook_failed", webhook_id=str(sending.endpoint_id))
        return webhooks.Answer(None, 0, error=repr(error))
