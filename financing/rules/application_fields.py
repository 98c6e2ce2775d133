"""The fields of an application: read from plain JSON, and checked before any bank decides."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.money import MAX_AMOUNT
from financing.errors import InvalidFields
from financing.rules.decisions import Employment
from financing.rules.kinds import FinancingType

MAX_TERM_MONTHS = 360
MONEY = (
    "vehicle_price", "down_payment", "monthly_income", "monthly_obligations", "financed_premium", "psk_premium",
)  # fmt: skip
FIRST_BIRTH_YEAR = 1900
FIRST_VEHICLE_YEAR = 1950


class ApplicationFields(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of POST /financing/applications; money in roubles.

    `financed_premium` is insurance that the loan pays besides, and `psk_premium` its part that ПСК counts: a checkout
    says them by its own lines, nobody else can.
    """

    vehicle_price: Decimal
    down_payment: Decimal
    term_months: int
    financing_type: FinancingType
    employment_status: Employment
    monthly_income: Decimal
    monthly_obligations: Decimal = Decimal(0)
    birth_date: date | None = None
    vehicle_year: int | None = None
    programme_id: UUID | None = None
    financed_premium: Decimal = Decimal(0)
    psk_premium: Decimal = Decimal(0)


def read_fields(raw: Mapping[str, Any]) -> ApplicationFields:
    """Read fields that arrive as plain JSON; members that are not ours are left alone. Raises InvalidInput."""
    try:
        return msgspec.convert(dict(raw), ApplicationFields, strict=False)
    except msgspec.ValidationError as error:
        detail, _, path = str(error).partition(" - at `$.")
        missing = detail.split("`")[1] if "missing required field" in detail else ""
        code = "required" if missing else "invalid"
        raise InvalidInput(missing or path.rstrip("`") or "financing", code, detail) from error


def check_fields(fields: ApplicationFields, today: date) -> None:
    """Refuse fields no bank can decide on. Raises InvalidFields naming each."""
    wrong = list(_problems(fields, today))
    if wrong:
        raise InvalidFields(wrong)


def _problems(fields: ApplicationFields, today: date) -> Iterator[tuple[str, str, str]]:
    bad = [name for name in MONEY if _bad(getattr(fields, name))]
    for name in bad:
        yield name, "invalid", _("An amount of at most two decimals, 0 or more.")
    if not bad and fields.vehicle_price <= 0:
        yield "vehicle_price", "min_value", _("The price must be above zero.")
    elif not bad and fields.down_payment >= fields.vehicle_price:
        yield "down_payment", "max_value", _("The down payment must be below the price.")
    if not bad and fields.psk_premium > fields.financed_premium:
        yield "psk_premium", "max_value", _("Not more than all premiums.")
    if not 1 <= fields.term_months <= MAX_TERM_MONTHS:
        limits = {"most": MAX_TERM_MONTHS}
        yield "term_months", "out_of_range", _("The term must be 1 to %(most)d months.") % limits
    if fields.birth_date and not date(FIRST_BIRTH_YEAR, 1, 1) <= fields.birth_date <= today:
        yield "birth_date", "out_of_range", _("This cannot be a date of birth.")
    if fields.vehicle_year and not FIRST_VEHICLE_YEAR <= fields.vehicle_year <= today.year + 1:
        yield "vehicle_year", "out_of_range", _("This cannot be the year of a car.")


def _bad(amount: Decimal) -> bool:
    return not amount.is_finite() or not 0 <= amount <= MAX_AMOUNT or amount != round(amount, 2)
