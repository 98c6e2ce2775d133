"""Tell a scrape of the checks: the last examination, the same that `/health/ready` shows."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily, Metric

from config.health.examination import latest


def health_gauges() -> Iterator[Metric]:
    """`health_check_failed{check}`: in how many places; `health_status`: 0 ok, 1 degraded, 2 down."""
    report = latest()
    failed = GaugeMetricFamily("health_check_failed", "Places where a check finds a fault", labels=["check"])
    for name in report.checks:
        failed.add_metric([name], len({one.where for one in report.troubles if one.check == name}))
    yield failed
    level = ("ok", "degraded", "down").index(report.status)
    yield GaugeMetricFamily("health_status", "0 ok, 1 degraded, 2 down", value=level)
