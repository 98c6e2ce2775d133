"""Store the working days of each year as its decree moved them; a year without a row follows the law alone."""

from collections.abc import Iterable
from datetime import date
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from financing.rules.calculations import WorkCalendar, WorkYear, russian_calendar


class WorkCalendarYear(models.Model):
    """One year's decree: weekdays off besides the holidays of the Labour Code art. 112, and working days inside the
    weekend, as ISO days. A correction withdraws the row and adds another. Loans that are signed keep their days until
    somebody lets them follow the row.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    year = models.PositiveSmallIntegerField(_("year"))
    days_off = models.JSONField(_("weekdays off"), default=list)
    working_days = models.JSONField(_("working days of the weekend"), default=list)
    source = models.CharField(_("source"), max_length=300)
    created_at = models.DateTimeField(_("created at"))
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True)
    followed_at = models.DateTimeField(_("signed loans follow it since"), null=True)
    followed_by = models.UUIDField(_("put in force for them by"), null=True)

    class Meta:
        verbose_name = _("year of working days")
        verbose_name_plural = _("calendar of working days")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["year"], condition=Q(withdrawn_at__isnull=True), name="one_work_calendar_per_year"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["-year", "-id"], name="work_calendar_newest")]

    def __str__(self) -> str:
        return f"{self.year}: {self.source}"

    @property
    def decree(self) -> WorkYear:
        """The year as calculations take it."""
        return WorkYear(_days(self.days_off), _days(self.working_days))

    @classmethod
    def read(cls, first: int, last: int) -> WorkCalendar:
        """Return the working days from one year to another."""
        rows = cls.objects.filter(withdrawn_at=None, year__gte=first, year__lte=last)
        return russian_calendar(range(first, last + 1), {row.year: row.decree for row in rows})


def _days(texts: Iterable[str]) -> frozenset[date]:
    return frozenset(map(date.fromisoformat, texts))
