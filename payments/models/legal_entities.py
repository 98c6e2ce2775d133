"""Legal entities that the dealership sells through: requisites, bank account, and tax regime from day to day."""

from datetime import date
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.money.requisites import INN, KPP, OGRN
from core.money.vat import Regime
from core.postgres.history import OnlyAdded

MONEYS = (
    *("account", "bik", "is_default", "bank_name", "correspondent_account"),
    *("inn", "kpp", "ogrn", "code", "name", "regimes"),
)
"""Fields that money goes by: to which account, to whom, with which tax; shown in this order to whoever agrees."""
MOST_REGIMES = 20
"""Tax regimes of one entity: more than any company changes in its life."""


class LegalEntity(models.Model):
    """A company or sole trader of the dealer. `regimes` are rows (`since`, `regime`): each holds until the next.

    `code` begins the numbers of its tax papers; orders are sold by the default one unless a manager names another.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    code = models.CharField(_("code"), max_length=6)
    name = models.CharField(_("name"), max_length=255)
    address = models.CharField(_("address"), max_length=500)
    inn = models.CharField(_("INN"), max_length=12)
    kpp = models.CharField(_("KPP"), max_length=9, blank=True, default="")
    ogrn = models.CharField(_("OGRN"), max_length=15, blank=True, default="")
    director = models.CharField(_("head"), max_length=255, blank=True, default="")
    accountant = models.CharField(_("chief accountant"), max_length=255, blank=True, default="")
    bank_name = models.CharField(_("bank"), max_length=255, blank=True, default="")
    bik = models.CharField(_("BIK"), max_length=9, blank=True, default="")
    account = models.CharField(_("bank account"), max_length=20, blank=True, default="")
    correspondent_account = models.CharField(_("correspondent account"), max_length=20, blank=True, default="")
    regimes = models.JSONField(_("tax regimes"), default=list)
    is_default = models.BooleanField(_("sells unless another is named"), default=False)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("updated at"))
    deleted_at = models.DateTimeField(_("deleted at"), null=True, blank=True)

    class Meta:
        verbose_name = _("legal entity")
        verbose_name_plural = _("legal entities")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["code"], name="legal_entity_code_unique"),
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True, deleted_at=None), name="legal_entity_one_default"
            ),
            models.CheckConstraint(condition=~Q(inn="") & Q(inn__regex=INN), name="legal_entity_inn_formed"),
            models.CheckConstraint(condition=Q(kpp__regex=KPP), name="legal_entity_kpp_formed"),
            models.CheckConstraint(condition=Q(ogrn__regex=OGRN), name="legal_entity_ogrn_formed"),
            models.CheckConstraint(condition=~Q(regimes=[]), name="legal_entity_has_regime"),
        ]
        indexes: ClassVar = [models.Index(fields=["name", "id"], name="legal_entity_by_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def dated_regimes(self) -> list[tuple[date, Regime]]:
        """Return the regimes as rows of their first day, oldest first."""
        return sorted((date.fromisoformat(row["since"]), Regime(row["regime"])) for row in self.regimes)

    @property
    def money_facts(self) -> dict[str, Any]:
        """Return what money goes by."""
        return {name: getattr(self, name) for name in MONEYS}

    @classmethod
    def label(cls, name: str) -> str:
        """Return a field's name for people."""
        return str(cls._meta.get_field(name).verbose_name)  # type: ignore[union-attr]

    def change(self, changes: dict[str, Any]) -> bool:
        """Take over new values; tell whether anything changed."""
        changed = {name: value for name, value in changes.items() if getattr(self, name) != value}
        for name, value in changed.items():
            setattr(self, name, value)
        return bool(changed)


class LegalEntityRevision(models.Model):
    """Requisites of a legal entity from `at` until its next row: who named them, and who agreed to it."""

    id = models.BigAutoField(primary_key=True)
    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="revisions")
    facts = models.JSONField(_("requisites"))
    is_retired = models.BooleanField(_("sells no more"), default=False)
    made_by = models.UUIDField(_("named by"), null=True)
    agreed_by = models.UUIDField(_("agreed to by"), null=True)
    at = models.DateTimeField(_("since"))
    only_added: ClassVar = OnlyAdded()

    class Meta:
        verbose_name = _("requisites since a day")
        verbose_name_plural = _("history of requisites")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(agreed_by__isnull=True) | ~Q(agreed_by=models.F("made_by")),
                name="requisites_agreed_by_another",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["entity", "id"], name="requisites_of_entity"),
            models.Index(fields=["at", "id"], name="requisites_by_at"),
            models.Index(
                fields=["made_by", "at", "id"], condition=Q(made_by__isnull=False), name="requisites_by_maker"
            ),
            models.Index(
                fields=["agreed_by", "at", "id"], condition=Q(agreed_by__isnull=False), name="requisites_by_agreed"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entity_id} {self.at:%Y-%m-%d}"
