"""Count what the list's filters would find, each against all other choices, at most a minute ago."""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
import redis
import structlog
from django.core.cache import cache

from catalog import public
from catalog.public import Facet, ProductSearch
from catalog.public.comparable import models_on_sale
from messaging.upkeep.replicas import reading_from_replica

KEPT_S = 60
BOUNDS = ("year", "price")
"""Groups that are chosen by bounds: what they count of them is not what was found."""
log = structlog.get_logger(__name__)


class Counted(msgspec.Struct):
    """Values of each group with how many cars have them; `found` is how many the whole search finds.

    With `is_estimate` the numbers come from a sample.
    """

    groups: dict[str, list[tuple[str, int]]]
    found: int
    is_estimate: bool


def count_choices(search: ProductSearch) -> Counted:
    """Count by group, each without its own filter; afresh while the cache is away."""
    key = "storefront:counted:" + hashlib.sha256(repr(search).encode()).hexdigest()
    try:
        kept = cache.get(key)
        if kept is not None:
            return msgspec.convert(kept, Counted)
        known = _count(search)
        cache.set(key, msgspec.to_builtins(known), KEPT_S)
    except redis.RedisError as error:
        log.warning("facets_uncached", error=repr(error))
        return _count(search)
    return known


@reading_from_replica("catalog")
def _count(search: ProductSearch) -> Counted:
    facets = public.facets(search)
    groups = {facet.name: [(value.value, value.count) for value in facet.values] for facet in facets}
    return Counted(
        groups=groups | {"model": models_on_sale(search)},
        found=max((_found(search, facet) for facet in facets), default=0),
        is_estimate=any(value.is_estimate for facet in facets for value in facet.values),
    )


def _found(search: ProductSearch, facet: Facet) -> int:
    """Return how many a group counts of what was found: all its values, or the one that is chosen.

    A car may lack the group's field, so the group that counts most is right.
    """
    if facet.name in BOUNDS:
        is_narrowed = any(getattr(search, f"{facet.name}_{end}") is not None for end in ("min", "max"))
        return 0 if is_narrowed else sum(value.count for value in facet.values)
    chosen = str(getattr(search, facet.name) or "").casefold()
    return sum(value.count for value in facet.values if not chosen or value.value.casefold() == chosen)


def drop_one(filters: Mapping[str, str], names: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
    """Return for each filter that is on what remains of the address without it."""
    return [(name, {other: value for other, value in filters.items() if other != name}) for name in names]
