"""The auditor: after any fault every purchase has ended, every effect happened once, and all books agree."""

from typing import Any

from config.databases import APPS
from tests.chaos.rig import Rig

_MARK = "SELECT coalesce(max(n), 0) FROM messaging_outbox"

_TWICE = """
SELECT headers->>'causation_id', type, aggregate_id, count(*) FROM messaging_outbox
WHERE n > %s AND headers ? 'causation_id' AND type <> 'order.status_changed'
GROUP BY 1, 2, 3 HAVING count(*) > 1
"""

_STATUS_TWICE = """
SELECT data->>'order_id', data->>'status', count(*) FROM messaging_outbox
WHERE n > %s AND type = 'order.status_changed' GROUP BY 1, 2 HAVING count(*) > 1
"""

_ANSWERED_TWICE = """
SELECT type, data->>'attempt_id', count(*) FROM messaging_outbox
WHERE n > %s AND data->>'attempt_id' IS NOT NULL AND type <> 'stock.released'
GROUP BY 1, 2 HAVING count(*) > 1
"""

_OUT_OF_ORDER = """
SELECT handler, lane, event_id FROM (
    SELECT handler, lane, event_id, source, aggregate, aggregate_id, seq, done_at,
           max(seq) OVER (PARTITION BY handler, source, aggregate, aggregate_id ORDER BY done_at, rn
                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM messaging_inbox WHERE status = 1 AND source <> 'timer'
) AS i WHERE before > seq
"""

_STOCK_TWICE = """
SELECT order_id, kind, product_id, count(*) FROM catalog_stockmovement WHERE order_id IS NOT NULL
GROUP BY 1, 2, 3 HAVING count(*) > 1
"""

_PARKED = "SELECT handler, type, last_error FROM messaging_inbox WHERE status = 2"


def mark(rig: Rig) -> dict[str, int]:
    """Note where each log stands now; an audit looks at what comes later."""
    return {app: rig.one(app, _MARK) for app in APPS}


def audit(rig: Rig, since: dict[str, int]) -> list[Any]:
    """All that is wrong."""
    found: list[Any] = []
    for app in APPS:
        found += [("effect twice", app, *row) for row in rig.rows(app, _TWICE, since[app])]
        found += [("out of order", app, *row) for row in rig.rows(app, _OUT_OF_ORDER)]
    for app in ("catalog", "payments", "financing"):
        found += [("answered twice", app, *row) for row in rig.rows(app, _ANSWERED_TWICE, since[app])]
    found += [("status twice", *row) for row in rig.rows("orders", _STATUS_TWICE, since["orders"])]
    found += [("stock moved twice", *row) for row in rig.rows("catalog", _STOCK_TWICE)]
    found += [("not copied", *lagging) for lagging in rig.behind()]
    found += [("parked", app, *row) for app in APPS for row in rig.rows(app, _PARKED)]
    report = rig.check_books()
    if not report["clean"] or report["under_way"]:
        found.append(
            ("books", {name: items for name, items in report["disagreements"].items() if items}, report["under_way"])
        )
    return found
