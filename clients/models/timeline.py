"""Store what passed between clients and the dealer: managers' entries, and a projection of the other apps' events."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7


class ActivityKind(models.TextChoices):
    """Kind of activity: the first six are noted by managers, the rest told by other apps."""

    NOTE = "note", _("note")
    CALL = "call", _("call")
    VISIT = "visit", _("visit")
    MEETING = "meeting", _("meeting")
    LETTER = "letter", _("letter")
    MESSAGE = "message", _("message")
    ORDER_CREATED = "order_created", _("order placed")
    ORDER_PAID = "order_paid", _("order paid")
    ORDER_CANCELLED = "order_cancelled", _("order cancelled")
    ORDER_COMPLETED = "order_completed", _("order completed")
    PAYMENT_COMPLETED = "payment_completed", _("payment received")
    PAYMENT_REFUNDED = "payment_refunded", _("payment refunded")
    LOAN_DISBURSED = "loan_disbursed", _("loan paid out")
    POLICY_PURCHASED = "policy_purchased", _("policy bought")
    REGISTRATION_CREATED = "registration_created", _("registered for an event")
    PAYMENT_FAILED = "payment_failed", _("payment failed")
    LOAN_REQUESTED = "loan_requested", _("loan applied for")
    LOAN_APPROVED = "loan_approved", _("loan approved")
    LOAN_REJECTED = "loan_rejected", _("loan refused")
    LOAN_PAYMENT_RECEIVED = "loan_payment_received", _("loan instalment received")
    LOAN_OVERDUE = "loan_overdue", _("loan overdue")
    LOAN_CLOSED = "loan_closed", _("loan closed")
    POLICY_CANCELLED = "policy_cancelled", _("policy cancelled")
    CLAIM_OPENED = "claim_opened", _("claim opened")
    CLAIM_DECIDED = "claim_decided", _("claim decided")
    CLAIM_PAID = "claim_paid", _("claim paid")
    REGISTRATION_CANCELLED = "registration_cancelled", _("registration given up")
    DRIVE_REQUESTED = "drive_requested", _("test drive asked for")
    DRIVE_CONFIRMED = "drive_confirmed", _("test drive booked")
    DRIVE_STARTED = "drive_started", _("test drive begun")
    DRIVE_ENDED = "drive_ended", _("test drive over")
    LEAD_OPENED = "lead_opened", _("enquiry")
    LEAD_MOVED = "lead_moved", _("enquiry moved on")
    ORDER_RETURNED = "order_returned", _("order returned")


NOTED_KINDS = frozenset(
    {
        ActivityKind.NOTE,
        ActivityKind.CALL,
        ActivityKind.VISIT,
        ActivityKind.MEETING,
        ActivityKind.LETTER,
        ActivityKind.MESSAGE,
    }
)
"""Kinds a manager may write."""

VISIT_KINDS = frozenset(
    {
        ActivityKind.REGISTRATION_CREATED,
        ActivityKind.REGISTRATION_CANCELLED,
        ActivityKind.DRIVE_REQUESTED,
        ActivityKind.DRIVE_CONFIRMED,
        ActivityKind.DRIVE_STARTED,
        ActivityKind.DRIVE_ENDED,
        ActivityKind.LEAD_OPENED,
        ActivityKind.LEAD_MOVED,
    }
)
"""Kinds that showroom and the pipeline tell: no deal yet."""

DEAL_KINDS = frozenset(ActivityKind) - NOTED_KINDS - VISIT_KINDS
"""Kinds that prove a deal."""


class Activity(models.Model):
    """One thing that happened. What other apps tell is a projection of their events: the row's id is the event's.

    `customer_id` is the card's id for a manager's entry, and what the event calls the customer for the rest; so an
    order may be heard of before the registration of its buyer.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    customer_id = models.UUIDField(_("customer"))
    kind = models.CharField(_("kind"), max_length=25, choices=ActivityKind)
    subject_id = models.UUIDField(_("subject"), null=True, blank=True)
    description = models.TextField(_("description"), blank=True, default="")
    data = models.JSONField(_("data"), default=dict, blank=True)
    author_id = models.UUIDField(_("author"), null=True, blank=True)
    occurred_at = models.DateTimeField(_("occurred at"))

    class Meta:
        verbose_name = _("activity")
        verbose_name_plural = _("activities")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(subject_id__isnull=False) | Q(author_id__isnull=False), name="activity_has_source"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer_id", "occurred_at", "id"], name="activity_of_customer"),
            models.Index(fields=["customer_id", "kind", "occurred_at", "id"], name="activity_of_customer_by_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.occurred_at:%Y-%m-%d}"
