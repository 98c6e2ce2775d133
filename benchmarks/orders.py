"""Measure lists, reads and screens of orders at a thousand and at a million of them.

The orders are made by COPY into a bench of its own; the largest are kept for the next run. Every limit is a ratio of
two figures of this run, or the 300 ms that managers were promised.
"""

import argparse
import base64
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import bench_env
from benchmarks.growth import GROWTH_LIMIT, Cost, Table, get_load, print_growth, repeat, time_act

SIZE = 20
DEEP = 5_000
ADMIN_MS = 300
STATUSES = ("completed", "completed", "completed", "cancelled", "refunded", "paid", "in_progress", "ready")
PER_CUSTOMER = 20
SECONDS_APART = 60


def main() -> int:
    """Make the orders, measure, print; 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    servers = bench_env.start(("accounts", "orders"))
    try:
        print(f"# load average {get_load()} at the start", flush=True)
        table: Table = {}
        for size in sorted(options.sizes):
            _fill(size)
            table[size] = _measure(options.rounds)
        missed = print_growth(table, _is_missed)
        print(f"\nlimits: {ADMIN_MS} ms for anything, {GROWTH_LIMIT:.0f}× the processor at the largest size")
        print(f"# load average {get_load()} at the end")
        return int(missed)
    finally:
        servers.stop()


# Making them ----------------------------------------------------------------------------------------------------------
def _fill(count: int) -> None:
    from django.db import connections

    from orders.services import fold_stats

    with connections["orders"].cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SELECT count(*) FROM orders_order")
        if cursor.fetchone()[0] == count:
            return
        started = time.perf_counter()
        cursor.execute("TRUNCATE orders_order, orders_orderstat, orders_customerstat, orders_statdelta CASCADE")
        for table, columns, rows in _tables(count):
            with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(f"ANALYZE {table}")  # else keys are looked up in the next as if this had a page
        cursor.execute("VACUUM ANALYZE")
        folded = fold_stats(batch=200_000)
    print(f"{count:,} orders made by COPY, {folded:,} deltas folded: {time.perf_counter() - started:.0f} s")


def _tables(count: int) -> Iterator[tuple[str, list[str], Iterator[tuple[Any, ...]]]]:
    order = ["id", "number", "customer_id", "created_by", "status", "currency", "total_amount", "total_quantity",
             "amount_paid", "loan_amount", "trade_in_credit", "returned_premiums", "funding", "placed_date", "comment",
             "policy_ids", "version", "created_at", "updated_at"]  # fmt: skip
    line = ["id", "order_id", "position", "kind", "sku", "name", "vin", "quantity", "unit_price", "line_total"]
    history = [
        "order_id",
        "kind",
        "status",
        "event",
        "reason",
        "actor_role",
        "data",
        "before",
        "after",
        "request_id",
        "at",
    ]
    checkout = ["order_id", "state", "step", "is_refund", "parked_from", "started_at"]
    leg = ["id", "checkout_id", "kind", "rank", "state", "attempt_id", "attempts", "request", "parked_reason"]
    yield "orders_order", order, (_order(number) for number in range(count))
    yield "orders_orderline", line, (_line(number) for number in range(count))
    yield "orders_orderhistory", history, (_history(number) for number in range(count))
    yield "orders_checkout", checkout, (_checkout(number) for number in range(count))
    yield "orders_checkoutleg", leg, itertools.chain.from_iterable(_legs(number) for number in range(count))


def _at(number: int) -> datetime:
    return datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=SECONDS_APART * number)


def _id(number: int, kind: int) -> UUID:
    """A UUIDv7 of the order's moment, the same in every run."""
    milliseconds = int(_at(number).timestamp() * 1000)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (kind << 64) | (0b10 << 62) | number)


def _price(number: int) -> str:
    return f"{500_000 + number * 7919 % 4_000_000}.00"


def _status(number: int) -> str:
    return STATUSES[number % len(STATUSES)]


