"""Orders, what was sold in them, their history, and the checkout saga that carries them to `paid`."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from orders.errors import TransitionNotYours


class Status(models.TextChoices):
    """Where an order stands."""

    CREATED = "created", _("created")
    AWAITING_PAYMENT = "awaiting_payment", _("awaiting payment")
    PAID = "paid", _("paid")
    IN_PROGRESS = "in_progress", _("in progress")
    READY = "ready", _("ready")
    COMPLETED = "completed", _("completed")
    CANCELLED = "cancelled", _("cancelled")
    REFUNDED = "refunded", _("refunded")


SYSTEM = "system"
STAFF = frozenset({"manager", "admin"})
_OWNER = frozenset({"client"}) | STAFF
_SYSTEM = frozenset({SYSTEM})

TRANSITIONS: dict[tuple[str, str], frozenset[str]] = {
    (Status.CREATED, Status.AWAITING_PAYMENT): _SYSTEM,
    (Status.CREATED, Status.CANCELLED): _OWNER | _SYSTEM,
    (Status.AWAITING_PAYMENT, Status.PAID): _SYSTEM,
    (Status.AWAITING_PAYMENT, Status.CANCELLED): _OWNER | _SYSTEM,
    (Status.PAID, Status.IN_PROGRESS): STAFF,
    (Status.PAID, Status.CANCELLED): STAFF,
    (Status.IN_PROGRESS, Status.READY): STAFF,
    (Status.IN_PROGRESS, Status.CANCELLED): STAFF,
    (Status.READY, Status.COMPLETED): STAFF,
    (Status.READY, Status.CANCELLED): STAFF,
    (Status.CANCELLED, Status.REFUNDED): _SYSTEM,
}
"""Every step an order may take, and the roles that may make it."""

SOLD = frozenset({Status.PAID, Status.IN_PROGRESS, Status.READY, Status.COMPLETED})

SLOW_LEG = timedelta(minutes=10)
SLOW_UNDO = timedelta(hours=1)
"""From when on a checkout that waits for an answer needs a manager's eye."""


class Order(models.Model):
    """A purchase. Its status moves only through `move`, and prices are those of the moment of sale."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    number = models.CharField(_("number"), max_length=20, unique=True)
    customer_id = models.UUIDField(_("customer"))
    created_by = models.UUIDField(_("created by"))
    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.CREATED)
    currency = models.CharField(_("currency"), max_length=3)
    total_amount = models.DecimalField(_("total"), max_digits=14, decimal_places=2)
    total_quantity = models.PositiveIntegerField(_("quantity"))
    amount_paid = models.DecimalField(_("paid"), max_digits=14, decimal_places=2, default=Decimal(0))
    loan_amount = models.DecimalField(_("on credit"), max_digits=14, decimal_places=2, default=Decimal(0))
    comment = models.TextField(_("comment"), blank=True, default="")
    reservation_expires_at = models.DateTimeField(_("held until"), null=True)
    financing_application_id = models.UUIDField(null=True)
    policy_ids = ArrayField(models.UUIDField(), default=list)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(total_amount__gte=0), name="order_total_not_negative"),
            models.CheckConstraint(condition=Q(amount_paid__gte=0), name="order_paid_not_negative"),
            models.CheckConstraint(condition=Q(loan_amount__lte=F("total_amount")), name="order_loan_within_total"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer_id", "-created_at", "-id"], name="order_of_customer"),
            models.Index(fields=["-created_at", "-id"], name="order_newest"),
            models.Index(fields=["status", "-created_at", "-id"], name="order_by_status"),
            models.Index(fields=["-total_amount", "-id"], name="order_by_total"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def amount_due(self) -> Decimal:
        """What the buyer still has to pay, in the order's currency; the loan's part is not the buyer's."""
        return max(Decimal(0), self.total_amount - self.amount_paid)

    def allowed(self, roles: frozenset[str]) -> list[str]:
        """Statuses that a caller with these roles may move the order to now."""
        return [target for (source, target), who in TRANSITIONS.items() if source == self.status and who & roles]

    def move(self, target: str, *, roles: frozenset[str], now: datetime) -> str:
        """Step to `target` and return the status left. Raises WrongTransition or TransitionNotYours."""
        who = TRANSITIONS.get((self.status, target))
        if who is None:
            raise WrongTransition(self.status, self.allowed(roles))
        if not who & roles:
            raise TransitionNotYours
        previous, self.status = self.status, target
        self.touch(now)
        return previous

    def touch(self, now: datetime) -> None:
        """Record that the order changed."""
        self.updated_at = now
        self.version += 1


class LineKind(models.TextChoices):
    """What a line sells."""

    PRODUCT = "product", _("product")
    POLICY = "policy", _("policy")
    FREE = "free", _("free line")


