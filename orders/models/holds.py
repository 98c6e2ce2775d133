"""Why an order's stock is held, which decides for how long."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class HoldKind(models.TextChoices):
    """Event that the deal waits for while its stock is held."""

    CHECKOUT = "checkout", _("the buyer is choosing how to pay")
    PAYMENT = "payment", _("a payment is under way")
    DEPOSIT = "deposit", _("part of the price is paid")
    CREDIT = "credit", _("a loan is being decided")
    TRANSFER = "transfer", _("cash or a bank transfer is promised")
    TRADE_IN = "trade_in", _("the car taken in exchange is being valued")
    MANUAL = "manual", _("a manager keeps it")
