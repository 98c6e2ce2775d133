"""Opening and changing programmes, and choosing one for an application."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypedDict
from uuid import NAMESPACE_OID, UUID, uuid5

from django.utils.translation import gettext as _

from core.db import Expected, require_version, transaction
from core.errors import InvalidInput
from financing.approvals import CHANGE_PROGRAMME, OPEN_PROGRAMME
from financing.errors import ProgrammeExists, ProgrammeNotFound
from financing.models import PaperKind, Programme, ProgrammeRate, ScheduleType
from financing.models.fields import legal_order
from financing.queries.programme_rules import check_bank_rules
from gateway import approvals


class ProgrammeFields(TypedDict, total=False):
    """Fields of a programme; the same names as the model's, money in roubles, rates in per cent a year."""

    bank: str
    name: str
    connection: str
    financing_type: str
    schedule: str
    base_rate: Decimal
    residual_percent: Decimal
    min_down_payment_percent: Decimal
    max_ltv_percent: Decimal
    min_down_payment_used_percent: Decimal | None
    max_ltv_used_percent: Decimal | None
    max_ltv_insured_percent: Decimal
    min_amount: Decimal
    max_amount: Decimal
    min_term_months: int
    max_term_months: int
    min_age: int
    max_age_at_end: int
    is_birth_date_required: bool
    max_vehicle_age: int
    review_irregular_income_above: Decimal
    living_minimum: Decimal
    approve_dti_percent: Decimal
    review_dti_percent: Decimal
    max_psk_percent: Decimal | None
    penalty_daily_percent: Decimal
    is_interest_on_overdue: bool
    allocation_order: list[str]
    residual_limits: list[str]
    required_documents: list[str]
    cooling_off_days: int
    day_count: str
    due_shift: str
    month_end: str
    payment_day: int | None
    min_first_period_days: int
    first_period: str
    payment_unit: Decimal
    payment_rounding: str
    interest_rounding: str
    payoff_rule: str
    fees: list[dict[str, Any]]
    valid_from: date
    valid_to: date | None


Rates = Mapping[int, Decimal]
"""Rate in per cent a year by the shortest term in months it holds for."""


ANYBODYS = frozenset({"name", "valid_to"})
"""What one person may change: nothing more is lent by it."""


def open_programme(
    *, fields: ProgrammeFields, now: datetime, rates: Rates | None = None, maker_id: UUID | None = None
) -> Programme:
    """Add a bank's programme; a person's waits for a second one. Raises InvalidInput, ProgrammeExists, Waits."""
    with transaction("financing"):
        programme = Programme(**fields, created_at=now, updated_at=now)
        _check(programme)
        check_bank_rules(programme, rates or {})
        known_as = uuid5(NAMESPACE_OID, f"{programme.bank}/{programme.name}/{programme.valid_from}")
        approvals.admit(OPEN_PROGRAMME, _ask(known_as, programme, maker_id, fields, rates), now=now)
        programme.save(force_insert=True)
        _replace_rates(programme, rates or {})
    return programme


def open_agreed(
    *,
    subject_id: UUID,
    maker_id: UUID,
    approver_id: UUID,
    now: datetime,
    fields: ProgrammeFields,
    rates: dict[int, Decimal] | None,
) -> None:
    """Add the programme that one person asked for and another agreed to. Raises InvalidInput, ProgrammeExists."""
    open_programme(fields=fields, rates=rates, maker_id=maker_id, now=now)


def change_programme(
    *,
    programme_id: UUID,
    changes: ProgrammeFields,
    now: datetime,
    rates: Rates | None = None,
    expected_version: Expected = None,
    maker_id: UUID | None = None,
) -> Programme:
    """Change terms or thresholds for applications to come; what was decided keeps the version it was decided by.

    A person's change of the rules waits for a second one. Raises ProgrammeNotFound, StaleVersion, InvalidInput,
    ProgrammeExists, Waits.
    """
    with transaction("financing"):
        programme = Programme.objects.select_for_update().filter(pk=programme_id).first()
        if programme is None:
            raise ProgrammeNotFound
        require_version(programme.version, expected_version)
        is_rule = rates is not None or any(
            name not in ANYBODYS and getattr(programme, name) != value for name, value in changes.items()
        )
        for name, value in changes.items():
            setattr(programme, name, value)
        _check(programme)
        if is_rule:
            check_bank_rules(programme, rates)
            approvals.admit(CHANGE_PROGRAMME, _ask(programme.id, programme, maker_id, changes, rates), now=now)
        programme.version += 1
        programme.updated_at = now
        programme.save()
        if rates is not None:
            _replace_rates(programme, rates)
    return programme


def change_agreed(
    *,
    subject_id: UUID,
    maker_id: UUID,
    approver_id: UUID,
    now: datetime,
    fields: ProgrammeFields,
    rates: dict[int, Decimal] | None,
) -> None:
    """Change a programme as one person asked and another agreed. Raises what `change_programme` does."""
    change_programme(programme_id=subject_id, changes=fields, rates=rates, maker_id=maker_id, now=now)


def _ask(
    subject_id: UUID, programme: Programme, maker_id: UUID | None, fields: ProgrammeFields, rates: Rates | None
) -> approvals.Ask:
    """Build the question to a second person about a programme's rules; nobody can say what they will lend."""
    return approvals.Ask(
        subject_id=subject_id,
        amount=None,
        maker_id=maker_id,
        beneficiary_id=None,
        number=f"{programme.bank}: {programme.name}",
        evidence=", ".join(f"{name}: {value}" for name, value in fields.items())[:1000],
        args={"fields": dict(fields), "rates": None if rates is None else dict(rates)},
    )


def _replace_rates(programme: Programme, rates: Rates) -> None:
    programme.rates.all().delete()
    ProgrammeRate.objects.bulk_create(
        ProgrammeRate(programme=programme, from_months=months, annual_rate=rate) for months, rate in rates.items()
    )


def _check(programme: Programme) -> None:
    """Name the field that contradicts another; the database would refuse it too, but could not say so kindly."""
    ordered: Sequence[tuple[str, Any, str, Any]] = [
        ("max_amount", programme.max_amount, "min_amount", programme.min_amount),
        ("max_term_months", programme.max_term_months, "min_term_months", programme.min_term_months),
        ("review_dti_percent", programme.review_dti_percent, "approve_dti_percent", programme.approve_dti_percent),
        ("valid_to", programme.valid_to or programme.valid_from, "valid_from", programme.valid_from),
    ]
    for name, value, least_name, least in ordered:
        if value < least:
            raise InvalidInput(name, "min_value", _("Must not be below %(name)s.") % {"name": least_name})
    if programme.residual_percent and programme.schedule != ScheduleType.BALLOON:
        raise InvalidInput("residual_percent", "invalid", _("Only a balloon schedule has a residual payment."))
    if sorted(programme.allocation_order) != sorted(legal_order()):
        raise InvalidInput("allocation_order", "invalid", _("Name every part of a debt once."))
    if any(not _is_share(limit) for limit in programme.residual_limits):
        raise InvalidInput("residual_limits", "invalid", _("Per cent between 0 and 100, one for each year of age."))
    if set(programme.required_documents) - set(PaperKind.values):
        raise InvalidInput("required_documents", "invalid_choice", _("There is no such kind of paper."))
    same = Programme.objects.filter(bank=programme.bank, name=programme.name, valid_from=programme.valid_from)
    if same.exclude(pk=programme.pk).exists():
        raise ProgrammeExists


def _is_share(limit: Any) -> bool:
    try:
        return 0 <= Decimal(str(limit)) <= 100
    except InvalidOperation:
        return False
