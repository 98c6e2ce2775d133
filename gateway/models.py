"""Idempotency keys, what waits for a second person, who read whose papers; in every app's database, beside these."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from core.postgres.history import Lapse, OnlyAdded


class IdempotencyKey(models.Model):
    """A caller's promise that two requests are one; holds the first answer, in the transaction of its effect."""

    id = models.BigAutoField(primary_key=True)
    principal = models.UUIDField()
    route = models.CharField(max_length=120)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.BinaryField(default=b"")
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=models.functions.Now())

    class Meta:
        db_table = "gateway_idempotency_key"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["principal", "route", "key"], name="idempotency_key_unique"),
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="idempotency_key_age")]


class ApprovalState(models.TextChoices):
    """State of an action that needs a second person."""

    WAITING = "waiting", _("waits for a second person")
    APPROVED = "approved", _("approved")
    REJECTED = "rejected", _("rejected")
    EXPIRED = "expired", _("expired")


class Approval(models.Model):
    """An action that gives value away and waits, or waited, for a second person.

    `args` are what the action is run with once somebody agrees; nothing of it has happened before. `amount` is in major
    units of the currency, and empty where nobody can say what is given away. `asked_by` is empty when the system asked;
    such a request waits for ever. `barred` are those who may not decide: who asked, whom it favours, and whose word it
    rests on.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=60)
    subject_type = models.CharField(_("object"), max_length=40)
    subject_id = models.UUIDField(_("id of the object"))
    number = models.CharField(_("number"), max_length=60, blank=True, default="")
    amount = models.DecimalField(_("amount"), max_digits=14, decimal_places=2, null=True)
    currency = models.CharField(_("currency"), max_length=3)
    asked_by = models.UUIDField(_("asked by"), null=True)
    asked_at = models.DateTimeField(_("asked at"))
    beneficiary_id = models.UUIDField(_("in favour of"), null=True)
    barred = models.JSONField(_("may not decide"), default=list)
    reason = models.CharField(_("reason"), max_length=1000, blank=True, default="")
    evidence = models.CharField(_("evidence"), max_length=1000, blank=True, default="")
    args = models.JSONField(_("what is done"), default=dict)
    state = models.CharField(_("state"), max_length=10, choices=ApprovalState, default=ApprovalState.WAITING)
    expires_at = models.DateTimeField(_("expires at"), null=True)
    decided_by = models.UUIDField(_("decided by"), null=True)
    decided_at = models.DateTimeField(_("decided at"), null=True)
    decision_reason = models.CharField(_("reason of the decision"), max_length=1000, blank=True, default="")
    only_added: ClassVar = OnlyAdded(
        words=("reason", "evidence", "args", "decision_reason"),
        steps={"state": "waiting", "decided_by": None, "decided_at": None, "decision_reason": ""},
    )

    class Meta:
        db_table = "gateway_approval"
        verbose_name = _("approval")
        verbose_name_plural = _("approvals")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "subject_id"], condition=Q(state="waiting"), name="approval_waits_once"
            ),
            models.CheckConstraint(
                condition=~Q(state="approved") | Q(asked_by__isnull=True) | ~Q(decided_by=models.F("asked_by")),
                name="approval_by_another",
            ),
            models.CheckConstraint(
                condition=~Q(state="approved")
                | Q(beneficiary_id__isnull=True)
                | ~Q(decided_by=models.F("beneficiary_id")),
                name="approval_not_by_beneficiary",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", decided_at__isnull=True)
                | Q(state="expired", decided_by__isnull=True)
                | Q(state__in=["approved", "rejected"], decided_by__isnull=False),
                name="approval_decided_by_somebody",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "-id"], name="approval_by_state"),
            models.Index(fields=["asked_by", "-id"], name="approval_of_maker"),
            models.Index(fields=["subject_id"], condition=Q(state="waiting"), name="approval_waiting_for"),
            models.Index(fields=["asked_at", "id"], name="approval_by_asked_at"),
            models.Index(
                fields=["asked_by", "asked_at", "id"], condition=Q(asked_by__isnull=False), name="approval_by_maker"
            ),
            models.Index(
                fields=["decided_at", "id"], condition=Q(decided_at__isnull=False), name="approval_by_decided_at"
            ),
            models.Index(
                fields=["decided_by", "decided_at", "id"],
                condition=Q(decided_by__isnull=False),
                name="approval_by_decider",
            ),
            models.Index(fields=["subject_id", "id"], name="approval_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number or self.subject_id}"

    def end(self, state: ApprovalState, *, decided_by: UUID | None, reason: str, now: datetime) -> None:
        """Stop waiting. Raises WrongTransition."""
        if self.state != ApprovalState.WAITING:
            raise WrongTransition(self.state, [])
        self.state, self.decided_at, self.decision_reason = state, now, reason[:1000]
        self.decided_by = decided_by


class GivenAway(models.Model):
    """Sum that one person gave away alone in one day at the dealer's, roubles; its row lock makes the sum exact."""

    pk = models.CompositePrimaryKey("person_id", "day", "pool")
    person_id = models.UUIDField()
    day = models.DateField()
    pool = models.CharField(max_length=60)
    amount = models.DecimalField(max_digits=16, decimal_places=2)

    class Meta:
        db_table = "gateway_given_away"


