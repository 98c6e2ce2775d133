"""One VIN is one vehicle with one owner, whichever product names it and whoever counts it in."""

from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.utils import timezone

from catalog import public, services
from catalog.errors import OneVehicleOneVin, StockGone
from catalog.models import Product, ReservationLine, Stage
from catalog.tests import make
from core.db import transaction
from core.errors import InvalidInput
from core.ids import uuid7

NOW = timezone.now()
VIN = "WVWZZZ1JZXW090194"


def sold(product):
    held = make.reservation((product.pk, 1))
    services.sell_reservation(order_id=held.order_id, attempt_id=held.attempt_id, now=NOW)
    return held


def listed_anew(car):
    """The same vehicle as another product, after the first left the catalogue."""
    services.update_product(product_id=car.pk, is_active=False, actor="manager", now=NOW)
    return make.product(vin=VIN)


@pytest.mark.django_db(databases=["catalog"])
class TestOneOwner:
    def test_a_vin_is_one_unit(self):
        with pytest.raises(InvalidInput) as refused:
            make.product(vin=VIN, stock=3)
        assert refused.value.errors[0]["code"] == "one_vehicle_one_vin"
        assert not Product.objects.exists()

    def test_it_cannot_be_counted_up(self):
        car = make.product(vin=VIN)
        with pytest.raises(OneVehicleOneVin):
            services.adjust_stock(product_id=car.pk, delta=1, reason="", actor="manager", now=NOW)

    def test_a_stock_of_several_gets_no_vin(self):
        cars = make.product(stock=3)
        with pytest.raises(InvalidInput):
            services.update_product(product_id=cars.pk, vin=VIN, actor="manager", now=NOW)

    def test_the_database_refuses_it_too(self):
        car = make.product(vin=VIN)
        with pytest.raises(IntegrityError), transaction("catalog"):
            Product.objects.filter(pk=car.pk).update(on_hand=2)

    def test_a_sold_car_cannot_be_counted_in_for_a_second_buyer(self):
        car = make.product(vin=VIN)
        sold(car)
        with pytest.raises(OneVehicleOneVin):
            services.adjust_stock(product_id=car.pk, delta=1, reason="found it", actor="manager", now=NOW)

    def test_the_same_car_under_another_product_has_its_buyer_already(self):
        car = make.product(vin=VIN)
        sold(car)
        second = make.reservation((listed_anew(car).pk, 1))
        assert (second.status, second.reason) == ("released", "insufficient_stock")

    def test_two_products_of_one_vin_are_not_held_at_once(self):
        car = make.product(vin=VIN)
        make.reservation((car.pk, 1))
        Product.objects.filter(pk=car.pk).update(is_active=False)
        again = make.product(vin=VIN)
        assert make.reservation((again.pk, 1)).reason == "insufficient_stock"

    def test_a_hold_that_ended_binds_nobody(self):
        car = make.product(vin=VIN)
        held = make.reservation((car.pk, 1))
        services.release_stock(order_id=held.order_id, attempt_id=held.attempt_id, reason="x", now=NOW)
        assert make.reservation((listed_anew(car).pk, 1)).status == "held"

    def test_a_late_payment_does_not_take_what_is_another_s_by_now(self):
        car = make.product(vin=VIN)
        first = make.reservation((car.pk, 1), now=NOW - timedelta(hours=2), minutes=30)
        services.release_expired_reservations(now=NOW)
        sold(listed_anew(car))
        with pytest.raises(StockGone):
            services.sell_reservation(order_id=first.order_id, attempt_id=first.attempt_id, now=NOW)

    def test_a_handed_over_car_may_be_bought_in_and_sold_again(self):
        car = make.product(vin=VIN)
        services.hand_over(order_id=sold(car).order_id, now=NOW)
        assert not ReservationLine.objects.filter(binds=True).exists()
        services.change_stage(product_id=car.pk, stage=Stage.IN_PREPARATION, now=NOW)
        services.adjust_stock(product_id=car.pk, delta=1, reason="bought in", actor="manager", now=NOW)
        services.change_stage(product_id=car.pk, stage=Stage.ON_SALE, now=NOW)
        assert make.reservation((car.pk, 1)).status == "held"

    def test_a_line_may_be_replaced_by_the_same_car(self):
        car = make.product(vin=VIN)
        order_id = uuid7()
        old = make.reservation((car.pk, 1), order_id=order_id)
        assert make.reservation((car.pk, 1), order_id=order_id, replaces=old.attempt_id).status == "held"

    def test_the_books_name_a_vin_that_two_orders_hold(self):
        sold(make.product(vin=VIN))
        other = make.product()
        make.reservation((other.pk, 1))
        assert public.stock_disagreements() == []
        Product.objects.filter(pk=other.pk).update(is_active=False, vin=VIN)
        assert [found.kind for found in public.stock_disagreements()] == ["vin_two_owners"]

    def test_the_database_lets_one_line_bind_a_vin(self):
        car, other = make.product(vin=VIN), make.product()
        make.reservation((car.pk, 1))
        line = make.reservation((other.pk, 1)).lines.get()
        with pytest.raises(IntegrityError, match="one_owner_per_vin"), transaction("catalog"):
            ReservationLine.objects.filter(pk=line.pk).update(vin=VIN)
