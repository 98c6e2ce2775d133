"""Say how much one manager may lend against the rules."""

from decimal import Decimal

from django.conf import settings


def four_eyes_above() -> Decimal:
    """The most, in roubles, that one manager may lend against the rules in a day."""
    return Decimal(settings.LOAN_FOUR_EYES_ABOVE)
