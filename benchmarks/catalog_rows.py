"""A million made-up products for the benchmark of the catalogue, and a tree of ten thousand categories."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

# Makes are as uneven as in a real town: the first is every sixth car. Numbers come from a hash of the row's number, so
# that two runs measure the same catalogue.
_FILL = """
INSERT INTO catalog_product (
    category_id,
    id, sku, external_id, name, kind, price, currency, make, model, trim, year, vin, plate, location, stage,
    is_test_drive_car, mileage, condition, body, fuel, transmission, drive, color, engine_volume, power_hp,
    description, image_url, attributes, is_active, on_hand, reserved, version, stock_version, created_at, updated_at
)
SELECT
    md5('c' || r2 %% 60)::uuid,
    (lpad(to_hex(1760000000000 + n), 12, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid,
    'B-' || n, '', make || ' ' || model || ' ' || year, 'vehicle', price, 'RUB', make, model, '', year,
    'X' || upper(translate(substr(h, 1, 16), 'oiq', '012')), '', '', 'on_sale', false,
    (2026 - year) * 9000 + r3 %% 9000, CASE WHEN year > 2024 THEN 'new' ELSE 'used' END,
    (ARRAY['седан', 'внедорожник 5 дв.', 'хэтчбек', 'универсал', 'лифтбек', 'минивэн', 'купе', 'пикап'])[1 + r3 %% 8],
    (ARRAY['бензин', 'бензин', 'бензин', 'дизель', 'дизель', 'гибрид', 'электро'])[1 + r2 %% 7],
    (ARRAY['автоматическая', 'механическая', 'вариатор', 'роботизированная'])[1 + r1 %% 4],
    (ARRAY['передний', 'полный', 'задний'])[1 + r3 %% 3],
    (ARRAY['белый', 'чёрный', 'серый', 'серебристый', 'синий', 'красный', 'зелёный', 'коричневый'])[1 + r2 %% 8],
    (12 + r1 %% 24) / 10.0, 80 + r2 %% 300,
    'Один владелец, сервисная книга, комплект ' || (r1 %% 5000) || ', ключ ' || (r2 %% 50), '', '{}', true,
    CASE WHEN r1 %% 10 = 0 THEN 0 ELSE 1 END, 0, 1, 1, now(), now()
FROM (
    SELECT n, h, r1, r2, r3, make, make || '-' || chr(65 + (r2 / 7) %% 12) || ((r1 / 11) %% 9) AS model,
        2026 - (least(r2 %% 26, r3 %% 26))::int AS year, (300000 + (r3 %% 9000) * 1000)::numeric(14, 2) AS price
    FROM (
        SELECT n, h, r1, r2, r3,
            (%(makes)s::text[])[1 + floor(power((r1 %% 10007) / 10007.0, 2) * array_length(%(makes)s::text[], 1))::int]
                AS make
        FROM (
            SELECT n, md5(n::text) AS h,
                ('x' || substr(md5('a' || n), 1, 7))::bit(28)::int AS r1,
                ('x' || substr(md5('b' || n), 1, 7))::bit(28)::int AS r2,
                ('x' || substr(md5('c' || n), 1, 7))::bit(28)::int AS r3
            FROM generate_series(%(first)s::int, %(last)s::int) AS n
        ) AS numbers
    ) AS makes
) AS models
"""
_PLANT = """
WITH RECURSIVE tree AS (
    SELECT n, NULL::int AS above, 0 AS level, 'c' || n AS path FROM generate_series(0, 9) AS n
    UNION ALL SELECT child, tree.n, level + 1, path || '/c' || child
    FROM tree CROSS JOIN LATERAL generate_series(tree.n * 10 + 10, least(tree.n * 10 + 19, %(nodes)s - 1)) AS child
)
INSERT INTO catalog_category (id, parent_id, name, slug, level, path, version, created_at, updated_at)
SELECT md5('c' || n)::uuid, md5('c' || above)::uuid, 'Category ' || n, 'c' || n, level, path, 1, now(), now() FROM tree
"""
MAKES = (
    "Lada", "Kia", "Hyundai", "Toyota", "Volkswagen", "Renault", "Skoda", "Nissan", "BMW", "Mercedes-Benz", "Ford",
    "Chevrolet", "Mitsubishi", "Mazda", "Audi", "Opel", "Lexus", "Haval", "Chery", "Geely", "Volvo", "Honda", "Subaru",
    "Suzuki", "Peugeot", "Citroen", "Infiniti", "Porsche", "Land Rover", "Jeep", "Exeed", "Omoda", "Jaguar", "Genesis",
    "Tesla", "Zeekr", "Fiat", "Seat", "Mini", "Datsun",
)  # fmt: skip


def execute(sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    """Run one statement, however long it takes, and give its rows."""
    from django.db import connections

    with connections["catalog"].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def grow(size: int) -> None:
    """Bring the catalogue to so many products, folded into the bits of facets, and its statistics up to date."""
    ((present,),) = execute("SELECT count(*) FROM catalog_product")
    if present > size:
        execute("TRUNCATE catalog_product CASCADE")
        present = 0
    if present < size:
        began = time.perf_counter()
        with _without_indexes():
            _fill(present, size)
        made = time.perf_counter()
        folded = _fold()
        print(f"# {size:,} products: {made - began:.0f} s to make, {folded:.0f} s to fold into facets", flush=True)
    execute("VACUUM ANALYZE catalog_product, catalog_facet_bits, catalog_facet_place, catalog_facet_change")
    execute("CHECKPOINT")


def _fill(present: int, size: int) -> None:
    """Two at once; what the words are learnt from is told once a word, not once a product."""
    execute("ALTER TABLE catalog_product DISABLE TRIGGER product_words_of_new")
    middle = (present + size) // 2
    parts = [(present + 1, middle), (middle + 1, size)]
    with ThreadPoolExecutor(len(parts)) as pool:
        list(pool.map(lambda part: _fill_part(*part), parts))
    execute("ALTER TABLE catalog_product ENABLE TRIGGER product_words_of_new")
    for column in ("make", "model", "body", "color", "fuel", "transmission", "drive"):
        execute(
            "INSERT INTO catalog_word (word) SELECT DISTINCT said FROM "
            f"(SELECT DISTINCT {column} AS text FROM catalog_product) AS texts, catalog_words_of(text) AS said "
            "ON CONFLICT DO NOTHING"
        )


def _fill_part(first: int, last: int) -> None:
    from django.db import connections

    try:
        execute("SET synchronous_commit = off")
        execute(_FILL, {"first": first, "last": last, "makes": list(MAKES)})
    finally:
        connections["catalog"].close()


@contextmanager
def _without_indexes() -> Iterator[None]:
    """Indexes that no constraint needs are made afterwards."""
    kept = execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indrelid = 'catalog_product'::regclass AND NOT indisprimary"
    )
    for name, _ in kept:
        execute(f"DROP INDEX {name}")
    try:
        yield
    finally:
        execute("SET maintenance_work_mem = '768MB'")
        for _, definition in kept:
            execute(definition)
        execute("RESET maintenance_work_mem")


def _fold() -> float:
    from catalog import services

    began = time.perf_counter()
    services.fold_facets()
    return time.perf_counter() - began


def plant(nodes: int) -> None:
    """Make a tree of so many categories, ten below each, unless it stands already."""
    if execute("SELECT count(*) FROM catalog_category") == [(nodes,)]:
        return
    execute("TRUNCATE catalog_category CASCADE")
    execute(_PLANT, {"nodes": nodes})
    execute("VACUUM ANALYZE catalog_category")
