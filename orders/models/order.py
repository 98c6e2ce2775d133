"""Orders, what was sold in them, and their history."""

from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Cast, Now, Upper
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from core.money.grounds import INSURANCE, LENGTH, WORDS_LENGTH
from core.money.vat import VatKind
from core.postgres.history import OnlyAdded
from core.vin import VIN_LENGTH
from orders.errors import TransitionNotYours
from orders.models.holds import HoldKind
from orders.models.owing import ENDED, SUMS, compute_due, compute_excess, compute_payable


class Status(models.TextChoices):
    """State of an order."""

    CREATED = "created", _("created")
    AWAITING_PAYMENT = "awaiting_payment", _("awaiting payment")
    PAID = "paid", _("paid")
    IN_PROGRESS = "in_progress", _("in progress")
    READY = "ready", _("ready")
    COMPLETED = "completed", _("completed")
    CANCELLED = "cancelled", _("cancelled")
    REFUNDED = "refunded", _("refunded")
    RETURNING = "returning", _("being returned")
    RETURNED = "returned", _("returned")


CLOSED = frozenset(Status(status) for status in ENDED)
"""Statuses in which an order is over without a sale."""
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
    (Status.PAID, Status.CANCELLED): STAFF | _SYSTEM,
    (Status.IN_PROGRESS, Status.READY): STAFF,
    (Status.IN_PROGRESS, Status.CANCELLED): STAFF | _SYSTEM,
    (Status.READY, Status.COMPLETED): STAFF,
    (Status.READY, Status.CANCELLED): STAFF | _SYSTEM,
    (Status.CANCELLED, Status.REFUNDED): _SYSTEM,
    (Status.COMPLETED, Status.RETURNING): _SYSTEM,
    (Status.RETURNING, Status.COMPLETED): _SYSTEM,
    (Status.RETURNING, Status.RETURNED): _SYSTEM,
}
"""Every step an order may take, and the roles that may make it; those of a return are made by `services.returns`."""

SOLD = frozenset({Status.PAID, Status.IN_PROGRESS, Status.READY, Status.COMPLETED})

TOWARDS_HANDOVER = frozenset({Status.IN_PROGRESS, Status.READY, Status.COMPLETED})
"""Steps that are made only with all the money in; the database refuses them too."""

OPEN = (Status.CREATED, Status.AWAITING_PAYMENT)
"""Statuses in which nothing is paid in full yet."""


BEFORE_HANDOVER = (Status.PAID, Status.IN_PROGRESS, Status.READY)
"""Statuses in which all is paid, and the goods are still here."""

HANDED_OVER = (Status.COMPLETED, Status.RETURNING, Status.RETURNED)
"""Statuses in which the buyer has the goods, or had them."""


class Edit(models.TextChoices):
    """Change that may be made to an order besides its status."""

    LINES = "change_lines", _("change the lines")
    LOWER = "lower_lines", _("lower the lines")
    PRICES = "agree_prices", _("agree to other prices")
    COMMENT = "comment", _("change the comment")
    HIDE = "hide", _("hide")


