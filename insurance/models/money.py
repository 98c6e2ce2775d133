"""Money that insurance asked payments to take or to pay: one row per request, with its answer."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.money.wording import money_text
from insurance.models.claims import Claim
from insurance.models.fields import amount_field
from insurance.models.policies import Policy


class MoneyKind(models.TextChoices):
    """Purpose of the money."""

    PREMIUM = "premium", _("premium")
    INSTALMENT = "instalment", _("instalment of a premium")
    ENDORSEMENT = "endorsement", _("premium of a change")
    REINSTATEMENT = "reinstatement", _("refund paid back")
    REFUND = "refund", _("refund of a premium")
    PAYOUT = "payout", _("payout of a claim")


CHARGES = (MoneyKind.PREMIUM, MoneyKind.INSTALMENT, MoneyKind.ENDORSEMENT, MoneyKind.REINSTATEMENT)
"""Money of the insured that comes in for a policy."""


class MoneyState(models.TextChoices):
    """State of a request, or how it ended."""

    ASKED = "asked", _("asked for")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")


class MoneyRequest(models.Model):
    """Roubles to take from the insured or to pay out; `payee` is empty for the insured, else the bank's name.

    A refund with an `order_id` goes back by that order's payments, one without by the policy's own.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    policy = models.ForeignKey(
        Policy, on_delete=models.PROTECT, related_name="money_requests", verbose_name=_("policy")
    )
    claim = models.ForeignKey(
        Claim, on_delete=models.PROTECT, null=True, related_name="payouts", verbose_name=_("claim")
    )
    kind = models.CharField(_("purpose"), max_length=15, choices=MoneyKind)
    state = models.CharField(_("state"), max_length=10, choices=MoneyState, default=MoneyState.ASKED)
    order_id = models.UUIDField(_("by the payments of order"), null=True)
    payee = models.CharField(_("payee"), max_length=100, blank=True, default="")
    amount = amount_field(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    code = models.CharField(_("refusal"), max_length=60, blank=True, default="")
    detail = models.CharField(_("why"), max_length=300, blank=True, default="")
    created_at = models.DateTimeField(_("created at"))
    settled_at = models.DateTimeField(_("settled at"), null=True)

    class Meta:
        verbose_name = _("money request")
        verbose_name_plural = _("money requests")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="money_request_positive"),
            models.CheckConstraint(
                condition=Q(kind=MoneyKind.PAYOUT, claim__isnull=False) | ~Q(kind=MoneyKind.PAYOUT) & Q(claim=None),
                name="money_request_payout_has_claim",
            ),
            models.CheckConstraint(
                condition=Q(order_id=None) | Q(kind=MoneyKind.REFUND), name="money_request_order_takes_refunds"
            ),
            models.UniqueConstraint(
                fields=["policy"],
                condition=Q(kind=MoneyKind.PREMIUM, state=MoneyState.ASKED),
                name="one_premium_under_way",
            ),
            models.UniqueConstraint(
                fields=["policy"],
                condition=Q(kind=MoneyKind.INSTALMENT, state=MoneyState.ASKED),
                name="one_instalment_under_way",
            ),
            models.UniqueConstraint(
                fields=["claim", "payee"],
                condition=Q(kind=MoneyKind.PAYOUT, state=MoneyState.ASKED),
                name="one_payout_per_payee_under_way",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["-created_at", "-id"], name="money_request_newest")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {money_text(self.amount, self.currency)}"
