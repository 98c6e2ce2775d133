"""Tariffs as data: dated rows that are never changed, and the revisions that brought and withdrew them."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.postgres.history import OnlyAdded
from insurance.rules.rating.rows import TariffFact


class TariffRevision(models.Model):
    """One change of the tariffs: what was known from its moment on. Revision 0 is what the product ships with."""

    number = models.PositiveIntegerField(_("revision"), primary_key=True)
    note = models.CharField(_("what changed"), max_length=300)
    author_id = models.UUIDField(_("author"), null=True)
    added = models.PositiveIntegerField(_("rows added"))
    withdrawn = models.PositiveIntegerField(_("rows withdrawn"))
    created_at = models.DateTimeField(_("created at"))
    only_added: ClassVar = OnlyAdded()

    class Meta:
        verbose_name = _("tariff revision")
        verbose_name_plural = _("tariff revisions")
        indexes: ClassVar = [
            models.Index(fields=["-created_at", "-number"], name="tariff_revision_newest"),
            models.Index(
                fields=["author_id", "created_at", "number"],
                condition=Q(author_id__isnull=False),
                name="tariff_revision_by_author",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.note}"


class TariffRow(models.Model):
    """One row, in force from `valid_from` through `valid_to`; a correction withdraws it and adds another."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    insurer = models.CharField(_("insurer"), max_length=30, blank=True, default="")
    table = models.CharField(_("table"), max_length=40)
    key = models.CharField(_("key"), max_length=200, blank=True, default="")
    value = models.JSONField(_("value"))
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to"), null=True)
    source = models.CharField(_("source"), max_length=300)
    is_secondary = models.BooleanField(_("not read at its origin"), default=True)
    added_in = models.ForeignKey(
        TariffRevision, on_delete=models.PROTECT, related_name="rows", verbose_name=_("added in revision")
    )
    withdrawn_in = models.ForeignKey(
        TariffRevision,
        on_delete=models.PROTECT,
        null=True,
        related_name="withdrawn_rows",
        verbose_name=_("withdrawn in revision"),
    )
    only_added: ClassVar = OnlyAdded(steps={"withdrawn_in_id": None})

    class Meta:
        verbose_name = _("tariff row")
        verbose_name_plural = _("tariff rows")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["insurer", "table", "key", "valid_from"],
                condition=Q(withdrawn_in__isnull=True),
                name="one_tariff_row_per_day",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")), name="tariff_row_days_in_order"
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_in__isnull=True) | Q(withdrawn_in__gt=F("added_in")),
                name="tariff_row_withdrawn_later",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["table", "insurer", "key", "-valid_from"], name="tariff_row_by_key")]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.insurer, self.table, self.key, str(self.valid_from))))

    @property
    def fact(self) -> TariffFact:
        """The row as the arithmetic reads it."""
        return TariffFact(
            table=self.table,
            key=self.key,
            value=self.value,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            source=self.source,
            is_secondary=self.is_secondary,
            insurer=self.insurer,
        )
