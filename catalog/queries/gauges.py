"""Tell a scrape of goods that are held for somebody."""

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric

from core.db import fetch
from core.running.measures import COUNTED, Gauges, gauge

_HELD = gauge("reservations_held", "Reservations that hold goods.")
_LATE = gauge("reservations_overdue_seconds", "Since the hold ended that should have been released first.")
_SQL = """
SELECT (SELECT count(*) FROM (SELECT 1 FROM catalog_reservation WHERE status = 'held' LIMIT %s) AS r),
       (SELECT greatest(0, extract(epoch FROM now() - expires_at)) FROM catalog_reservation
        WHERE status = 'held' ORDER BY expires_at LIMIT 1)
"""


def reservation_gauges() -> Iterable[Metric]:
    """Count holds, and tell how late the release of the first is."""
    ((held, late),) = fetch("catalog", _SQL, [COUNTED])
    gauges = Gauges()
    gauges.add(_HELD, held)
    gauges.add(_LATE, late or 0)
    return gauges.families.values()
