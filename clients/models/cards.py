"""Client cards, the ways to reach their people, and what one card is told from another by."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.money.requisites import INN, KPP, OGRN

ERASED_NAME = "—"


class ClientType(models.TextChoices):
    """Whom the card is about."""

    PERSON = "person", _("person")
    ORGANIZATION = "organization", _("organization")


class Channel(models.TextChoices):
    """Channel by which a client likes to be reached."""

    ANY = "", _("any")
    PHONE = "phone", _("phone")
    EMAIL = "email", _("e-mail")
    SMS = "sms", "SMS"
    MESSENGER = "messenger", _("messenger")


class Language(models.TextChoices):
    """The language a client is talked to in."""

    ANY = "", _("any")
    RUSSIAN = "ru", _("Russian")
    ENGLISH = "en", _("English")


class ClientQuerySet(models.QuerySet["Client"]):
    """Filters of client cards."""

    def present(self) -> "ClientQuerySet":
        """Cards that nobody deleted, and that were not merged into another."""
        return self.filter(deleted_at__isnull=True, merged_into__isnull=True)

    def of_customer(self, customer_id: UUID) -> "ClientQuerySet":
        """The card other apps mean by a customer's id: the user's, or the card's own for someone without an account."""
        return self.filter(Q(user_id=customer_id) | Q(id=customer_id))

    def group(self, root_id: UUID) -> "ClientQuerySet":
        """A card and all that were merged into it."""
        return self.filter(Q(id=root_id) | Q(merged_into_id=root_id))


class Client(models.Model):
    """A person or an organisation the dealer knows. A registered user's card follows their profile.

    Deleting only hides the card: should its user buy something later, it opens again. A card merged into another
    keeps its row and all that belongs to it; `merged_into` is always the card that stands for the whole group.
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
    inn = models.CharField(_("INN"), max_length=12, blank=True, default="", db_default="")
    kpp = models.CharField(_("KPP"), max_length=9, blank=True, default="", db_default="")
    ogrn = models.CharField(_("OGRN"), max_length=15, blank=True, default="", db_default="")
    address = models.CharField(_("registered address"), max_length=500, blank=True, default="", db_default="")
    preferred_channel = models.CharField(
        _("preferred channel"), max_length=10, choices=Channel, blank=True, default=Channel.ANY, db_default=Channel.ANY
    )
    preferred_language = models.CharField(
        _("preferred language"),
        max_length=2,
        choices=Language,
        blank=True,
        default=Language.ANY,
        db_default=Language.ANY,
    )
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged", verbose_name=_("merged into")
    )
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
            models.CheckConstraint(condition=Q(inn__regex=INN), name="client_inn_formed"),
            models.CheckConstraint(condition=Q(ogrn__regex=OGRN), name="client_ogrn_formed"),
            models.CheckConstraint(
                condition=Q(kpp="") | Q(kpp__regex=KPP, type=ClientType.ORGANIZATION),
                name="client_kpp_of_organization",
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | ~Q(merged_into=models.F("id")), name="client_not_into_itself"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["created_at", "id"], name="client_newest"),
            models.Index(fields=["updated_at", "id"], name="client_changed"),
            models.Index(fields=["name", "id"], name="client_by_name"),
            models.Index(fields=["type", "created_at", "id"], name="client_by_type"),
            models.Index(fields=["industry", "created_at", "id"], name="client_by_industry"),
            models.Index(fields=["inn"], condition=~Q(inn=""), name="client_by_inn"),
            models.Index(Upper("email"), name="client_by_email"),
            GinIndex(OpClass(Upper("name"), "gin_trgm_ops"), name="client_name_search"),
            GinIndex(OpClass(Upper("email"), "gin_trgm_ops"), name="client_email_search"),
            GinIndex(OpClass(Upper("phone"), "gin_trgm_ops"), name="client_phone_search"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def root_id(self) -> UUID:
        """The card that stands for this one: itself, unless it was merged into another."""
        return self.merged_into_id or self.id

    @property
    def customer_id(self) -> UUID:
        """The id under which other apps know this client."""
        return self.user_id or self.id

    def change(self, fields: dict[str, Any], *, now: datetime) -> bool:
        """Set the given fields; tell whether any of them differed."""
        changed = {name: value for name, value in fields.items() if getattr(self, name) != value}
        for name, value in changed.items():
            setattr(self, name, value)
        if changed:
            self._touch(now)
        return bool(changed)

    def fill(self, other: "Client", *, now: datetime) -> dict[str, str]:
        """Take over what this card lacks and the other has; return what was taken."""
        taken = {name: getattr(other, name) for name in FILLED if getattr(other, name) and not getattr(self, name)}
        self.change(taken, now=now)
        return taken

    def unfill(self, taken: dict[str, str], *, now: datetime) -> None:
        """Give back what `fill` took, unless it was changed since."""
        self.change({name: "" for name, value in taken.items() if getattr(self, name) == value}, now=now)

    def follow(self, *, email: str, full_name: str, phone: str, version: int, now: datetime) -> bool:
        """Take over a user's profile unless it is older news or was erased; tell whether the card changed."""
        if version <= self.user_version or self.erased_at is not None:
            return False
        self.user_version = version
        self.change({"name": get_display_name(full_name, email), "email": email, "phone": phone}, now=now)
        return True

    def reopen(self, *, now: datetime) -> None:
        """Show a deleted card again."""
        self.deleted_at = None
        self._touch(now)

    def delete_softly(self, *, now: datetime) -> None:
        """Hide the card."""
        self.deleted_at = now
        self._touch(now)

    def merge_into(self, kept: "Client", *, now: datetime) -> None:
        """Let another card stand for this one."""
        self.merged_into = kept
        self._touch(now)

    def part(self, *, now: datetime) -> None:
        """Stand for itself again."""
        self.merged_into = None
        self._touch(now)

    def erase(self, *, now: datetime) -> None:
        """Forget who it was; the card stays, so that the deals keep their client."""
        self.name = ERASED_NAME
        self.email = self.phone = self.industry = self.description = self.inn = self.kpp = self.ogrn = ""
        self.address = ""
        self.erased_at = now
        self._touch(now)

    def _touch(self, now: datetime) -> None:
        self.updated_at = now
        self.version += 1


