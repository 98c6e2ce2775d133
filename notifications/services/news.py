"""News: telling people, and marking as read."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from core.db import transaction
from messaging.outbox import publish
from notifications.errors import NotificationNotFound
from notifications.events import NotificationRead, NotificationTold
from notifications.models import Channel, Kind, Notification, Preference, Recipient, offered_channels
from notifications.rules import texts
from notifications.services.people import lock_recipients
from notifications.services.sending_out import set_off

AT_ONCE = 500
STAFF_ROLES = ["manager", "admin"]


def notify(*, event_key: str, kind: Kind, user_ids: Iterable[UUID], data: dict[str, Any], now: datetime) -> int:
    """Tell people something, over the channels they want, once per `event_key`; return how many messages are new.

    E-mails and SMS go out after the commit, or when the reader's quiet hours end, or with the digest; one without an
    address waits until accounts tells it. The erased are told nothing. Publishes NotificationTold for the app.
    """
    if not texts.has_text(kind, data):
        return 0
    with transaction("notifications"):
        recipients = lock_recipients(user_ids)
        wishes = {wish.user_id: wish for wish in Preference.objects.filter(kind=kind, user_id__in=recipients)}
        usual = Preference.usual(kind)
        messages = [
            _message(recipient, channel, event_key, kind, data, now)
            for recipient in recipients.values()
            if recipient.erased_at is None
            for channel in offered_channels()
            if wishes.get(recipient.user_id, usual).wants(channel)
        ]
        fresh = _insert(event_key, messages)
        for message in fresh:
            set_off(message)
            if message.channel == Channel.IN_APP:
                publish(_told(message))
    return len(fresh)


def notify_staff(*, event_key: str, kind: Kind, data: dict[str, Any], now: datetime) -> int:
    """Tell every manager and administrator who may sign in; as `notify`."""
    user_ids = list(_staff().order_by("pk").values_list("pk", flat=True))
    return notify(event_key=event_key, kind=kind, user_ids=user_ids, data=data, now=now)


def notify_seller(*, event_key: str, kind: Kind, seller_id: UUID | None, data: dict[str, Any], now: datetime) -> int:
    """Tell whose sale it is; all of the staff where it is nobody's, or theirs who works here no more; as `notify`."""
    if seller_id is None or not _staff().filter(pk=seller_id).exists():
        return notify_staff(event_key=event_key, kind=kind, data=data, now=now)
    return notify(event_key=event_key, kind=kind, user_ids=[seller_id], data=data, now=now)


def _staff() -> QuerySet[Recipient]:
    return Recipient.objects.filter(is_active=True, roles__overlap=STAFF_ROLES)


def read_notification(*, notification_id: UUID, user_id: UUID, now: datetime) -> Notification:
    """Mark one's own notification as read; again changes nothing. Raises NotificationNotFound.

    Publishes NotificationRead the first time.
    """
    with transaction("notifications"):
        own = Notification.objects.select_for_update().filter(user_id=user_id, channel=Channel.IN_APP)
        found = own.filter(pk=notification_id).first()
        if found is None:
            raise NotificationNotFound
        if found.read_at is None:
            found.read(now=now)
            found.save(update_fields=["read_at"])
            publish(NotificationRead(user_id=user_id, notification_id=found.id, read_at=now))
    return found


def read_all(*, user_id: UUID, until: UUID, now: datetime) -> int:
    """Mark as read what somebody was told up to one of their own pieces of news, which they have seen; return how many.

    Publishes NotificationRead for each. Raises NotificationNotFound.
    """
    own = Notification.objects.filter(user_id=user_id, channel=Channel.IN_APP)
    last = own.filter(pk=until).first()
    if last is None:
        raise NotificationNotFound
    seen = Q(created_at__lt=last.created_at) | Q(created_at=last.created_at, pk__lte=last.pk)
    total = 0
    while True:
        with transaction("notifications"):
            unread = own.filter(seen, read_at__isnull=True).order_by("pk").select_for_update()
            batch = list(unread.only("pk")[:AT_ONCE])
            Notification.objects.filter(pk__in=[found.pk for found in batch]).update(read_at=now)
            for found in batch:
                publish(NotificationRead(user_id=user_id, notification_id=found.pk, read_at=now))
        total += len(batch)
        if len(batch) < AT_ONCE:
            return total


def _message(
    recipient: Recipient, channel: Channel, event_key: str, kind: Kind, data: dict[str, Any], now: datetime
) -> Notification:
    text = texts.render(kind, data, recipient.language, recipient.zone)
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
    message.route(recipient, now=now)
    return message


def _insert(event_key: str, messages: list[Notification]) -> list[Notification]:
    """Insert what is new. The recipients' locks are held, so nobody inserts the same at the same time."""
    people = [message.user_id for message in messages]
    known = set(Notification.objects.filter(event_key=event_key, user_id__in=people).values_list("user_id", "channel"))
    fresh = [message for message in messages if (message.user_id, str(message.channel)) not in known]
    return Notification.objects.bulk_create(fresh)


def _told(message: Notification) -> NotificationTold:
    return NotificationTold(
        user_id=message.user_id,
        notification_id=message.id,
        kind=str(Kind(message.kind).value),
        title=message.title,
        body=message.body,
        data=message.data,
        created_at=message.created_at,
    )
