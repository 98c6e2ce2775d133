"""Vehicles that were sold, and those that came back: a sold one is lent to nobody any more."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connections
from django.utils.translation import gettext as _

from core.db import transaction
from resources.models import Resource, VehicleCopy
from resources.services.breakdowns import replan_bookings
from resources.services.inventory import publish_updated

SOLD = "sold"
Stand = tuple[int, bool]
"""A version of a product's stock, and whether all of it was sold then."""

_UPSERT = """
INSERT INTO resources_vehiclecopy AS c (product_id, is_sold, stock_version)
SELECT * FROM unnest(%s::uuid[], %s::bool[], %s::bigint[])
ON CONFLICT (product_id) DO UPDATE SET is_sold = excluded.is_sold, stock_version = excluded.stock_version
WHERE excluded.stock_version >= c.stock_version
RETURNING product_id, is_sold
"""


def record_sales(*, stands: Mapping[UUID, Stand], back: Mapping[UUID, int], now: datetime) -> None:
    """Hear which products are sold out or not, and of which there is some again, with the versions of their stock.

    The bookings ahead of a sold vehicle move to an equal one or are given back. Publishes ResourceUpdated, and for each
    booking what re-planning publishes. Older news changes nothing.
    """
    with transaction("resources"):
        known = set(VehicleCopy.objects.filter(pk__in=back).values_list("pk", flat=True))
        again: dict[UUID, Stand] = {pk: (version, False) for pk, version in back.items() if pk in known}
        found = _copy(_newest(again, stands))
        if found:
            _mark(found, now)


def _newest(*news: Mapping[UUID, Stand]) -> dict[UUID, Stand]:
    newest: dict[UUID, Stand] = {}
    for stands in news:
        for product_id, stand in stands.items():
            newest[product_id] = max(newest.get(product_id, stand), stand)
    return newest


def _copy(stands: Mapping[UUID, Stand]) -> dict[UUID, bool]:
    """Write what is newer than what is known; return it."""
    rows = sorted(stands.items())
    if not rows:
        return {}
    columns: list[Any] = [[pk for pk, _ in rows], [stand[1] for _, stand in rows], [stand[0] for _, stand in rows]]
    with connections["resources"].cursor() as cursor:
        cursor.execute(_UPSERT, columns)
        return dict(cursor.fetchall())


def _mark(sold: Mapping[UUID, bool], now: datetime) -> None:
    """Bring the resources that are these vehicles to where the vehicles stand, all of a type locked in one order."""
    of_types = Resource.objects.present().filter(product_id__in=sold).values("type_id")
    found = Resource.objects.select_for_update(of=("self",)).present().filter(type_id__in=of_types)
    rows = list(found.select_related("type").prefetch_related("opening_hours").order_by("pk"))
    changed = [row for row in rows if row.product_id and sold.get(row.product_id, row.is_sold) != row.is_sold]
    for row in changed:
        row.is_sold = not row.is_sold
        row.touch(now)
        row.save(update_fields=["is_sold", "version", "updated_at"])
        publish_updated(row)
    for row in changed:
        if row.is_sold:
            others = [other for other in rows if other.type_id == row.type_id and other.pk != row.pk]
            ahead = row.allocations.active().filter(starts_at__gt=now).order_by("starts_at", "id")
            replan_bookings(ahead, others, _("sold"), now, SOLD)
