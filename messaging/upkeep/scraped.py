"""Answer scrapes where there are no pages: relays, workers and clocks tell their counts at a port of their own."""

from collections.abc import Iterable
from typing import Any

import structlog
from django.conf import settings
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from core.running import measures

log = structlog.get_logger(__name__)


class _Counts(Collector):
    def collect(self) -> Iterable[Metric]:
        return measures.collect()


def answer_scrapes(**_: Any) -> Any:
    """Listen at AUTOSALON_METRICS_PORT on a thread that ends with the process; a taken port stops nobody's work.

    Whoever else of this machine is scraped tells of this process from now on too.
    """
    measures.leave_mark()
    if not settings.METRICS_PORT:
        return None
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Counts())
    try:
        return start_http_server(settings.METRICS_PORT, registry=registry)[0]
    except OSError as error:
        log.warning("metrics_port_taken", port=settings.METRICS_PORT, error=repr(error))
        return None
