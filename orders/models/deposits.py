"""Deposits: what was agreed about money paid before the rest, and what became of it."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from orders.models.order import Order


class DepositKind(models.TextChoices):
    """Kind of deposit by law."""

    ADVANCE = "advance", _("advance payment")


class DepositState(models.TextChoices):
    """State of an agreement about a deposit."""

    AGREED = "agreed", _("agreed")
    PAID = "paid", _("paid")
    KEPT = "kept", _("counted towards the price")
    RETURNED = "returned", _("returned")
    DROPPED = "dropped", _("never paid")


NEXT: dict[str, frozenset[str]] = {
    DepositState.AGREED: frozenset({DepositState.PAID, DepositState.DROPPED}),
    DepositState.PAID: frozenset({DepositState.KEPT, DepositState.RETURNED}),
}
"""Every step of an agreement. An advance is never forfeited: whoever gives up, it is returned (Civil Code, 487.3)."""


class DepositAgreement(models.Model):
    """The terms of an order's deposit, as its buyer accepted them before paying; they never change afterwards."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="deposit", verbose_name=_("order"))
    kind = models.CharField(_("kind"), max_length=10, choices=DepositKind)
    state = models.CharField(_("state"), max_length=10, choices=DepositState, default=DepositState.AGREED)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    until = models.DateTimeField(_("the car is kept until"))
    terms_version = models.CharField(_("version of the terms"), max_length=20)
    terms_text = models.TextField(_("terms"))
    agreed_by = models.UUIDField(_("agreed by"))
    agreed_at = models.DateTimeField(_("agreed at"))
    paid_at = models.DateTimeField(_("paid at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name = _("deposit")
        verbose_name_plural = _("deposits")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="deposit_of_something"),
            models.CheckConstraint(condition=Q(kind__in=DepositKind.values), name="deposit_kind_known"),
            models.CheckConstraint(condition=Q(state__in=DepositState.values), name="deposit_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=["agreed", "dropped"]) | Q(paid_at__isnull=False), name="deposit_paid_at"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["-agreed_at", "-id"], name="deposit_newest")]

    def __str__(self) -> str:
        return f"{self.order_id}: {self.get_state_display()}"

    def move(self, state: str, *, now: datetime) -> None:
        """Go on to the next state. Raises WrongTransition."""
        allowed = NEXT.get(self.state, frozenset())
        if state not in allowed:
            raise WrongTransition(self.state, sorted(str(one) for one in allowed))
        self.state = state
        self.version += 1
        if state == DepositState.PAID:
            self.paid_at = now
        else:
            self.ended_at = now
