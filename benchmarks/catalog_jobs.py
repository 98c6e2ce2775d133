"""Measure what the catalogue's heavy jobs cost: a stock-taking of 10,000 units, and 100,000 saved searches.

The limits of the same run are printed beside them: the sheet copied by one bare statement, and the searches read and
marked as looked at with nothing compared.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_env
from benchmarks.catalog_rows import MAKES, execute, grow, plant

START_LIMIT_S = 5.0
ROUND_LIMIT_S = 60.0
CATEGORIES = 100
PLACE = "Bench hall"
BODIES = ("седан", "хэтчбек", "универсал", "лифтбек", "минивэн", "купе", "пикап")
WORDS = ("бмв", "тойота", "kia", "белый", "чёрный", "седан", "бензин", "дизель", "hyundai", "2021", "автомат", "лада")


def main() -> int:
    """Measure and print; 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--products", type=int, default=100_000)
    parser.add_argument("--units", type=int, default=10_000, help="units at the counted place")
    parser.add_argument("--searches", type=int, default=100_000)
    parser.add_argument("--arrivals", type=int, default=1_000)
    options = parser.parse_args()
    servers = bench_env.start(("catalog",))
    try:
        plant(CATEGORIES)
        grow(options.products)
        missed = _stock_taking(options.units)
        missed |= _searches(options.searches, options.arrivals, options.products)
        execute("TRUNCATE catalog_product, catalog_savedsearch CASCADE")
        return int(missed)
    finally:
        servers.stop()


def _timed(name: str, act: Callable[[], Any], limit_s: float = 0.0) -> tuple[Any, bool]:
    began = time.perf_counter()
    result = act()
    took = time.perf_counter() - began
    is_missed = 0 < limit_s < took
    print(f"{name}: {took:.2f} s{' MISSED' if is_missed else ''}", flush=True)
    return result, is_missed


def _stock_taking(units: int) -> bool:
    from catalog import services
    from catalog.models import StockCount, StockCountLine

    execute("TRUNCATE catalog_stockcount CASCADE")
    execute("UPDATE catalog_product SET location = ''")
    execute(
        "UPDATE catalog_product SET location = %s WHERE id IN "
        "(SELECT id FROM catalog_product WHERE on_hand > 0 ORDER BY md5(id::text) LIMIT %s)",
        [PLACE, units],
    )
    execute("VACUUM ANALYZE catalog_product")
    copy = "CREATE TEMP TABLE copied AS SELECT id, on_hand FROM catalog_product WHERE on_hand > 0 AND location = %s"
    _timed(f"limit: {units:,} units copied by one statement", lambda: execute(copy, [PLACE]))
    now = datetime.now(UTC)
    sheet, missed = _timed(
        f"stock-taking of {units:,} units, started",
        lambda: services.start_count(location=PLACE, actor="bench", now=now),
        START_LIMIT_S,
    )
    lines = StockCountLine.objects.filter(sheet=sheet)
    execute("UPDATE catalog_stockcountline SET counted = CASE WHEN id % 100 = 0 THEN 0 ELSE expected END WHERE true")
    found, _ = _timed(
        "the same, settled with one difference in a hundred",
        lambda: services.confirm_count(count_id=sheet.pk, reason="bench", actor="bench", now=now),
    )
    print(f"  {lines.filter(outcome='adjusted').count()} of {lines.count()} adjusted, {found.status}")
    assert isinstance(found, StockCount)
    return missed


def _searches(searches: int, arrivals: int, products: int) -> bool:
    from catalog import services
    from catalog.models import SavedSearch
    from core.ids import uuid7

    dice = random.Random(7)
    ((since,),) = execute(
        "SELECT id FROM catalog_product ORDER BY id DESC LIMIT 1 OFFSET %s", [min(arrivals, products - 1)]
    )
    ((latest,),) = execute("SELECT max(id::text)::uuid FROM catalog_product")
    began = _moment(since) + timedelta(milliseconds=1)
    execute("TRUNCATE catalog_savedsearch")
    SavedSearch.objects.bulk_create(
        (
            SavedSearch(
                user_id=uuid7(), name=f"Search {number}", query=_query(dice), seen_until=began, created_at=began
            )
            for number in range(searches)
        ),
        batch_size=2_000,
    )
    execute("VACUUM ANALYZE catalog_savedsearch")
    mark = "UPDATE catalog_savedsearch SET new_count = new_count"
    _timed(f"limit: {searches:,} searches read", lambda: list(SavedSearch.objects.values_list("pk", "query")))
    _timed(f"limit: {searches:,} searches marked by one statement", lambda: execute(mark))
    now = _moment(latest) + timedelta(minutes=2)
    told, missed = _timed(
        f"{searches:,} saved searches compared with {arrivals:,} arrivals",
        lambda: services.match_saved_searches(now=now),
        ROUND_LIMIT_S,
    )
    print(f"  {told:,} were told")
    _timed("the next minute, nothing new", lambda: services.match_saved_searches(now=now + timedelta(minutes=1)))
    return missed


def _query(dice: random.Random) -> dict[str, Any]:
    """Make up what people save: mostly a make below a price, one in five with words of their own."""
    query: dict[str, Any] = {"kind": "vehicle", "in_stock": True}
    if dice.random() < 0.8:
        query["make"] = dice.choice(MAKES)
    if dice.random() < 0.6:
        query["price_max"] = str(dice.randint(300, 9_000) * 1_000)
    if dice.random() < 0.4:
        query["year_min"] = dice.randint(2005, 2025)
    if dice.random() < 0.2:
        query["mileage_max"] = dice.randint(10, 300) * 1_000
    if dice.random() < 0.2:
        query["body"] = dice.choice(BODIES)
    if dice.random() < 0.2:
        query["q"] = " ".join(dice.sample(WORDS, dice.randint(1, 3)))
    return query


def _moment(product_id: Any) -> datetime:
    return datetime.fromtimestamp((product_id.int >> 80) / 1000, UTC)


if __name__ == "__main__":
    sys.exit(main())
