"""Walk the cars that anyone may see in pages of ids, for lists that search engines read."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Max, TextField
from django.db.models.functions import Cast

from catalog.models import Product
from catalog.models.products import ProductQuerySet

START = UUID(int=0)
"""The mark of the first page: every id comes after it."""


@dataclass(frozen=True)
class CarsPage:
    """A page of cars: the id that it begins after, and when one of its cars last changed."""

    after: UUID
    changed_at: datetime


def car_pages(*, size: int, limit: int) -> list[CarsPage]:
    """Cut the cars on sale into at most `limit` pages of `size` cars, the oldest first.

    Each page is found from the end of the one before by the primary key. New cars come at the end, so the pages
    before them stay as they are.
    """
    pages: list[CarsPage] = []
    after = START
    for _page in range(limit):
        # PostgreSQL knows no greatest UUID before its release 18; as texts they have the same order.
        last = Max(Cast("id", TextField()))
        found = _cars_after(after)[:size].aggregate(last=last, changed_at=Max("updated_at"))
        if found["last"] is None:
            break
        pages.append(CarsPage(after, found["changed_at"]))
        after = UUID(found["last"])
    return pages


def cars_on_page(after: UUID, *, size: int) -> list[tuple[UUID, datetime]]:
    """Return the cars of one page with the moment each last changed; none beyond the last page."""
    return list(_cars_after(after).values_list("id", "updated_at")[:size])


def _cars_after(after: UUID) -> ProductQuerySet:
    return Product.objects.on_sale().filter(kind="vehicle", id__gt=after).order_by("id")
