"""Stock-taking: sheets, differences, and what settling them does to the books."""

import threading
from datetime import timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from catalog import public, services
from catalog.errors import CountClosed, CountOpen, NothingToCount, UnitSold, UnknownProduct
from catalog.models import Stage, StockCount, StockMovement
from catalog.tests import make
from core.errors import NotFound
from core.ids import uuid7
from core.testing import Api
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["catalog"])
NOW = timezone.now()


def start(location=""):
    return services.start_count(location=location, actor="m1", now=NOW)


def write(sheet, **numbers):
    """Return what was counted, by SKU."""
    lines = {line.product.sku: line.pk for line in sheet.lines.select_related("product")}
    services.record_counts(count_id=sheet.pk, counted={lines[sku]: number for sku, number in numbers.items()})


def settle(sheet):
    return services.confirm_count(count_id=sheet.pk, reason="year's end", actor="m2", now=NOW)


def outcomes(sheet):
    return {line.product.sku: line.outcome for line in sheet.lines.select_related("product")}


def sell(product):
    held = make.reservation((product.pk, 1))
    services.sell_reservation(order_id=held.order_id, attempt_id=held.attempt_id, now=NOW)
    return held


def test_a_sheet_lists_what_the_books_say_stands_there():
    make.product(sku="A", location="North")
    make.product(sku="B", location="South")
    make.product(sku="C", location="North", stock=0)
    make.product(sku="S", kind="service")
    with capture_events("catalog") as events:
        assert list(start("North").lines.values_list("product__sku", "expected")) == [("A", 1)]
        assert set(start().lines.values_list("product__sku", flat=True)) == {"A", "B"}
    assert events == []


def test_differences_become_movements_with_reason_and_news():
    make.product(sku="same", kind="accessory", stock=4)
    make.product(sku="less", kind="accessory", stock=4, low_stock_threshold=3)
    make.product(sku="more", kind="accessory", stock=4)
    make.product(sku="left", kind="accessory", stock=4)
    sheet = start()
    write(sheet, same=4, less=1, more=9)
    with capture_events("catalog") as events:
        done = settle(sheet)
    assert sorted(events) == ["product.updated", "product.updated", "stock.low"]
    assert outcomes(done) == {"same": "same", "less": "adjusted", "more": "adjusted", "left": "uncounted"}
    assert (done.status, done.closed_by) == ("confirmed", "m2")
    counted = StockMovement.objects.filter(kind="count")
    assert set(counted.values_list("product__sku", "delta", "on_hand_after", "reason", "actor")) == {
        ("less", -3, 1, "year's end", "m2"),
        ("more", 5, 9, "year's end", "m2"),
    }
    assert public.stock_disagreements() == []
    with capture_events("catalog") as events:
        assert settle(sheet).status == "confirmed"
    assert (events, counted.count()) == ([], 2)


def test_a_missing_unit_leaves_the_sale_and_one_found_is_prepared_first():
    car = make.product(sku="CAR", vin=make.VIN)
    sheet = start()
    write(sheet, CAR=0)
    settle(sheet)
    car.refresh_from_db()
    assert (car.on_hand, car.state, car.is_available) == (0, "missing", False)
    assert make.reservation((car.pk, 1)).reason == "insufficient_stock"
    make.product(sku="OTHER")
    again = start()
    services.add_found(count_id=again.pk, number=f" {make.VIN.lower()} ")
    settle(again)
    car.refresh_from_db()
    assert (car.on_hand, car.state) == (1, "in_preparation")
    services.change_stage(product_id=car.pk, stage=Stage.ON_SALE, now=NOW)
    assert make.reservation((car.pk, 1)).status == "held"
    assert public.stock_disagreements() == []


def test_nobody_makes_a_unit_missing_by_hand():
    car = make.product()
    answer = Api("manager").post(f"/products/{car.pk}/stage", {"stage": "missing"})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_stage")


def test_a_unit_found_elsewhere_moves_there():
    make.product(sku="A", location="North")
    strayed = make.product(sku="B", location="South", plate="А123ВС77")
    sheet = start("North")
    write(sheet, A=1)
    services.add_found(count_id=sheet.pk, number="a123bc77")
    with capture_events("catalog") as events:
        assert outcomes(settle(sheet)) == {"A": "same", "B": "adjusted"}
    strayed.refresh_from_db()
    assert (strayed.location, strayed.on_hand, events) == ("North", 1, ["product.updated"])
    assert not StockMovement.objects.filter(kind="count").exists()


def test_a_sold_unit_that_still_stands_there_is_not_counted_in():
    car = make.product(sku="SOLD")
    make.product(sku="A")
    sheet = start()
    sell(car)
    with pytest.raises(UnitSold):
        services.add_found(count_id=sheet.pk, number="SOLD")
    write(sheet, SOLD=1, A=1)
    assert outcomes(settle(sheet)) == {"SOLD": "changed", "A": "same"}
    car.refresh_from_db()
    assert car.on_hand == 0


def test_a_unit_found_counted_in_by_hand_and_sold_meanwhile_is_not_counted_in_again():
    car = make.product(sku="CAR")
    make.product(sku="A")
    first = start()
    write(first, CAR=0)
    settle(first)
    sheet = start()
    services.add_found(count_id=sheet.pk, number="CAR")
    services.adjust_stock(product_id=car.pk, delta=1, reason="found", actor="x", now=NOW)
    for stage in (Stage.IN_PREPARATION, Stage.ON_SALE):
        services.change_stage(product_id=car.pk, stage=stage, now=NOW)
    sell(car)
    assert outcomes(settle(sheet))["CAR"] == "sold"
    car.refresh_from_db()
    assert (car.on_hand, car.state) == (0, "sold")


