"""Tell a scrape of the checks: the last examination, the same that `/health/ready` shows."""

from collections.abc import Iterable

from prometheus_client.core import Metric

from config.health.examination import latest
from core.running.measures import Gauges, gauge

LEVELS = ("ok", "degraded", "down")
_FAILED = gauge("health_check_failed", "Places where a check of `manage.py doctor` finds a fault.", "check")
_STATUS = gauge("health_status", "Verdict of `manage.py doctor`: 0 ok, 1 degraded, 2 down.")


def health_gauges() -> Iterable[Metric]:
    """`health_check_failed{check}`: in how many places; `health_status`: 0 ok, 1 degraded, 2 down."""
    report, gauges = latest(), Gauges()
    for name in report.checks:
        gauges.add(_FAILED, len({one.where for one in report.troubles if one.check == name}), check=name)
    gauges.add(_STATUS, LEVELS.index(report.status))
    return gauges.families.values()
