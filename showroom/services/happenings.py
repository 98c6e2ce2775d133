"""Happenings: announced, changed, called off."""

from datetime import datetime
from decimal import Decimal
from typing import Any, TypedDict
from uuid import UUID

from django.conf import settings

from core.db import Expected, require_version, transaction
from gateway.approvals import let
from messaging.outbox import publish
from showroom.approvals import FALLEN_THROUGH
from showroom.errors import HappeningNotFound, UnknownCategory
from showroom.events import HappeningCancelled, HappeningCreated, HappeningUpdated
from showroom.models import (
    EventCategory,
    Happening,
    HappeningStatus,
    PaymentState,
    Registration,
    RegistrationStatus,
)
from showroom.services.refunds import give_money_back
from showroom.services.seats import promote_waiting

TOLD_AT_ONCE = 500
"""People named in one event.cancelled: more would not fit into an event."""


class HappeningFields(TypedDict, total=False):
    """Fields that a manager may write on a happening."""

    title: str
    description: str
    kind: str
    category_id: UUID | None
    location: str
    starts_at: datetime
    ends_at: datetime
    time_zone: str
    capacity: int
    price: Decimal
    currency: str
    offer_hours: int


def announce_happening(*, fields: HappeningFields, now: datetime) -> Happening:
    """Announce a happening. Publishes HappeningCreated. Raises UnknownCategory, EndsBeforeStart, NoTimeToPay."""
    with transaction("showroom"):
        _check_category(fields)
        given: HappeningFields = {"offer_hours": settings.SEAT_OFFER_HOURS, **fields}
        happening = Happening(**given, created_at=now, updated_at=now)
        happening.check_plan()
        happening.save()
        publish(HappeningCreated(**_plan(happening)))
    return happening


def update_happening(
    *, happening_id: UUID, changes: HappeningFields, now: datetime, expected_version: Expected = None
) -> Happening:
    """Change a happening; more seats go to those who wait, in their order. Publishes HappeningUpdated.

    Raises HappeningNotFound, HappeningIsCancelled, UnknownCategory, EndsBeforeStart, SeatsTaken, StaleVersion.
    """
    with transaction("showroom"):
        happening = lock_happening(happening_id, expected_version)
        happening.require_scheduled()
        _check_category(changes)
        changed = {name: value for name, value in changes.items() if getattr(happening, name) != value}
        if changed:
            _apply(happening, changed, now)
    return happening


def cancel_happening(*, happening_id: UUID, reason: str, now: datetime, expected_version: Expected = None) -> Happening:
    """Call a happening off: every registration ends and everybody is told. Publishes HappeningCancelled.

    Raises HappeningNotFound, HappeningIsCancelled, StaleVersion.
    """
    with transaction("showroom"):
        happening = lock_happening(happening_id, expected_version)
        _cancel(happening, reason, now)
        happening.save()
    return happening


def delete_happening(*, happening_id: UUID, now: datetime, expected_version: Expected = None) -> None:
    """Hide a happening; one that has not ended is called off first. Raises HappeningNotFound, StaleVersion."""
    with transaction("showroom"):
        happening = lock_happening(happening_id, expected_version)
        if happening.status == HappeningStatus.SCHEDULED and now < happening.ends_at:
            _cancel(happening, "", now)
        happening.deleted_at = now
        happening.touch(now)
        happening.save()


def lock_happening(
    happening_id: UUID, expected_version: Expected = None, *, include_deleted: bool = False
) -> Happening:
    """Lock a happening's row for the open transaction. Raises HappeningNotFound, StaleVersion."""
    rows = Happening.objects.select_for_update()
    happening = (rows if include_deleted else rows.present()).filter(pk=happening_id).first()
    if happening is None:
        raise HappeningNotFound
    require_version(happening.version, expected_version)
    return happening


def _check_category(fields: HappeningFields) -> None:
    category_id = fields.get("category_id")
    if category_id is not None and not EventCategory.objects.select_for_update().filter(pk=category_id).exists():
        raise UnknownCategory


def _apply(happening: Happening, changed: dict[str, object], now: datetime) -> None:
    for name, value in changed.items():
        setattr(happening, name, value)
    happening.check_plan()
    if "starts_at" in changed:
        happening.reminded_at = None
    happening.touch(now)
    promote_waiting(happening, now)
    happening.save()
    publish(HappeningUpdated(**_plan(happening)))


def _cancel(happening: Happening, reason: str, now: datetime) -> None:
    let(FALLEN_THROUGH)
    happening.cancel(reason=reason, now=now)
    live = Registration.objects.filter(happening=happening).exclude(status=RegistrationStatus.CANCELLED)
    user_ids = list(live.order_by("created_at", "id").values_list("user_id", flat=True))
    for registration in live.filter(payment_state=PaymentState.PAID).order_by("id"):
        registration.cancel(now=now)
        give_money_back(registration, reason="event_cancelled")
        registration.save()
    live.update(
        status=RegistrationStatus.CANCELLED, position=None, offer_expires_at=None, checked_in_at=None, updated_at=now
    )
    parts = [user_ids[start : start + TOLD_AT_ONCE] for start in range(0, len(user_ids), TOLD_AT_ONCE)] or [[]]
    for number, part in enumerate(parts, 1):
        publish(
            HappeningCancelled(
                event_id=happening.id,
                title=happening.title,
                reason=reason,
                user_ids=part,
                part=number,
                parts=len(parts),
            )
        )


def _plan(happening: Happening) -> dict[str, Any]:
    return {
        "event_id": happening.id,
        "title": happening.title,
        "kind": happening.kind,
        "start_date": happening.starts_at,
        "end_date": happening.ends_at,
        "capacity": happening.capacity,
    }
