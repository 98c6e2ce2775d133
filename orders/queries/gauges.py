"""Tell a scrape of orders and checkouts under way, by the definitions of the managers' board."""

from collections import Counter
from collections.abc import Iterable

from django.utils import timezone
from prometheus_client.metrics_core import Metric

from core.db import fetch
from core.running.measures import COUNTED, Gauges, gauge, rows_as_gauges
from orders.models import SagaState, Status
from orders.queries.board import COLUMNS, REASONS, find_reasons

_OPEN = gauge("orders_open", "Orders under way.", "status")
_OLDEST = gauge("orders_oldest_seconds", "Since the oldest order under way was placed.", "status")
_CHECKOUTS = gauge("checkouts_open", "Checkouts that have not ended.", "state")
_CHECKOUT_AGE = gauge("checkouts_oldest_seconds", "Since the oldest such checkout began.", "state")
_ATTENTION = gauge("orders_needing_attention", "Orders that the board marks, 40 of a kind at most.", "reason")
_BY_STATUS = """
SELECT s.status,
       (SELECT count(*) FROM (SELECT 1 FROM orders_order WHERE status = s.status AND deleted_at IS NULL LIMIT %s) AS o),
       (SELECT extract(epoch FROM now() - created_at) FROM orders_order
        WHERE status = s.status AND deleted_at IS NULL ORDER BY created_at, id LIMIT 1)
FROM unnest(%s::text[]) AS s (status)
"""
_BY_STATE = """
SELECT s.state,
       (SELECT count(*) FROM (SELECT 1 FROM orders_checkout
                              WHERE state = s.state AND finished_at IS NULL LIMIT %s) AS c),
       (SELECT extract(epoch FROM now() - started_at) FROM orders_checkout
        WHERE state = s.state AND finished_at IS NULL ORDER BY started_at LIMIT 1)
FROM unnest(%s::text[]) AS s (state)
"""
_UNDER_WAY = [SagaState.RUNNING, SagaState.WAITING, SagaState.COMPENSATING, SagaState.PARKED]


def order_gauges() -> Iterable[Metric]:
    """Count what is open and tell the age of the oldest, each from an index, and what needs attention and why."""
    statuses = [*map(str, COLUMNS), str(Status.RETURNING)]
    yield from rows_as_gauges(fetch("orders", _BY_STATUS, [COUNTED, statuses]), (_OPEN, _OLDEST), "status")
    states = fetch("orders", _BY_STATE, [COUNTED, [*map(str, _UNDER_WAY)]])
    yield from rows_as_gauges(states, (_CHECKOUTS, _CHECKOUT_AGE), "state")
    gauges, found = Gauges(), Counter(find_reasons(now=timezone.now()))
    for reason in REASONS:
        gauges.add(_ATTENTION, found[reason], reason=reason)
    yield from gauges.families.values()