FILLED = (
    "email", "phone", "inn", "kpp", "ogrn", "address", "industry", "description", "preferred_channel",
    "preferred_language",
)  # fmt: skip
"""Fields of a card that a merge fills from the other card where they are blank."""


def get_display_name(full_name: str, email: str) -> str:
    """Return how to call a user: by their name, or by what stands before the @ while they gave none."""
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


class KeyKind(models.TextChoices):
    """By what two cards may turn out to be the same client."""

    PHONE = "phone", _("phone")
    EMAIL = "email", _("e-mail")
    INN = "inn", _("INN")


class ClientKey(models.Model):
    """Key that a card is recognised by, in one spelling: a phone in E.164, an e-mail in lower case, an ИНН."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="keys")
    kind = models.CharField(max_length=5, choices=KeyKind)
    key = models.CharField(max_length=254)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "key", "client"], name="client_key_once"),
            models.CheckConstraint(condition=~Q(key=""), name="client_key_given"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class Duplicate(models.Model):
    """Two cards that share a key, the older first; kept up on every write. `reasons` are the kinds of shared keys."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    first = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="+", verbose_name=_("first"))
    second = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="+", verbose_name=_("second"))
    reasons = models.JSONField(_("reasons"), default=list)
    found_at = models.DateTimeField(_("found at"))
    dismissed_at = models.DateTimeField(_("dismissed at"), null=True, blank=True)
    dismissed_by = models.UUIDField(_("dismissed by"), null=True, blank=True)

    class Meta:
        verbose_name = _("duplicate")
        verbose_name_plural = _("duplicates")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["first", "second"], name="duplicate_once"),
            models.CheckConstraint(condition=Q(first__lt=models.F("second")), name="duplicate_in_order"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["found_at", "id"], condition=Q(dismissed_at__isnull=True), name="duplicate_open")
        ]

    def __str__(self) -> str:
        return f"{self.first} = {self.second}?"


class Merge(models.Model):
    """That one card was merged into another: enough to undo it. `moved` are the cards that changed their root."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kept = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="merges", verbose_name=_("kept"))
    other = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+", verbose_name=_("other"))
    moved = models.JSONField(default=list)
    filled = models.JSONField(default=dict)
    merged_by = models.UUIDField(_("merged by"), null=True)
    merged_at = models.DateTimeField(_("merged at"))
    undone_by = models.UUIDField(_("undone by"), null=True, blank=True)
    undone_at = models.DateTimeField(_("undone at"), null=True, blank=True)

    class Meta:
        verbose_name = _("merge")
        verbose_name_plural = _("merges")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["other"], condition=Q(undone_at__isnull=True), name="merged_into_one_card_at_a_time"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["kept", "merged_at", "id"], name="merge_of_client")]

    def __str__(self) -> str:
        return f"{self.other} → {self.kept}"
