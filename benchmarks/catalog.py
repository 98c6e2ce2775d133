"""What browsing costs at 1,000, 100,000 and 1,000,000 products: list, deep cursor, full text, facets, admin."""

import argparse
import base64
import random
import statistics
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_env

FACETS_LIMIT_MS = 150.0
GROWTH_LIMIT = 2.0
ADMIN = "bench-admin@example.com"
GIN = ("product_search", "product_vin_fragment", "product_plate_fragment")

# Makes are as uneven as in a real town: the first is every sixth car. Numbers come from a hash of the row's number, so
# that two runs measure the same catalogue.
_FILL = """
INSERT INTO catalog_product (
    id, sku, external_id, name, kind, price, currency, make, model, trim, year, vin, plate, location, stage,
    is_test_drive_car, mileage, condition, body, fuel, transmission, drive, color, engine_volume, power_hp,
    description, image_url, attributes, is_active, on_hand, reserved, version, stock_version, created_at, updated_at
)
SELECT
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
MAKES = (
    "Lada", "Kia", "Hyundai", "Toyota", "Volkswagen", "Renault", "Skoda", "Nissan", "BMW", "Mercedes-Benz", "Ford",
    "Chevrolet", "Mitsubishi", "Mazda", "Audi", "Opel", "Lexus", "Haval", "Chery", "Geely", "Volvo", "Honda", "Subaru",
    "Suzuki", "Peugeot", "Citroen", "Infiniti", "Porsche", "Land Rover", "Jeep", "Exeed", "Omoda", "Jaguar", "Genesis",
    "Tesla", "Zeekr", "Fiat", "Seat", "Mini", "Datsun",
)  # fmt: skip


def main() -> int:
    """Measure and print; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=60, help="requests of each kind and size")
    parser.add_argument("--keep", action="store_true", help="leave the products for the next run")
    options = parser.parse_args()
    servers = bench_env.start(("accounts", "catalog"))
    try:
        table = {size: _measure(size, options.rounds) for size in sorted(options.sizes)}
        missed = _tell(table)
        if not options.keep:
            _execute("TRUNCATE catalog_product CASCADE")
        return int(missed)
    finally:
        servers.stop()