def _order(number: int) -> tuple[Any, ...]:
    at, price = _at(number), _price(number)
    customer = UUID(int=(0x8 << 76) | (0b10 << 62) | (number // PER_CUSTOMER))
    funding = f'[{{"leg": "paid", "kind": "payment", "amount": "{price}", "state": "paid"}}]'
    return (_id(number, 1), f"{at.year}-{number:07d}", customer, customer, _status(number), "RUB", price, 1, price,
            0, 0, 0, funding, at.date(), "", "{}", 5, at, at)  # fmt: skip


def _line(number: int) -> tuple[Any, ...]:
    price = _price(number)
    return (_id(number, 2), _id(number, 1), 0, "product", f"SKU-{number % 5000}", "Lada Vesta", "", 1, price, price)


def _history(number: int) -> tuple[Any, ...]:
    return _id(number, 1), "status", "created", "order.created", "", "client", "{}", "{}", "{}", "", _at(number)


def _checkout(number: int) -> tuple[Any, ...]:
    return _id(number, 1), "completed", "done", False, "", _at(number)


def _legs(number: int) -> Iterator[tuple[Any, ...]]:
    for rank, kind in ((0, "stock"), (3, "payment")):
        one = _id(number, 3 + rank)
        yield one, _id(number, 1), kind, rank, "succeeded", one, 1, "{}", ""


# Measuring ------------------------------------------------------------------------------------------------------------
def _measure(rounds: int) -> dict[str, list[Cost]]:
    from django.test import Client

    from core.testing import token_for
    from orders.models import Order

    manager = Client(headers={"Authorization": f"Bearer {token_for(None, 'manager')}"})
    size = Order.objects.count()
    middle = Order.objects.order_by("created_at")[size // 2]
    buyer = Client(headers={"Authorization": f"Bearer {token_for(middle.customer_id, 'client')}"})
    year, admin = f"{middle.created_at:%Y}-", _admin()
    _cursors.clear()
    cases: dict[str, Callable[[], Any]] = {
        "list, first page": lambda: _page(manager, ""),
        "list, deep cursor": lambda: _page(manager, _cursor(min(size // 2, SIZE * DEEP))),
        "list, last page": lambda: _page(manager, _cursor(-1)),
        "list, refunded": lambda: _page(manager, "", "status=refunded"),
        "list, by sum": lambda: _page(manager, "", "ordering=-total_amount"),
        "list, searched by a year": lambda: _page(manager, "", f"search={year}"),
        "list, searched by what was sold": lambda: _page(manager, "", "search=Vesta"),
        "list, searched by number": lambda: _get(manager, f"/api/v1/orders?search={middle.number}"),
        "list of a buyer's own": lambda: _get(buyer, f"/api/v1/orders?page_size={SIZE}"),
        "read one": lambda: _get(buyer, f"/api/v1/orders/{middle.id}"),
        "figures by day and status": lambda: _get(manager, f"/api/v1/orders/stats?group_by=day,status&{_days(middle)}"),
    }
    paths = {
        "admin list": "",
        "admin list, page 1000 or last": f"?p={min(1000, size // 200)}",
        "admin list, ready": "?status__exact=ready",
        "admin list, one number": f"?q={middle.number}",
    }
    screens: dict[str, Callable[[], Any]] = {
        name: lambda path=path: _get(admin, f"/admin/orders/order/{path}") for name, path in paths.items()
    }
    found = repeat({name: lambda act=act: time_act("orders", act) for name, act in cases.items()}, rounds)
    return found | repeat({name: lambda act=act: time_act("orders", act) for name, act in screens.items()}, rounds // 3)


def _days(middle: Any) -> str:
    """A span of ten days that holds as many orders at each size, or all that there are."""
    day = middle.created_at.date()
    return f"from={day - timedelta(days=5)}&to={day + timedelta(days=5)}"


def _is_missed(name: str, middle: float, late: float, growth: float) -> bool:
    return middle > ADMIN_MS or growth > GROWTH_LIMIT


def _admin() -> Any:
    from django.test import Client

    from accounts.models import User

    user = User.objects.filter(email="bench@example.com").first() or User.objects.create_superuser(
        email="bench@example.com", password="bench-only-1"
    )
    client = Client()
    client.force_login(user, backend="accounts.backends.EmailBackend")
    return client


_cursors: dict[int, str] = {}


def _cursor(offset: int) -> str:
    """The API's own cursor for the page after `offset` orders; -1 for the last page."""
    from orders.models import Order

    if offset not in _cursors:
        rows = (
            Order.objects.order_by("created_at", "id") if offset < 0 else Order.objects.order_by("-created_at", "-id")
        )
        at = rows.values_list("created_at", flat=True)[SIZE if offset < 0 else offset]
        position = urlencode({"p": str(at)})
        _cursors[offset] = urlencode({"cursor": base64.b64encode(position.encode()).decode()})
    return _cursors[offset]


def _page(client: Any, cursor: str, query: str = "") -> None:
    answer = _get(client, f"/api/v1/orders?page_size={SIZE}&{query}&{cursor}")
    assert len(answer.json()["results"]) == SIZE, answer.content[:300]


def _get(client: Any, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code, answer.content[:300])
    return answer


if __name__ == "__main__":
    sys.exit(main())
