"""Hand-over appointments: asked for at a free time, booked by resources, exchanged, called off, over with an order."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings

from core.clock import dealer_day
from core.db import transaction
from core.errors import NotFound
from messaging.outbox import publish
from messaging.people.departures import refuse_leavers
from orders.errors import HandoverBeingBooked, HandoverNotDue, HandoverTaken, HandoverTooLate
from orders.events import HandoverAsked, HandoverConfirmed, HandoverEnded, HandoverReminder
from orders.models import BEFORE_HANDOVER, HandoverAppointment, HandoverState, Order
from orders.models.handovers import COMING
from orders.queries.handovers import list_slots
from orders.services.agreeing import is_for_another
from orders.services.history import Actor
from resources.public import HandoverSlot

BATCH = 50
"""Reminders in one transaction."""


def ask_handover(*, order_id: UUID, start: datetime, actor: Actor, now: datetime) -> HandoverAppointment:
    """Ask for a time of hand-over, in exchange for the one there is; resources confirms or refuses within moments.

    The buyer does so until some hours before the time there is, staff at any time. Publishes HandoverAsked. Raises
    NotFound, HandoverNotDue, HandoverTooLate, HandoverTaken (no place is free then, or closed), HandoverBeingBooked,
    AccountClosing.
    """
    _require_due(_find(order_id, actor), actor, now)
    slot = _require_free(order_id, start, now)
    with transaction("orders"):
        order = _lock(order_id, actor)
        refuse_leavers("orders", order.customer_id)
        confirmed = _require_due(order, actor, now)
        if HandoverAppointment.objects.filter(order=order, state=HandoverState.ASKED).exists():
            raise HandoverBeingBooked
        asked = HandoverAppointment.objects.create(
            order=order,
            starts_at=slot.start_time,
            ends_at=slot.end_time,
            time_zone=slot.time_zone,
            replaces=confirmed,
            asked_by=actor.id,
            created_at=now,
            updated_at=now,
        )
        publish(
            HandoverAsked(
                order_id=order.id,
                booking_id=asked.id,
                customer_id=order.customer_id,
                start_time=asked.starts_at,
                end_time=asked.ends_at,
                replaces=confirmed.id if confirmed else None,
            )
        )
    return asked


def cancel_handover(*, order_id: UUID, actor: Actor, now: datetime, reason: str = "") -> HandoverAppointment:
    """Call an appointment off: its buyer until some hours before, staff at any time. Publishes HandoverEnded.

    Raises NotFound (nothing is arranged), HandoverTooLate.
    """
    with transaction("orders"):
        order = _lock(order_id, actor)
        coming = _lock_coming(order_id)
        if not coming:
            raise NotFound
        is_staff = is_for_another(order, actor)
        if not is_staff:
            _require_early(coming, now)
        for one in coming:
            _end(one, order, HandoverState.CANCELLED, now, reason=reason, outcome="" if is_staff else "given_up")
    return coming[-1]


def confirm_handover(*, booking_id: UUID, location: str, time_zone: str, now: datetime) -> None:
    """Hear that a place is taken; the time it was exchanged for is over. Publishes HandoverConfirmed, HandoverEnded.

    One that was called off meanwhile stays so: its place is freed by that.
    """
    with transaction("orders"):
        found = _lock_booking(booking_id)
        if found is None or found.state != HandoverState.ASKED:
            return
        if found.replaces is not None and found.replaces.state == HandoverState.CONFIRMED:
            _end(found.replaces, found.order, HandoverState.MOVED, now)
        found.move(HandoverState.CONFIRMED, now=now)
        found.location, found.time_zone = location, time_zone
        found.save()
        _publish_confirmed(found, is_moved=found.replaces is not None)


def refuse_handover(*, booking_id: UUID, code: str, now: datetime) -> None:
    """Hear that no place was free; a time that would have been exchanged holds on. Publishes HandoverEnded."""
    with transaction("orders"):
        found = _lock_booking(booking_id)
        if found is not None and found.state == HandoverState.ASKED:
            _end(found, found.order, HandoverState.REFUSED, now, reason=code)


def move_place(*, booking_id: UUID, location: str, time_zone: str, now: datetime) -> None:
    """Hear that another place took over, at the same time. Publishes HandoverConfirmed."""
    with transaction("orders"):
        found = _lock_booking(booking_id)
        if found is None or found.state != HandoverState.CONFIRMED:
            return
        found.location, found.time_zone, found.updated_at = location, time_zone, now
        found.version += 1
        found.save()
        _publish_confirmed(found, is_moved=True)


def lose_handover(*, booking_id: UUID, reason: str, now: datetime) -> None:
    """Hear that the place cannot be had any more, and none instead of it. Publishes HandoverEnded."""
    with transaction("orders"):
        found = _lock_booking(booking_id)
        if found is not None and found.state == HandoverState.CONFIRMED:
            _end(found, found.order, HandoverState.LOST, now, reason=reason)


def end_handovers(*, order_id: UUID, is_handed_over: bool, now: datetime) -> None:
    """End what was arranged for an order that was handed over, or called off. Publishes HandoverEnded."""
    with transaction("orders"):
        order = Order.objects.select_for_update().filter(pk=order_id).first()
        if order is None:
            return
        state = HandoverState.DONE if is_handed_over else HandoverState.CANCELLED
        for one in _lock_coming(order_id):
            _end(one, order, state, now, outcome="order_over")


def remind_of_handovers(*, now: datetime) -> int:
    """Remind buyers of hand-overs that begin soon, once; return of how many. Publishes HandoverReminder."""
    soon, reminded = now + timedelta(hours=settings.REMIND_HOURS), 0
    while count := _remind(now, soon):
        reminded += count
    return reminded


def _remind(now: datetime, soon: datetime) -> int:
    with transaction("orders"):
        due = HandoverAppointment.objects.select_for_update(skip_locked=True, of=("self",)).select_related("order")
        due = due.filter(
            state=HandoverState.CONFIRMED, reminded_at__isnull=True, starts_at__gt=now, starts_at__lte=soon
        )
        found = list(due.order_by("starts_at", "id")[:BATCH])
        for one in found:
            one.reminded_at = now
            one.save(update_fields=["reminded_at"])
            publish(
                HandoverReminder(
                    order_id=one.order_id,
                    number=one.order.number,
                    customer_id=one.order.customer_id,
                    start_time=one.starts_at,
                    time_zone=one.time_zone,
                    location=one.location,
                )
            )
    return len(found)


def _find(order_id: UUID, actor: Actor) -> Order:
    order = Order.objects.filter(pk=order_id, deleted_at__isnull=True).first()
    if order is None or not (actor.is_staff or order.customer_id == actor.id):
        raise NotFound
    return order


def _lock(order_id: UUID, actor: Actor) -> Order:
    Order.objects.select_for_update().filter(pk=order_id).first()
    return _find(order_id, actor)


def _lock_booking(booking_id: UUID) -> HandoverAppointment | None:
    """Lock an appointment after its order, as whoever ends both does."""
    order_id = HandoverAppointment.objects.filter(pk=booking_id).values_list("order_id", flat=True).first()
    if order_id is None:
        return None
    Order.objects.select_for_update().get(pk=order_id)
    rows = HandoverAppointment.objects.select_related("order", "replaces").select_for_update(of=("self",))
    return rows.get(pk=booking_id)


def _lock_coming(order_id: UUID) -> list[HandoverAppointment]:
    rows = HandoverAppointment.objects.select_for_update().filter(order=order_id, state__in=COMING)
    return list(rows.order_by("created_at", "id"))


def _require_due(order: Order, actor: Actor, now: datetime) -> HandoverAppointment | None:
    """Return the time that there is and may be exchanged. Raises HandoverNotDue, HandoverTooLate."""
    if order.status not in BEFORE_HANDOVER:
        raise HandoverNotDue(order_status=order.status)
    confirmed = HandoverAppointment.objects.filter(order=order, state=HandoverState.CONFIRMED).first()
    if confirmed is not None and not is_for_another(order, actor):
        _require_early([confirmed], now)
    return confirmed


def _require_early(coming: list[HandoverAppointment], now: datetime) -> None:
    hours = settings.HANDOVER_CHANGE_HOURS
    if any(one.state == HandoverState.CONFIRMED and one.starts_at - now < timedelta(hours=hours) for one in coming):
        raise HandoverTooLate(hours=hours)


def _require_free(order_id: UUID, start: datetime, now: datetime) -> HandoverSlot:
    for slot in list_slots(order_id, dealer_day(start), 1, now=now):
        if slot.start_time == start:
            return slot
    raise HandoverTaken


def _publish_confirmed(found: HandoverAppointment, *, is_moved: bool) -> None:
    publish(
        HandoverConfirmed(
            order_id=found.order_id,
            number=found.order.number,
            customer_id=found.order.customer_id,
            booking_id=found.id,
            start_time=found.starts_at,
            time_zone=found.time_zone,
            location=found.location,
            is_moved=is_moved,
        )
    )


def _end(
    found: HandoverAppointment,
    order: Order,
    state: HandoverState,
    now: datetime,
    *,
    reason: str = "",
    outcome: str = "",
) -> None:
    found.move(state, now=now, reason=reason)
    found.save()
    publish(
        HandoverEnded(
            order_id=order.id,
            number=order.number,
            customer_id=order.customer_id,
            booking_id=found.id,
            start_time=found.starts_at,
            time_zone=found.time_zone,
            outcome=outcome or str(state.value),
            reason=reason,
        )
    )
