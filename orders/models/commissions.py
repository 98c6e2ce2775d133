"""Salesmen's commission: dated rules of what a sale earns, and what was written to whom when it was handed over."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.postgres.history import OnlyAdded
from orders.models.order import Order
from orders.rules.commissions import FIXED_ONLY, PERCENT_ONLY, Basis, Goods


class CommissionRule(models.Model):
    """Terms by which one kind of goods earns from a day on, until a later row says otherwise; rows are only added.

    `value` is per cent or roubles a piece; `least` and `most` are roubles a piece. Of two rows for one day the later
    counts. Nothing earns anything where no row is in force.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    goods = models.CharField(_("kind of goods"), max_length=10, choices=Goods)
    basis = models.CharField(_("reckoned from"), max_length=16, choices=Basis)
    value = models.DecimalField(_("per cent or roubles"), max_digits=14, decimal_places=2)
    least = models.DecimalField(_("at least, a piece"), max_digits=14, decimal_places=2, null=True, blank=True)
    most = models.DecimalField(_("at most, a piece"), max_digits=14, decimal_places=2, null=True, blank=True)
    valid_from = models.DateField(_("in force from"))
    reason = models.CharField(_("reason"), max_length=1000)
    made_by = models.UUIDField(_("written by"))
    agreed_by = models.UUIDField(_("agreed to by"))
    at = models.DateTimeField(_("written at"))
    only_added: ClassVar = OnlyAdded()

    class Meta:
        verbose_name = _("rule of commission")
        verbose_name_plural = _("rules of commission")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(goods__in=Goods.values), name="commission_rule_goods_known"),
            models.CheckConstraint(condition=Q(basis__in=Basis.values), name="commission_rule_basis_known"),
            models.CheckConstraint(
                condition=Q(value__gte=0) & (Q(basis=Basis.FIXED) | Q(value__lte=100)), name="commission_rule_value"
            ),
            models.CheckConstraint(
                condition=(~Q(goods__in=FIXED_ONLY) | Q(basis=Basis.FIXED))
                & (~Q(goods__in=PERCENT_ONLY) | ~Q(basis=Basis.FIXED)),
                name="commission_rule_basis_fits",
            ),
            models.CheckConstraint(
                condition=(Q(least=None) | Q(least__gte=0))
                & (Q(most=None) | Q(most__gte=0))
                & (Q(least=None) | Q(most=None) | Q(most__gte=F("least")))
                & (~Q(basis=Basis.FIXED) | Q(least=None, most=None)),
                name="commission_rule_bounds",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["goods", "-valid_from", "-id"], name="commission_rule_in_force"),
            models.Index(fields=["at", "id"], name="commission_rule_by_at"),
            models.Index(fields=["made_by", "at", "id"], name="commission_rule_by_maker"),
            models.Index(fields=["agreed_by", "at", "id"], name="commission_rule_by_agreed"),
        ]

    def __str__(self) -> str:
        return f"{self.get_goods_display()}, {self.valid_from}"


class CommissionKind(models.TextChoices):
    """Occasion of an entry."""

    EARNED = "earned", _("earned at the hand-over")
    REVERSED = "reversed", _("taken back with the goods")
    CORRECTED = "corrected", _("corrected by hand")


class Commission(models.Model):
    """An entry of what a sale earns its salesman, in the order's currency; entries are only added.

    `calculation` is how it was reckoned at the hand-over, line by line, and is never reckoned again; the books miss one
    that was emptied. `day` is the
    dealer's day it counts on, `agreed_by` the second person of a correction.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="commissions", verbose_name=_("order"))
    manager_id = models.UUIDField(_("salesman"))
    kind = models.CharField(_("entry"), max_length=10, choices=CommissionKind)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    day = models.DateField(_("day"))
    calculation = models.JSONField(_("calculation"), default=dict)
    is_complete = models.BooleanField(_("reckoned in full"), default=True)
    reason = models.CharField(_("reason"), max_length=1000, blank=True, default="")
    actor_id = models.UUIDField(_("written by"), null=True)
    agreed_by = models.UUIDField(_("agreed to by"), null=True)
    at = models.DateTimeField(_("written at"))
    only_added: ClassVar = OnlyAdded(words=("reason", "calculation"))

    class Meta:
        verbose_name = _("commission")
        verbose_name_plural = _("commissions")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=CommissionKind.values), name="commission_kind_known"),
            models.UniqueConstraint(
                fields=["order", "kind"], condition=Q(kind__in=["earned", "reversed"]), name="commission_once"
            ),
            models.CheckConstraint(
                condition=Q(kind=CommissionKind.CORRECTED, agreed_by__isnull=False)
                | Q(~Q(kind=CommissionKind.CORRECTED), agreed_by=None),
                name="commission_corrected_by_two",
            ),
            models.CheckConstraint(
                condition=~Q(kind=CommissionKind.EARNED) | Q(amount__gte=0), name="commission_earned_not_negative"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["order"], name="commission_of_order"),
            models.Index(fields=["manager_id", "-id"], name="commission_of_salesman"),
            models.Index(fields=["day", "manager_id"], name="commission_by_day"),
            models.Index(fields=["at", "id"], name="commission_by_at"),
            models.Index(
                fields=["actor_id", "at", "id"], condition=Q(actor_id__isnull=False), name="commission_by_actor"
            ),
            models.Index(
                fields=["agreed_by", "at", "id"], condition=Q(agreed_by__isnull=False), name="commission_by_agreed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount} {self.currency}"
