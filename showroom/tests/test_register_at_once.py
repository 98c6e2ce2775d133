from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from core.ids import uuid7
from showroom.models import Registration
from showroom.public import seat_disagreements
from showroom.tests import make

pytestmark = pytest.mark.django_db(databases=["showroom"], transaction=True)


def test_forty_people_at_once_for_five_seats():
    happening = make.happening(capacity=5)

    def register(_: int) -> None:
        try:
            make.registration(happening, uuid7())
        finally:
            connections["showroom"].close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(register, range(40)))
    assert Registration.objects.filter(status="confirmed").count() == 5
    waiting = Registration.objects.filter(status="waitlisted").order_by("position")
    assert list(waiting.values_list("position", flat=True)) == list(range(1, 36))
    assert seat_disagreements() == []
