"""The checkout saga that carries an order to `paid`, leg by leg."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from orders.models.order import Order

SLOW_LEG = timedelta(minutes=10)
SLOW_UNDO = timedelta(hours=1)
"""From when on a checkout that waits for an answer needs a manager's eye."""


class SagaState(models.TextChoices):
    """State of a checkout."""

    RUNNING = "running", _("running")
    WAITING = "waiting", _("waiting for the buyer")
    COMPENSATING = "compensating", _("being undone")
    COMPLETED = "completed", _("completed")
    COMPENSATED = "compensated", _("undone")
    PARKED = "parked", _("parked")


class CheckoutQuerySet(models.QuerySet["Checkout"]):
    """Checkouts by whether somebody should look at them."""

    def needing_attention(self, now: datetime) -> "CheckoutQuerySet":
        """Those that are parked, and those that wait longer for an answer than is healthy."""
        slow_leg = CheckoutLeg.objects.filter(
            checkout_id=OuterRef("pk"), state=LegState.RUNNING, started_at__lt=now - SLOW_LEG
        ).filter(Q(deadline_at__isnull=True) | Q(deadline_at__lt=now - SLOW_LEG))
        is_slow = Q(Exists(slow_leg), state=SagaState.RUNNING)
        is_slow |= Q(state=SagaState.COMPENSATING, undo_started_at__lt=now - SLOW_UNDO)
        return self.filter(Q(state=SagaState.PARKED) | is_slow, finished_at__isnull=True)


class Checkout(models.Model):
    """The saga of one order: its legs run one after another, and are undone in reverse when one fails."""

    order = models.OneToOneField(Order, on_delete=models.CASCADE, primary_key=True, related_name="checkout")
    state = models.CharField(_("state"), max_length=15, choices=SagaState, default=SagaState.RUNNING)
    step = models.CharField(_("step"), max_length=20)
    failure = models.JSONField(_("failure"), null=True)
    owner_id = models.UUIDField(_("owner"), null=True)
    is_refund = models.BooleanField(_("undoes a paid order"), default=False)
    parked_from = models.CharField(max_length=15, choices=SagaState, blank=True, default="", db_default="")
    started_at = models.DateTimeField(_("started at"))
    undo_started_at = models.DateTimeField(_("being undone since"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    objects = CheckoutQuerySet.as_manager()

    class Meta:
        verbose_name = _("checkout")
        verbose_name_plural = _("checkouts")
        indexes: ClassVar = [
            models.Index(fields=["state", "started_at"], condition=Q(finished_at__isnull=True), name="checkout_open"),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()} · {self.step}"

    @property
    def is_undoing(self) -> bool:
        """Tell whether it runs backward, parked or not."""
        return self.state == SagaState.COMPENSATING or self.parked_from == SagaState.COMPENSATING


class LegKind(models.TextChoices):
    """A leg of the checkout; they run in this order, cheapest to undo first."""

    STOCK = "stock", _("reserve stock")
    TRADE_IN = "trade_in", _("value the trade-in")
    LOAN = "loan", _("decide the loan")
    PAYMENT = "payment", _("take the payment")
    POLICIES = "policies", _("issue the policies")
    DISBURSEMENT = "disbursement", _("pay out the loan")


class LegState(models.TextChoices):
    """State of a leg."""

    PENDING = "pending", _("pending")
    RUNNING = "running", _("running")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    COMPENSATING = "compensating", _("being undone")
    COMPENSATED = "compensated", _("undone")
    PARKED = "parked", _("parked")
    SKIPPED = "skipped", _("skipped")


class SteeringAction(models.TextChoices):
    """Action that a manager may take on a leg."""

    RETRY = "retry", _("ask again")
    TAKE_OVER = "take_over", _("take over")
    CANCEL = "cancel", _("cancel the order")
    SKIP = "skip", _("go on without it")
    ACCEPT = "accept", _("accept the value")
    REFUSE = "refuse", _("refuse the trade-in")
    SETTLE = "settle", _("pay for the car taken in exchange, or say that it is back")


class CheckoutLeg(models.Model):
    """One leg: what was asked of another app under which attempt, and what came of it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    checkout = models.ForeignKey(Checkout, on_delete=models.CASCADE, related_name="legs")
    kind = models.CharField(_("leg"), max_length=15, choices=LegKind)
    rank = models.PositiveSmallIntegerField()
    state = models.CharField(_("state"), max_length=15, choices=LegState, default=LegState.PENDING)
    attempt_id = models.UUIDField(_("attempt"), default=uuid7)
    attempts = models.PositiveSmallIntegerField(_("requests sent"), default=0, db_default=0)
    request = models.JSONField(default=dict)
    error = models.JSONField(_("error"), null=True)
    parked_reason = models.TextField(_("why it is parked"), blank=True, default="", db_default="")
    started_at = models.DateTimeField(_("started at"), null=True)
    deadline_at = models.DateTimeField(_("to be answered by"), null=True)
    finished_at = models.DateTimeField(_("finished at"), null=True)

    class Meta:
        verbose_name = _("checkout leg")
        verbose_name_plural = _("checkout legs")
        ordering: ClassVar = ["rank"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["checkout", "kind"], name="leg_once_per_checkout"),
        ]


class PaymentState(models.TextChoices):
    """State of a payment as orders knows it."""

    IN_FLIGHT = "in_flight", _("in flight")
    TAKEN = "taken", _("taken")
    FAILED = "failed", _("failed")


class OrderPayment(models.Model):
    """A payment of this order, from payments' events; `amount_paid` of the order is the sum of these."""

    payment_id = models.UUIDField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="payments")
    state = models.CharField(max_length=10, choices=PaymentState)
    method = models.CharField(max_length=20, blank=True, default="", db_default="")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    refunded = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0))
    refund_pending = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0), db_default=Decimal(0))
    asked_back = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0), db_default=Decimal(0))

    class Meta:
        verbose_name = _("payment of an order")
        verbose_name_plural = _("payments of orders")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(refunded__lte=F("amount")), name="order_payment_refund_within"),
        ]
