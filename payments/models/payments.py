"""Payments, the ways to pay, and the order whose money they are."""

from datetime import datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.money import ZERO
from payments.errors import RefundExceedsPayment

SANDBOX, MANUAL = "sandbox", "manual"
"""Providers: the test bank, and a manager who confirms cash and transfers by hand."""


class Purpose(models.TextChoices):
    """Purpose of a payment."""

    ORDER = "order", _("order")
    LOAN = "loan", _("loan")
    POLICY = "policy", _("policy")
    TICKET = "ticket", _("seat of a happening")


class Method(models.TextChoices):
    """Method of paying."""

    CARD = "card", _("card")
    SBP = "sbp", _("fast payment system")
    CASH = "cash", _("cash")
    BANK_TRANSFER = "bank_transfer", _("bank transfer")


class Status(models.TextChoices):
    """State of a payment. `unknown`: the provider did not answer, so nobody knows whether money moved."""

    PENDING = "pending", _("pending")
    PROCESSING = "processing", _("processing")
    UNKNOWN = "unknown", _("unknown")
    REQUIRES_ACTION = "requires_action", _("waiting for the buyer")
    AUTHORIZED = "authorized", _("authorised")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")
    COMPLETED = "completed", _("completed")
    PARTIALLY_REFUNDED = "partially_refunded", _("partially refunded")
    REFUNDED = "refunded", _("refunded")
    DISPUTED = "disputed", _("disputed")


RANK: dict[str, int] = {
    Status.PENDING: 0,
    Status.PROCESSING: 10,
    Status.UNKNOWN: 20,
    Status.REQUIRES_ACTION: 30,
    Status.AUTHORIZED: 35,
    Status.FAILED: 40,
    Status.CANCELLED: 50,
    Status.COMPLETED: 60,
    Status.PARTIALLY_REFUNDED: 70,
    Status.REFUNDED: 80,
    Status.DISPUTED: 90,
}
"""News moves a payment up only, so any order of arrival ends alike. Money that arrived outranks a refusal."""

IN_FLIGHT = (Status.PENDING, Status.PROCESSING, Status.UNKNOWN, Status.REQUIRES_ACTION, Status.AUTHORIZED)
TAKEN = (Status.COMPLETED, Status.PARTIALLY_REFUNDED, Status.REFUNDED, Status.DISPUTED)
HANDED_OVER = ("completed", "returning", "returned")
"""Statuses of an order whose goods the buyer has, or had."""
CLOSED_ORDER = frozenset({"cancelled", "refunded"})


class OrderCopy(models.Model):
    """Copy of an order, kept by orders' events; older news than `version` is dropped."""

    order_id = models.UUIDField(primary_key=True)
    customer_id = models.UUIDField()
    number = models.CharField(_("number"), max_length=20)
    total_amount = models.DecimalField(_("total"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    status = models.CharField(_("status"), max_length=20)
    version = models.BigIntegerField(default=0)
    receipt = models.JSONField(_("what is sold"), null=True)

    class Meta:
        verbose_name = _("order copy")
        verbose_name_plural = _("order copies")

    def __str__(self) -> str:
        return self.number

    @property
    def amount_due(self) -> Decimal:
        """Return what the buyer may still pay: the total less what is held, what is under way and what a loan pays."""
        return self.unpaid - LoanPart.objects.of_order(self.order_id)

    @property
    def promised(self) -> Decimal:
        """Return what accepted loans have still to pay of it."""
        return LoanPart.objects.filter(state=LoanState.PROMISED).of_order(self.order_id)

    @property
    def unpaid(self) -> Decimal:
        """The total less what is held and what is under way, loans aside."""
        payments = Payment.objects.filter(order_id=self.order_id)
        return self.total_amount - payments.held() - payments.under_way()


class LoanState(models.TextChoices):
    """State of a loan's part of an order."""

    PROMISED = "promised", _("promised")
    PAID = "paid", _("paid")
    VOID = "void", _("void")


class LoanPartQuerySet(models.QuerySet["LoanPart"]):
    """Sums of loans."""

    def of_order(self, order_id: UUID) -> Decimal:
        """Return what accepted loans pay, or will pay, of an order."""
        loans = self.filter(order_id=order_id).exclude(state=LoanState.VOID)
        return loans.aggregate(total=Sum("amount"))["total"] or ZERO


class LoanPart(models.Model):
    """Part of an order that an accepted application for a loan pays, from financing's events; `void` is for good."""

    application_id = models.UUIDField(primary_key=True)
    order_id = models.UUIDField(db_index=True)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    state = models.CharField(_("state"), max_length=10, choices=LoanState)

    objects = LoanPartQuerySet.as_manager()

    class Meta:
        verbose_name = _("loan's part")
        verbose_name_plural = _("loans' parts")
        constraints: ClassVar = [models.CheckConstraint(condition=Q(amount__gte=0), name="loan_part_not_negative")]


class OrderAccount(models.Model):
    """The lock under which all money of one order (loan, policy) moves. Once closed, money may only leave it.

    `attempt_id` is the checkout attempt that waits to hear that nothing is held any more; `settled_at` when it did.
    `kept_amount` is what does not go back: premiums that insurers have earned; nor does `secured_amount`, which
    is earnest money, by anybody's hand.
    """

    order_id = models.UUIDField(primary_key=True)
    closed_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=255, blank=True, default="")
    attempt_id = models.UUIDField(null=True)
    settled_at = models.DateTimeField(null=True)
    kept_amount = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0), db_default=Decimal(0))
    secured_amount = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0), db_default=Decimal(0))

    class Meta:
        verbose_name = _("order account")
        verbose_name_plural = _("order accounts")
        db_table = "payments_ordertill"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kept_amount__gte=0), name="till_keeps_no_less_than_nothing"),
            models.CheckConstraint(condition=Q(secured_amount__gte=0), name="till_secures_no_less_than_nothing"),
        ]


