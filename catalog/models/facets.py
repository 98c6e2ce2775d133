"""Counting what a search finds, group by group."""

from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.models import F, IntegerField
from django.db.models.expressions import Combinable, RawSQL

from catalog.models.categories import Category
from catalog.models.products import YEAR_OR_0, ProductQuerySet
from catalog.models.search import FACETS, ProductSearch

PRICE_BANDS = (0, 500_000, 1_000_000, 1_500_000, 2_000_000, 3_000_000, 5_000_000, 10_000_000)
"""Lower bounds, in major units."""
MOST = 200
_BAND = f'width_bucket("catalog_product"."price", ARRAY{list(PRICE_BANDS)}::numeric[])'


@dataclass(frozen=True)
class FacetValue:
    """One value of a group. `value` filters by it; `label` is for people; a price band has its bounds."""

    value: str
    label: str
    count: int
    bounds: tuple[int, int | None] | None = None


@dataclass(frozen=True)
class Facet:
    """One group of values: years from the newest, price bands from the lowest, the rest by count."""

    name: str
    values: list[FacetValue]


def count_facets(products: ProductQuerySet, search: ProductSearch) -> list[Facet]:
    """Count every group; a group's own filter does not narrow it. Groups that share their filters share one scan."""
    own = [name for name in FACETS if _narrows(search, name)]
    shared = [name for name in FACETS if name not in own]
    counts: dict[str, dict[Any, int]] = _count(search.apply(products), shared) if shared else {}
    for name in own:
        counts |= _count(search.apply(products, without=[name]), [name])
    return [Facet(name, _values(name, counts[name])) for name in FACETS]


def _narrows(search: ProductSearch, name: str) -> bool:
    if name in ("year", "price"):
        return getattr(search, f"{name}_min") is not None or getattr(search, f"{name}_max") is not None
    return bool(getattr(search, name))


def _count(found: ProductQuerySet, names: list[str]) -> dict[str, dict[Any, int]]:
    """One scan for all groups, by grouping sets."""
    columns: dict[str, Combinable] = {
        "make": F("make"),
        "year": YEAR_OR_0,
        "price": RawSQL(_BAND, [], output_field=IntegerField()),
        "condition": F("condition"),
        "category": F("category_id"),
        "body": F("body"),
        "fuel": F("fuel"),
    }
    inner = found.order_by().values_list(*[columns[name] for name in names])
    sql, parameters = inner.query.get_compiler("catalog").as_sql()
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


def _sorted_out(rows: list[tuple[Any, ...]], names: list[str]) -> dict[str, dict[Any, int]]:
    """`grouping()` has a 0 bit for the column that a row is about, the first column's bit being the highest."""
    every = (1 << len(names)) - 1
    position_of = {every ^ (1 << (len(names) - 1 - index)): index for index in range(len(names))}
    counts: dict[str, dict[Any, int]] = {name: {} for name in names}
    for mask, *values, count in rows:
        index = position_of[mask]
        counts[names[index]][values[index]] = count
    return counts


def _values(name: str, counts: dict[Any, int]) -> list[FacetValue]:
    known = {value: count for value, count in counts.items() if value not in (None, "", 0)}
    match name:
        case "year":
            return [FacetValue(str(year), str(year), known[year]) for year in sorted(known, reverse=True)]
        case "price":
            return [_band(number, known[number]) for number in sorted(known)]
        case "category":
            names = dict(Category.objects.filter(pk__in=known).values_list("pk", "name"))
            return [FacetValue(str(pk), names[pk], count) for pk, count in _by_count(known) if pk in names]
        case _:
            return [FacetValue(str(value), str(value), count) for value, count in _by_count(known)]


def _by_count(counts: dict[Any, int]) -> list[tuple[Any, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))[:MOST]


def _band(number: int, count: int) -> FacetValue:
    lower = PRICE_BANDS[number - 1]
    upper = PRICE_BANDS[number] if number < len(PRICE_BANDS) else None
    return FacetValue(
        f"{lower}-{upper or ''}", f"{lower:,}–{upper:,}" if upper else f"{lower:,}+", count, (lower, upper)
    )
