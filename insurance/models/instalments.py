"""Instalments: a premium that is paid in parts, and what became of each."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.clock import day_ends
from core.ids import uuid7
from insurance.models.fields import amount_field
from insurance.models.policies import Policy


class InstalmentState(models.TextChoices):
    """State of a part of a premium."""

    PLANNED = "planned", _("to be paid")
    PAID = "paid", _("paid")
    VOID = "void", _("not owed any more")
    SET_OFF = "set_off", _("taken off a payout")


_S = InstalmentState


class Instalment(models.Model):
    """A part of a policy's premium, roubles, due by `due_date`: the last day that the parts before it pay for.

    Paid within the days of grace it counts as paid in time. Afterwards the cover is off, from the day after `due_date`
    (`lapsed_at` says when that was noted) until `paid_at`.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="instalments", verbose_name=_("policy"))
    number = models.PositiveSmallIntegerField(_("number"))
    amount = amount_field(_("amount"))
    due_date = models.DateField(_("due by"))
    state = models.CharField(_("state"), max_length=10, choices=InstalmentState, default=_S.PLANNED)
    money_id = models.UUIDField(_("payment asked for"), null=True)
    code = models.CharField(_("refusal"), max_length=60, blank=True, default="")
    detail = models.CharField(_("why"), max_length=300, blank=True, default="")
    asked_at = models.DateTimeField(_("asked for at"), null=True)
    reminded_at = models.DateTimeField(_("reminded at"), null=True)
    overdue_told_at = models.DateTimeField(_("told that it is overdue at"), null=True)
    lapsed_at = models.DateTimeField(_("cover stopped at"), null=True)
    paid_at = models.DateTimeField(_("paid at"), null=True)

    class Meta:
        verbose_name = _("instalment")
        verbose_name_plural = _("instalments")
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["policy", "number"], name="instalments_are_numbered"),
            models.CheckConstraint(condition=Q(amount__gte=0, number__gte=1), name="instalment_amount_sane"),
            models.CheckConstraint(
                condition=Q(state=_S.PAID, paid_at__isnull=False) | ~Q(state=_S.PAID) & Q(paid_at=None),
                name="instalment_paid_at",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["due_date", "policy"], condition=Q(state=_S.PLANNED), name="instalment_planned")
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.number}"

    @property
    def grace_until(self) -> date:
        """The last day on which it counts as paid in time."""
        return self.due_date + timedelta(days=settings.PREMIUM_GRACE_DAYS)

    @property
    def ends_after(self) -> date:
        """The last day on which it can be paid at all: then the policy ends."""
        return self.grace_until + timedelta(days=settings.PREMIUM_SUSPENSION_DAYS)

    def is_overdue_on(self, day: date) -> bool:
        """Tell whether it should have been paid before a day and was not."""
        return self.state == _S.PLANNED and self.due_date < day

    def uncovers(self, moment: datetime) -> bool:
        """Tell whether there was no cover at a moment because it was not paid then."""
        if self.lapsed_at is None or moment < day_ends(self.due_date):
            return False
        return self.paid_at is None or moment < self.paid_at


def next_planned(rows: Iterable[Instalment]) -> Instalment | None:
    """The instalment to be paid next."""
    return min((row for row in rows if row.state == _S.PLANNED), key=lambda row: row.number, default=None)
