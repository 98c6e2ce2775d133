"""Claims: a loss that was reported, what it is worth, what was decided, and what was paid."""

from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.errors import WrongTransition
from core.ids import uuid7
from core.money import ZERO
from core.postgres.history import OnlyAdded
from insurance.errors import AboveLimit
from insurance.models.fields import amount_field
from insurance.models.policies import Policy
from insurance.models.terms import PolicyTerms


class ClaimStatus(models.TextChoices):
    """State of a claim."""

    OPENED = "opened", _("opened")
    DOCUMENTS = "documents_requested", _("waiting for papers")
    ASSESSING = "assessing", _("being assessed")
    APPROVED = "approved", _("approved")
    PARTIAL = "partially_approved", _("approved in part")
    REJECTED = "rejected", _("rejected")
    PAID = "paid", _("paid")
    CLOSED = "closed", _("closed")
    REOPENED = "reopened", _("reopened")
    WITHDRAWN = "withdrawn", _("withdrawn")


class ClaimKind(models.TextChoices):
    """Kind of thing that happened."""

    COLLISION = "collision", _("collision")
    THEFT = "theft", _("theft")
    VANDALISM = "vandalism", _("vandalism")
    NATURAL = "natural", _("natural disaster")
    FIRE = "fire", _("fire")
    GLASS = "glass", _("broken glass")
    OTHER = "other", _("something else")


class DocumentKind(models.TextChoices):
    """Kind of paper of a claim."""

    STATEMENT = "statement", _("statement of the insured")
    PHOTO = "photo", _("photograph")
    POLICE = "police_report", _("paper of the police")
    EURO = "european_protocol", _("European protocol")
    LICENCE = "driving_licence", _("driving licence")
    REGISTRATION = "registration", _("certificate of registration")
    ESTIMATE = "repair_estimate", _("estimate of the repair")
    METEO = "weather_certificate", _("certificate of the weather service")
    FIRE_REPORT = "fire_report", _("paper of the fire service")
    OTHER = "other", _("another paper")


class ClaimConcern(models.TextChoices):
    """Concern that an adjuster should look at before deciding."""

    WIDENED = "widened", _("the cover was widened shortly before the loss")
    REPORTED_BEFORE = "reported_before", _("another loss was reported before and taken back or refused")
    OTHER_POLICY = "other_policy", _("another policy of the car has a claim of these days")
    MOVED = "moved", _("the moment of the loss was moved to other terms")
    PROVISIONAL = "provisional", _("the premium rests on what nobody has confirmed")


_S, _D, _K = ClaimStatus, DocumentKind, ClaimKind
REQUIRED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    _K.COLLISION: ((_D.PHOTO,), (_D.POLICE, _D.EURO)),
    _K.THEFT: ((_D.POLICE,), (_D.REGISTRATION,)),
    _K.VANDALISM: ((_D.PHOTO,), (_D.POLICE,)),
    _K.NATURAL: ((_D.PHOTO,), (_D.METEO, _D.POLICE)),
    _K.FIRE: ((_D.PHOTO,), (_D.FIRE_REPORT,)),
    _K.GLASS: ((_D.PHOTO,),),
    _K.OTHER: (),
}
"""Papers that a claim of each kind needs: one of each group."""

PROOF: tuple[tuple[str, ...], ...] = ((_D.POLICE, _D.EURO, _D.FIRE_REPORT, _D.METEO), (_D.REGISTRATION,))
"""What a total loss needs besides, and a large one of no named kind: an authority's word, and whose car it is."""

_DECIDABLE = (_S.APPROVED, _S.PARTIAL, _S.REJECTED)
TRANSITIONS: dict[str, tuple[str, ...]] = {
    _S.OPENED: (_S.DOCUMENTS, _S.ASSESSING, _S.REJECTED, _S.WITHDRAWN),
    _S.DOCUMENTS: (_S.DOCUMENTS, _S.ASSESSING, _S.REJECTED, _S.WITHDRAWN),
    _S.ASSESSING: (_S.DOCUMENTS, _S.ASSESSING, *_DECIDABLE, _S.WITHDRAWN),
    _S.APPROVED: (_S.PAID, _S.ASSESSING),
    _S.PARTIAL: (_S.PAID, _S.ASSESSING),
    _S.PAID: (_S.CLOSED, _S.REOPENED),
    _S.REJECTED: (_S.REOPENED, _S.CLOSED),
    _S.CLOSED: (_S.REOPENED,),
    _S.REOPENED: (_S.DOCUMENTS, _S.ASSESSING, _S.REJECTED),
}
"""Every step a claim may take; an assessment may be made again. A status that is not a key is final."""

