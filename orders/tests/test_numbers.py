"""Order numbers: the year of the dealer's calendar and a running number, no two alike, and nobody waits for one."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connections

from core.db import fetch, transaction
from orders.errors import PriceChanged
from orders.models import Order
from orders.services import ProductLine
from orders.tests import make

MIDNIGHT = datetime(2026, 12, 31, 21, 0, tzinfo=UTC)
"""New Year at the dealer's, in Moscow."""
THREADS, ORDERS, REFUSED_EVERY = 16, 100, 5


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_a_hundred_orders_over_a_years_end_have_a_hundred_numbers(settings):
    settings.DEALER_TIME_ZONE = "Europe/Moscow"
    product = make.product(available=1000)

    def place(index):
        """Each in its own second around midnight; every fifth is refused, after it may have had a number."""
        try:
            expected = 1 if index % REFUSED_EVERY == 0 else None
            moment = datetime.fromtimestamp(MIDNIGHT.timestamp() + index - ORDERS // 2, UTC)
            make.order(lines=[ProductLine(product, 1)], now=moment, expected_total=expected)
        except PriceChanged:
            return "refused"
        finally:
            connections.close_all()
        return "placed"

    with ThreadPoolExecutor(THREADS) as pool:
        outcomes = list(pool.map(place, range(ORDERS)))
    assert outcomes.count("placed") == Order.objects.count() == 80
    running = {int(number[5:]) for number in Order.objects.values_list("number", flat=True)}
    assert len(running) == 80
    assert max(running) - min(running) < ORDERS
    for year, is_new in ((2026, False), (2027, True)):
        orders = (
            Order.objects.filter(created_at__gte=MIDNIGHT) if is_new else Order.objects.filter(created_at__lt=MIDNIGHT)
        )
        assert {number[:5] for number in orders.values_list("number", flat=True)} == {f"{year}-"}
        assert {day.year for day in orders.values_list("placed_date", flat=True)} == {year}


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_an_order_waits_for_no_other_one():
    """Orders used to queue for one row, the year's counter, until the one before them had committed."""
    products = [make.product(), make.product()]

    def place(product):
        return make.order(lines=[ProductLine(product, 1)])

    def place_beside():
        try:
            return place(products[1]).number
        finally:
            connections["orders"].close()

    with transaction("orders"), ThreadPoolExecutor(1) as beside:
        first = place(products[0])
        assert beside.submit(place_beside).result(timeout=20) != first.number


@pytest.mark.django_db(databases=["orders"])
def test_the_release_before_draws_from_the_same_numbers():
    """It met a number of ours, refused that order and every later one too: its count never moved."""
    asked_before = """INSERT INTO orders_ordercounter AS c (year, last_number) VALUES (2026, 1)
        ON CONFLICT (year) DO UPDATE SET last_number = c.last_number + 1 RETURNING last_number"""
    numbers = []
    for _ in range(3):
        numbers.append(int(make.order(lines=[ProductLine(make.product(), 1)]).number[5:]))
        ((number,),) = fetch("orders", asked_before, ())
        numbers.append(number)
    assert numbers == sorted(set(numbers))
