"""Roll-ups of orders. A trigger on orders writes every change as a delta; deltas are folded in now and then.

What is counted is rows plus deltas, read by one statement: the sums agree with the orders at every moment, and no two
sales ever wait for each other's row.
"""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from orders.models.order import Status


class _Sum(models.Model):
    placed_date = models.DateField(_("day of the sale"))
    status = models.CharField(_("status"), max_length=20, choices=Status)
    manager_id = models.UUIDField(_("manager"), null=True)
    currency = models.CharField(_("currency"), max_length=3)
    orders = models.BigIntegerField(_("orders"))
    amount = models.DecimalField(_("amount"), max_digits=18, decimal_places=2)

    class Meta:
        abstract = True


class OrderStat(_Sum):
    """Orders and their totals by the dealer's day of the sale, present status and manager."""

    id = models.BigAutoField(primary_key=True)

    class Meta:
        verbose_name = _("sales figure")
        verbose_name_plural = _("sales figures")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["placed_date", "status", "currency", "manager_id"], nulls_distinct=False, name="stat_once"
            ),
        ]


class CustomerStat(models.Model):
    """A customer's orders and their totals by present status."""

    id = models.BigAutoField(primary_key=True)
    customer_id = models.UUIDField()
    status = models.CharField(max_length=20, choices=Status)
    currency = models.CharField(max_length=3)
    orders = models.BigIntegerField()
    amount = models.DecimalField(max_digits=18, decimal_places=2)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["customer_id", "status", "currency"], name="customer_stat_once"),
        ]


class StatDelta(_Sum):
    """A change of the sums that is not folded in yet; written by a trigger alone."""

    id = models.BigAutoField(primary_key=True)
    customer_id = models.UUIDField()
