"""Store what the law and the Bank of Russia set for each quarter, as dated rows that are never edited."""

from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7


class LimitKind(models.TextChoices):
    """Kind of row: averages in per cent a year, shares in per cent of a quarter's lending, the plan in roubles."""

    PSK_NEW = "psk_new_car", _("average full cost, cars up to 1,000 km, % a year")
    PSK_USED = "psk_used_car", _("average full cost, cars above 1,000 km, % a year")
    # xgettext:no-python-format, since the sign means per cent
    SHARE_MODERATE = "share_50_80", _("most lent at a debt load of 50–80 %, % of the quarter")
    # xgettext:no-python-format, since the sign means per cent
    SHARE_HIGH = "share_over_80", _("most lent at a debt load above 80 %, % of the quarter")
    PLAN = "quarter_plan", _("lending planned for the quarter, roubles")


class CreditLimit(models.Model):
    """A limit in force from `valid_from` through `valid_to`; a correction withdraws the row and adds another.

    An empty `bank` means every lender; a bank's own row goes before it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("limit"), max_length=20, choices=LimitKind)
    bank = models.CharField(_("bank"), max_length=120, blank=True, default="", help_text=_("Empty: every lender."))
    value = models.DecimalField(_("value"), max_digits=16, decimal_places=3)
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to"))
    source = models.CharField(_("source"), max_length=300)
    author_id = models.UUIDField(_("author"), null=True)
    created_at = models.DateTimeField(_("created at"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True)

    class Meta:
        verbose_name = _("limit of lending")
        verbose_name_plural = _("limits of lending")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "bank", "valid_from"],
                condition=Q(withdrawn_at__isnull=True),
                name="one_credit_limit_per_day",
            ),
            models.CheckConstraint(condition=Q(valid_to__gte=F("valid_from")), name="credit_limit_days_in_order"),
            models.CheckConstraint(
                condition=Q(value__gte=0) & (Q(kind=LimitKind.PLAN) | Q(value__lte=1000)), name="credit_limit_sane"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["-valid_from", "-id"], name="credit_limit_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.valid_from}: {self.plain_value}"

    @property
    def plain_value(self) -> Decimal:
        """The value without the noughts of its column."""
        value: Decimal = self.value.normalize()
        return value.quantize(Decimal(1)) if value == value.to_integral_value() else value
