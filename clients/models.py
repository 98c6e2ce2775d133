"""Client cards, the ways to reach their people, and what happened between them and the dealer."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7

ERASED_NAME = "—"


class ClientType(models.TextChoices):
    """Whom the card is about."""

    PERSON = "person", _("person")
    ORGANIZATION = "organization", _("organization")


class ClientQuerySet(models.QuerySet["Client"]):
    """Filters of client cards."""

    def present(self) -> "ClientQuerySet":
        """Cards that nobody deleted."""
        return self.filter(deleted_at__isnull=True)

    def of_customer(self, customer_id: UUID) -> "ClientQuerySet":
        """The card other apps mean by a customer's id: the user's, or the card's own for someone without an account."""
        return self.filter(Q(user_id=customer_id) | Q(id=customer_id))


class Client(models.Model):
    """A person or an organisation the dealer knows. A registered user's card follows their profile.

    Deleting only hides the card: should its user buy something later, it opens again.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    type = models.CharField(_("type"), max_length=15, choices=ClientType)
    name = models.CharField(_("name"), max_length=255)
    industry = models.CharField(_("industry"), max_length=100, blank=True, default="")
    description = models.TextField(_("description"), blank=True, default="")
    user_id = models.UUIDField(_("user"), null=True, blank=True, unique=True)
    user_version = models.PositiveBigIntegerField(default=0)
    email = models.EmailField(_("e-mail"), blank=True, default="")
    phone = models.CharField(_("phone"), max_length=32, blank=True, default="")
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))
    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True)
    erased_at = models.DateTimeField(_("erased at"), null=True, blank=True)

    objects = ClientQuerySet.as_manager()

    class Meta:
        verbose_name = _("client")
        verbose_name_plural = _("clients")
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(name=""), name="client_name_given"),
            models.CheckConstraint(condition=Q(type__in=ClientType.values), name="client_type_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at", "id"], name="client_newest"),
            models.Index(fields=["updated_at", "id"], name="client_changed"),
            models.Index(fields=["name", "id"], name="client_by_name"),
            models.Index(fields=["type", "created_at", "id"], name="client_by_type"),
            models.Index(fields=["industry", "created_at", "id"], name="client_by_industry"),
            models.Index(Upper("email"), name="client_by_email"),
            GinIndex(OpClass(Upper("name"), "gin_trgm_ops"), name="client_name_search"),
            GinIndex(OpClass(Upper("email"), "gin_trgm_ops"), name="client_email_search"),
            GinIndex(OpClass(Upper("phone"), "gin_trgm_ops"), name="client_phone_search"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def customer_ids(self) -> list[UUID]:
        """Ids under which other apps may know this client."""
        return [self.id] if self.user_id is None else [self.id, self.user_id]

    def change(self, fields: dict[str, Any], *, now: datetime) -> bool:
        """Set the given fields; tell whether any of them differed."""
        changed = {name: value for name, value in fields.items() if getattr(self, name) != value}
        for name, value in changed.items():
            setattr(self, name, value)
        if changed:
            self._touch(now)
        return bool(changed)

    def follow(self, *, email: str, full_name: str, phone: str, version: int, now: datetime) -> bool:
        """Take over a user's profile unless it is older news or was erased; tell whether the card changed."""
        if version <= self.user_version or self.erased_at is not None:
            return False
        self.user_version = version
        self.change({"name": name_of(full_name, email), "email": email, "phone": phone}, now=now)
        return True

    def reopen(self, *, now: datetime) -> None:
        """Show a deleted card again."""
        self.deleted_at = None
        self._touch(now)

    def delete_softly(self, *, now: datetime) -> None:
        """Hide the card."""
        self.deleted_at = now
        self._touch(now)

    def erase(self, *, now: datetime) -> None:
        """Forget who it was; the card stays, so that the deals keep their client."""
        self.name, self.email, self.phone, self.description = ERASED_NAME, "", "", ""
        self.erased_at = now
        self._touch(now)

    def _touch(self, now: datetime) -> None:
        self.updated_at = now
        self.version += 1


def name_of(full_name: str, email: str) -> str:
    """How to call a user: by their name, or by what stands before the @ while they gave none."""
    return full_name.strip()[:255] or email.partition("@")[0] or ERASED_NAME


class ContactKind(models.TextChoices):
    """A means of reaching somebody."""

    PHONE = "phone", _("phone")
    EMAIL = "email", _("e-mail")
    TELEGRAM = "telegram", "Telegram"
    WHATSAPP = "whatsapp", "WhatsApp"
    ADDRESS = "address", _("address")
    OTHER = "other", _("other")


class Contact(models.Model):
    """One way to reach a client; in an organisation, `name` and `position` say whom."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="contacts", verbose_name=_("client"))
    kind = models.CharField(_("kind"), max_length=10, choices=ContactKind)
    value = models.CharField(_("value"), max_length=255)
    name = models.CharField(_("name"), max_length=255, blank=True, default="")
    position = models.CharField(_("position"), max_length=100, blank=True, default="")
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["client", "kind", "value"], name="contact_once_per_client"),
            models.CheckConstraint(condition=~Q(value=""), name="contact_value_given"),
        ]
        indexes: ClassVar = [models.Index(fields=["client", "created_at", "id"], name="contact_of_client")]

    def __str__(self) -> str:
        return self.value


class ActivityKind(models.TextChoices):
    """What happened: the first six are noted by managers, the rest told by other apps."""

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

DEAL_KINDS = frozenset(ActivityKind) - NOTED_KINDS - {ActivityKind.REGISTRATION_CREATED}
"""Kinds that prove a deal."""


class Activity(models.Model):
    """One thing that happened. What other apps tell is a projection of their events: one row per (kind, subject).

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
            models.UniqueConstraint(
                fields=["kind", "subject_id"], condition=Q(subject_id__isnull=False), name="activity_once_per_subject"
            ),
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
