"""Keep what anyone may read of the catalogue in Valkey, at hand and never older than the last committed write.

Every statement on the catalogue's connections is looked at: one that changes products or categories, by whatever way
it was made, voids the copies with its own transaction. So stock that is held is never shown as free from a copy.
"""

import re
from typing import Any

from django.conf import settings
from django.db.backends.signals import connection_created

from core.db import in_transaction
from gateway.responses.cache import Cache

copies = Cache("catalog", "catalog", lambda: settings.CATALOG_CACHE_SECONDS)
PRODUCTS, CATEGORIES = "products", "categories"
_WRITES = re.compile(
    r"\b(?:INSERT INTO|UPDATE|DELETE FROM|MERGE INTO|TRUNCATE)\s+(?:ONLY\s+)?\"?catalog_(product|categor)",
    re.IGNORECASE,
)


def connect_signals() -> None:
    """Watch every connection to the catalogue from its opening on."""
    connection_created.connect(_watch, dispatch_uid="catalog-cache")


def _watch(sender: Any, connection: Any, **_: Any) -> None:
    if connection.alias == "catalog" and drop_on_write not in connection.execute_wrappers:
        connection.execute_wrappers.append(drop_on_write)


def drop_on_write(execute: Any, sql: Any, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
    """Run a statement, with the copies it voids dropped."""
    root = _voided_by(sql) if settings.CATALOG_CACHE_SECONDS else None
    if root is None:
        return execute(sql, parameters, many, context)
    if in_transaction("catalog") or context["connection"].in_atomic_block:
        copies.forget(root)
        return execute(sql, parameters, many, context)
    with copies.dropping(root):
        return execute(sql, parameters, many, context)


def _voided_by(sql: Any) -> str | None:
    """Name what hangs on the table a statement writes: products show no category of theirs, facets show its name."""
    text = str(sql)
    if text.startswith("SELECT"):
        return None
    found = _WRITES.search(text)
    return found and (CATEGORIES if found[1].lower() == "categor" else PRODUCTS)