class KnownAs(models.Model):
    """A client card and the user it belongs to: whoever acts on an object of their own card acts on their own."""

    card_id = models.UUIDField(primary_key=True)
    user_id = models.UUIDField()

    class Meta:
        db_table = "gateway_known_as"


class KnownPerson(models.Model):
    """Copy of a person as staff call and reach them: an account, or a client card (`is_card`); kept by their news.

    `search_text` is name, e-mail and digits of the phone in the spelling they are looked for in.
    """

    person_id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=255)
    phone = models.CharField(max_length=32, blank=True, default="")
    email = models.CharField(max_length=254, blank=True, default="")
    search_text = models.TextField(blank=True, default="")
    version = models.BigIntegerField(default=0)
    is_card = models.BooleanField(default=False)

    class Meta:
        db_table = "gateway_known_person"
        indexes: ClassVar = [GinIndex(OpClass("search_text", "gin_trgm_ops"), name="known_person_search")]


class Reading(models.Model):
    """That somebody read another person's papers. Rows are only added; after three years they go.

    `owner_id` is whose papers they are, by their user or their client card; empty for a list of many people.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("what"), max_length=40)
    subject_id = models.UUIDField(_("id of the object"), null=True)
    owner_id = models.UUIDField(_("whose"), null=True)
    reader_id = models.UUIDField(_("who read"))
    reader_role = models.CharField(_("role"), max_length=10)
    reader_address = models.CharField(_("address"), max_length=64, blank=True, default="")
    request_id = models.CharField(_("request id"), max_length=128, blank=True, default="")
    at = models.DateTimeField(_("at"))
    only_added: ClassVar = OnlyAdded(words=("reader_address",), lapses=(Lapse("at", 3 * 365),))

    class Meta:
        db_table = "gateway_reading"
        verbose_name = _("reading of papers")
        verbose_name_plural = _("readings of papers")
        indexes: ClassVar = [
            models.Index(fields=["owner_id", "-at"], name="reading_of_owner"),
            models.Index(fields=["reader_id", "-at"], name="reading_by_reader"),
            models.Index(fields=["-at", "-id"], name="reading_newest"),
            models.Index(fields=["subject_id", "at"], condition=Q(subject_id__isnull=False), name="reading_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"


class SwitchTurn(models.Model):
    """That somebody switched a part of the product on or off, and why. The last row of a name is how it stands.

    Rows stand in the database of the app whose part it is, numbered in the order of the turns, each of which waits for
    the one before. `actor_id` is empty for the operator's terminal.
    """

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(_("switch"), max_length=60)
    is_on = models.BooleanField(_("switched on"))
    reason = models.CharField(_("reason"), max_length=1000)
    actor_id = models.UUIDField(_("by whom"), null=True)
    at = models.DateTimeField(_("at"))
    only_added: ClassVar = OnlyAdded()

    class Meta:
        db_table = "gateway_switch_turn"
        verbose_name = _("turn of a switch")
        verbose_name_plural = _("switches")
        constraints: ClassVar = [models.CheckConstraint(condition=~Q(name=""), name="switch_turn_is_named")]
        indexes: ClassVar = [
            models.Index(fields=["name", "-id"], name="switch_turn_last"),
            models.Index(fields=["at", "id"], name="switch_turn_by_at"),
            models.Index(fields=["actor_id", "at", "id"], name="switch_turn_by_actor"),
        ]

    def __str__(self) -> str:
        return self.name
