"""Kinds of financing."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class FinancingType(TextChoices):
    """Kind of financing that a client asks a bank for."""

    CAR_LOAN = "car_loan", _("car loan")
    LEASING = "leasing", _("leasing")
    INSTALLMENT = "installment", _("instalment plan")
