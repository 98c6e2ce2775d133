"""Deposits: what was agreed about money paid before the rest, and what became of it."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from orders.models.order import Order


class DepositKind(models.TextChoices):
    """Kind of deposit by law."""

    ADVANCE = "advance", _("advance payment")
    EARNEST = "earnest", _("earnest money")


class Fault(models.TextChoices):
    """The side whose fault it is that a sale secured by earnest money failed (Civil Code, 381)."""

    BUYER = "buyer", _("the buyer's")
    SELLER = "seller", _("the seller's")
    NOBODY = "nobody", _("nobody's")


class DepositState(models.TextChoices):
    """State of an agreement about a deposit."""

    AGREED = "agreed", _("agreed")
    PAID = "paid", _("paid")
    KEPT = "kept", _("counted towards the price")
    RETURNED = "returned", _("returned")
    DROPPED = "dropped", _("never paid")
    WAITING = "waiting", _("waits for a word on whose fault it was")
    SETTLING = "settling", _("its money is on its way")
    FORFEITED = "forfeited", _("forfeited")
    DOUBLED = "doubled", _("returned double")


HELD = frozenset({DepositState.WAITING, DepositState.SETTLING, DepositState.FORFEITED})
"""States in which the money of an order that ended is with us by right."""
NEXT: dict[str, dict[str, frozenset[str]]] = {
    DepositKind.ADVANCE: {
        DepositState.AGREED: frozenset({DepositState.PAID, DepositState.DROPPED}),
        DepositState.PAID: frozenset({DepositState.KEPT, DepositState.RETURNED}),
    },
    DepositKind.EARNEST: {
        DepositState.AGREED: frozenset({DepositState.PAID, DepositState.DROPPED}),
        DepositState.PAID: frozenset({DepositState.KEPT, DepositState.RETURNED, DepositState.WAITING}),
        DepositState.WAITING: frozenset({DepositState.SETTLING, DepositState.RETURNED}),
        DepositState.SETTLING: frozenset({DepositState.FORFEITED, DepositState.RETURNED, DepositState.DOUBLED}),
    },
}
"""Every step of an agreement, by its kind.

An advance is never forfeited: whoever gives up, it is returned (Civil Code, 487.3). Earnest money waits for a word on
whose fault it was, and no state but `settling` leads from there to what follows by law from a fault (381.2).
"""


class DepositAgreement(models.Model):
    """The terms of an order's deposit, as its buyer accepted them before paying; they never change afterwards.

    `held_amount` is what stays of earnest money whose sale failed, until `fault` is stated by one person and confirmed
    by a second; `doubled_at` is when its second half was paid.
    """

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
    held_amount = models.DecimalField(_("kept back"), max_digits=14, decimal_places=2, null=True)
    waiting_since = models.DateTimeField(_("waits since"), null=True)
    fault = models.CharField(_("whose fault"), max_length=10, choices=Fault, blank=True, default="", db_default="")
    fault_reason = models.TextField(_("why it is theirs"), blank=True, default="", db_default="")
    stated_by = models.UUIDField(_("stated by"), null=True)
    confirmed_by = models.UUIDField(_("confirmed by"), null=True)
    stated_at = models.DateTimeField(_("stated at"), null=True)
    doubled_at = models.DateTimeField(_("second half paid at"), null=True)
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
            models.CheckConstraint(condition=Q(fault__in=["", *Fault.values]), name="deposit_fault_known"),
            models.CheckConstraint(
                condition=Q(fault="")
                | (Q(stated_by__isnull=False, confirmed_by__isnull=False) & ~Q(stated_by=F("confirmed_by"))),
                name="deposit_fault_by_two",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["settling", "forfeited", "doubled"]) | ~Q(fault=""), name="deposit_fault_stated"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-agreed_at", "-id"], name="deposit_newest"),
            models.Index(fields=["waiting_since"], name="deposit_waiting", condition=Q(state="waiting")),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name}: {self.get_state_display()}"

    def move(self, state: str, *, now: datetime) -> None:
        """Go on to the next state. Raises WrongTransition."""
        allowed = NEXT[self.kind].get(self.state, frozenset())
        if state not in allowed:
            raise WrongTransition(self.state, sorted(str(one) for one in allowed))
        self.state = state
        self.version += 1
        if state == DepositState.PAID:
            self.paid_at = now
        elif state == DepositState.WAITING:
            self.waiting_since = now
        elif state != DepositState.SETTLING:
            self.ended_at = now