def test_what_moved_while_it_was_counted_is_left_alone():
    box = make.product(sku="BOX", kind="accessory", stock=5)
    sheet = start()
    write(sheet, BOX=4)
    services.adjust_stock(product_id=box.pk, delta=-1, reason="broken", actor="x", now=NOW)
    assert outcomes(settle(sheet)) == {"BOX": "changed"}
    box.refresh_from_db()
    assert box.on_hand == 4


def test_what_is_held_for_an_order_is_left_alone_and_expired_holds_are_not():
    held, lapsed = make.product(sku="HELD"), make.product(sku="LAPSED")
    make.reservation((held.pk, 1))
    make.reservation((lapsed.pk, 1), now=NOW - timedelta(hours=2))
    sheet = start()
    write(sheet, HELD=0, LAPSED=0)
    assert outcomes(settle(sheet)) == {"HELD": "reserved", "LAPSED": "adjusted"}
    held.refresh_from_db()
    assert (held.on_hand, held.reserved) == (1, 1)
    assert public.stock_disagreements() == []


def test_a_deleted_product_is_named():
    one = make.product(sku="A")
    sheet = start()
    write(sheet, A=0)
    services.delete_product(product_id=one.pk, now=NOW)
    assert outcomes(settle(sheet)) == {"A": "gone"}


def test_any_stock_is_listed_and_left_uncounted_at_the_same_cost(django_assert_num_queries):
    for number in range(30):
        make.product(sku=f"A{number}")
    with django_assert_num_queries(4, using="catalog"):
        sheet = start()
    assert sheet.lines.filter(expected=1).count() == 30
    write(sheet, A7=1)
    with CaptureQueriesContext(connections["catalog"]) as many:
        settle(sheet)
    assert set(outcomes(sheet).values()) == {"uncounted", "same"}
    few = services.start_count(location="", actor="m1", now=NOW)
    few.lines.exclude(product__sku__in=("A7", "A8")).delete()
    write(few, A7=1)
    with CaptureQueriesContext(connections["catalog"]) as fewer:
        settle(few)
    assert len(many) == len(fewer)


def test_one_sheet_a_place_at_a_time():
    make.product(location="North")
    sheet = start("North")
    with pytest.raises(CountOpen):
        start("North")
    services.cancel_count(count_id=sheet.pk, actor="m", now=NOW)
    start("North")
    with pytest.raises(NothingToCount):
        start("Nowhere")
    assert StockCount.objects.filter(status="open").count() == 1


def test_a_closed_sheet_takes_nothing_more():
    make.product(sku="A", kind="accessory", stock=2)
    sheet, other = start(), uuid7()
    write(sheet, A=1)
    services.cancel_count(count_id=sheet.pk, actor="m", now=NOW)
    for act in (
        lambda: write(sheet, A=0),
        lambda: services.add_found(count_id=sheet.pk, number="A"),
        lambda: settle(sheet),
        lambda: services.cancel_count(count_id=sheet.pk, actor="m", now=NOW),
    ):
        with pytest.raises(CountClosed):
            act()
    with pytest.raises(NotFound):
        services.confirm_count(count_id=other, reason="x", actor="m", now=NOW)
    with pytest.raises(UnknownProduct):
        services.add_found(count_id=start().pk, number="nothing")
    assert not StockMovement.objects.filter(kind="count").exists()


def test_a_number_is_taken_back_and_found_things_are_set_once():
    make.product(sku="A", kind="accessory", stock=2)
    make.product(sku="B", kind="accessory", stock=0)
    sheet = start()
    write(sheet, A=1)
    write(sheet, A=None)
    for quantity in (1, 3):
        services.add_found(count_id=sheet.pk, number="B", quantity=quantity)
    assert outcomes(settle(sheet)) == {"A": "uncounted", "B": "adjusted"}
    assert StockMovement.objects.get(kind="count").delta == 3


def test_a_handed_over_unit_is_not_counted_in_by_hand_either():
    car = make.product()
    services.hand_over(order_id=sell(car).order_id, now=NOW)
    answer = Api("manager").post(f"/products/{car.pk}/stock", {"delta": 1, "reason": "found"})
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_stage")
    services.change_stage(product_id=car.pk, stage=Stage.IN_PREPARATION, now=NOW)
    answer = Api("manager").post(f"/products/{car.pk}/stock", {"delta": 1, "reason": "taken in part exchange"})
    assert (answer.status_code, answer.json()["stock"]) == (200, 1)


@pytest.mark.django_db(databases=["catalog"], transaction=True)
def test_two_managers_who_settle_at_once_correct_each_line_once():
    for number in range(20):
        make.product(sku=f"S{number}", kind="accessory", stock=5)
    sheet = start()
    write(sheet, **{f"S{number}": 3 for number in range(20)})
    barrier, failures = threading.Barrier(4), []

    def work():
        try:
            barrier.wait(10)
            settle(sheet)
        except Exception as error:
            failures.append(error)
        finally:
            connections["catalog"].close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert StockMovement.objects.filter(kind="count").count() == 20
    assert public.stock_disagreements() == []