class OrderLine(models.Model):
    """One line of an order, with the name and price copied at the sale."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=10, choices=LineKind, default=LineKind.PRODUCT)
    product_id = models.UUIDField(null=True, db_index=True)
    sku = models.CharField(max_length=64, blank=True, default="")
    name = models.CharField(max_length=255)
    quantity = models.PositiveIntegerField()
    unit_price = models.DecimalField(max_digits=14, decimal_places=2)
    line_total = models.DecimalField(max_digits=14, decimal_places=2)

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="line_quantity_positive"),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="line_price_not_negative"),
            models.UniqueConstraint(fields=["order", "position"], name="line_position_unique"),
        ]


class HistoryKind(models.TextChoices):
    """What a line of the timeline tells."""

    STATUS = "status", _("status")
    STEP = "step", _("step")
    EDIT = "edit", _("edit")


class OrderHistory(models.Model):
    """The timeline: who did what when and why, before and after; the database refuses to change or delete a row."""

    id = models.BigAutoField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="history")
    kind = models.CharField(max_length=10, choices=HistoryKind)
    status = models.CharField(max_length=20, choices=Status)
    previous = models.CharField(max_length=20, choices=Status, null=True)
    event = models.CharField(max_length=60)
    reason = models.TextField(blank=True, default="")
    actor_id = models.UUIDField(null=True)
    actor_role = models.CharField(max_length=10, default=SYSTEM)
    data = models.JSONField(default=dict)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    request_id = models.CharField(max_length=128, blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("timeline entry")
        verbose_name_plural = _("timeline")
        indexes: ClassVar = [models.Index(fields=["order", "id"], name="history_of_order")]


class OrderCounter(models.Model):
    """The last order number given out in a year; its row lock makes the numbers gapless."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    last_number = models.PositiveIntegerField()


class ProductCopy(models.Model):
    """What orders knows of a product, from catalog's events; older news than `version` is dropped."""

    product_id = models.UUIDField(primary_key=True)
    sku = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=20)
    price = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    available = models.IntegerField()
    stock_version = models.BigIntegerField(default=0)
    version = models.BigIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    class Meta:
        verbose_name = _("product copy")
        verbose_name_plural = _("product copies")


class SagaState(models.TextChoices):
    """Where a checkout stands."""

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
    parked_from = models.CharField(max_length=15, choices=SagaState, blank=True, default="")
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
        """Whether it runs backward, parked or not."""
        return self.state == SagaState.COMPENSATING or self.parked_from == SagaState.COMPENSATING


class LegKind(models.TextChoices):
    """A leg of the checkout; they run in this order, cheapest to undo first."""

    STOCK = "stock", _("reserve stock")
    LOAN = "loan", _("decide the loan")
    PAYMENT = "payment", _("take the payment")
    POLICIES = "policies", _("issue the policies")
    DISBURSEMENT = "disbursement", _("pay out the loan")


LEG_ORDER = [kind.value for kind in LegKind]


class LegState(models.TextChoices):
    """Where a leg stands."""

    PENDING = "pending", _("pending")
    RUNNING = "running", _("running")
    SUCCEEDED = "succeeded", _("succeeded")
    FAILED = "failed", _("failed")
    COMPENSATING = "compensating", _("being undone")
    COMPENSATED = "compensated", _("undone")
    PARKED = "parked", _("parked")
    SKIPPED = "skipped", _("skipped")


class SteeringAction(models.TextChoices):
    """What a manager may do with a leg."""

    RETRY = "retry", _("ask again")
    TAKE_OVER = "take_over", _("take over")
    CANCEL = "cancel", _("cancel the order")
    SKIP = "skip", _("go on without it")


class CheckoutLeg(models.Model):
    """One leg: what was asked of another app under which attempt, and what came of it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    checkout = models.ForeignKey(Checkout, on_delete=models.CASCADE, related_name="legs")
    kind = models.CharField(_("leg"), max_length=15, choices=LegKind)
    rank = models.PositiveSmallIntegerField()
    state = models.CharField(_("state"), max_length=15, choices=LegState, default=LegState.PENDING)
    attempt_id = models.UUIDField(_("attempt"), default=uuid7)
    attempts = models.PositiveSmallIntegerField(_("requests sent"), default=0)
    request = models.JSONField(default=dict)
    error = models.JSONField(_("error"), null=True)
    parked_reason = models.TextField(_("why it is parked"), blank=True, default="")
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
    """What orders knows of a payment."""

    IN_FLIGHT = "in_flight", _("in flight")
    TAKEN = "taken", _("taken")
    FAILED = "failed", _("failed")


class OrderPayment(models.Model):
    """A payment of this order, from payments' events; `amount_paid` of the order is the sum of these."""

    payment_id = models.UUIDField(primary_key=True)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="payments")
    state = models.CharField(max_length=10, choices=PaymentState)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    refunded = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0))

    class Meta:
        verbose_name = _("payment of an order")
        verbose_name_plural = _("payments of orders")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(refunded__lte=F("amount")), name="order_payment_refund_within"),
        ]
