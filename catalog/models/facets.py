"""Counting what a search finds, group by group: exactly wherever that is quick, else from a random sample.

A small catalogue is counted row by row, a large one by its bits (catalog.models.facet_bits). Free text, models and VINs
are not in the bits, nor is what a great import has just brought: few such matches are counted row by row, many are
estimated. The index `product_facets` holds the products on sale in the order of a hash of their id: any run of its 1024
slices is a random sample, up to date to the last commit. What a sample says is scaled up, rounded to what it can tell,
and marked as an estimate. Estimates are kept for half a minute: they hold no truer for being made afresh.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import redis
import structlog
from django.core.cache import cache
from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import BooleanField, Count, F, IntegerField
from django.db.models.expressions import Combinable, RawSQL

from catalog.models import facet_bits
from catalog.models.categories import Category
from catalog.models.facet_bits import BAND, PRICE_BANDS, Counts, Scan
from catalog.models.products import YEAR_OR_0, Product, ProductQuerySet
from catalog.models.search import FACETS, ProductSearch

MOST = 200
SMALL = 20_000
"""A catalogue this large is counted exactly."""
EXACT = 4_000
"""What finds about so many in a larger one is counted exactly too."""
SAMPLE = 20_000
SAMPLE_OF_TEXT = 6_000
"""Free text is not in the index: each row of such a sample is read from the table."""
KEPT_S = 30
SLICES = 1024
_STATE = """
SELECT (SELECT reltuples::bigint FROM pg_class WHERE oid = 'catalog_product'::regclass),
    (SELECT reltuples::bigint FROM pg_class WHERE oid = 'catalog_facet_bits'::regclass),
    (SELECT count(*) FROM (SELECT FROM catalog_facet_change LIMIT %s) AS waiting)