GRANTED = (_S.APPROVED, _S.PARTIAL, _S.PAID)
UNDECIDED = (_S.OPENED, _S.DOCUMENTS, _S.ASSESSING, _S.REOPENED)
REFUSED = (_S.REJECTED, _S.WITHDRAWN)
OPEN = (*UNDECIDED, *GRANTED[:2])
"""Not settled yet: while one is, the cover of its policy is not widened."""


class Claim(models.Model):
    """A loss under a policy, roubles: `amount` claimed, `assessed_amount` found, `payable_amount` by the policy.

    It is settled by `terms`, which stood when it happened; null only where a release before this one reported it and
    nobody has touched it since.

    `formula` says in figures how the payable sum came about; `reserve` is what is held for it; `penalty_amount` is owed
    on top for paying late; `paid_amount` has left, penalty aside, but for `set_off_amount`: instalments of the premium
    that a total loss pays for. `kind` is as reported until an adjuster confirms it; `concerns` are codes of what to
    look at, `corrections` what an adjuster put right.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="claims", verbose_name=_("policy"))
    terms = models.ForeignKey(
        PolicyTerms,
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        related_name="claims",
        verbose_name=_("terms of that moment"),
    )
    customer_id = models.UUIDField(_("customer"))
    kind = models.CharField(_("kind"), max_length=15, choices=ClaimKind, default=_K.OTHER, db_default=_K.OTHER)
    occurred_at = models.DateTimeField(_("happened at"))
    description = models.TextField(_("description"))
    place = models.CharField(_("place"), max_length=300, blank=True, default="", db_default="")
    driver_name = models.CharField(_("who drove"), max_length=100, blank=True, default="", db_default="")
    driver_birth_date = models.DateField(_("driver's date of birth"), null=True)
    has_recourse = models.BooleanField(_("recourse against the driver"), default=False, db_default=False)
    amount = amount_field(_("claimed"))
    status = models.CharField(_("status"), max_length=20, choices=ClaimStatus, default=_S.OPENED)
    missing = models.JSONField(_("papers asked for"), default=list, db_default=models.Value([], models.JSONField()))
    assessed_amount = amount_field(_("assessed loss"), null=True)
    market_value = amount_field(_("value on the day"), null=True)
    salvage_amount = amount_field(_("value of remains"), default=ZERO, db_default=ZERO)
    wear_percent = models.DecimalField(_("wear, %"), max_digits=5, decimal_places=2, default=ZERO, db_default=ZERO)
    payable_amount = amount_field(_("payable"), null=True)
    reserve_amount = amount_field(_("reserve"), default=ZERO, db_default=ZERO)
    formula = models.TextField(_("how it was calculated"), blank=True, default="", db_default="")
    is_total_loss = models.BooleanField(_("total loss"), default=False)
    needs_proof = models.BooleanField(_("needs the papers of a total loss"), default=False, db_default=False)
    kind_confirmed_by = models.UUIDField(_("kind confirmed by"), null=True)
    kind_confirmed_at = models.DateTimeField(_("kind confirmed at"), null=True)
    concerns = models.JSONField(_("to be looked at"), default=list, db_default=models.Value([], models.JSONField()))
    corrections = models.JSONField(_("corrections"), default=list, db_default=models.Value([], models.JSONField()))
    approved_amount = amount_field(_("approved"), null=True)
    proposed_amount = amount_field(_("proposed"), null=True)
    proposed_by = models.UUIDField(_("proposed by"), null=True)
    reason = models.TextField(_("reason"), blank=True, default="")
    decided_by = models.UUIDField(_("decided by"), null=True)
    decided_at = models.DateTimeField(_("decided at"), null=True)
    papers_complete_at = models.DateTimeField(_("papers complete since"), null=True)
    due_date = models.DateField(_("to be settled by"), null=True)
    penalty_amount = amount_field(_("penalty"), default=ZERO, db_default=ZERO)
    set_off_amount = amount_field(_("premium taken off"), default=ZERO, db_default=ZERO)
    paid_amount = amount_field(_("paid"), default=ZERO, db_default=ZERO)
    paid_at = models.DateTimeField(_("paid at"), null=True)
    reopened_times = models.PositiveSmallIntegerField(_("reopened, times"), default=0, db_default=0)
    currency = models.CharField(_("currency"), max_length=3)
    version = models.PositiveIntegerField(_("version"), default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))

    class Meta:
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="claim_amount_positive"),
            models.CheckConstraint(
                condition=~Q(status__in=[_S.APPROVED, _S.PARTIAL, _S.PAID])
                | Q(approved_amount__isnull=False, approved_amount__gt=0, approved_amount__lte=F("payable_amount")),
                name="claim_approved_within_payable",
            ),
            models.CheckConstraint(
                condition=Q(assessed_amount__isnull=True)
                | Q(payable_amount__isnull=False, payable_amount__gte=0, payable_amount__lte=F("assessed_amount"))
                | Q(is_total_loss=True, payable_amount__isnull=False, payable_amount__gte=0),
                name="claim_payable_within_loss",
            ),
            models.CheckConstraint(
                condition=Q(reserve_amount__gte=0, penalty_amount__gte=0, salvage_amount__gte=0, paid_amount__gte=0),
                name="claim_amounts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(paid_amount=0) | Q(approved_amount__isnull=False, paid_amount__lte=F("approved_amount")),
                name="claim_paid_within_approved",
            ),
            models.CheckConstraint(
                condition=Q(set_off_amount=0)
                | Q(set_off_amount__gt=0, approved_amount__isnull=False, set_off_amount__lte=F("approved_amount")),
                name="claim_set_off_within_approved",
            ),
            models.UniqueConstraint(
                fields=["policy", "occurred_at"],
                condition=~Q(status__in=[_S.REJECTED, _S.WITHDRAWN]),
                name="one_claim_per_event",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["customer_id", "-created_at", "-id"], name="claim_of_customer"),
            models.Index(fields=["-created_at", "-id"], name="claim_newest"),
            models.Index(fields=["status", "-created_at", "-id"], name="claim_by_status"),
            models.Index(fields=["due_date", "id"], condition=Q(due_date__isnull=False), name="claim_by_due_date"),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {timezone.localtime(self.created_at):%d.%m.%Y}"

    def _move(self, target: str, now: datetime) -> None:
        allowed = TRANSITIONS.get(self.status, ())
        if target not in allowed:
            raise WrongTransition(self.status, list(allowed))
        self.status, self.updated_at = target, now
        self.version += 1

    def touch(self, now: datetime) -> None:
        """Record a change that is no step."""
        self.updated_at = now
        self.version += 1

    def list_missing_papers(self, given: Collection[str]) -> list[list[str]]:
        """Groups of papers of which none is there yet."""
        required = REQUIRED[self.kind] + (PROOF if self.needs_proof else ())
        return [list(group) for group in dict.fromkeys(required) if not set(group) & set(given)]

    def ask_for(self, papers: list[list[str]], now: datetime) -> None:
        """Wait for papers. Raises WrongTransition."""
        self._move(_S.DOCUMENTS, now)
        self.missing = papers

    def correct(self, name: str, value: Any, *, reason: str, by: UUID | None, now: datetime) -> None:
        """Put right what was reported; what it was, who says so and why are kept."""
        was, told = (str(each) for each in (getattr(self, name), value))
        entry = {"field": name, "was": was, "is": told, "reason": reason, "by": by and str(by), "at": now.isoformat()}
        self.corrections = [*self.corrections, entry]
        setattr(self, name, value)

    def confirm_kind(self, kind: str, *, reason: str, by: UUID | None, now: datetime) -> None:
        """Say as an adjuster what happened, be it what was reported or not."""
        if kind != self.kind:
            self.correct("kind", kind, reason=reason, by=by, now=now)
        self.kind_confirmed_by, self.kind_confirmed_at = by, now

    def assess(self, *, found: Mapping[str, Any], now: datetime) -> None:
        """Record what the loss is worth and what the policy pays for it. Raises WrongTransition."""
        self._move(_S.ASSESSING, now)
        for name, value in found.items():
            setattr(self, name, value)
        self.missing, self.proposed_by, self.proposed_amount = [], None, None

    def check_grant(self, amount: Decimal | None) -> Decimal:
        """Return what would be granted. Raises WrongTransition, AboveLimit."""
        if self.status != _S.ASSESSING or self.payable_amount is None:
            raise WrongTransition(self.status, list(TRANSITIONS.get(self.status, ())))
        granted = self.payable_amount if amount is None else amount
        if not self.paid_amount <= granted or not 0 < granted <= self.payable_amount:
            raise AboveLimit(payable=str(self.payable_amount))
        return granted

    def propose(self, amount: Decimal, *, proposed_by: UUID, now: datetime) -> None:
        """Note a grant that a second person has to confirm."""
        self.proposed_amount, self.proposed_by = amount, proposed_by
        self.touch(now)

    def approve(self, amount: Decimal | None, *, decided_by: UUID, now: datetime) -> None:
        """Grant what the policy pays, or less. Raises WrongTransition, AboveLimit."""
        granted = self.check_grant(amount)
        self._move(_S.APPROVED if granted >= min(self.payable_amount or ZERO, self.amount) else _S.PARTIAL, now)
        self.approved_amount, self.decided_by, self.decided_at = granted, decided_by, now
        self.reserve_amount = granted - self.paid_amount

    def reject(self, reason: str, *, decided_by: UUID, now: datetime) -> None:
        """Refuse, and say why. Raises WrongTransition."""
        self._move(_S.REJECTED, now)
        self.reason, self.decided_by, self.decided_at = reason, decided_by, now
        self.reserve_amount = ZERO

    def withdraw(self, now: datetime) -> None:
        """Take the report back. Raises WrongTransition."""
        self._move(_S.WITHDRAWN, now)
        self.reserve_amount = ZERO

    def settle(self, now: datetime) -> None:
        """Record that everything granted has been paid. Raises WrongTransition."""
        self._move(_S.PAID, now)
        self.paid_amount, self.paid_at = self.approved_amount or ZERO, now
        self.reserve_amount = ZERO

    def close(self, now: datetime) -> None:
        """Put a settled claim away. Raises WrongTransition."""
        self._move(_S.CLOSED, now)

    def reopen(self, reason: str, now: datetime) -> None:
        """Look at a settled claim again. Raises WrongTransition."""
        self._move(_S.REOPENED, now)
        self.reason, self.decided_at, self.decided_by = reason, None, None
        self.reopened_times += 1

    def is_late_on(self, day: date) -> bool:
        """Tell whether it should have been settled before this day."""
        return self.due_date is not None and day > self.due_date and self.status in (*UNDECIDED, *GRANTED[:2])


class ClaimDocument(models.Model):
    """A paper or photograph of a claim, kept where only services reach it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    claim = models.ForeignKey(Claim, on_delete=models.PROTECT, related_name="documents", verbose_name=_("claim"))
    kind = models.CharField(_("kind"), max_length=20, choices=DocumentKind)
    name = models.CharField(_("file name"), max_length=150)
    content_type = models.CharField(_("type"), max_length=40)
    size = models.PositiveIntegerField(_("bytes"))
    sha256 = models.CharField(_("digest"), max_length=64)
    path = models.CharField(_("where it lies"), max_length=200)
    uploaded_by = models.UUIDField(_("uploaded by"))
    created_at = models.DateTimeField(_("created at"))
    only_added: ClassVar = OnlyAdded(goes=True)

    class Meta:
        verbose_name = _("paper of a claim")
        verbose_name_plural = _("papers of claims")
        ordering: ClassVar = ["created_at", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["claim", "sha256"], name="one_paper_once"),
            models.CheckConstraint(condition=Q(size__gt=0), name="paper_is_not_empty"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at", "id"], name="claim_paper_by_created_at"),
            models.Index(fields=["uploaded_by", "created_at", "id"], name="claim_paper_by_uploader"),
        ]

    def __str__(self) -> str:
        return self.name
