"""Cars taken in exchange: ours from the handover on, until their order is undone."""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from orders.models.order import Order


class TradeInState(models.TextChoices):
    """State of a car taken in exchange; from `taken` to `leaving` and on, or from `taken` straight to `kept`."""

    TAKEN = "taken", _("taken in")
    LEAVING = "leaving", _("being asked back")
    LEFT = "left", _("out of stock again")
    KEPT = "kept", _("stays with us")


class TradeIn(models.Model):
    """A car that became ours as its order was handed over, at `amount` in the order's currency.

    `surplus` of it is above what it paid for. Of what we owe its former owner for it, `paid_amount` was paid out.
    """

    order = models.OneToOneField(
        Order, on_delete=models.PROTECT, primary_key=True, related_name="trade_in", verbose_name=_("order")
    )
    state = models.CharField(_("state"), max_length=10, choices=TradeInState, default=TradeInState.TAKEN)
    amount = models.DecimalField(_("value"), max_digits=14, decimal_places=2)
    surplus = models.DecimalField(_("above the price"), max_digits=14, decimal_places=2, default=Decimal(0))
    paid_amount = models.DecimalField(_("paid out"), max_digits=14, decimal_places=2, default=Decimal(0))
    product_id = models.UUIDField(_("product"), null=True)
    taken_at = models.DateTimeField(_("taken in at"))

    class Meta:
        verbose_name = _("trade-in")
        verbose_name_plural = _("trade-ins")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=TradeInState.values), name="trade_in_state_known"),
            models.CheckConstraint(
                condition=Q(surplus__gte=0, surplus__lt=F("amount"), paid_amount__gte=0, paid_amount__lte=F("amount")),
                name="trade_in_sums_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name}: {self.get_state_display()}"