"""
_SLICE = 'uuid_hash("catalog_product"."id") & 1023 < %s'
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class FacetValue:
    """One value of a group. `value` filters by it; `label` is for people; a price band has its bounds.

    With `is_estimate` the count comes from a sample and is rounded to two digits.
    """

    value: str
    label: str
    count: int
    bounds: tuple[int, int | None] | None = None
    is_estimate: bool = False


@dataclass(frozen=True)
class Facet:
    """One group of values: years from the newest, price bands from the lowest, the rest by count."""

    name: str
    values: list[FacetValue]


_COLUMNS: dict[str, Combinable] = {
    "make": F("make"),
    "year": YEAR_OR_0,
    "price": RawSQL(BAND % '"catalog_product"', [], output_field=IntegerField()),
    "condition": F("condition"),
    "category": F("category_id"),
    "body": F("body"),
    "fuel": F("fuel"),
    "transmission": F("transmission"),
    "drive": F("drive"),
    "color": F("color"),
}


def count_facets(search: ProductSearch, *, for_staff: bool = False) -> list[Facet]:
    """Count every group among what is on sale, for staff among all there is; a group's own filter does not narrow it.

    What is marked as an estimate may be half a minute old, all else is true to the last commit.
    """
    size, has_bits = _state()
    products = Product.objects.present() if for_staff else Product.objects.on_sale()
    if size > SMALL and has_bits and facet_bits.can_count(search):
        scans = _scans(products, search)
        counts = facet_bits.count(search, scans, _COLUMNS, is_active=None if for_staff else True)
        return [Facet(name, _values(name, counts[name], is_estimate=False)) for name in FACETS]
    if size <= SMALL:
        return _count_rows(products, search, size)
    return _kept(products, search, lambda: _count_rows(products, search, size))


def count_models(search: ProductSearch) -> list[FacetValue]:
    """Count the models among what is on sale of the make that is looked for; none without a make. True to the last
    commit.

    The cars of one make are few enough to be read, by the index of makes.
    """
    if not search.make:
        return []
    found = search.apply(Product.objects.on_sale(), without=["model"])
    rows = found.order_by().exclude(model="").values_list("model").annotate(number=Count("id"))
    return [FacetValue(model, model, count) for model, count in _by_count(dict(rows))]


def _kept(products: ProductQuerySet, search: ProductSearch, count: Callable[[], list[Facet]]) -> list[Facet]:
    """Estimates from the cache, or made afresh without it."""
    seen = products.query.get_compiler("catalog").as_sql()
    key = "catalog:facets:" + hashlib.sha256(f"{seen} {search!r}".encode()).hexdigest()
    try:
        kept = cache.get(key)
        known = None if kept is None else msgspec.convert(kept, list[Facet])
        if known is None:
            known = count()
            if any(value.is_estimate for facet in known for value in facet.values):
                cache.set(key, known, KEPT_S)
    except redis.RedisError as error:
        log.warning("facets_uncached", error=repr(error))
        return count()
    return known


def _scans(products: ProductQuerySet, search: ProductSearch) -> list[Scan]:
    """Groups that share their filters share one scan."""
    own = [name for name in FACETS if _narrows(search, name)]
    shared = [name for name in FACETS if name not in own]
    scans = [Scan(shared, [], search.apply(products))] if shared else []
    return scans + [Scan([name], [name], search.apply(products, without=[name])) for name in own]


def _count_rows(products: ProductQuerySet, search: ProductSearch, size: int) -> list[Facet]:
    wanted = SAMPLE_OF_TEXT if search.q.strip() else SAMPLE
    values: dict[str, list[FacetValue]] = {}
    for scan in _scans(products, search):
        counts, is_estimate = _fast(scan.rows, scan.names, size, wanted)
        values |= {name: _values(name, counts[name], is_estimate) for name in scan.names}
    return [Facet(name, values[name]) for name in FACETS]


def _state() -> tuple[int, bool]:
    """Return the number of products as the database estimates it, and whether the bits are fit to count them."""
    with connections["catalog"].cursor() as cursor:
        cursor.execute(_STATE, [facet_bits.MOST_CHANGES + 1])
        size, rows, changes = cursor.fetchone()
    return int(size), rows <= facet_bits.MOST_ROWS and changes <= facet_bits.MOST_CHANGES


def _fast(found: ProductQuerySet, names: Sequence[str], size: int, wanted: int) -> tuple[Counts, bool]:
    """Counts, and whether they are estimates: a sample that promises few matches is followed by an exact count."""
    if size <= SMALL:
        return _count(found, names), False
    slices = max(1, SLICES * wanted // size)
    sample = found.filter(RawSQL(_SLICE, [slices], output_field=BooleanField()))
    counts = _count(sample, names)
    matches = max((sum(values.values()) for values in counts.values()), default=0) * SLICES // slices
    if slices >= SLICES:
        return counts, False
    if matches <= EXACT:
        return _count(found, names), False
    return {name: _scaled(values, SLICES / slices) for name, values in counts.items()}, True


def _scaled(counts: dict[Any, int], factor: float) -> dict[Any, int]:
    return {value: _two_digits(count * factor) for value, count in counts.items()}


def _two_digits(number: float) -> int:
    """A sample of some hundreds cannot tell more than two digits."""
    return int(round(number, 2 - len(str(int(number)))))


def _narrows(search: ProductSearch, name: str) -> bool:
    if name in ("year", "price"):
        return getattr(search, f"{name}_min") is not None or getattr(search, f"{name}_max") is not None
    return bool(getattr(search, name)) or (name == "category" and search.category_exact is not None)


def _count(found: ProductQuerySet, names: Sequence[str]) -> Counts:
    """One scan for all groups, by grouping sets."""
    inner = found.order_by().values_list(*[_COLUMNS[name] for name in names])
    try:
        sql, parameters = inner.query.get_compiler("catalog").as_sql()
    except EmptyResultSet:
        return {name: {} for name in names}
    letters = [f"c{position}" for position in range(len(names))]
    sets = ", ".join(f"({letter})" for letter in letters)
    statement = (
        f"SELECT grouping({', '.join(letters)}), {', '.join(letters)}, count(*) "
        f"FROM ({sql}) AS found({', '.join(letters)}) GROUP BY GROUPING SETS ({sets})"
    )
    with connections["catalog"].cursor() as cursor:
        cursor.execute(statement, parameters)
        rows = cursor.fetchall()
    return _sorted_out(rows, names)


def _sorted_out(rows: list[tuple[Any, ...]], names: Sequence[str]) -> Counts:
    """`grouping()` has a 0 bit for the column that a row is about, the first column's bit being the highest."""
    every = (1 << len(names)) - 1
    position_of = {every ^ (1 << (len(names) - 1 - index)): index for index in range(len(names))}
    counts: Counts = {name: {} for name in names}
    for mask, *values, count in rows:
        index = position_of[mask]
        counts[names[index]][values[index]] = count
    return counts


def _values(name: str, counts: dict[Any, int], is_estimate: bool) -> list[FacetValue]:
    known = {value: count for value, count in counts.items() if value not in (None, "", 0)}
    rows: list[tuple[str, str, int, tuple[int, int | None] | None]]
    match name:
        case "year":
            rows = [(str(year), str(year), known[year], None) for year in sorted(known, reverse=True)]
        case "price":
            rows = [(*_band(number), known[number], _bounds(number)) for number in sorted(known)]
        case "category":
            names = dict(Category.objects.filter(pk__in=known).values_list("pk", "name"))
            rows = [(str(pk), names[pk], count, None) for pk, count in _by_count(known) if pk in names]
        case _:
            rows = [(str(value), str(value), count, None) for value, count in _by_count(known)]
    return [FacetValue(*row, is_estimate) for row in rows]


def _by_count(counts: dict[Any, int]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:MOST]


def _bounds(number: int) -> tuple[int, int | None]:
    return PRICE_BANDS[number - 1], PRICE_BANDS[number] if number < len(PRICE_BANDS) else None


def _band(number: int) -> tuple[str, str]:
    lower, upper = _bounds(number)
    return f"{lower}-{upper or ''}", f"{lower:,}–{upper:,}" if upper else f"{lower:,}+"
