"""Cars taken in exchange: into the stock unpublished, and out of it again while nobody was offered them."""

from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import timezone

from catalog import services
from catalog.commands import GiveBackVehicle, TakeInVehicle
from catalog.errors import OneVehicleOneVin
from catalog.handlers import serve_trade_ins
from catalog.models import TO_COMPLETE, Acquisition, Product, StockMovement
from catalog.public import stock_disagreements
from catalog.tests import make
from core.errors import InvalidInput
from core.ids import uuid7
from messaging.models import OutboxEvent
from messaging.testing import published

pytestmark = pytest.mark.django_db(databases=["catalog"])
NOW = timezone.now()
KNOWN = {"make": "Lada", "model": "Vesta", "year": 2018, "mileage": 90_000}


def told():
    return OutboxEvent.objects.using("catalog").order_by("n").last()


def take_in(order_id: UUID | None = None, **facts):
    facts = {"vin": make.VIN, "number": "2026-000001"} | facts
    command = TakeInVehicle(order_id=order_id or uuid7(), cost=Decimal(400_000), currency="RUB", **facts)
    serve_trade_ins(command)
    return Acquisition.objects.get(order_id=command.order_id)


def give_back(found):
    serve_trade_ins(GiveBackVehicle(order_id=found.order_id))
    found.refresh_from_db()
    return Product.objects.get(pk=found.product_id)


def sold_here():
    """A car that was sold here, and handed over."""
    car = make.product(vin=make.VIN, make="Lada", model="Vesta", year=2018, condition="new", mileage=5)
    held = make.reservation((car.pk, 1))
    services.sell_reservation(order_id=held.order_id, attempt_id=held.attempt_id, now=NOW)
    services.hand_over(order_id=held.order_id, now=NOW)
    return car


def test_a_car_nobody_knew_enters_the_stock_at_its_cost_on_sale_to_nobody():
    found = take_in(**KNOWN)
    car = found.product
    assert (car.vin, car.name, car.price, car.condition, car.on_hand) == (
        make.VIN, "Lada Vesta 2018", Decimal(400_000), "used", 1,
    )  # fmt: skip
    assert (car.stage, car.is_active, car.available, car.missing) == ("in_preparation", False, 0, [])
    assert (found.source, found.cost, found.number, found.ended_at) == ("trade_in", 400_000, "2026-000001", None)
    (moved,) = StockMovement.objects.filter(product=car)
    assert (moved.kind, moved.delta, moved.order_id) == ("trade_in", 1, found.order_id)
    assert published("catalog") == [
        "product.created",
        "product.updated",
        "product.cost_changed",
        "stock.trade_in_entered",
    ]
    assert stock_disagreements() == []


def test_taken_in_twice_is_taken_in_once():
    found = take_in(**KNOWN)
    assert take_in(found.order_id, **KNOWN).pk == found.pk
    assert (Product.objects.count(), StockMovement.objects.count()) == (1, 1)


def test_a_car_that_was_sold_here_is_the_same_product_again():
    car = sold_here()
    found = take_in(vin=f" {make.VIN.lower()} ", mileage=60_000)
    assert (found.product_id, Product.objects.count()) == (car.pk, 1)
    car.refresh_from_db()
    assert (car.stage, car.condition, car.mileage, car.on_hand, car.is_active) == (
        "in_preparation", "used", 60_000, 1, False,
    )  # fmt: skip
    assert (car.make, car.price) == ("Lada", Decimal(1_500_000))
    assert stock_disagreements() == []


def test_what_is_unknown_is_asked_of_a_manager_before_it_can_be_offered():
    car = take_in().product
    assert car.missing == ["make", "model", "year", "mileage"]
    assert told().data["missing"] == car.missing
    assert list(Product.objects.filter(TO_COMPLETE)) == [car]
    with pytest.raises(InvalidInput):
        services.publish_vehicle(product_id=car.pk, actor="a", now=NOW)
    assert not Product.objects.get().is_active
    services.update_product(product_id=car.pk, actor="a", now=NOW, price=Decimal(500_000), **KNOWN)
    services.publish_vehicle(product_id=car.pk, actor="a", now=NOW)
    offered = Product.objects.get()
    assert (offered.is_active, offered.stage, offered.available) == (True, "on_sale", 1)
    assert not Product.objects.filter(TO_COMPLETE).exists()


@pytest.mark.parametrize("stated", ["", "AE86-500123"])
def test_a_car_without_a_whole_vin_is_taken_in_all_the_same(stated):
    car = take_in(vin=stated, **KNOWN).product
    assert (car.vin, car.attributes) == ("", {"number": stated} if stated else {})
    assert car.missing == ([] if stated else ["vin"])
    assert list(Product.objects.filter(TO_COMPLETE)) == ([] if stated else [car])


def test_a_car_of_ours_is_not_taken_in_a_second_time():
    make.product(vin=make.VIN)
    with pytest.raises(OneVehicleOneVin):
        take_in()
    assert (Product.objects.get().on_hand, Acquisition.objects.count()) == (1, 0)


def test_a_car_whose_buyer_has_no_keys_yet_waits():
    car = make.product(vin=make.VIN)
    held = make.reservation((car.pk, 1))
    services.sell_reservation(order_id=held.order_id, attempt_id=held.attempt_id, now=NOW)
    with pytest.raises(OneVehicleOneVin):
        take_in()
    services.hand_over(order_id=held.order_id, now=NOW)
    assert take_in().product_id == car.pk


def test_it_leaves_the_stock_again_while_nobody_was_offered_it():
    found = take_in(**KNOWN)
    car = give_back(found)
    assert (car.on_hand, car.stage, found.ended_at is None) == (0, "handed_over", False)
    assert told().type == "stock.trade_in_left"
    give_back(found)
    assert StockMovement.objects.count() == 2
    assert stock_disagreements() == []
    assert take_in().product_id == car.pk, "and may come again"


def publish(car):
    services.publish_vehicle(product_id=car.pk, actor="a", now=NOW)


def sell(car):
    publish(car)
    held = make.reservation((car.pk, 1))
    services.sell_reservation(order_id=held.order_id, attempt_id=held.attempt_id, now=NOW)


def sell_and_take_in(car):
    sell(car)
    services.hand_over(order_id=car.reservation_lines.get().reservation.order_id, now=NOW)
    take_in(**KNOWN)


@pytest.mark.parametrize(("meanwhile", "reason"), [(publish, "published"), (sell, "sold"), (sell_and_take_in, "sold")])
def test_it_stays_once_it_is_for_sale_or_sold(meanwhile, reason):
    found = take_in(**KNOWN)
    meanwhile(found.product)
    on_hand = Product.objects.get().on_hand
    car = give_back(found)
    assert (car.on_hand, found.ended_at) == (on_hand, None)
    assert (told().type, told().data["reason"]) == ("stock.trade_in_kept", reason)
    assert stock_disagreements() == []


def test_one_that_never_entered_is_answered_for():
    order_id = uuid7()
    serve_trade_ins(GiveBackVehicle(order_id=order_id))
    assert (told().type, told().data["product_id"]) == ("stock.trade_in_left", None)
