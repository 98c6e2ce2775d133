"""Columns declared once."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class InsuranceTypes(models.TextChoices):
    """Kinds of insurance, as shown."""

    KASKO = "kasko", _("KASKO")
    OSAGO = "osago", _("OSAGO")


def amount_field(name: Any, **options: Any) -> Any:
    """Money in major units, to the kopeck."""
    return models.DecimalField(name, max_digits=14, decimal_places=2, **options)


def type_field() -> Any:
    """Make the field for the kind of insurance."""
    return models.CharField(_("insurance"), max_length=10, choices=InsuranceTypes)
