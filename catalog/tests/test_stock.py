"""Stock: counted, held, sold, given back, and what the clock does to it."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import public, services
from catalog.errors import InsufficientStock, ReservationUnknown, StockGone, StockNotTracked
from catalog.models import Product, Reservation, StockMovement
from catalog.public import disagreements
from catalog.tests import make
from core.db import transaction
from core.ids import uuid7
from messaging.models import OutboxEvent
from messaging.testing import capture_events, published

NOW = timezone.now()


def levels(product):
    product.refresh_from_db()
    return product.on_hand, product.reserved


def last_event():
    return OutboxEvent.objects.using("catalog").order_by("n").last().data


@pytest.mark.django_db(databases=["catalog"])
class TestReserving:
    def test_all_lines_are_held(self):
        first, second = make.product(stock=5), make.product(stock=3)
        with capture_events("catalog") as events:
            held = make.reservation((first.pk, 2), (second.pk, 3))
        assert held.status == "held"
        assert (levels(first), levels(second)) == ((5, 2), (3, 3))
        assert events == ["stock.reserved"]
        assert {item["available"] for item in last_event()["levels"]} == {3, 0}
        assert public.stock_disagreements() == []

    def test_two_lines_of_one_product_count_together(self):
        product = make.product(stock=3)
        held = make.reservation((product.pk, 2), (product.pk, 2))
        assert (held.status, held.reason) == ("released", "insufficient_stock")
        assert last_event()["shortfalls"] == [{"product_id": str(product.pk), "requested": 4, "available": 3}]
        assert levels(product) == (3, 0)

    def test_one_short_line_refuses_the_whole(self):
        plenty, none = make.product(stock=9), make.product(stock=0)
        with capture_events("catalog") as events:
            make.reservation((plenty.pk, 1), (none.pk, 1))
        assert events == ["stock.rejected"]
        assert levels(plenty) == (9, 0)

    @pytest.mark.parametrize("spoil", ["missing", "inactive", "deleted"])
    def test_what_is_not_on_sale_is_unknown(self, spoil):
        product = make.product()
        product_id = uuid7() if spoil == "missing" else product.pk
        if spoil == "inactive":
            services.update_product(product_id=product.pk, is_active=False, actor="tests", now=NOW)
        if spoil == "deleted":
            services.delete_product(product_id=product.pk, now=NOW)
        make.reservation((product_id, 1))
        assert last_event()["code"] == "unknown_product"
        assert levels(product) == (1, 0)

    def test_a_service_is_never_short(self):
        service = make.product(kind="service")
        assert make.reservation((service.pk, 999)).status == "held"
        assert levels(service) == (0, 0)

    def test_an_order_without_goods_holds_nothing_and_goes_on(self):
        assert make.reservation().status == "held"
        assert published("catalog") == ["stock.reserved"]

    def test_asked_again_it_answers_the_same_and_holds_once(self):
        product, order, attempt = make.product(stock=5), uuid7(), uuid7()
        for _ in range(2):
            make.reservation((product.pk, 2), order_id=order, attempt_id=attempt)
        assert levels(product) == (5, 2)
        assert published("catalog")[-2:] == ["stock.reserved", "stock.reserved"]

    def test_a_refused_attempt_stays_refused(self):
        product, order, attempt = make.product(stock=0), uuid7(), uuid7()
        make.reservation((product.pk, 1), order_id=order, attempt_id=attempt)
        services.adjust_stock(product_id=product.pk, delta=5, reason="found", actor="tests", now=NOW)
        make.reservation((product.pk, 1), order_id=order, attempt_id=attempt)
        assert last_event()["code"] == "insufficient_stock"
        assert levels(product) == (5, 0)

    def test_a_replaced_attempt_gives_back_in_the_same_step(self):
        car, mats, order, first, second = make.product(), make.product(stock=3), uuid7(), uuid7(), uuid7()
        make.reservation((car.pk, 1), (mats.pk, 1), order_id=order, attempt_id=first)
        with capture_events("catalog") as events:
            make.reservation((car.pk, 1), (mats.pk, 3), order_id=order, attempt_id=second, replaces=first)
        assert events == ["stock.released", "stock.reserved"]
        assert (levels(car), levels(mats)) == ((1, 1), (3, 3))
        assert Reservation.objects.get(attempt_id=first).reason == "replaced"
        services.release_stock(order_id=order, attempt_id=second, reason="cancelled", now=NOW)
        assert (levels(car), levels(mats)) == ((1, 0), (3, 0))
        assert public.stock_disagreements() == []

    def test_a_refused_replacement_keeps_what_was_held(self):
        car, mats, order, first, second = make.product(), make.product(stock=3), uuid7(), uuid7(), uuid7()
        make.reservation((car.pk, 1), (mats.pk, 2), order_id=order, attempt_id=first)
        for _ in range(2):
            make.reservation((mats.pk, 4), order_id=order, attempt_id=second, replaces=first)
            assert last_event()["code"] == "insufficient_stock"
        assert (levels(car), levels(mats)) == ((1, 1), (3, 2))
        assert Reservation.objects.get(attempt_id=first).status == "held"
        assert public.stock_disagreements() == []

    def test_a_hold_that_ran_out_has_nothing_to_be_replaced(self):
        car, order, first, second = make.product(), uuid7(), uuid7(), uuid7()
        make.reservation((car.pk, 1), order_id=order, attempt_id=first, now=NOW - timedelta(hours=2))
        make.reservation((car.pk, 1), order_id=uuid7(), now=NOW)
        make.reservation((car.pk, 1), order_id=order, attempt_id=second, now=NOW, replaces=first)
        assert last_event()["code"] == "insufficient_stock"
        assert levels(car) == (1, 1)
        assert public.stock_disagreements() == []

    def test_a_late_request_still_gets_a_few_minutes(self):
        product = make.product()
        held = make.reservation((product.pk, 1), now=NOW, minutes=-10)
        assert held.expires_at == NOW + timedelta(minutes=5)

    def test_low_stock_is_told_once_when_the_threshold_is_crossed(self):
        product = make.product(kind="accessory", stock=5, low_stock_threshold=2)
        with capture_events("catalog") as events:
            make.reservation((product.pk, 2))
            make.reservation((product.pk, 1))
            make.reservation((product.pk, 1))
        assert events == ["stock.reserved", "stock.reserved", "stock.low", "stock.reserved"]


@pytest.mark.django_db(databases=["catalog"])
class TestReleasing:
    def release(self, held, reason="cancelled"):
        services.release_stock(order_id=held.order_id, attempt_id=held.attempt_id, reason=reason, now=NOW)

    def test_held_goods_are_back_on_sale(self):
        product = make.product(stock=2)
        held = make.reservation((product.pk, 2))
        with capture_events("catalog") as events:
            self.release(held)
        assert levels(product) == (2, 0)
        assert events == ["stock.released"]
        assert last_event()["levels"][0]["available"] == 2

    def test_sold_goods_are_counted_in_again(self):
        product = make.product(stock=1)
        held = make.reservation((product.pk, 1))
        services.sell_reservation(order_id=held.order_id, attempt_id=held.attempt_id, now=NOW)
        assert levels(product) == (0, 0)
        self.release(held, "refunded")
        assert levels(product) == (1, 0)
        assert list(StockMovement.objects.order_by("id").values_list("kind", "delta", "on_hand_after")) == [
            ("initial", 1, 1), ("sale", -1, 0), ("return", 1, 1),
        ]  # fmt: skip
        assert public.stock_disagreements() == []

    def test_a_second_release_answers_and_gives_nothing_twice(self):
        product = make.product(stock=1)
        held = make.reservation((product.pk, 1))
        self.release(held)
        make.reservation((product.pk, 1))
        self.release(held)
        assert levels(product) == (1, 1)
        assert last_event()["levels"] == []

    def test_a_release_before_its_request_wins(self):
        product, order, attempt = make.product(stock=1), uuid7(), uuid7()
        services.release_stock(order_id=order, attempt_id=attempt, reason="timed_out", now=NOW)
        make.reservation((product.pk, 1), order_id=order, attempt_id=attempt)
        assert last_event()["code"] == "attempt_cancelled"
        assert levels(product) == (1, 0)
        assert published("catalog")[-2:] == ["stock.released", "stock.rejected"]

    def test_only_its_own_attempt_is_released(self):
        product, order = make.product(stock=2), uuid7()
        make.reservation((product.pk, 1), order_id=order)
        services.release_stock(order_id=order, attempt_id=uuid7(), reason="cancelled", now=NOW)
        assert levels(product) == (2, 1)


@pytest.mark.django_db(databases=["catalog"])
class TestSelling:
    def test_what_was_held_leaves_the_stock_once(self):
        product = make.product(stock=3)
        held = make.reservation((product.pk, 2))
        with capture_events("catalog") as events:
            for _ in range(2):
                services.sell_reservation(order_id=held.order_id, attempt_id=held.attempt_id, now=NOW)
        assert levels(product) == (1, 0)
        assert events == ["stock.sold"]
        assert StockMovement.objects.filter(kind="sale", order_id=held.order_id, delta=-2).count() == 1
        assert list(public.open_reservations()) == [(held.order_id, held.attempt_id, "sold")]

    def test_a_paid_order_takes_expired_goods_again(self):
        product = make.product(stock=1)
        held = make.reservation((product.pk, 1), now=NOW)
        later = NOW + timedelta(hours=1)
        assert services.release_expired_reservations(now=later) == 1
        services.sell_reservation(order_id=held.order_id, attempt_id=held.attempt_id, now=later)
        assert levels(product) == (0, 0)
        assert public.stock_disagreements() == []

    def test_goods_sold_to_another_meanwhile_are_a_matter_for_people(self):
        product = make.product(stock=1)
        held = make.reservation((product.pk, 1), now=NOW)
        make.reservation((product.pk, 1), now=NOW + timedelta(hours=1))
        with pytest.raises(StockGone), capture_events("catalog") as events:
            services.sell_reservation(order_id=held.order_id, attempt_id=held.attempt_id, now=NOW + timedelta(hours=1))
        assert levels(product) == (1, 1)
        assert events == []

    def test_an_unknown_attempt_is_refused(self):
        with pytest.raises(ReservationUnknown):
            services.sell_reservation(order_id=uuid7(), attempt_id=uuid7(), now=NOW)

    def test_a_cancelled_attempt_is_not_sold(self):
        product = make.product(stock=1)
        held = make.reservation((product.pk, 1))
        services.release_stock(order_id=held.order_id, attempt_id=held.attempt_id, reason="cancelled", now=NOW)
        services.sell_reservation(order_id=held.order_id, attempt_id=held.attempt_id, now=NOW)
        assert levels(product) == (1, 0)


@pytest.mark.django_db(databases=["catalog"])
class TestExpiry:
    def test_whoever_needs_the_goods_frees_an_expired_hold(self):
        product, other = make.product(stock=1), make.product(stock=1)
        first = make.reservation((product.pk, 1), (other.pk, 1), now=NOW)
        second = make.reservation((product.pk, 1), now=NOW + timedelta(minutes=31))
        assert second.status == "held"
        first.refresh_from_db()
        assert (first.status, first.reason) == ("released", "expired")
        assert (levels(product), levels(other)) == ((1, 1), (1, 0))
        assert published("catalog")[-2:] == ["stock.released", "stock.reserved"]
        assert public.stock_disagreements() == []

    def test_a_hold_counts_until_its_last_second(self):
        product = make.product(stock=1)
        make.reservation((product.pk, 1), now=NOW)
        late = make.reservation((product.pk, 1), now=NOW + timedelta(minutes=29, seconds=59))
        assert late.status == "released"

    def test_an_extended_hold_lives_longer(self):
        product = make.product(stock=1)
        held = make.reservation((product.pk, 1), now=NOW)
        until = NOW + timedelta(hours=2)
        services.extend_reservation(order_id=held.order_id, attempt_id=held.attempt_id, expires_at=until)
        assert services.release_expired_reservations(now=NOW + timedelta(hours=1)) == 0
        services.extend_reservation(order_id=held.order_id, attempt_id=held.attempt_id, expires_at=NOW)
        held.refresh_from_db()
        assert held.expires_at == until

    def test_the_job_frees_all_that_is_due(self):
        products = [make.product(stock=1) for _ in range(3)]
        for product in products:
            make.reservation((product.pk, 1), now=NOW)
        assert services.release_expired_reservations(now=NOW + timedelta(hours=1)) == 3
        assert services.release_expired_reservations(now=NOW + timedelta(hours=1)) == 0
        assert [levels(product) for product in products] == [(1, 0)] * 3


@pytest.mark.django_db(databases=["catalog"])
class TestCounting:
    def adjust(self, product, delta):
        return services.adjust_stock(product_id=product.pk, delta=delta, reason="count", actor="anna", now=NOW)

    def test_a_count_is_a_movement_and_news(self):
        product = make.product(stock=3)
        with capture_events("catalog") as events:
            changed = self.adjust(product, 4)
        assert (changed.on_hand, changed.version, changed.stock_version) == (7, 2, 2)
        assert events == ["product.updated"]
        assert (last_event()["available"], last_event()["version_number"], last_event()["stock_version"]) == (7, 2, 2)
        movement = StockMovement.objects.get(kind="manual")
        assert (movement.delta, movement.on_hand_after, movement.actor, movement.reason) == (4, 7, "anna", "count")

    def test_held_goods_cannot_be_counted_out(self):
        product = make.product(stock=3)
        make.reservation((product.pk, 2))
        with pytest.raises(InsufficientStock), capture_events("catalog") as events:
            self.adjust(product, -2)
        assert levels(product) == (3, 2)
        assert events == []

    def test_a_service_has_no_stock(self):
        with pytest.raises(StockNotTracked):
            self.adjust(make.product(kind="service"), 1)

    def test_the_database_refuses_to_rewrite_history(self):
        make.product(stock=3)
        with pytest.raises(IntegrityError), transaction("catalog"):
            StockMovement.objects.update(delta=1)

    def test_disagreements_are_found(self):
        product = make.product(stock=3)
        held = make.reservation((product.pk, 1))
        Product.objects.filter(pk=product.pk).update(on_hand=4)
        Reservation.objects.filter(pk=held.pk).update(status="released")
        assert [item.kind for item in public.stock_disagreements()] == ["stock_on_hand", "stock_reserved"]


WISHES = st.lists(
    st.tuples(st.sampled_from(["reserve", "release", "sell", "expire", "count"]), st.integers(0, 3), st.integers(1, 3)),
    max_size=14,
)


@pytest.mark.django_db(databases=["catalog"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wishes=WISHES)
def test_whatever_happens_the_books_agree(wishes):
    product, now, attempts = make.product(kind="accessory", stock=4), NOW, [uuid7() for _ in range(4)]
    for wish, who, quantity in wishes:
        now += timedelta(minutes=10)
        ids = {"order_id": attempts[who], "attempt_id": attempts[who]}
        try:
            match wish:
                case "reserve":
                    make.reservation((product.pk, quantity), now=now, **ids)
                case "release":
                    services.release_stock(reason="cancelled", now=now, **ids)
                case "sell":
                    services.sell_reservation(now=now, **ids)
                case "expire":
                    services.release_expired_reservations(now=now)
                case "count":
                    services.adjust_stock(product_id=product.pk, delta=-quantity, reason="x", actor="x", now=now)
        except (InsufficientStock, StockGone, ReservationUnknown):
            pass
        on_hand, reserved = levels(product)
        assert 0 <= reserved <= on_hand <= 4
    assert public.stock_disagreements() == []


@pytest.mark.django_db(databases=["catalog"], transaction=True)
def test_many_buyers_at_once_and_one_last_car():
    product = make.product(stock=1)
    outcomes = in_threads(12, lambda: make.reservation((product.pk, 1)).status)
    assert sorted(outcomes) == ["held"] + ["released"] * 11
    assert levels(product) == (1, 1)
    assert published("catalog").count("stock.reserved") == 1
    assert public.stock_disagreements() == []


@pytest.mark.django_db(databases=["catalog"], transaction=True)
def test_products_asked_for_crosswise_do_not_deadlock():
    first, second = make.product(stock=50), make.product(stock=50)
    orders = iter([((first.pk, 1), (second.pk, 1)), ((second.pk, 1), (first.pk, 1))] * 6)
    wanted = [next(orders) for _ in range(12)]
    outcomes = in_threads(12, lambda: make.reservation(*wanted.pop()).status)
    assert outcomes == ["held"] * 12
    assert (levels(first), levels(second)) == ((50, 12), (50, 12))


@pytest.mark.django_db(databases=["catalog"], transaction=True)
def test_buying_expiring_and_counting_at_once_keep_the_books():
    product = make.product(kind="accessory", stock=6)
    for _ in range(4):
        make.reservation((product.pk, 1), now=NOW - timedelta(hours=1))
    acts = [lambda: make.reservation((product.pk, 1)), lambda: services.release_expired_reservations(now=NOW)] * 4
    acts += [lambda: services.adjust_stock(product_id=product.pk, delta=1, reason="x", actor="x", now=NOW)] * 4
    in_threads(12, lambda: acts.pop()())
    assert levels(product) == (10, 4)
    assert public.stock_disagreements() == []


def in_threads(count, work):
    results, start = [], threading.Barrier(count)

    def run():
        try:
            start.wait(10)
            results.append(work())
        finally:
            connections["catalog"].close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(results) == count
    return results


@pytest.mark.django_db(databases=["catalog"])
class TestTakingBackPart:
    def sold(self, *lines):
        held = make.reservation(*lines)
        services.sell_reservation(order_id=held.order_id, attempt_id=held.attempt_id, now=NOW)
        return held

    def back(self, held, *lines):
        services.take_back_part(
            order_id=held.order_id, attempt_id=held.attempt_id, lines=lines, reason="lines_lowered", now=NOW
        )

    def test_part_of_a_sale_is_in_stock_again_and_the_rest_stays_sold(self):
        many, one = make.product(stock=5), make.product(stock=1)
        held = self.sold((many.pk, 3), (one.pk, 1))
        with capture_events("catalog") as events:
            self.back(held, (many.pk, 2), (one.pk, 1))
        assert (levels(many), levels(one), events) == ((4, 0), (1, 0), ["stock.returned"])
        assert [(line.product_id, line.quantity) for line in held.lines.all()] == [(many.pk, 1)]
        held.refresh_from_db()
        assert held.status == "sold"
        assert StockMovement.objects.filter(kind="return", order_id=held.order_id).count() == 2
        services.release_stock(order_id=held.order_id, attempt_id=held.attempt_id, reason="cancelled", now=NOW)
        assert (levels(many), public.stock_disagreements()) == ((5, 0), [])

    def test_what_is_not_sold_or_not_so_much_is_left_alone(self):
        product = make.product(stock=5)
        held = self.sold((product.pk, 2))
        self.back(held, (product.pk, 3))
        assert levels(product) == (3, 0)
        services.release_stock(order_id=held.order_id, attempt_id=held.attempt_id, reason="cancelled", now=NOW)
        self.back(held, (product.pk, 1))
        assert (levels(product), public.stock_disagreements()) == ((5, 0), [])


def _summed(plan: dict[str, Any]) -> Iterator[int]:
    """Yield how often each part of a plan that sums was carried out."""
    if "Aggregate" in plan["Node Type"]:
        yield plan["Actual Loops"]
    for part in plan.get("Plans", []):
        yield from _summed(part)


@pytest.mark.django_db(databases=["catalog"])
def test_stock_is_summed_once_even_where_tables_are_taken_for_empty():
    """As PostgreSQL does after it looked at them while an import had not committed; it took the books hours."""
    for number in range(30):
        make.product(sku=f"P-{number}")
    with connections["catalog"].cursor() as cursor:
        cursor.execute("UPDATE pg_class SET reltuples = 0, relpages = 30 WHERE relname ~ '^catalog_' AND relkind = 'r'")
        cursor.execute(
            "EXPLAIN (ANALYZE, FORMAT JSON) " + disagreements._DISAGREEMENTS, [disagreements._FIRST_ID, 2000]
        )
        [[plan]] = cursor.fetchone()
    assert set(_summed(plan["Plan"])) == {1}
