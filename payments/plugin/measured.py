"""Count the money that came, was refused and went back, and tell of payments that nobody knows the end of."""

from collections.abc import Iterable
from typing import Any

from prometheus_client.metrics_core import Metric

from core.running import measures
from messaging.signals import event_committed
from payments.events import PaymentCompleted, PaymentFailed, PaymentRefunded
from payments.public import doubtful_payments

_FLOWS = {PaymentCompleted: "taken", PaymentFailed: "refused", PaymentRefunded: "returned"}
_PAYMENTS = measures.count("payments_total", "Payments that ended so.", "flow", "currency")
_MONEY = measures.count(
    "payments_amount_total", "Sums of payments that ended so, in units of the currency.", "flow", "currency"
)
_UNKNOWN = measures.gauge("payments_unknown", "Payments of which nobody knows whether money moved.")
_UNKNOWN_AGE = measures.gauge("payments_unknown_oldest_seconds", "Since nobody knows it of the oldest such payment.")


def count_money(sender: Any, event: Any, **_: Any) -> None:
    """Count what a committed event said of a payment."""
    flow = _FLOWS[sender]
    _PAYMENTS.labels(flow, event.currency).inc()
    _MONEY.labels(flow, event.currency).inc(float(event.amount))


def connect_counts() -> None:
    """Hear of payments that ended."""
    for ended in _FLOWS:
        event_committed.connect(count_money, sender=ended)


def payment_gauges() -> Iterable[Metric]:
    """Tell of doubtful payments as `manage.py doctor` does, from the first second on."""
    count, oldest_s = doubtful_payments(0)
    gauges = measures.Gauges()
    gauges.add(_UNKNOWN, count)
    gauges.add(_UNKNOWN_AGE, oldest_s)
    return gauges.families.values()
