"""Fiscal receipts of money taken and returned online, their lines and their history; see docs/receipts.md."""

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.postgres.history import OnlyAdded
from payments.errors import WrongReceiptState
from payments.models.ledger import LedgerEntry
from payments.models.payments import Payment


class ReceiptKind(models.TextChoices):
    """Kind of receipt."""

    PAYMENT = "payment", _("payment")
    ADVANCE = "advance", _("advance")
    OFFSET = "offset", _("offset of an advance")
    CREDIT = "credit", _("payment of a credit")
    REFUND = "refund", _("refund")
    CORRECTION = "correction", _("correction")


class ReceiptOperation(models.TextChoices):
    """Direction of a settlement (tag 1054)."""

    SALE = "sale", _("income")
    SALE_RETURN = "sale_return", _("return of income")
    PURCHASE = "purchase", _("expense")
    PURCHASE_RETURN = "purchase_return", _("return of an expense")


REVERSED = {
    ReceiptOperation.SALE: ReceiptOperation.SALE_RETURN,
    ReceiptOperation.SALE_RETURN: ReceiptOperation.SALE,
    ReceiptOperation.PURCHASE: ReceiptOperation.PURCHASE_RETURN,
    ReceiptOperation.PURCHASE_RETURN: ReceiptOperation.PURCHASE,
}
"""Operation that undoes each."""


class ReceiptState(models.TextChoices):
    """State of a receipt. `refused` is parked for a manager; a correction `replaced` it if it was never registered."""

    WAITING = "waiting", _("waiting")
    SENT = "sent", _("sent to the operator")
    REGISTERED = "registered", _("registered")
    REFUSED = "refused", _("refused")
    REPLACED = "replaced", _("replaced by a correction")


RECEIPT_STEPS: dict[str, frozenset[str]] = {
    ReceiptState.WAITING: frozenset({ReceiptState.SENT, ReceiptState.REGISTERED, ReceiptState.REFUSED}),
    ReceiptState.SENT: frozenset({ReceiptState.REGISTERED, ReceiptState.REFUSED}),
    ReceiptState.REFUSED: frozenset({ReceiptState.WAITING, ReceiptState.REPLACED}),
    ReceiptState.REGISTERED: frozenset(),
    ReceiptState.REPLACED: frozenset(),
}


