"""Counting facets exactly in a large catalogue: a bit for each product and value, and AND instead of reading rows.

Every product has a place; `catalog_facet_bits` holds, for each value of each facet, which places have it, CHUNK places
a row. Numbers that are filtered by any bound (price, mileage) are kept as their binary digits, one row of places a
digit. Products changed since the last folding (catalog.services.facets) are left out of the bits and counted as they
are now, by the same statement: what is counted is true to the last commit. Each product that is folded has the LAYOUT
too: what another release folded has not, and is folded again.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connections
from django.db.models import BooleanField
from django.db.models.expressions import Combinable, RawSQL

from catalog.models.categories import subtree_ids
from catalog.models.products import ProductQuerySet
from catalog.models.search import ProductSearch

CHUNK = 30_720
"""Places a row; as in migration facet_bits."""
PRICE_DIGITS = 47
"""Binary digits of the dearest price, in hundredths."""
MILEAGE_DIGITS = 31
POWER_DIGITS = 15
LAYOUT = "2"
"""Names what VALUES holds; another needs a migration that notes every product."""
PRICE_BANDS = (0, 500_000, 1_000_000, 1_500_000, 2_000_000, 3_000_000, 5_000_000, 10_000_000)
"""Lower bounds, in major units. Bits are kept by band: other bands need a migration that notes every product."""
BAND = f"width_bucket(%s.price, ARRAY{list(PRICE_BANDS)}::numeric[])"
MOST_CHANGES = 10_000
"""With more products waiting to be folded in, counting them one by one takes too long."""
MOST_ROWS = 40_000
"""With more rows of bits than this (a thousand values at a million products) a sample is quicker."""

Sql = tuple[str, list[Any]]
Counts = dict[str, dict[Any, int]]

_TYPES = {"year": int, "price": int, "category": UUID}
_IS_CHANGED = '"catalog_product"."id" IN (SELECT product_id FROM changed)'
_CHANGED = f"""
changed AS MATERIALIZED (SELECT DISTINCT product_id FROM catalog_facet_change),
unchanged AS MATERIALIZED (
    SELECT place / {CHUNK} AS chunk, ~catalog_bits(mod(place, {CHUNK}), 1) AS bits
    FROM changed JOIN catalog_facet_place USING (product_id) GROUP BY 1
)"""
_AT_MOST = f"""
SELECT chunk, bits FROM (SELECT DISTINCT chunk FROM catalog_facet_bits WHERE facet = 'kind') AS chunks
CROSS JOIN LATERAL (
    SELECT catalog_at_most(
        coalesce(b.bits, B'0'::bit({CHUNK})), ((%s::bigint >> digit) & 1) = 1 ORDER BY digit
    ) AS bits
    FROM generate_series(0, %s) AS digit
    LEFT JOIN catalog_facet_bits AS b ON b.facet = %s AND b.value = digit::text AND b.chunk = chunks.chunk
) AS found
"""


@dataclass(frozen=True)
class Scan:
    """Groups that are counted under the same filters: those of the search but for the groups in `without`."""

    names: Sequence[str]
    without: Sequence[str]
    rows: ProductQuerySet


def can_count(search: ProductSearch) -> bool:
    """Tell whether all that is looked for is in the bits: free text, bands and what no group counts are not."""
    return search.bands is None and not any((search.q.strip(), search.name.strip(), search.model, search.vin))


def count(
    search: ProductSearch, scans: Sequence[Scan], columns: Mapping[str, Combinable], *, is_active: bool | None
) -> Counts:
    """Products by value, for each group of the scans, by one statement. `is_active` None: whether on sale or not."""
    clauses = _clauses(search, is_active)
    heads: list[Sql] = [(_CHANGED, [])]
    heads += [(f"by_{name} AS MATERIALIZED ({sql})", given) for name, (sql, given) in clauses.items()]
    counted: list[Sql] = []
    for number, scan in enumerate(scans):
        narrowed = [name for name in clauses if name.partition("_")[0] not in scan.without]
        heads.append((f"found{number} AS MATERIALIZED ({_intersect_tables(narrowed)})", []))
        counted.append(_in_bits(number, scan))
        counted += _among_changed(scan, columns)
    statement = f"WITH {', '.join(sql for sql, _ in heads)} {' UNION ALL '.join(sql for sql, _ in counted)}"
    sums: Counter[tuple[str, str]] = Counter()
    with connections["catalog"].cursor() as cursor:
        cursor.execute(statement, [parameter for _, given in heads + counted for parameter in given])
        for facet, value, number in cursor.fetchall():
            sums[facet, value] += number
    counts: Counts = {name: {} for scan in scans for name in scan.names}
    for (facet, value), number in sums.items():
        if number:
            counts[facet][_TYPES.get(facet, str)(value)] = number
    return counts


def _intersect_tables(names: Sequence[str]) -> str:
    """Places that are in every one of the tables, but for those of changed products."""
    all_bits = " & ".join(f"by_{name}.bits" for name in names)
    first, *others = names
    tables = "".join([f"by_{first} ", *[f"JOIN by_{name} USING (chunk) " for name in others]])
    columns = f"chunk, {all_bits} & coalesce(unchanged.bits, ~B'0'::bit({CHUNK})) AS bits"
    return f"SELECT {columns} FROM {tables} LEFT JOIN unchanged USING (chunk)"


def _in_bits(number: int, scan: Scan) -> Sql:
    """A number for each row of bits; adding them up is left to Python, for the database would sort them first."""
    rows = f"catalog_facet_bits AS b JOIN found{number} AS f USING (chunk) WHERE b.facet = ANY(%s)"
    return f"SELECT b.facet, b.value, bit_count(b.bits & f.bits) AS n FROM {rows}", [list(scan.names)]


def _among_changed(scan: Scan, columns: Mapping[str, Combinable]) -> list[Sql]:
    rows = scan.rows.filter(RawSQL(_IS_CHANGED, [], output_field=BooleanField())).order_by()
    try:
        sql, given = rows.values_list(*[columns[name] for name in scan.names]).query.get_compiler("catalog").as_sql()
    except EmptyResultSet:
        return []
    letters = [f"c{position}" for position in range(len(scan.names))]
    pairs = ", ".join(f"('{name}', {letter}::text)" for name, letter in zip(scan.names, letters, strict=True))
    counting = (
        f"SELECT facet, value, count(*) FROM ({sql}) AS now({', '.join(letters)}) "
        f"CROSS JOIN LATERAL (VALUES {pairs}) AS of(facet, value) WHERE value <> '' GROUP BY 1, 2"
    )
    return [(counting, list(given))]


# What a search asks for, as tables of places ------------------------------------------------------------------------
def _clauses(search: ProductSearch, is_active: bool | None) -> dict[str, Sql]:
    """One table for each condition, under the name of its group (and something more after `_`)."""
    clauses = {"kind": _valued("kind", "%s IN ('', value)", search.kind)}
    for suffix, wanted in (("", is_active), ("_asked", search.is_active)):
        if wanted is not None:
            clauses[f"active{suffix}"] = _valued("active", "value = %s", _word(wanted))
    if search.in_stock is not None:
        clauses["available"] = _valued("available", "value = %s", _word(search.in_stock))
    for name in ("make", "body", "fuel", "transmission", "drive", "color"):
        if text := getattr(search, name):
            clauses[name] = _valued(name, "upper(value) = upper(%s)", text)
    if search.currency:
        clauses["currency"] = _valued("currency", "value = %s", search.currency)
    if search.condition:
        clauses["condition"] = _valued("condition", "value = %s", search.condition)
    if search.category:
        clauses["category"] = _valued("category", "value = ANY(%s)", [str(one) for one in subtree_ids(search.category)])
    if search.category_exact:
        clauses["category_exact"] = _valued("category", "value = %s", str(search.category_exact))
    return clauses | _years(search) | _numbers(search)


def _word(flag: bool) -> str:
    return "true" if flag else "false"


def _valued(facet: str, condition: str, value: Any) -> Sql:
    sql = (
        f"SELECT chunk, bit_or(bits) AS bits FROM catalog_facet_bits WHERE facet = '{facet}' AND {condition} GROUP BY 1"
    )
    return sql, [value]


def _years(search: ProductSearch) -> dict[str, Sql]:
    """A product without a year counts as one of the year 0, and is not older than any that is asked for."""
    clauses: dict[str, Sql] = {}
    first = search.year_min if search.year_min is not None or search.year_max is None else 1
    if first is not None:
        clauses["year_from"] = _valued("year", "value::int >= %s", first)
    if search.year_max is not None:
        clauses["year_to"] = _valued("year", "value::int <= %s", search.year_max)
    return clauses


def _numbers(search: ProductSearch) -> dict[str, Sql]:
    clauses: dict[str, Sql] = {}
    if search.price_max is not None:
        highest = int((search.price_max * 100).to_integral_value(ROUND_FLOOR))
        clauses["price_to"] = _at_most("price_digit", highest, PRICE_DIGITS)
    if search.price_min is not None:
        lowest = int((search.price_min * 100).to_integral_value(ROUND_CEILING))
        clauses["price_from"] = _above("price_digit", lowest - 1, PRICE_DIGITS)
    if search.power_min is not None or search.power_max is not None:
        clauses["power_known"] = _valued("power", "value = %s", "known")
    if search.power_max is not None:
        clauses["power_to"] = _at_most("power_digit", search.power_max, POWER_DIGITS)
    if search.power_min is not None:
        clauses["power_from"] = _above("power_digit", search.power_min - 1, POWER_DIGITS)
    if search.mileage_max is not None:
        clauses["mileage_known"] = _valued("mileage", "value = %s", "known")
        clauses["mileage_to"] = _at_most("mileage_digit", search.mileage_max, MILEAGE_DIGITS)
    return clauses


def _at_most(facet: str, highest: int, digits: int) -> Sql:
    if highest < 0:
        return _valued("kind", "value = %s", "")
    return _AT_MOST, [min(highest, 2**digits - 1), digits - 1, facet]


def _above(facet: str, highest: int, digits: int) -> Sql:
    if highest < 0:
        return _valued("kind", "value <> %s", "")
    sql, given = _at_most(facet, highest, digits)
    return f"SELECT chunk, ~bits AS bits FROM ({sql}) AS others", given


# What a product is, as values -----------------------------------------------------------------------------------------
VALUES = f"""(
    SELECT facet, value FROM (VALUES
        ('kind', p.kind),
        ('active', p.is_active::text),
        ('available', p.is_available::text),
        ('make', p.make),
        ('year', coalesce(p.year, 0)::text),
        ('price', ({BAND % "p"})::text),
        ('condition', p.condition),
        ('category', p.category_id::text),
        ('body', p.body),
        ('fuel', p.fuel),
        ('transmission', p.transmission),
        ('drive', p.drive),
        ('color', p.color),
        ('currency', p.currency),
        ('layout', '{LAYOUT}'),
        ('power', CASE WHEN p.power_hp IS NOT NULL THEN 'known' END),
        ('mileage', CASE WHEN p.mileage IS NOT NULL THEN 'known' END)
    ) AS plain(facet, value) WHERE value <> ''
    UNION ALL SELECT 'price_digit', digit::text
    FROM (SELECT (p.price * 100)::bigint AS number OFFSET 0) AS price, generate_series(0, {PRICE_DIGITS - 1}) AS digit
    WHERE (number >> digit) & 1 = 1
    UNION ALL SELECT 'mileage_digit', digit::text FROM generate_series(0, {MILEAGE_DIGITS - 1}) AS digit
    WHERE (p.mileage >> digit) & 1 = 1
    UNION ALL SELECT 'power_digit', digit::text FROM generate_series(0, {POWER_DIGITS - 1}) AS digit
    WHERE (p.power_hp::int >> digit) & 1 = 1
)"""
"""Facets and values of the product `p`, for a LATERAL join."""
