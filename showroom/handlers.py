"""Keep happenings and test drives in step with what the other apps tell."""

from collections.abc import Sequence

from django.utils import timezone

from core.approvals import JoinCards, KnowCard, KnowPerson
from gateway.approvals import follow_cards
from gateway.people import follow_people
from messaging.subscriptions import subscribe
from payments.events import ChargeSettled, PayoutSettled
from resources.events import (
    BookingBroken,
    BookingMade,
    BookingMoved,
    BookingRefused,
    ResourceCreated,
    ResourceUpdated,
)
from showroom import services
from showroom.events import OfferExpired

_PURPOSE = "ticket"


@subscribe(ResourceCreated, ResourceUpdated, replayable=True, name="showroom.keep_car")
def store_car(event: ResourceCreated | ResourceUpdated) -> None:
    """Know the cars that can be tested."""
    if event.test_drive_role != "car":
        services.store_car(resource_id=event.resource_id, fields=None)
        return
    is_there = not isinstance(event, ResourceUpdated) or (event.is_in_service and not event.is_deleted)
    fields = {
        "name": event.name,
        "product_id": event.product_id,
        "time_zone": event.time_zone,
        "is_available": is_there and not event.is_sold,
    }
    services.store_car(resource_id=event.resource_id, fields=fields)


@subscribe(BookingMade, BookingRefused, BookingMoved, BookingBroken)
def follow_booking(event: BookingMade | BookingRefused | BookingMoved | BookingBroken) -> None:
    """Hear what became of the car, the place and the colleague of a test drive."""
    now = timezone.now()
    match event:
        case BookingMade():
            services.confirm_drive(drive_id=event.booking_id, now=now)
        case BookingRefused():
            services.refuse_drive(drive_id=event.booking_id, code=event.code, now=now)
        case BookingMoved():
            services.move_drive(
                drive_id=event.booking_id, from_id=event.from_resource_id, to_id=event.to_resource_id, now=now
            )
        case BookingBroken():
            services.break_off_drive(drive_id=event.booking_id, reason=event.reason, cause=event.cause, now=now)


@subscribe(OfferExpired, partition_key="event_id")
def expire_offer(event: OfferExpired) -> None:
    """Pass a seat on when its deadline has come."""
    services.expire_offer(happening_id=event.event_id, registration_id=event.registration_id, now=timezone.now())


@subscribe(ChargeSettled, PayoutSettled, partition_key="subject_id")
def settle_seat(event: ChargeSettled | PayoutSettled) -> None:
    """Hear what became of the price of a seat."""
    if event.purpose != _PURPOSE:
        return
    if isinstance(event, PayoutSettled):
        services.record_refund(registration_id=event.subject_id, request_id=event.request_id, is_paid=event.is_paid)
        return
    services.settle_seat(
        registration_id=event.subject_id,
        request_id=event.request_id,
        is_paid=event.is_paid,
        code=event.code,
        now=timezone.now(),
    )


@subscribe(KnowCard, JoinCards, partition_key="client_id", on_parked="continue", replayable=True)
def know_cards(command: KnowCard | JoinCards) -> None:
    """Know whose client card it is: nobody acts as staff on what is theirs by their card."""
    follow_cards("showroom", command)


@subscribe(KnowPerson, batch=True, on_parked="continue", replayable=True, can_wait=True)
def know_people(commands: Sequence[KnowPerson]) -> None:
    """Know people by name, phone and e-mail: staff see whom each row is about, and find it by them."""
    follow_people("showroom", commands)
