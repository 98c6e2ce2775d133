"""People: where they are reached, and how they want to be told."""

from collections.abc import Iterable
from datetime import datetime, time
from typing import TypedDict
from uuid import UUID

from core.db import transaction
from notifications.models import Channel, Delivery, Notification, Preference, Recipient
from notifications.queries.letters import read_unsubscribe_token
from notifications.rules import texts
from notifications.services.sending_out import set_off

ROUTED = ["delivery", "due_at", "is_for_digest", "error"]
"""Fields that routing sets."""


class Wish(TypedDict):
    """Over which channels a person wants one kind of news."""

    kind: str
    in_app: bool
    email: bool
    sms: bool


class Manner(TypedDict, total=False):
    """Manner in which a person wants to be told, whatever the news. Quiet hours have both ends, or neither."""

    language: str
    time_zone: str
    quiet_from: time | None
    quiet_until: time | None
    is_digest_wanted: bool


def store_recipient(
    *,
    user_id: UUID,
    email: str,
    full_name: str,
    version: int,
    now: datetime,
    phone: str = "",
    roles: Iterable[str] = (),
    is_active: bool = True,
) -> None:
    """Take over a person's addresses and roles from accounts, and send what was waiting for an address."""
    with transaction("notifications"):
        recipient = lock_recipients([user_id])[user_id]
        if not recipient.follow(
            email=email,
            full_name=full_name,
            phone=_callable(phone),
            roles=list(roles),
            is_active=is_active,
            version=version,
        ):
            return
        recipient.save()
        for message in Notification.objects.filter(user_id=user_id, delivery=Delivery.WAITING).order_by("pk"):
            message.route(recipient, now=now)
            message.save(update_fields=ROUTED)
            set_off(message)


def store_roles(*, user_id: UUID, roles: Iterable[str], version: int) -> None:
    """Take over what a person may do, unless something newer is known."""
    with transaction("notifications"):
        recipient = lock_recipients([user_id])[user_id]
        if version > recipient.version and recipient.erased_at is None:
            recipient.roles, recipient.version = list(roles), version
            recipient.save(update_fields=["roles", "version"])


def close_recipient(*, user_id: UUID, version: int = 0) -> None:
    """Tell somebody who may no longer sign in nothing that is for staff, unless something newer is known.

    `version` 0 is unknown. The profile that comes with the same version is still to be taken over, so it is not kept.
    """
    with transaction("notifications"):
        recipient = lock_recipients([user_id])[user_id]
        if version and version < recipient.version:
            return
        recipient.is_active = False
        recipient.save(update_fields=["is_active"])


def forget_recipient(*, user_id: UUID, now: datetime) -> None:
    """Forget a deleted user: their addresses, and what they were told."""
    with transaction("notifications"):
        recipient = lock_recipients([user_id])[user_id]
        recipient.erase(now)
        recipient.save()
        Notification.objects.filter(user_id=user_id).delete()
        Preference.objects.filter(user_id=user_id).delete()


def set_preferences(*, user_id: UUID, wishes: list[Wish], now: datetime, manner: Manner | None = None) -> None:
    """Set how a person wants to be told; what is not named stays as it is.

    What was kept for later follows: it goes out at the hours that are quiet no more, in the language now read, and not
    at all over a channel that is no longer wanted. What is on its way already is not called back.
    """
    with transaction("notifications"):
        recipient = lock_recipients([user_id])[user_id]
        changed = {name: value for name, value in (manner or {}).items() if getattr(recipient, name) != value}
        if changed:
            for name, value in changed.items():
                setattr(recipient, name, value)
            recipient.save(update_fields=sorted(changed))
        Preference.objects.bulk_create(
            [Preference(user_id=user_id, **wish) for wish in wishes],
            update_conflicts=True,
            unique_fields=["user_id", "kind"],
            update_fields=["in_app", "email", "sms"],
        )
        if changed or wishes:
            _reconsider(recipient, is_reworded=bool(changed.keys() & {"language", "time_zone"}), now=now)


def unsubscribe(*, token: str, now: datetime) -> None:
    """End the kinds of mail that a letter's link names, for its reader; again, it changes nothing.

    The other channels stay as they are. Raises UnsubscribeLinkInvalid.
    """
    user_id, kinds = read_unsubscribe_token(token)
    with transaction("notifications"):
        lock_recipients([user_id])
        known = {wish.kind: wish for wish in Preference.objects.filter(user_id=user_id, kind__in=kinds)}
        kept = [known.get(kind) or Preference.usual(kind) for kind in kinds]
        wishes = [Wish(kind=wish.kind, in_app=wish.in_app, email=False, sms=wish.sms) for wish in kept]
        set_preferences(user_id=user_id, wishes=wishes, now=now)


def _reconsider(recipient: Recipient, *, is_reworded: bool, now: datetime) -> None:
    """Decide anew about what was kept for a locked person: by their wishes of now, each message once."""
    wishes = {wish.kind: wish for wish in Preference.objects.filter(user_id=recipient.user_id)}
    kept = Notification.objects.filter(user_id=recipient.user_id, delivery__in=[Delivery.WAITING, Delivery.DEFERRED])
    for message in kept.order_by("pk").select_for_update():
        wish = wishes.get(message.kind) or Preference.usual(message.kind)
        if not wish.wants(Channel(message.channel)):
            message.drop()
        else:
            if is_reworded:
                text = texts.render(message.kind, message.data, recipient.language, recipient.zone)
                message.title, message.body = text.title, text.body
            message.route(recipient, now=now)
        message.save(update_fields=["title", "body", *ROUTED])
        set_off(message)


def lock_recipients(user_ids: Iterable[UUID]) -> dict[UUID, Recipient]:
    """Lock the people's rows in one order, making those that are not there yet."""
    wanted = sorted(set(user_ids))
    rows = Recipient.objects.select_for_update().filter(pk__in=wanted).order_by("pk")
    locked = {recipient.user_id: recipient for recipient in rows}
    if len(locked) == len(wanted):
        return locked
    Recipient.objects.bulk_create([Recipient(user_id=user_id) for user_id in wanted], ignore_conflicts=True)
    return {recipient.user_id: recipient for recipient in rows.all()}


def _callable(phone: str) -> str:
    """A number as networks write it (E.164), read as a Russian one unless it says otherwise; empty if it is none."""
    if not phone:
        return ""
    import phonenumbers

    try:
        number = phonenumbers.parse(phone, "RU")
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
