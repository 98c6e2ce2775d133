"""Store what the dealer keeps beside a client card: consents, and the garage of the client's cars."""

from typing import ClassVar

from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Replace, Upper
from django.utils.translation import gettext_lazy as _

from clients.models.cards import Client
from clients.models.leads import Lead
from core import vin
from core.ids import uuid7
from core.postgres.history import OnlyAdded


class ConsentKind(models.TextChoices):
    """Kind of consent that a client may give."""

    PERSONAL_DATA = "personal_data", _("processing of personal data")
    MARKETING = "marketing", _("marketing")
    CALLS = "calls", _("calls")
    SMS = "sms", _("SMS")
    EMAIL = "email", _("e-mail")
    CREDIT_BUREAU = "credit_bureau", _("request to credit bureaus")
    THIRD_PARTIES = "third_parties", _("handing over to partners")


class ConsentSource(models.TextChoices):
    """Way in which a consent reached the dealer."""

    PAPER = "paper", _("signed paper")
    WEBSITE = "website", _("website")
    PHONE = "phone", _("phone")
    EMAIL = "email", _("e-mail")
    SHOWROOM = "showroom", _("showroom")
    IMPORT = "import", _("import")


class Consent(models.Model):
    """A consent given or withdrawn. The history is only added to; the latest row of a kind is what counts."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="consents", verbose_name=_("client"))
    kind = models.CharField(_("kind"), max_length=15, choices=ConsentKind)
    is_given = models.BooleanField(_("given"))
    source = models.CharField(_("source"), max_length=10, choices=ConsentSource)
    note = models.CharField(_("note"), max_length=255, blank=True, default="")
    at = models.DateTimeField(_("at"))
    recorded_by = models.UUIDField(_("recorded by"), null=True, blank=True)
    recorded_at = models.DateTimeField(_("recorded at"))
    only_added: ClassVar = OnlyAdded(words=("note",))

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=ConsentKind.values), name="consent_kind_known"),
            models.CheckConstraint(condition=Q(source__in=ConsentSource.values), name="consent_source_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["client", "at", "id"], name="consent_of_client"),
            models.Index(fields=["recorded_at", "id"], name="consent_by_recorded_at"),
            models.Index(
                fields=["recorded_by", "recorded_at", "id"],
                condition=Q(recorded_by__isnull=False),
                name="consent_by_recorder",
            ),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class ConsentDoor(models.TextChoices):
    """Form of the shop in which people agree to the processing of their data."""

    SIGN_UP = "sign_up", _("sign-up")
    LOAN = "loan", _("loan application")
    LEAD = "lead", _("enquiry")


class ConsentProof(models.Model):
    """Proof that a consent was given in a form: which text, when, from which address, by whom (152-FZ, art. 9).

    Whoever had an account is named by `user_id`, whoever had none by their enquiry.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user_id = models.UUIDField(_("user"), null=True, blank=True)
    lead = models.ForeignKey(
        Lead, on_delete=models.PROTECT, null=True, blank=True, related_name="proofs", verbose_name=_("lead")
    )
    door = models.CharField(_("form"), max_length=10, choices=ConsentDoor)
    text_version = models.CharField(_("version of the text"), max_length=20)
    language = models.CharField(_("language"), max_length=2)
    address = models.CharField(_("address on the network"), max_length=45, blank=True, default="")
    at = models.DateTimeField(_("at"))
    only_added: ClassVar = OnlyAdded(words=("address",))

    class Meta:
        verbose_name = _("proof of consent")
        verbose_name_plural = _("proofs of consent")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(door__in=ConsentDoor.values), name="consent_proof_door_known"),
            models.CheckConstraint(
                condition=Q(user_id__isnull=False) | Q(lead__isnull=False), name="consent_proof_of_somebody"
            ),
            models.CheckConstraint(condition=~Q(text_version=""), name="consent_proof_names_text"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user_id", "at"], condition=Q(user_id__isnull=False), name="consent_proof_of_user"),
            models.Index(fields=["at", "id"], condition=~Q(address=""), name="consent_proof_by_age"),
            models.Index(fields=["at", "id"], name="consent_proof_by_at"),
        ]

    def __str__(self) -> str:
        return f"{self.get_door_display()} {self.text_version}"


FOLDED_PLATE = Replace(Upper("plate"), Value(" "))
"""Plate in capitals without spaces, as it is looked for."""


class VehicleSource(models.TextChoices):
    """Source from which the dealer knows of a car."""

    ORDER = "order", _("bought here")
    POLICY = "policy", _("insured here")
    MANUAL = "manual", _("entered by hand")


class Vehicle(models.Model):
    """A car of a client, whom `customer_id` names as other apps do; `left_at` says since when it is theirs no more."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    customer_id = models.UUIDField(_("customer"))
    vin = models.CharField(_("VIN"), max_length=vin.VIN_LENGTH)
    name = models.CharField(_("name"), max_length=255, blank=True, default="")
    plate = models.CharField(_("plate"), max_length=15, blank=True, default="")
    source = models.CharField(_("source"), max_length=6, choices=VehicleSource)
    source_id = models.UUIDField(_("order or policy"), null=True, blank=True)
    since = models.DateTimeField(_("since"))
    left_at = models.DateTimeField(_("left at"), null=True, blank=True)

    class Meta:
        verbose_name = _("vehicle")
        verbose_name_plural = _("vehicles")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["customer_id", "vin"], name="vehicle_once_per_client"),
            models.CheckConstraint(condition=Q(vin__regex=vin.PATTERN), name="vehicle_vin_formed"),
            models.CheckConstraint(condition=Q(source__in=VehicleSource.values), name="vehicle_source_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["vin"], name="vehicle_by_vin"),
            models.Index(fields=["customer_id", "since", "id"], name="vehicle_of_client"),
            models.Index(FOLDED_PLATE, name="vehicle_by_plate", condition=~Q(plate="")),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.vin}".strip()
