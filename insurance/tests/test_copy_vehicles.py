"""The copy of the catalogue's cars: kept by events, rebuilt by a replay, never older than it was."""

from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

import catalog.tests.make
from catalog.events import ProductCreated, ProductDeleted, ProductUpdated
from catalog.services import delete_product, update_product
from core.ids import uuid7
from insurance.handlers import copy_vehicles
from insurance.models import VehicleCopy
from messaging.testing import drain_outbox
from messaging.upkeep.copies import copy_checks, diff

VIN = "XTA210990Y2766389"
PRODUCT = uuid7()
STATE = {
    "product_id": PRODUCT, "sku": "A-1", "name": "Lada Vesta", "kind": "vehicle", "price": Decimal(1_500_000),
    "currency": "RUB", "available": 1, "stock_version": 1, "version_number": 1, "vin": VIN, "make": "Lada",
    "model": "Vesta", "year": 2024, "power_hp": 249,
}  # fmt: skip
WHOLE = pytest.mark.django_db(databases=["catalog", "insurance"])


def created(**changes):
    return ProductCreated(**STATE | changes)


def updated(version, **changes):
    return ProductUpdated(**STATE | {"version_number": version} | changes)


def copied():
    return VehicleCopy.objects.get(pk=PRODUCT)


@pytest.mark.django_db(databases=["insurance"])
def test_older_news_heard_later_changes_nothing():
    copy_vehicles([created(), updated(3, power_hp=252)])
    copy_vehicles([created()])
    copy_vehicles([updated(2, power_hp=50)])
    assert (copied().power_hp, copied().version) == (252, 3)


@pytest.mark.django_db(databases=["insurance"])
@pytest.mark.parametrize("at_once", [True, False])
def test_an_older_release_that_tells_no_power_takes_none_away(at_once):
    news = [created(), updated(2, power_hp=None, price=Decimal(1_400_000))]
    for batch in [news] if at_once else [[one] for one in news]:
        copy_vehicles(batch)
    assert (copied().power_hp, copied().price) == (249, Decimal(1_400_000))


@pytest.mark.django_db(databases=["insurance"])
def test_a_power_taken_back_is_not_known_any_more():
    copy_vehicles([created()])
    copy_vehicles([updated(2, power_hp=0)])
    assert copied().power_hp == 0


@pytest.mark.django_db(databases=["insurance"])
def test_only_cars_are_copied_and_a_deleted_one_is_kept_as_it_was():
    copy_vehicles([created(), created(product_id=uuid7(), kind="accessory")])
    copy_vehicles([ProductDeleted(product_id=PRODUCT, version_number=2)])
    assert [car.product_id for car in VehicleCopy.objects.all()] == [PRODUCT]
    assert (copied().is_active, copied().power_hp) == (False, 249)


@WHOLE
def test_a_lost_or_spoilt_copy_is_rebuilt_by_a_replay():
    kept = catalog.tests.make.product(vin=VIN, make="Lada", year=2024, power_hp=249)
    gone = catalog.tests.make.product(power_hp=90)
    update_product(product_id=kept.id, actor="tests", now=timezone.now(), power_hp=251)
    delete_product(product_id=gone.id, now=timezone.now())
    drain_outbox("catalog", "insurance")
    check = copy_checks()["insurance.VehicleCopy"]
    assert diff(check) == []
    VehicleCopy.objects.filter(pk=kept.id).update(power_hp=50)
    VehicleCopy.objects.filter(pk=gone.id).delete()
    assert {item.id for item in diff(check)} == {kept.id, gone.id}
    call_command("replay_events", "--handler", "insurance.copy_vehicles", stdout=StringIO(), stderr=StringIO())
    assert diff(check) == []
    assert VehicleCopy.objects.get(pk=kept.id).power_hp == 251


def fill():
    told = StringIO()
    call_command("fill_vehicles", stdout=told)
    return told.getvalue().strip()


@WHOLE
def test_a_power_that_no_event_told_is_filled_in_from_the_catalogue():
    """A release before this one told no power, and its events are what a replay would tell again."""
    silent = catalog.tests.make.product(vin=VIN, make="Lada", year=2024, power_hp=249)
    known = catalog.tests.make.product(power_hp=90)
    lost = catalog.tests.make.product(power_hp=70)
    catalog.tests.make.product(kind="accessory")
    drain_outbox("catalog", "insurance")
    VehicleCopy.objects.filter(pk=silent.id).update(power_hp=None)
    VehicleCopy.objects.filter(pk=known.id).update(power_hp=91)
    VehicleCopy.objects.filter(pk=lost.id).delete()
    assert fill() == "2 cars filled in"
    powers = dict(VehicleCopy.objects.values_list("product_id", "power_hp"))
    assert powers == {silent.id: 249, known.id: 91, lost.id: 70}
    assert fill() == "0 cars filled in"
    update_product(product_id=lost.id, actor="tests", now=timezone.now(), power_hp=75)
    drain_outbox("catalog", "insurance")
    assert VehicleCopy.objects.get(pk=lost.id).power_hp == 75
