"""Terms of policies as a dated history: a loss is settled by what stood at its moment, whatever changed later."""

from datetime import date
from typing import Any, ClassVar

import msgspec
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeBoundary, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from core.ids import uuid7
from core.postgres.history import OnlyAdded
from insurance.models.fields import amount_field
from insurance.models.policies import Policy
from insurance.rules.pricing import Settlement


class _Interval(Func):
    """From `starts_at` until just before `ends_at`; no end is for ever."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class PolicyTerms(models.Model):
    """All that a claim reads of a policy, from `starts_at` until the next of them: roubles; `number` counts from 1.

    A row is written when the policy comes into force and with each change of it, never for a moment that has passed,
    and is not altered but for its end. `drivers` are those named with their dates, null is anybody. `widened` are the
    fields in which it covers more than the terms before it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    policy = models.ForeignKey(
        Policy, on_delete=models.PROTECT, db_index=False, related_name="terms", verbose_name=_("policy")
    )
    number = models.PositiveSmallIntegerField(_("number"))
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"), null=True)
    recorded_at = models.DateTimeField(_("written down at"))
    coverage_amount = amount_field(_("sum insured"))
    insured_value = amount_field(_("insured value"))
    deductible = amount_field(_("deductible"))
    beneficiary = models.CharField(_("beneficiary"), max_length=100, blank=True, default="")
    drivers = models.JSONField(_("drivers"), null=True)
    settlement = models.JSONField(_("how losses are settled"), default=dict)
    widened = models.JSONField(_("covers more in"), default=list)
    only_added: ClassVar = OnlyAdded(words=("beneficiary", "drivers", "settlement", "widened"), steps={"ends_at": None})

    class Meta:
        verbose_name = _("terms of a policy")
        verbose_name_plural = _("terms of policies")
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["policy", "number"], name="terms_are_numbered"),
            models.CheckConstraint(condition=Q(starts_at__gte=F("recorded_at")), name="terms_never_reach_back"),
            models.CheckConstraint(
                condition=Q(coverage_amount__gt=0, insured_value__gt=0, deductible__gte=0), name="terms_amounts_sane"
            ),
            ExclusionConstraint(
                name="terms_one_at_a_time",
                expressions=[
                    ("policy", RangeOperators.EQUAL),
                    (_Interval("starts_at", "ends_at", RangeBoundary()), RangeOperators.OVERLAPS),
                ],
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["recorded_at", "id"], name="terms_by_recorded_at"),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.number}"

    @property
    def agreed(self) -> Settlement:
        """Return how losses are settled under them."""
        return msgspec.convert(self.settlement, Settlement, strict=False)

    def names(self, birth_date: date) -> bool:
        """Tell whether a driver born on a day may drive."""
        named: list[dict[str, Any]] | None = self.drivers
        return named is None or str(birth_date) in {driver["birth_date"] for driver in named}
