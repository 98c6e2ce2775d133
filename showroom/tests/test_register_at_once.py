from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.utils import timezone

from core.ids import uuid7
from showroom import services
from showroom.models import Registration
from showroom.public import seat_disagreements
from showroom.tests import make

pytestmark = pytest.mark.django_db(databases=["showroom"], transaction=True)


def test_two_hundred_people_at_once_for_fifty_seats():
    happening = make.happening(capacity=50)

    def register(_: int) -> None:
        try:
            make.registration(happening, uuid7())
        finally:
            connections["showroom"].close()

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(register, range(200)))
    assert Registration.objects.filter(status="confirmed").count() == 50
    waiting = Registration.objects.filter(status="waitlisted").order_by("position")
    assert list(waiting.values_list("position", flat=True)) == list(range(1, 151))
    assert seat_disagreements() == []
    first, second = waiting[0], waiting[1]
    leaver = Registration.objects.filter(status="confirmed").first()
    services.cancel_registration(happening_id=happening.id, registration_id=leaver.id, now=timezone.now())
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.position) == ("confirmed", 1)


def test_comings_and_goings_at_once_never_overbook():
    happening = make.happening(capacity=10, offer_hours=1)
    seated = [make.registration(happening) for _ in range(20)]

    def come_or_go(number: int) -> None:
        try:
            if number % 2:
                make.registration(happening)
            else:
                services.cancel_registration(
                    happening_id=happening.id, registration_id=seated[number // 2].id, now=timezone.now()
                )
        finally:
            connections["showroom"].close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(come_or_go, range(40)))
    happening.refresh_from_db()
    assert (happening.taken, happening.waiting) == (10, 10)
    assert seat_disagreements() == []