EDITS: dict[tuple[str, str], frozenset[str]] = (
    {(status.value, edit.value): _OWNER for status in OPEN for edit in (Edit.LINES, Edit.LOWER)}
    | {(status.value, Edit.LOWER.value): STAFF for status in BEFORE_HANDOVER}
    | {(status.value, Edit.PRICES.value): STAFF for status in (*OPEN, *BEFORE_HANDOVER)}
    | {(status.value, Edit.COMMENT.value): _OWNER if status in OPEN else STAFF for status in Status}
    | {(status.value, Edit.HIDE.value): frozenset({"admin"}) for status in Status}
)
"""What may be edited in which state, and by whom; what is not here is too late."""


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
    discount_total = models.DecimalField(
        _("discounts"), max_digits=14, decimal_places=2, default=Decimal(0), db_default=Decimal(0)
    )
    amount_paid = models.DecimalField(_("paid"), max_digits=14, decimal_places=2, default=Decimal(0))
    loan_amount = models.DecimalField(_("on credit"), max_digits=14, decimal_places=2, default=Decimal(0))
    trade_in_credit = models.DecimalField(
        _("trade-in"), max_digits=14, decimal_places=2, default=Decimal(0), db_default=Decimal(0)
    )
    returned_premiums = models.DecimalField(
        _("premiums given back"), max_digits=14, decimal_places=2, default=Decimal(0), db_default=Decimal(0)
    )
    allowance_amount = models.DecimalField(
        _("allowances"), max_digits=14, decimal_places=2, default=Decimal(0), db_default=Decimal(0)
    )
    trade_in_owed = models.DecimalField(
        _("trade-in to be given back"), max_digits=14, decimal_places=2, default=Decimal(0), db_default=Decimal(0)
    )
    allowances = models.JSONField(default=list, db_default=Value([], models.JSONField()), editable=False)
    funding = models.JSONField(_("how it is paid for"), default=list, db_default=models.Value([], models.JSONField()))
    manager_id = models.UUIDField(_("manager"), null=True)
    placed_date = models.DateField(_("day of the sale"), db_default=Cast(Now(), models.DateField()))
    comment = models.TextField(_("comment"), blank=True, default="")
    reservation_expires_at = models.DateTimeField(_("held until"), null=True)
    hold_kind = models.CharField(
        _("held because"), max_length=10, choices=HoldKind, blank=True, default="", db_default="", editable=False
    )
    hold_hard_end = models.DateTimeField(_("held at most until"), null=True, editable=False)
    hold_since = models.JSONField(default=dict, db_default=Value({}, models.JSONField()), editable=False)
    financing_application_id = models.UUIDField(null=True)
    policy_ids = ArrayField(models.UUIDField(), default=list)
    legal_entity_id = models.UUIDField(_("seller"), null=True)
    vat_total = models.DecimalField(_("VAT"), max_digits=14, decimal_places=2, null=True)
    taxed_date = models.DateField(_("day of the VAT rates"), null=True)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(total_amount__gte=0), name="order_total_not_negative"),
            models.CheckConstraint(condition=Q(discount_total__gte=0), name="order_discounts_not_negative"),
            models.CheckConstraint(condition=Q(hold_kind__in=["", *HoldKind.values]), name="order_hold_kind_known"),
            models.CheckConstraint(condition=Q(amount_paid__gte=0), name="order_paid_not_negative"),
            models.CheckConstraint(condition=Q(returned_premiums__gte=0), name="order_returned_not_negative"),
            models.CheckConstraint(condition=Q(allowance_amount__gte=0), name="order_allowances_not_negative"),
            models.CheckConstraint(condition=Q(trade_in_owed__gte=0), name="order_trade_in_owed_not_negative"),
            models.CheckConstraint(condition=Q(loan_amount__lte=F("total_amount")), name="order_loan_within_total"),
            models.CheckConstraint(
                condition=Q(trade_in_credit__gte=0, trade_in_credit__lte=F("total_amount") - F("loan_amount")),
                name="order_trade_in_within_total",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer_id", "-created_at", "-id"], name="order_of_customer"),
            models.Index(fields=["-created_at", "-id"], name="order_newest"),
            models.Index(fields=["status", "-created_at", "-id"], name="order_by_status"),
            models.Index(fields=["-total_amount", "-id"], name="order_by_total"),
            models.Index(fields=["updated_at"], condition=Q(trade_in_owed__gt=0), name="order_owes_a_trade_in"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def amount_due(self) -> Decimal:
        """Return what the buyer still has to pay, in the order's currency; the loan's part is not the buyer's."""
        return compute_due(self._sums(), self.status)

    @property
    def payable(self) -> Decimal:
        """Return what has to come in as money: the total less a trade-in and premiums of policies that ended."""
        return compute_payable(self._sums())

    def payable_at(self, total: Decimal) -> Decimal:
        """Return what would have to come in as money if the lines came to `total`."""
        return compute_payable(self._sums() | {"total_amount": total})

    def due_at(self, total: Decimal) -> Decimal:
        """Return what the buyer would still have to pay if the lines came to `total`."""
        return compute_due(self._sums() | {"total_amount": total}, self.status)

    @property
    def excess(self) -> Decimal:
        """Return what was paid above its worth, below zero when nothing was."""
        return compute_excess(self._sums())

    def excess_at(self, total: Decimal) -> Decimal:
        """Return what would be paid above its worth if the lines came to `total`."""
        return compute_excess(self._sums() | {"total_amount": total})

    def _sums(self) -> dict[str, Decimal]:
        return {name: getattr(self, name) for name in SUMS}

    @property
    def hold(self) -> dict[str, Any] | None:
        """Say why and until when its stock is held, `hard_end` being the latest there is; None when nothing is."""
        if self.reservation_expires_at is None or not self.hold_kind:
            return None
        return {"kind": self.hold_kind, "expires_at": self.reservation_expires_at, "hard_end": self.hold_hard_end}

    @property
    def is_called_off(self) -> bool:
        """Tell whether it ended without a sale."""
        return self.status in CLOSED

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

    def permit(self, edit: str, roles: frozenset[str]) -> None:
        """Pass if a caller with these roles may make this edit now. Raises WrongTransition or TransitionNotYours."""
        who = EDITS.get((self.status, edit))
        if who is None:
            raise WrongTransition(self.status, self.allowed(roles))
        if not who & roles:
            raise TransitionNotYours

    def touch(self, now: datetime) -> None:
        """Record that the order changed."""
        self.updated_at = now
        self.version += 1


class LineKind(models.TextChoices):
    """Kind of thing that a line sells."""

    PRODUCT = "product", _("product")
    POLICY = "policy", _("policy")
    FREE = "free", _("free line")


class OrderLine(models.Model):
    """One line of an order, with the name and price copied at the sale, and the VAT within its total.

    Money is of one piece: `unit_price` is what was agreed, the `list_price` of the catalogue less `discount_amount`,
    which the amounts of `discounts` come to; a line of the release before, or one without a list price, has none.
    `cost` is what the dealer paid, null where nobody knows it, and `cost_by` the person who said so, if one did.
    `vat_rate` (per cent) is empty where there is no VAT; `vat_amount` where the seller or its regime is not known.
    `offered_by` is the manager whose written offer its terms are, while it is placed.
    `supplier` is the insurer of a policy as receipts name it (`name`, `inn`, `telephone`), where its tariff says so.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    order = models.ForeignKey(Order, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=10, choices=LineKind, default=LineKind.PRODUCT)
    product_id = models.UUIDField(null=True, db_index=True)
    sku = models.CharField(max_length=64, blank=True, default="")
    name = models.CharField(max_length=255)
    vin = models.CharField(max_length=VIN_LENGTH, blank=True, default="", db_default="")
    quantity = models.PositiveIntegerField()
    unit_price = models.DecimalField(max_digits=14, decimal_places=2)
    list_price = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    discount_amount = models.DecimalField(max_digits=14, decimal_places=2, default=Decimal(0), db_default=Decimal(0))
    discounts = models.JSONField(default=list, db_default=Value([], models.JSONField()))
    is_campaign_time = False
    is_agreed_below_cost = False
    offered_by: UUID | None = None
    cost = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    cost_by = models.UUIDField(null=True)
    line_total = models.DecimalField(max_digits=14, decimal_places=2)
    vat_kind = models.CharField(max_length=8, blank=True, default="", db_default="")
    margin_cost = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    vat_rate = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    vat_amount = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    vat_ground = models.CharField(max_length=LENGTH, blank=True, default="", db_default="")
    untaxed_by = models.CharField(max_length=WORDS_LENGTH, blank=True, default="", db_default="")
    supplier = models.JSONField(null=True)

    class Meta:
        verbose_name = _("order line")
        verbose_name_plural = _("order lines")
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="line_quantity_positive"),
            models.CheckConstraint(condition=Q(unit_price__gte=0), name="line_price_not_negative"),
            models.CheckConstraint(
                condition=Q(discount_amount__gte=0)
                & (
                    Q(list_price=None, discount_amount=0)
                    | Q(list_price__isnull=False, unit_price=F("list_price") - F("discount_amount"))
                ),
                name="line_price_is_list_less_discounts",
            ),
            models.UniqueConstraint(fields=["order", "position"], name="line_position_unique"),
        ]
        indexes: ClassVar = [
            GinIndex(OpClass(Upper("name"), "gin_trgm_ops"), name="line_name_search"),
            models.Index(fields=["sku"], name="line_by_sku"),
            models.Index(fields=["vin"], condition=~Q(vin=""), name="line_by_vin"),
        ]

    @property
    def taxed_as(self) -> VatKind:
        """Tell how the line is taxed: a policy is its insurer's sale, and goods of which nobody said it are usual."""
        if self.kind == LineKind.POLICY:
            return VatKind.EXEMPT
        return VatKind(self.vat_kind or VatKind.STANDARD)

    @property
    def exempt_by(self) -> str:
        """Return the ground of an exemption; empty for what is taxed, and where nobody said it."""
        return INSURANCE if self.kind == LineKind.POLICY else self.vat_ground


class HistoryKind(models.TextChoices):
    """Kind of entry in the timeline."""

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
    before = models.JSONField(default=dict, db_default={})
    after = models.JSONField(default=dict, db_default={})
    request_id = models.CharField(max_length=128, blank=True, default="")
    at = models.DateTimeField()
    only_added: ClassVar = OnlyAdded(words=("reason", "data", "before", "after"))

    class Meta:
        verbose_name = _("timeline entry")
        verbose_name_plural = _("timeline")
        indexes: ClassVar = [
            models.Index(fields=["order", "id"], name="history_of_order"),
            models.Index(fields=["at", "id"], name="history_by_at"),
            models.Index(fields=["actor_id", "at", "id"], condition=Q(actor_id__isnull=False), name="history_by_actor"),
        ]


class OrderCounter(models.Model):
    """The release before counts orders here; a trigger hands it the next number of the sequence that ours come from."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    last_number = models.PositiveIntegerField()
