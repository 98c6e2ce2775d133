"""Tell of statements that took long: counted, and logged as they were written, without their values."""

import structlog

from core.running import measures

_SLOW = measures.count(
    "database_slow_statements_total", "Statements slower than AUTOSALON_SLOW_STATEMENT_MS.", "database"
)
log = structlog.get_logger(__name__)


def count_slow(alias: str, sql: object, seconds: float) -> None:
    """Count one, and name it."""
    _SLOW.labels(alias).inc()
    log.warning("slow_statement", database=alias, ms=round(seconds * 1000), sql=str(sql)[:2000])
