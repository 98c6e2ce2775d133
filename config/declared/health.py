"""Settings of the checks: from when on something counts as a fault, so that each shows within a minute."""

from config.declared.setting import Group, number, seconds


class Health(Group):
    """From when on `manage.py doctor` and /health/ready call something a fault; docs/operations.md has the checks"""

    HEALTH_RELAY_S = seconds(30, "Silence of the relay.", least=1)
    HEALTH_BEAT_S = seconds(45, "Silence of the clock of the periodic jobs.", least=1)
    HEALTH_EVENT_S = seconds(45, "Age of an event that the relay has not placed.", least=1)
    HEALTH_LAG_S = seconds(45, "Age of a placed event that a handler has not copied.", least=1)
    HEALTH_DELIVERY_S = seconds(45, "Waiting of a delivery for a worker.", least=1)
    HEALTH_FAILURES = number(5, "Failures in a row of one delivery.", least=1, unit="failures")
    HEALTH_TIMER_S = seconds(30, "Lateness of a timer.", least=1)
    HEALTH_CALL_S = seconds(45, "Age of a call to a provider that nobody has answered.", least=1)
    HEALTH_WEBHOOK_S = seconds(45, "Time in which a receiver of webhooks has not heard what is due.", least=1)
    HEALTH_PAYMENT_S = seconds(45, "Time in which nobody knows whether a payment moved money.", least=1)
    HEALTH_BANK_S = seconds(600, "Time in which a bank has not answered about an application.", least=1)
    HEALTH_PREMIUM_S = seconds(
        1_209_600, "Time in which nobody has confirmed the premium of a policy in force.", least=1
    )
    HEALTH_ANSWER_S = seconds(3, "Patience with a database that is asked how it is.", least=1)
    HEALTH_CLOCK_S = seconds(5, "How far this machine's clock may be from that of a database.", least=1)
    HEALTH_DISK_MB = number(200, "Space that must be free where data and uploads lie.", unit="MB")


def limits() -> dict[str, int]:
    """The limits by name: `_s` seconds, `_mb` millions of bytes, else a count."""
    return {
        "relay_s": Health.HEALTH_RELAY_S,
        "beat_s": Health.HEALTH_BEAT_S,
        "event_s": Health.HEALTH_EVENT_S,
        "lag_s": Health.HEALTH_LAG_S,
        "delivery_s": Health.HEALTH_DELIVERY_S,
        "failures": Health.HEALTH_FAILURES,
        "timer_s": Health.HEALTH_TIMER_S,
        "call_s": Health.HEALTH_CALL_S,
        "webhook_s": Health.HEALTH_WEBHOOK_S,
        "payment_s": Health.HEALTH_PAYMENT_S,
        "bank_s": Health.HEALTH_BANK_S,
        "premium_s": Health.HEALTH_PREMIUM_S,
        "answer_s": Health.HEALTH_ANSWER_S,
        "clock_s": Health.HEALTH_CLOCK_S,
        "disk_mb": Health.HEALTH_DISK_MB,
    }
