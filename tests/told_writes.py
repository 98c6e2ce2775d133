"""Refuse writes of the product that leave a cached answer as it was: signals tell of save() and delete() alone.

Every test that writes a table which cached answers are made of proves that its writer says so in the same transaction.
"""

import re
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.backends.signals import connection_created

from catalog.queries import cache as catalogue
from core.db import before_commit, in_transaction
from gateway.responses.cache import Cache
from orders.queries import cache as orders

ORDER = ("orders_order", "orders_orderline", "orders_checkout", "orders_checkoutleg")
SHOWN_BY = {
    "catalog_product": (catalogue.cached_answers, catalogue.PRODUCTS),
    "catalog_productimage": (catalogue.cached_answers, catalogue.PRODUCTS),
    "catalog_category": (catalogue.cached_answers, catalogue.CATEGORIES),
    **dict.fromkeys(ORDER, (orders.cached_orders, "")),
}
"""Caches whose answers show a table, and the key they are kept under; an order's are kept under its own id."""
_WRITES = re.compile(
    rf"\b(?:INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|TRUNCATE)\s+(?:ONLY\s+)?\"?({'|'.join(SHOWN_BY)})\b", re.I
)
_PLUMBING = {"core", "gateway", "devtools"}


class Tally:
    """One transaction's writes of tables that are shown, and what it said is void."""

    def __init__(self) -> None:
        self.written: dict[str, str] = {}
        self.said: set[tuple[str, object]] = set()

    def __call__(self) -> None:
        for table, place in self.written.items():
            cache, key = SHOWN_BY[table]
            is_said = (cache.name, key) in self.said if key else any(name == cache.name for name, _ in self.said)
            assert is_said, f"{place} writes {table} and does not forget the {cache.name} cache that shows it"


def written_table(sql: str) -> str:
    """Name the table that a statement writes, if cached answers show it."""
    found = None if sql.startswith("SELECT") else _WRITES.search(sql)
    return found[1].lower() if found else ""


def _tally(alias: str) -> Tally:
    return before_commit(alias, "told writes", Tally())


def _place() -> str:
    """Name who writes, past Django and the plumbing; empty for tests and migrations, which may patch rows."""
    frame = sys._getframe(2)
    while frame := frame.f_back:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(settings.BASE_DIR) and ".venv" not in path.parts:
            name = path.relative_to(settings.BASE_DIR)
            if name.parts[0] not in _PLUMBING or "tests" in name.parts:
                is_patch = {"tests", "migrations", "benchmarks", "conftest.py"} & set(name.parts)
                return "" if is_patch else f"{name.as_posix()}:{frame.f_lineno}"
    return ""


def look(execute: Any, sql: Any, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
    """Run a statement, and note what the product has written by it."""
    done = execute(sql, parameters, many, context)
    table = written_table(str(sql))
    place = _place() if table and context["cursor"].rowcount else ""
    if place:
        alias = context["connection"].alias
        assert in_transaction(alias), f"{place} writes {table} outside core.db.transaction"
        _tally(alias).written.setdefault(table, place)
    return done


def watch() -> None:
    """Look at every statement of this test run on the databases of orders and of the catalogue."""
    forget = Cache.forget

    def told(self: Cache, key: object, *, is_new: bool = False) -> None:
        if in_transaction(self.alias):
            _tally(self.alias).said.add((self.name, key))
        forget(self, key, is_new=is_new)

    Cache.forget = told  # type: ignore[method-assign]
    connection_created.connect(_join, dispatch_uid="told-writes")


def _join(sender: Any, connection: Any, **_: Any) -> None:
    if connection.alias in ("catalog", "orders") and look not in connection.execute_wrappers:
        connection.execute_wrappers.append(look)
