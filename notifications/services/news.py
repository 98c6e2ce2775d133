"""News: telling people, keeping their addresses and wishes, marking as read."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from core.db import transaction
from messaging.calls import request_call
from notifications import texts
from notifications.errors import NotificationNotFound
from notifications.models import (
    OFFERED_CHANNELS,
    Channel,
    Delivery,
    Kind,
    Notification,
    Preference,
    Recipient,
)

SEND_EMAIL = "notifications.send_email"


class Wish(TypedDict):
    """Over which channels a person wants one kind of news."""

    kind: str
    in_app: bool
    email: bool


def notify(*, event_key: str, kind: Kind, user_ids: Iterable[UUID], data: dict[str, Any], now: datetime) -> int:
    """Tell people something, over the channels they want, once per `event_key`; return how many messages are new.

    E-mails go out after the commit; one without an address waits until accounts tells it. The erased are told nothing.
    """
    if not texts.has_text(kind, data):
        return 0
    with transaction("notifications"):
        recipients = _lock_recipients(user_ids)
        wishes = {wish.user_id: wish for wish in Preference.objects.filter(kind=kind, user_id__in=recipients)}
        messages = [
            _message(recipient, channel, event_key, kind, data, now)
            for recipient in recipients.values()
            if recipient.erased_at is None
            for channel in OFFERED_CHANNELS
            if (wishes.get(recipient.user_id) or Preference(kind=kind)).wants(channel)
        ]
        fresh = _insert(event_key, messages)
        for message in fresh:
            if message.delivery == Delivery.QUEUED:
                _request_email(message)
    return len(fresh)


def keep_recipient(*, user_id: UUID, email: str, full_name: str, version: int) -> None:
    """Take over a person's address from accounts, and send what was waiting for it."""
    with transaction("notifications"):
        recipient = _lock_recipients([user_id])[user_id]
        if not recipient.follow(email=email, full_name=full_name, version=version):
            return
        recipient.save()
        for message in Notification.objects.filter(user_id=user_id, delivery=Delivery.WAITING).order_by("pk"):
            message.delivery = Delivery.QUEUED
            message.save(update_fields=["delivery"])
            _request_email(message)


def forget_recipient(*, user_id: UUID, now: datetime) -> None:
    """Forget a deleted user: their address, and what they were told."""
    with transaction("notifications"):
        recipient = _lock_recipients([user_id])[user_id]
        recipient.erase(now)
        recipient.save()
        Notification.objects.filter(user_id=user_id).delete()
        Preference.objects.filter(user_id=user_id).delete()


def read_notification(*, notification_id: UUID, user_id: UUID, now: datetime) -> Notification:
    """Mark one's own notification as read; again changes nothing. Raises NotificationNotFound."""
    with transaction("notifications"):
        own = Notification.objects.select_for_update().filter(user_id=user_id, channel=Channel.IN_APP)
        found = own.filter(pk=notification_id).first()
        if found is None:
            raise NotificationNotFound
        found.read(now=now)
        found.save(update_fields=["read_at"])
    return found


def set_preferences(*, user_id: UUID, wishes: list[Wish], language: str | None = None) -> None:
    """Set how a person wants to be told; kinds that are not named stay as they are."""
    with transaction("notifications"):
        recipient = _lock_recipients([user_id])[user_id]
        if language is not None and language != recipient.language:
            recipient.language = language
            recipient.save(update_fields=["language"])
        Preference.objects.bulk_create(
            [Preference(user_id=user_id, **wish) for wish in wishes],
            update_conflicts=True,
            unique_fields=["user_id", "kind"],
            update_fields=["in_app", "email"],
        )


def record_email(*, notification_id: UUID, is_sent: bool, error: str, now: datetime) -> None:
    """Record what became of an e-mail; one whose reader was erased meanwhile is gone."""
    with transaction("notifications"):
        message = Notification.objects.select_for_update().filter(pk=notification_id).first()
        if message is None:
            return
        if is_sent:
            message.record_sent(now=now)
        else:
            message.record_failed(error)
        message.save(update_fields=["delivery", "sent_at", "error"])


def _lock_recipients(user_ids: Iterable[UUID]) -> dict[UUID, Recipient]:
    """Lock the people's rows in one order, making those that are not there yet."""
    wanted = sorted(set(user_ids))
    Recipient.objects.bulk_create([Recipient(user_id=user_id) for user_id in wanted], ignore_conflicts=True)
    locked = Recipient.objects.select_for_update().filter(pk__in=wanted).order_by("pk")
    return {recipient.user_id: recipient for recipient in locked}


def _message(
    recipient: Recipient, channel: Channel, event_key: str, kind: Kind, data: dict[str, Any], now: datetime
) -> Notification:
    text = texts.render(kind, data, recipient.language)
    message = Notification(
        event_key=event_key,
        user_id=recipient.user_id,
        kind=kind,
        channel=channel,
        title=text.title,
        body=text.body,
        data=data,
        created_at=now,
    )
    if channel == Channel.IN_APP:
        message.record_sent(now=now)
    else:
        message.delivery = Delivery.QUEUED if recipient.email else Delivery.WAITING
    return message


def _insert(event_key: str, messages: list[Notification]) -> list[Notification]:
    """Insert what is new. The recipients' locks are held, so nobody inserts the same at the same time."""
    people = [message.user_id for message in messages]
    known = set(Notification.objects.filter(event_key=event_key, user_id__in=people).values_list("user_id", "channel"))
    fresh = [message for message in messages if (message.user_id, str(message.channel)) not in known]
    return Notification.objects.bulk_create(fresh)


def _request_email(message: Notification) -> None:
    request_call(
        key=f"email:{message.id}",
        operation=SEND_EMAIL,
        provider="email",
        request={"notification_id": str(message.id)},
    )
