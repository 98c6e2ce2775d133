"""Order numbers: per year of the dealer's calendar, without gap or double, however many are placed at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connections

from orders.errors import PriceChanged
from orders.models import Order
from orders.services import ProductLine
from orders.tests import make

MIDNIGHT = datetime(2026, 12, 31, 21, 0, tzinfo=UTC)
"""New Year at the dealer's, in Moscow."""
THREADS, ORDERS, REFUSED_EVERY = 16, 100, 5


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_a_hundred_orders_over_a_years_end_are_numbered_without_gap_or_double(settings):
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
    for year, is_new in ((2026, False), (2027, True)):
        orders = (
            Order.objects.filter(created_at__gte=MIDNIGHT) if is_new else Order.objects.filter(created_at__lt=MIDNIGHT)
        )
        assert sorted(orders.values_list("number", flat=True)) == [f"{year}-{n:06d}" for n in range(1, 41)]
        assert {day.year for day in orders.values_list("placed_date", flat=True)} == {year}
