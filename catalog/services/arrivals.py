"""Telling clients of new cars: every saved search is compared with what came since, all of them together."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connections
from django.db.models import Min

from catalog.events import SavedSearchMatched
from catalog.models import Product, SavedSearch
from catalog.models.arrivals import Arrivals
from catalog.models.products import ProductQuerySet
from catalog.models.saved import MOST_NEW
from core.db import transaction
from messaging.outbox import publish

TOLD = 20
SETTLING = timedelta(seconds=60)
"""What was created in the last minute may not be committed yet: it is looked at next time."""
AT_ONCE = 2_000
"""Arrivals that are compared together: as many bits has a set of them."""
WRITTEN_AT_ONCE = 500
COMPARED = (
    "kind", "make", "model", "year", "price", "mileage", "condition", "body", "fuel", "category_id", "vin", "plate",
)  # fmt: skip
_COUNT = """
UPDATE catalog_savedsearch AS saved SET seen_until = %s, new_count = least(saved.new_count + found.count, %s)
FROM unnest(%s::uuid[], %s::int[]) AS found (id, count)
WHERE saved.id = found.id AND saved.seen_until < %s
RETURNING saved.id
"""


class Found(NamedTuple):
    """Arrivals that one search finds: how many, and the latest of them first."""

    search_id: UUID
    many: int
    newest: list[UUID]


def match_saved_searches(*, now: datetime) -> int:
    """Count for each saved search the products that came since last time, and tell owners who want to be told.

    Return how many were told. Cut short, it goes on with those it had not come to; two at once tell nobody twice.
    """
    until = now - SETTLING
    waiting = SavedSearch.objects.filter(seen_until__lt=until)
    since = waiting.aggregate(since=Min("seen_until"))["since"]
    if since is None or not _came(since, until).exists():
        return 0
    found = _find(since, until)
    told = sum(
        _publish_matches(found[at : at + WRITTEN_AT_ONCE], until) for at in range(0, len(found), WRITTEN_AT_ONCE)
    )
    with transaction("catalog"):
        waiting.update(seen_until=until)
    return told


def _came(since: datetime, until: datetime) -> ProductQuerySet:
    return Product.objects.filter(id__gt=_first_id(since), id__lte=_first_id(until))


def _find(since: datetime, until: datetime) -> list[Found]:
    """Find what each waiting search asks for, in the order of their ids."""
    searches = SavedSearch.objects.filter(seen_until__lt=until).order_by("id")
    texts = set(searches.order_by().exclude(query__q=None).values_list("query__q", flat=True).distinct())
    found: dict[UUID, Found] = {}
    for products in _in_slices(since, until):
        arrivals = Arrivals(products, texts)
        for saved in searches.only("query", "seen_until").iterator(2_000):
            bits = arrivals.found_by(saved.search) & arrivals.since(_first_id(saved.seen_until))
            if bits:
                before = found.get(saved.pk, Found(saved.pk, 0, []))
                newest = [*arrivals.newest(bits, TOLD), *before.newest][:TOLD]
                found[saved.pk] = Found(saved.pk, before.many + bits.bit_count(), newest)
    return sorted(found.values())


def _in_slices(since: datetime, until: datetime) -> Iterator[list[Product]]:
    """Yield what came and can be bought, in the order it came."""
    came = _came(since, until).on_sale().in_stock().only(*COMPARED).order_by("id")
    products = list(came[:AT_ONCE])
    while products:
        yield products
        products = list(came.filter(id__gt=products[-1].pk)[:AT_ONCE])


def _publish_matches(found: Sequence[Found], until: datetime) -> int:
    """Note what some searches found; return how many owners are told. What was noted meanwhile is left alone."""
    with transaction("catalog"):
        with connections["catalog"].cursor() as cursor:
            ids, counts = [one.search_id for one in found], [one.many for one in found]
            cursor.execute(_COUNT, [until, MOST_NEW, ids, counts, until])
            noted = {row[0] for row in cursor.fetchall()}
        newest = {one.search_id: one.newest for one in found}
        told = SavedSearch.objects.filter(pk__in=noted, is_notifying=True).order_by("pk")
        for saved in told:
            publish(
                SavedSearchMatched(
                    search_id=saved.pk,
                    user_id=saved.user_id,
                    name=saved.name,
                    product_ids=newest[saved.pk],
                    query=saved.query,
                )
            )
    return len(told)


def _first_id(at: datetime) -> UUID:
    """The lowest id of its moment: ids begin with their milliseconds."""
    return UUID(int=int(at.timestamp() * 1000) << 80)
