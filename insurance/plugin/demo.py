"""Fill a first start of insurance: the tariffs in force."""

from datetime import datetime

from insurance.services import ship_tariffs


def create_demo(now: datetime) -> None:
    """Put the shipped tariffs where managers can look at them, once."""
    ship_tariffs(now=now)
