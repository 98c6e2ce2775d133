"""Folding changed products into the bits that facets are counted by; what is counted is the same before and after."""

from typing import Any
from uuid import UUID

from django.db import connections

from catalog.models.facet_bits import CHUNK, LAYOUT, VALUES
from core.db import NARROW, transaction, try_lock

BATCH = 20_000
# A product that changes again after this leaves a note of its own, which is still there when this commits.
_TAKE = """
DELETE FROM catalog_facet_change
WHERE id <= (SELECT max(id) FROM (SELECT id FROM catalog_facet_change ORDER BY id LIMIT %s) AS first)
RETURNING product_id
"""
_NOTE_OTHERS = f"""
INSERT INTO catalog_facet_change (product_id)
SELECT place.product_id FROM (
    SELECT known.chunk, known.bits & ~coalesce(layout.bits, B'0'::bit({CHUNK})) AS bits
    FROM (SELECT chunk, bit_or(bits) AS bits FROM catalog_facet_bits WHERE facet = 'kind' GROUP BY 1) AS known
    LEFT JOIN catalog_facet_bits AS layout ON layout.facet = 'layout' AND layout.value = '{LAYOUT}'
        AND layout.chunk = known.chunk
) AS other JOIN catalog_facet_place AS place
    ON place.place >= other.chunk * {CHUNK} AND place.place < (other.chunk + 1) * {CHUNK}
WHERE bit_count(other.bits) > 0 AND get_bit(other.bits, mod(place.place, {CHUNK})) = 1
"""
_PLACE = """
INSERT INTO catalog_facet_place (product_id, place)
SELECT id, (SELECT coalesce(max(place) + 1, 0) FROM catalog_facet_place) + row_number() OVER (ORDER BY id)::int - 1
FROM (SELECT DISTINCT unnest(%s::uuid[]) AS id) AS changed
WHERE NOT EXISTS (SELECT FROM catalog_facet_place WHERE product_id = id OFFSET 0)
"""
_FOLD = f"""
WITH changed AS MATERIALIZED (
    SELECT product_id, place / {CHUNK} AS chunk, mod(place, {CHUNK}) AS bit
    FROM catalog_facet_place WHERE product_id = ANY(%s)
), others AS MATERIALIZED (
    SELECT chunk, ~catalog_bits(bit, 1) AS bits FROM changed GROUP BY 1
), fresh AS MATERIALIZED (
    SELECT facet, value, chunk, catalog_bits(bit, 1) AS bits
    FROM changed JOIN catalog_product AS p ON p.id = product_id AND p.deleted_at IS NULL
    CROSS JOIN LATERAL {VALUES} AS of GROUP BY 1, 2, 3
), present AS (
    SELECT b.facet, b.value, b.chunk, b.bits AS before,
        coalesce((b.bits & others.bits) | fresh.bits, b.bits & others.bits) AS bits
    FROM catalog_facet_bits AS b JOIN others USING (chunk) LEFT JOIN fresh USING (facet, value, chunk)
    WHERE b.chunk = ANY(ARRAY(SELECT chunk FROM others))
), next AS (
    SELECT facet, value, chunk, bits FROM present WHERE bits <> before
    UNION ALL SELECT facet, value, chunk, bits FROM fresh WHERE NOT EXISTS (
        SELECT FROM catalog_facet_bits AS b WHERE (b.facet, b.value, b.chunk) = (fresh.facet, fresh.value, fresh.chunk)
    )
)
INSERT INTO catalog_facet_bits (facet, value, chunk, bits) SELECT facet, value, chunk, bits FROM next
ON CONFLICT (facet, value, chunk) DO UPDATE SET bits = excluded.bits
"""


def fold_facets(*, batch: int = BATCH) -> int:
    """Fold all waiting changes in, some thousands at a time; return how many. One folds, others leave it to him.

    What a release with other VALUES has folded is folded again.
    """
    total = 0
    _queue_others()
    while folded := _fold(batch):
        total += folded
    return total


def _queue_others() -> None:
    with transaction("catalog"), connections["catalog"].cursor() as cursor:
        if try_lock(connections["catalog"], "catalog.facet_bits", number=NARROW):
            cursor.execute(_NOTE_OTHERS)


def _fold(batch: int) -> int:
    with transaction("catalog"), connections["catalog"].cursor() as cursor:
        if not try_lock(connections["catalog"], "catalog.facet_bits", number=NARROW):
            return 0
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(_TAKE, [batch])
        changed: list[UUID] = [row[0] for row in cursor.fetchall()]
        if changed:
            _write(cursor, changed)
        return len(changed)


def _write(cursor: Any, changed: list[UUID]) -> None:
    cursor.execute(_PLACE, [changed])
    cursor.execute(_FOLD, [changed])
