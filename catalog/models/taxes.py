"""Name, for people, how what is sold is taxed; the rules are those of core.money.vat and core.money.grounds."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class SaleTax(models.TextChoices):
    """Kind of VAT, one of core.money.vat.VatKind."""

    STANDARD = "standard", _("at the standard rate")
    REDUCED = "reduced", _("at the reduced rate")
    ZERO = "zero", _("at 0 %")
    MARGIN = "margin", _("on the difference to what it was bought for")
    EXEMPT = "exempt", _("exempt")


class ExemptionGround(models.TextChoices):
    """Ground on which goods and services are exempt, one of core.money.grounds.OF_GOODS."""

    DISABILITY = "disability", _("aids for people with disabilities, by the Government's list")
    WARRANTY = "warranty", _("repairs under warranty, without a charge")
    INSPECTION = "inspection", _("technical inspection by its operator")


OF_CATEGORIES = [choice for choice in SaleTax.choices if choice[0] != SaleTax.MARGIN]
"""Kinds that a category may set: the margin scheme goes by what each car was bought for."""
