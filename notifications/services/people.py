"""People: where they are reached, and how they want to be told."""

from collections.abc import Iterable
from datetime import datetime, time
from typing import Any, TypedDict
from uuid import UUID

from core.db import transaction
from notifications.models import Delivery, Notification, Preference, Recipient
from notifications.services.sending_out import set_off


class Wish(TypedDict):
    """Over which channels a person wants one kind of news."""

    kind: str
    in_app: bool
    email: bool
    sms: bool


class Manner(TypedDict, total=False):
    """How a person wants to be told, whatever the news. Quiet hours have both ends, or neither."""

    language: str
    time_zone: str
    quiet_from: time | None
    quiet_until: time | None
    is_digest_wanted: bool


def keep_recipient(
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
            message.save(update_fields=["delivery", "due_at", "is_for_digest", "error"])
            set_off(message)


def keep_roles(*, user_id: UUID, roles: Iterable[str], version: int) -> None:
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


def set_preferences(*, user_id: UUID, wishes: list[Wish], manner: Manner | None = None) -> None:
    """Set how a person wants to be told; what is not named stays as it is, and so does what was told already."""
    with transaction("notifications"):
        recipient = lock_recipients([user_id])[user_id]
        changes: dict[str, Any] = dict(manner or {})
        if changes:
            for name, value in changes.items():
                setattr(recipient, name, value)
            recipient.save(update_fields=sorted(changes))
        Preference.objects.bulk_create(
            [Preference(user_id=user_id, **wish) for wish in wishes],
            update_conflicts=True,
            unique_fields=["user_id", "kind"],
            update_fields=["in_app", "email", "sms"],
        )


def lock_recipients(user_ids: Iterable[UUID]) -> dict[UUID, Recipient]:
    """Lock the people's rows in one order, making those that are not there yet."""
    wanted = sorted(set(user_ids))
    Recipient.objects.bulk_create([Recipient(user_id=user_id) for user_id in wanted], ignore_conflicts=True)
    locked = Recipient.objects.select_for_update().filter(pk__in=wanted).order_by("pk")
    return {recipient.user_id: recipient for recipient in locked}


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