def _execute(sql: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    from django.db import connections

    with connections["catalog"].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


def _grow(size: int) -> None:
    ((present,),) = _execute("SELECT count(*) FROM catalog_product")
    if present > size:
        _execute("TRUNCATE catalog_product CASCADE")
        present = 0
    if present < size:
        began = time.perf_counter()
        kept = dict(_execute("SELECT indexname, indexdef FROM pg_indexes WHERE indexname = ANY(%s)", [list(GIN)]))
        for name in kept:
            _execute(f"DROP INDEX {name}")
        _execute(_FILL, {"first": present + 1, "last": size, "makes": list(MAKES)})
        for definition in kept.values():
            _execute(definition)
        print(f"# {size:,} products: {time.perf_counter() - began:.0f} s to make", flush=True)
    _execute("VACUUM ANALYZE catalog_product")
    _execute("CHECKPOINT")


def _measure(size: int, rounds: int) -> dict[str, list[float]]:
    _grow(size)
    from django.db import connections
    from django.test import Client

    client, manager = Client(), _admin()
    cases = _cases(size)
    times: dict[str, list[float]] = {name: [] for name in [*cases, "admin list", "admin list, found by text"]}
    dice = random.Random(size)
    with connections["catalog"].cursor() as cursor:
        cursor.execute("RESET statement_timeout")
    for number in range(rounds + 5):
        for name, make_path in cases.items():
            took = _ask(client, "/api/v1" + make_path(dice))
            if number >= 5:
                times[name].append(took)
        if number < max(10, rounds // 3):
            times["admin list"].append(_ask(manager, "/admin/catalog/product/"))
            found = f"/admin/catalog/product/?q={quote(dice.choice(MAKES[:20]))}"
            times["admin list, found by text"].append(_ask(manager, found))
    return times


def _admin() -> Any:
    from django.contrib.auth import get_user_model
    from django.test import Client

    users = get_user_model()
    user = users.objects.filter(email=ADMIN).first() or users.objects.create_superuser(ADMIN, "bench-Pass-1")
    client = Client()
    client.force_login(user)
    return client


def _ask(client: Any, path: str) -> float:
    began = time.perf_counter()
    response = client.get(path, headers={"host": "127.0.0.1"})
    took = (time.perf_counter() - began) * 1000
    assert response.status_code == 200, (path, response.status_code, response.content[:500])
    return took


def _cursor(position: str) -> str:
    return base64.b64encode(f"p={position}".encode()).decode()


def _cases(size: int) -> dict[str, Callable[[random.Random], str]]:
    ids = [str(row[0]) for row in _execute("SELECT id FROM catalog_product ORDER BY id LIMIT 1 OFFSET %s", [size // 2])]
    half_price = _execute("SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY price) FROM catalog_product")[0][0]

    def make(dice: random.Random) -> str:
        return quote(dice.choice(MAKES[:25]))

    def year(dice: random.Random) -> int:
        return dice.randint(2008, 2024)

    def words(dice: random.Random) -> str:
        colour = dice.choice(("белый", "чёрный", "серый", "синий"))
        return quote(f"{dice.choice(('седан', 'хэтчбек', 'внедорожник'))} {colour} {dice.choice(('бензин', 'дизель'))}")

    return {
        "list, newest": lambda dice: "/products",
        "list, by price": lambda dice: "/products?ordering=price",
        "list, in stock, one make": lambda dice: f"/products?in_stock=true&make={make(dice)}",
        "deep cursor, newest": lambda dice: f"/products?cursor={quote(_cursor(ids[0]))}",
        "deep cursor, by price": lambda dice: (
            f"/products?ordering=price&cursor={quote(_cursor(str(half_price + dice.randint(0, 50) * Decimal(1000))))}"
        ),
        "text, one rare word": lambda dice: f"/products?q=B-{dice.randint(1, size)}",
        "text, make and year": lambda dice: f"/products?q={make(dice)}+{year(dice)}",
        "text, 3 broad words": lambda dice: f"/products?q={words(dice)}",
        "text, 3 broad words, newest": lambda dice: f"/products?q={words(dice)}&ordering=-created_at",
        "text, a typo": lambda dice: f"/products?q={dice.choice(('hundai', 'wolksvagen', 'mersedes', 'тайота'))}",
        "facets, everything": lambda dice: "/products/facets",
        "facets, one make": lambda dice: f"/products/facets?make={make(dice)}",
        "facets, in stock, make and years": lambda dice: (
            f"/products/facets?in_stock=true&make={make(dice)}&year_min={year(dice)}"
        ),
        "facets, price and fuel": lambda dice: (
            f"/products/facets?price_max={dice.randint(5, 90)}00000&fuel={quote(dice.choice(('дизель', 'электро')))}"
        ),
        "facets, text of 3 broad words": lambda dice: f"/products/facets?q={words(dice)}",
        "facets, text, make and year": lambda dice: f"/products/facets?q={make(dice)}+{year(dice)}",
    }


def _tell(table: dict[int, dict[str, list[float]]]) -> bool:
    sizes = list(table)
    heads = " | ".join(f"{size:,}" for size in sizes)
    print(f"\nmilliseconds of the whole request, median (95th percentile)\n\n| | {heads} | × |")
    print("| --- |" + " ---: |" * (len(sizes) + 1))
    missed = False
    for name in table[sizes[0]]:
        medians = [statistics.median(table[size][name]) for size in sizes]
        slow = [_p95(table[size][name]) for size in sizes]
        growth = medians[-1] / medians[0]
        cells = " | ".join(f"{middle:.1f} ({late:.1f})" for middle, late in zip(medians, slow, strict=True))
        is_late = name.startswith("facets") and slow[-1] > FACETS_LIMIT_MS
        is_steep = name.startswith(("list", "deep")) and growth > GROWTH_LIMIT
        missed |= is_late or is_steep
        print(f"| {name} | {cells} | {growth:.1f}{' MISSED' if is_late or is_steep else ''} |")
    print(f"\nlimits: list and cursor grow at most {GROWTH_LIMIT:.0f}×, facets p95 at most {FACETS_LIMIT_MS:.0f} ms")
    return missed


def _p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


if __name__ == "__main__":
    sys.exit(main())
