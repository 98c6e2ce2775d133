"""Write the dashboards of Grafana: `python deploy/watch/dashboards.py`. A test holds the files to what stands here."""

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "prometheus"}
WIDTH, HEIGHT, ACROSS = 12, 8, 2
Panel = tuple[str, str, dict[str, str]]
"""Title, unit as Grafana calls it, and the expressions by their legends."""

SHOP: list[Panel] = [
    ("Orders under way", "short", {"{{status}}": "max by (status) (orders_open)"}),
    ("Age of the oldest order", "s", {"{{status}}": "max by (status) (orders_oldest_seconds)"}),
    ("Orders placed, paid and called off, an hour", "short", {
        "{{type}}": 'sum by (type) (increase(events_published_total{type=~"order.(created|paid|cancelled)"}[1h]))',
    }),
    ("Money, an hour", "currencyRUB", {
        "{{flow}}": 'sum by (flow) (increase(payments_amount_total{currency="RUB"}[1h]))',
    }),
    ("Payments that ended, an hour", "short", {"{{flow}}": "sum by (flow) (increase(payments_total[1h]))"}),
    ("Payments of which nobody knows", "short", {"payments": "max(payments_unknown)"}),
    ("Checkouts", "short", {"{{state}}": "max by (state) (checkouts_open)"}),
    ("Age of the oldest checkout", "s", {"{{state}}": "max by (state) (checkouts_oldest_seconds)"}),
    ("Orders that the board marks", "short", {"{{reason}}": "max by (reason) (orders_needing_attention) > 0"}),
    ("What waits for a person", "short", {"{{queue}}": "max by (queue) (attention_waiting) > 0"}),
    ("Holds", "short", {"held": "max(reservations_held)"}),
    ("Disagreements of the books", "short", {"{{check}}": "max by (check) (books_disagreements)"}),
]  # fmt: skip
REQUESTS: list[Panel] = [
    ("Requests a second", "reqps", {"{{status}}": "sum by (status) (rate(http_requests_total[5m]))"}),
    ("Time of an answer", "s", {
        f"p{part}": f"histogram_quantile(0.{part}, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))"
        for part in (50, 95, 99)
    }),
    ("Busiest routes", "reqps", {
        "{{method}} {{route}}": "topk(10, sum by (method, route) (rate(http_requests_total[5m])))",
    }),
    ("Slowest routes, p95", "s", {
        "{{method}} {{route}}": "topk(10, histogram_quantile(0.95, sum by (le, method, route) "
        "(rate(http_request_duration_seconds_bucket[5m]))))",
    }),
    ("Errors of ours by route", "reqps", {
        "{{method}} {{route}} {{status}}": (
            'sum by (method, route, status) (rate(http_requests_total{status=~"5.."}[5m]))'
        ),
    }),
    ("Refusals", "reqps", {"{{status}}": 'sum by (status) (rate(http_requests_total{status=~"4.."}[5m]))'}),
    ("Sockets and streams", "short", {"{{source}}": "sum by (source) (live_streams)"}),
    ("Memory", "bytes", {"{{role}} {{instance}}": "sum by (role, instance) (process_resident_memory_bytes)"}),
]  # fmt: skip
EVENTS: list[Panel] = [
    ("Events a second", "short", {"{{type}}": "topk(15, sum by (type) (rate(events_published_total[5m])))"}),
    ("Deliveries that wait", "short", {"{{handler}}": "topk(15, max by (handler) (inbox_pending) > 0)"}),
    ("Longest wait for a worker", "s", {"{{database}}": "max by (database) (inbox_overdue_seconds)"}),
    ("Behind their source", "short", {
        "{{handler}} of {{source}}": "topk(15, max by (handler, source) (handler_lag_events) > 0)",
    }),
    ("Work of handlers", "s", {
        "{{handler}}": "topk(10, sum by (handler) (rate(delivery_duration_seconds_sum[5m])))",
    }),
    ("Failures", "short", {"{{handler}}": "sum by (handler) (rate(deliveries_failed_total[5m])) > 0"}),
    ("Parked", "short", {"{{handler}}": "max by (handler) (inbox_dead) > 0"}),
    ("Since the relay and the clock were heard", "s", {
        "{{role}} {{database}}": "max by (role, database) (heartbeat_age_seconds)",
    }),
    ("Calls to the outside, p95", "s", {
        "{{operation}}": "histogram_quantile(0.95, sum by (le, operation) "
        "(rate(external_call_duration_seconds_bucket[5m])))",
    }),
    ("What came of them", "short", {
        "{{operation}} {{state}}": "sum by (operation, state) (rate(external_call_duration_seconds_count[5m]))",
    }),
    ("Jobs", "short", {"{{task}} {{state}}": "topk(15, sum by (task, state) (rate(job_duration_seconds_count[5m])))"}),
    ("Breakers", "short", {"{{name}}": "max by (name) (breaker_state) > 0"}),
]  # fmt: skip
DATABASES: list[Panel] = [
    ("Answers", "short", {"{{database}}": "min by (database) (database_up)"}),
    ("Sessions", "short", {"{{database}} {{state}}": "max by (database, state) (database_connections)"}),
    ("Longest statement", "s", {"{{database}}": "max by (database) (database_longest_statement_seconds)"}),
    ("Slow statements a second", "short", {
        "{{database}}": "sum by (database) (rate(database_slow_statements_total[5m]))",
    }),
    ("Faults that doctor finds", "short", {"{{check}}": "max by (check) (health_check_failed) > 0"}),
    ("Timers overdue", "short", {"{{database}}": "max by (database) (timers_overdue)"}),
]  # fmt: skip
DASHBOARDS = {"shop": SHOP, "requests": REQUESTS, "events": EVENTS, "databases": DATABASES}


def draw(name: str, panels: list[Panel]) -> dict[str, Any]:
    """Return a dashboard as Grafana imports it: its panels two abreast, in this order."""
    return {
        "uid": f"autosalon-{name}",
        "title": f"Autosalon: {name}",
        "tags": ["autosalon"],
        "schemaVersion": 41,
        "time": {"from": "now-6h", "to": "now"},
        "refresh": "30s",
        "panels": [_draw_panel(place, panel) for place, panel in enumerate(panels)],
    }


def _draw_panel(place: int, panel: Panel) -> dict[str, Any]:
    title, unit, expressions = panel
    row, column = divmod(place, ACROSS)
    return {
        "id": place + 1,
        "type": "timeseries",
        "title": title,
        "datasource": SOURCE,
        "gridPos": {"h": HEIGHT, "w": WIDTH, "x": column * WIDTH, "y": row * HEIGHT},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {"refId": chr(ord("A") + number), "expr": expression, "legendFormat": legend, "datasource": SOURCE}
            for number, (legend, expression) in enumerate(expressions.items())
        ],
    }


def render() -> dict[Path, str]:
    """Return every file and what it should hold."""
    return {
        FOLDER / f"{name}.json": json.dumps(draw(name, panels), indent=1) + "\n" for name, panels in DASHBOARDS.items()
    }


def main() -> None:
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    for path, text in render().items():
        path.write_text(text)
        sys.stdout.write(f"wrote {path.name}\n")


if __name__ == "__main__":
    main()
