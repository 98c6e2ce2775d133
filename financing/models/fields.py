"""Columns for money and rates, declared once."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from financing.rules.calculations.arrears import LEGAL_ORDER


def amount_field(name: Any, **options: Any) -> Any:
    """Money in major units, to the kopeck."""
    return models.DecimalField(name, max_digits=14, decimal_places=2, **options)


def percent_field(name: Any, **options: Any) -> Any:
    """Per cent, or per cent a year, to four places."""
    return models.DecimalField(name, max_digits=8, decimal_places=4, **options)


def psk_field(name: Any, **options: Any) -> Any:
    """Full cost of credit (ПСК), per cent a year, to three places."""
    return models.DecimalField(name, max_digits=12, decimal_places=3, **options)


def rules_field() -> Any:
    """The bank's conventions as they were when the row was made; an older release leaves the defaults."""
    return models.JSONField(_("the bank's rules"), default=dict, db_default=models.Value({}, models.JSONField()))


def legal_order() -> list[str]:
    """The order of 353-FZ art. 5 part 20 in which a payment is spent, as a row holds it."""
    return [part.value for part in LEGAL_ORDER]