class PaymentMethod(models.Model):
    """A buyer's stored way to pay: the provider's token for it, never a card number."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    customer_id = models.UUIDField(_("customer"))
    method = models.CharField(_("method"), max_length=20, choices=Method)
    token = models.CharField(max_length=255)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("payment method")
        verbose_name_plural = _("payment methods")
        indexes: ClassVar = [models.Index(fields=["customer_id", "-created_at", "-id"], name="method_of_customer")]

    @property
    def label(self) -> str:
        """Return what may be shown of the token: its end."""
        return f"•••• {self.token[-4:]}"


class PaymentQuerySet(models.QuerySet["Payment"]):
    """Sums of payments, in their currency."""

    def held(self) -> Decimal:
        """Money that we hold: taken and not returned."""
        total = self.filter(status__in=TAKEN).aggregate(total=Sum(F("amount") - F("refunded_amount")))["total"]
        return total or ZERO

    def under_way(self) -> Decimal:
        """Money that may still arrive."""
        return self.filter(status__in=IN_FLIGHT).aggregate(total=Sum("amount"))["total"] or ZERO


class Payment(models.Model):
    """One try to take money for an order, a loan or a policy. The row stands before the provider is called.

    `amount` is in the order's currency; `refunded_amount` is what went back, `refund_pending` what refunds that have
    not ended reserve of the rest. `attempt_id` is the checkout's attempt, or the request of another app. With
    `is_hold` the provider only authorises, and a manager captures or cancels.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    purpose = models.CharField(
        _("purpose"), max_length=10, choices=Purpose, default=Purpose.ORDER, db_default=Purpose.ORDER
    )
    order_id = models.UUIDField(_("order"), null=True)
    subject_id = models.UUIDField(_("loan or policy"), null=True)
    customer_id = models.UUIDField(_("customer"))
    method = models.CharField(_("method"), max_length=20, choices=Method)
    payment_method = models.ForeignKey(PaymentMethod, null=True, on_delete=models.SET_NULL, related_name="payments")
    provider = models.CharField(_("provider"), max_length=20)
    provider_ref = models.CharField(_("provider's id"), max_length=120, blank=True, default="")
    attempt_id = models.UUIDField(_("checkout attempt"), null=True, unique=True)
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.PENDING)
    is_hold = models.BooleanField(_("authorise only"), default=False, db_default=False)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    refunded_amount = models.DecimalField(_("refunded"), max_digits=14, decimal_places=2, default=Decimal(0))
    refund_pending = models.DecimalField(_("being refunded"), max_digits=14, decimal_places=2, default=Decimal(0))
    currency = models.CharField(_("currency"), max_length=3)
    description = models.CharField(_("description"), max_length=255, blank=True, default="")
    receipt = models.JSONField(_("what is paid for"), null=True)
    action_url = models.CharField(_("confirmation page"), max_length=500, blank=True, default="")
    failure_code = models.CharField(_("failure code"), max_length=60, blank=True, default="")
    failure_detail = models.CharField(_("failure"), max_length=255, blank=True, default="")
    created_by = models.UUIDField(_("created by"), null=True)
    confirmed_by = models.UUIDField(_("confirmed by"), null=True)
    cancel_requested_at = models.DateTimeField(_("cancellation asked at"), null=True)
    completed_at = models.DateTimeField(_("completed at"), null=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_amount_positive"),
            models.CheckConstraint(
                condition=Q(refunded_amount__gte=0, refund_pending__gte=0)
                & Q(refunded_amount__lte=F("amount") - F("refund_pending")),
                name="payment_refunds_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(status__in=TAKEN) | Q(refunded_amount=0, refund_pending=0), name="payment_refunds_of_taken"
            ),
            models.UniqueConstraint(
                fields=["order_id", "provider"], condition=Q(status__in=IN_FLIGHT), name="payment_one_in_flight"
            ),
            models.UniqueConstraint(
                fields=["subject_id", "provider"], condition=Q(status__in=IN_FLIGHT), name="charge_one_in_flight"
            ),
            models.CheckConstraint(
                condition=Q(purpose=Purpose.ORDER, order_id__isnull=False, subject_id__isnull=True)
                | (~Q(purpose=Purpose.ORDER) & Q(order_id__isnull=True, subject_id__isnull=False)),
                name="payment_has_one_subject",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["order_id", "-created_at", "-id"], name="payment_of_order"),
            models.Index(fields=["customer_id", "-created_at", "-id"], name="payment_of_customer"),
            models.Index(fields=["status", "-created_at", "-id"], name="payment_by_status"),
            models.Index(fields=["-created_at", "-id"], name="payment_newest"),
            models.Index(fields=["-amount", "-id"], name="payment_by_amount"),
            models.Index(fields=["subject_id"], condition=Q(subject_id__isnull=False), name="payment_of_subject"),
            models.Index(fields=["provider_ref"], condition=~Q(provider_ref=""), name="payment_by_provider_ref"),
            models.Index(fields=["updated_at"], condition=Q(status__in=IN_FLIGHT), name="payment_in_limbo"),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {timezone.localtime(self.created_at):%d.%m.%Y %H:%M}"

    @property
    def order_account_id(self) -> UUID:
        """Return whose account this money moves under: the order's, the loan's or the policy's."""
        found = self.order_id or self.subject_id
        assert found is not None  # payment_has_one_subject
        return found

    @property
    def account(self) -> str:
        """The ledger account of what the money is for."""
        return f"{self.purpose}:{self.order_account_id}"

    @property
    def is_in_flight(self) -> bool:
        """Money may still move."""
        return self.status in IN_FLIGHT

    @property
    def is_taken(self) -> bool:
        """Money arrived; some or all of it may have gone back since."""
        return self.status in TAKEN

    @property
    def refundable(self) -> Decimal:
        """Return what can still be asked back: neither returned nor reserved by a refund that has not ended."""
        return self.amount - self.refunded_amount - self.refund_pending if self.is_taken else Decimal(0)

    def raise_to(self, status: str, now: datetime) -> bool:
        """Move up to `status`; news of lower or equal rank changes nothing. Return whether it moved."""
        if RANK[status] <= RANK[self.status]:
            return False
        self.status = status
        self.touch(now)
        return True

    def doubt(self, now: datetime) -> None:
        """Nobody knows any more how this payment in flight stands, not even that the buyer is to confirm it."""
        self.status, self.action_url = Status.UNKNOWN, ""
        self.touch(now)

    def settle(self, now: datetime, *, is_disputed: bool) -> None:
        """Name where a taken payment stands: disputed, refunded in part or in full, or simply completed."""
        if is_disputed:
            self.status = Status.DISPUTED
        elif self.refunded_amount:
            is_all = self.refunded_amount == self.amount
            self.status = Status.REFUNDED if is_all else Status.PARTIALLY_REFUNDED
        else:
            self.status = Status.COMPLETED
        self.touch(now)

    def touch(self, now: datetime) -> None:
        """Record that the payment changed."""
        self.updated_at = now
        self.version += 1

    def reserve_refund(self, amount: Decimal, now: datetime) -> None:
        """Set `amount` aside for a refund. Raises RefundExceedsPayment."""
        if amount > self.refundable or self.status == Status.DISPUTED:
            raise RefundExceedsPayment(refundable=str(self.refundable))
        self.refund_pending += amount
        self.touch(now)

    def free_refund(self, amount: Decimal, now: datetime) -> None:
        """Give back what a refund that did not happen had set aside."""
        self.refund_pending -= amount
        self.touch(now)

    def post_refund(self, amount: Decimal, now: datetime) -> None:
        """Count a refund that happened."""
        self.refund_pending -= amount
        self.refunded_amount += amount
        self.settle(now, is_disputed=self.status == Status.DISPUTED)

    def reverse_refund(self, amount: Decimal, now: datetime) -> None:
        """A refund that had happened came back: its amount is ours again."""
        self.refunded_amount -= amount
        self.settle(now, is_disputed=self.status == Status.DISPUTED)