class FiscalSpan(models.Model):
    """Span in which every movement of money online has its receipt; what moved before the first one has none."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    began_at = models.DateTimeField(_("began at"))
    ended_at = models.DateTimeField(_("ended at"), null=True)
    only_added: ClassVar = OnlyAdded(steps={"ended_at": None})

    class Meta:
        verbose_name = _("span with receipts")
        verbose_name_plural = _("spans with receipts")
        constraints: ClassVar = [
            models.UniqueConstraint(
                models.Value(1), condition=Q(ended_at__isnull=True), name="fiscal_one_open_span"
            ),
        ]  # fmt: skip
        indexes: ClassVar = [
            models.Index(fields=["began_at", "id"], name="fiscal_span_by_began_at"),
        ]

    def __str__(self) -> str:
        return f"{self.began_at} – {self.ended_at or ''}"


class Receipt(models.Model):
    """Receipt of one movement of money, in its currency: exactly one of each kind by `cause`, corrections apart.

    `cause` is the entry of the ledger; an offset has one receipt for each payment that was made beforehand. What is
    made beside the first is told by `number`. Its key at the operator is new for each `attempt`. A correction
    rests on a document (`basis_number`, `basis_date`), which may be an order of the tax office.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=10, choices=ReceiptKind)
    operation = models.CharField(_("operation"), max_length=20, choices=ReceiptOperation)
    state = models.CharField(_("state"), max_length=10, choices=ReceiptState, default=ReceiptState.WAITING)
    cause = models.ForeignKey(LedgerEntry, on_delete=models.PROTECT, related_name="receipts")
    number = models.PositiveSmallIntegerField(default=0)
    payment = models.ForeignKey(Payment, null=True, on_delete=models.PROTECT, related_name="receipts")
    corrects = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="corrections")
    order_id = models.UUIDField(_("order"), null=True)
    customer_id = models.UUIDField(_("customer"), null=True)
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2)
    currency = models.CharField(_("currency"), max_length=3)
    settled_at = models.DateTimeField(_("settled at"))
    operator = models.CharField(_("operator"), max_length=20)
    operator_ref = models.CharField(_("operator's id"), max_length=120, blank=True, default="")
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=1)
    contact = models.CharField(_("contact given by a manager"), max_length=254, blank=True, default="")
    reason = models.CharField(_("reason"), max_length=255, blank=True, default="")
    basis_number = models.CharField(_("number of the document"), max_length=32, blank=True, default="", db_default="")
    basis_date = models.DateField(_("date of the document"), null=True)
    is_ordered = models.BooleanField(_("ordered by the tax office"), default=False, db_default=False)
    fiscal_number = models.CharField(_("fiscal number"), max_length=20, blank=True, default="")
    fiscal_sign = models.CharField(_("fiscal sign"), max_length=20, blank=True, default="")
    storage_number = models.CharField(_("number of the fiscal storage"), max_length=20, blank=True, default="")
    registered_at = models.DateTimeField(_("registered at"), null=True)
    failure_code = models.CharField(_("failure code"), max_length=60, blank=True, default="")
    failure_detail = models.CharField(_("failure"), max_length=255, blank=True, default="")
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("fiscal receipt")
        verbose_name_plural = _("fiscal receipts")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["cause", "payment", "kind", "number"], nulls_distinct=False, name="receipt_once"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="receipt_amount_positive"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["order_id", "-created_at", "-id"], name="receipt_of_order"),
            models.Index(fields=["customer_id", "-created_at", "-id"], name="receipt_of_customer"),
            models.Index(fields=["state", "-created_at", "-id"], name="receipt_by_state"),
            models.Index(fields=["-created_at", "-id"], name="receipt_newest"),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {timezone.localtime(self.created_at):%d.%m.%Y %H:%M}"

    @property
    def key(self) -> str:
        """Key of this attempt at the operator."""
        return f"receipt:{self.id}:{self.attempt}"

    def move(self, state: str, now: datetime) -> None:
        """Step to a state. Raises WrongReceiptState."""
        if state not in RECEIPT_STEPS[self.state]:
            raise WrongReceiptState(state=self.state)
        self.state, self.updated_at = state, now


class ReceiptLine(models.Model):
    """Line of a receipt, with the codes it was made with. `position` tells which line of the first receipt it is of.

    `vat_code` is tag 1199, `method` tag 1214. `vat_amount` (tag 1200) is kept where it is not the rate's of the amount;
    the supplier (tags 1225, 1226, 1171) where the dealer sells as an agent (tag 1222).
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=128)
    quantity = models.PositiveIntegerField()
    unit_price = models.DecimalField(max_digits=14, decimal_places=2)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    vat_code = models.PositiveSmallIntegerField()
    subject = models.CharField(max_length=20)
    method = models.PositiveSmallIntegerField()
    marking_code = models.CharField(max_length=255, blank=True, default="")
    vat_amount = models.DecimalField(max_digits=14, decimal_places=2, null=True)
    supplier_name = models.CharField(max_length=255, blank=True, default="", db_default="")
    supplier_inn = models.CharField(max_length=12, blank=True, default="", db_default="")
    supplier_phone = models.CharField(max_length=20, blank=True, default="", db_default="")
    only_added: ClassVar = OnlyAdded()

    class Meta:
        verbose_name = _("line of a receipt")
        verbose_name_plural = _("lines of receipts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["receipt", "position"], name="receipt_line_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="receipt_line_positive"),
        ]

    def __str__(self) -> str:
        return self.name


class ReceiptStep(models.Model):
    """Step of a receipt's history: the state it came to, when, in which attempt, and by whose hand if by anybody's."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="steps")
    state = models.CharField(max_length=10, choices=ReceiptState)
    attempt = models.PositiveSmallIntegerField()
    code = models.CharField(max_length=60, blank=True, default="")
    actor_id = models.UUIDField(null=True)
    at = models.DateTimeField()
    only_added: ClassVar = OnlyAdded()

    class Meta:
        verbose_name = _("step of a receipt")
        verbose_name_plural = _("steps of receipts")
        indexes: ClassVar = [
            models.Index(fields=["receipt", "id"], name="step_of_receipt"),
            models.Index(fields=["at", "id"], name="receipt_step_by_at"),
            models.Index(
                fields=["actor_id", "at", "id"], condition=Q(actor_id__isnull=False), name="receipt_step_by_actor"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.at}"
