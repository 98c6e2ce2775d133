"""Lists of managers' screens: pages as everywhere, however far, and no full count."""

import pytest
from django.core.paginator import EmptyPage
from django.db import connections
from django.test.utils import CaptureQueriesContext

from core.screens import base as admin
from core.screens.base import CappedPaginator
from orders.models import OrderCounter

pytestmark = pytest.mark.django_db(databases=["orders"])


@pytest.fixture
def counters(monkeypatch):
    """Thirty rows, numbered as they are stored, of which those after the tenth are far away."""
    monkeypatch.setattr(admin, "CAPPED", 10)
    monkeypatch.setattr(admin, "_estimate", lambda _: 30)
    OrderCounter.objects.bulk_create(OrderCounter(year=year, last_number=0) for year in range(1, 31))
    return OrderCounter.objects.order_by("last_number").filter(year__gt=2)


def test_pages_follow_one_another_near_and_far(counters):
    pages = CappedPaginator(counters, 4)
    shown = [row.year for number in range(1, 8) for row in pages.page(number).object_list]
    assert shown == list(range(3, 31))


def test_a_far_page_reads_only_its_own_rows_whole(counters):
    with CaptureQueriesContext(connections["orders"]) as queries:
        assert [row.year for row in CappedPaginator(counters, 4).page(4).object_list] == [15, 16, 17, 18]
    *_, keys, rows = [query["sql"] for query in queries]
    assert "OFFSET 12" in keys
    assert "last_number" not in keys.partition("FROM")[0]
    assert "OFFSET" not in rows


def test_there_is_no_page_after_the_last(counters):
    with pytest.raises(EmptyPage):
        CappedPaginator(counters, 4).page(9)
