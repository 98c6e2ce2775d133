"""Messages on their way out: queued for their provider, kept for later, gathered into digests, sent again."""

from datetime import datetime
from typing import Any
from uuid import UUID

from core.db import transaction
from messaging.delivery.calls import request_call
from notifications.errors import NotificationNotFound
from notifications.models import Channel, Delivery, Kind, Notification, Recipient, gathering_time
from notifications.rules import texts
from notifications.rules.letters import drop_superseded

SEND_EMAIL = "notifications.send_email"
SEND_SMS = "notifications.send_sms"
SEND_CODE = "notifications.send_code"
AT_ONCE = 200
MAX_DIGEST = 20_000


def set_off(message: Notification) -> None:
    """Ask for a queued message to be handed to its provider after the commit; others stay where they are."""
    if message.delivery != Delivery.QUEUED:
        return
    again = f":{message.retries}" if message.retries else ""
    request_call(
        key=f"{message.channel}:{message.id}{again}",
        operation=SEND_SMS if message.channel == Channel.SMS else SEND_EMAIL,
        provider=str(Channel(message.channel).value),
        request={"notification_id": str(message.id)},
    )


def send_code(*, code_id: UUID, body: str) -> None:
    """Ask for a sealed SMS to be sent, once; it is told to nobody else, and kept nowhere in the clear."""
    with transaction("notifications"):
        request_call(
            key=f"code:{code_id}", operation=SEND_CODE, provider="sms", request={"id": str(code_id), "body": body}
        )


def record_message(*, notification_id: UUID, is_sent: bool, error: str, now: datetime) -> None:
    """Record what became of a message and of those it gathered; one whose reader was erased meanwhile is gone."""
    with transaction("notifications"):
        found = Notification.objects.select_for_update().filter(pk=notification_id).first()
        if found is None or found.delivery == Delivery.SENT:
            return
        gathered = (
            Notification.objects.select_for_update().filter(digest_id=found.id) if found.kind == Kind.DIGEST else []
        )
        for message in [found, *gathered]:
            if is_sent:
                message.record_sent(now=now)
            else:
                message.record_failed(error)
            message.save(update_fields=["delivery", "sent_at", "error"])


def send_again(*, notification_id: UUID) -> Notification:
    """Queue a failed message once more, with all its tries. Raises NotificationNotFound, NotificationNotFailed."""
    with transaction("notifications"):
        message = Notification.objects.select_for_update().filter(pk=notification_id).first()
        if message is None:
            raise NotificationNotFound
        message.send_again()
        message.save(update_fields=["delivery", "due_at", "error", "retries"])
        set_off(message)
    return message


def send_deferred(*, now: datetime) -> int:
    """Let out what was kept until now: quiet hours that are over, and digests; return how many messages went."""
    total = 0
    while True:
        with transaction("notifications"):
            due = Notification.objects.filter(delivery=Delivery.DEFERRED, due_at__lte=now, is_for_digest=False)
            batch = list(due.order_by("due_at", "id").select_for_update(skip_locked=True)[:AT_ONCE])
            for message in batch:
                _let_out(message)
        total += len(batch)
        if len(batch) < AT_ONCE:
            break
    return total + sum(_send_digest(user_id, now) for user_id in _readers_of_digests(now))


def _let_out(message: Notification) -> None:
    message.queue()
    message.save(update_fields=["delivery", "due_at", "error"])
    set_off(message)


def _readers_of_digests(now: datetime) -> list[UUID]:
    due = Notification.objects.filter(delivery=Delivery.DEFERRED, due_at__lte=now, is_for_digest=True)
    return list(due.order_by("user_id").values_list("user_id", flat=True).distinct())


def _send_digest(user_id: UUID, now: datetime) -> int:
    """Gather what waits for a reader, and what came a moment later, into one e-mail; one alone goes out as it is."""
    with transaction("notifications"):
        recipient = Recipient.objects.select_for_update().filter(pk=user_id).first()
        waiting = Notification.objects.filter(
            user_id=user_id, delivery=Delivery.DEFERRED, due_at__lte=now + gathering_time(), is_for_digest=True
        )
        parts = list(waiting.order_by("created_at", "id").select_for_update())
        if recipient is None or not parts:
            return 0
        if len(parts) == 1:
            _let_out(parts[0])
            return 1
        digest = _build_digest(recipient, parts, now)
        digest.save(force_insert=True)
        for message in parts:
            message.queue()
            message.digest_id = digest.id
        Notification.objects.bulk_update(parts, ["delivery", "due_at", "error", "digest_id"])
        set_off(digest)
    return len(parts)


def _build_digest(recipient: Recipient, parts: list[Notification], now: datetime) -> Notification:
    told = "\n\n".join(f"{part.title}\n{part.body}" for part in parts)[:MAX_DIGEST]
    data: dict[str, Any] = {"count": len(parts)}
    if not recipient.is_digest_wanted:
        fresh = drop_superseded(parts)
        headline = next((part for part in reversed(fresh) if part.kind == Kind.ORDER), fresh[-1])
        data |= {"headline": headline.title, "others": len(fresh) - 1}
    text = texts.render(Kind.DIGEST, data | {"text": told}, recipient.language, recipient.zone)
    return Notification(
        event_key=f"digest:{parts[0].id}",
        user_id=recipient.user_id,
        kind=Kind.DIGEST,
        channel=Channel.EMAIL,
        title=text.title,
        body=text.body,
        data={"count": len(parts)},
        delivery=Delivery.QUEUED,
        created_at=now,
    )
