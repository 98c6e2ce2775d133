"""From a quote request to a premium: pure functions of the request and the rating day, without a database.

The same request on the same day always costs the same, so that a stored quote can be recomputed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from dateutil.relativedelta import relativedelta
from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.money import MAX_AMOUNT, ZERO
from core.vin import WRONG, is_vin
from insurance.rules import tariffs
from insurance.rules.rating import (
    Driver,
    Factor,
    InvalidRisk,
    KaskoRisk,
    OsagoRisk,
    Owner,
    TariffMissing,
    check_parts,
    kasko_premium,
    osago_premium,
)
from insurance.rules.rating.tariffs import KBM
from insurance.rules.tariffs import SHIPPED, InsurerTariff, TariffTables
from insurance.rules.wording import explain_missing

FIRST_YEAR = 1950
FULL_YEAR = 12
LEAST_OSAGO_MONTHS = 3
MAX_TRANSIT_DAYS = 15
MAX_DRIVERS = 20
YOUNGEST_DRIVER = 16
MAX_POWER = Decimal(5_000)
MAX_TEXT = 100
MAX_VARIANTS = 12


class InsuranceType(StrEnum):
    """Kind of insurance: of the car itself, or of what its driver may do to others."""

    KASKO = "kasko"
    OSAGO = "osago"


class DriverFields(msgspec.Struct, frozen=True, kw_only=True):
    """A named driver; `kbm` is a class (`M`, `0`…`13`) or, with a point, its coefficient (`0.46`)."""

    birth_date: date
    licence_since: date
    kbm: str | int | float | None = None


class IfDeclined(StrEnum):
    """Consequence of an insurer's refusal for the purchase the policy is part of."""

    CANCEL = "cancel"
    CONTINUE = "continue"


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """Terms of settling a loss: part of the bargain, named when the policy is quoted.

    A conditional deductible pays nothing up to itself and everything above it; `is_first_loss` waives the cut for
    under-insurance; `is_market_basis` pays a total loss by the market value of the day; payouts lower an aggregate sum.
    """

    is_conditional_deductible: bool = False
    is_first_loss: bool = False
    is_market_basis: bool = False
    is_aggregate: bool = False


class QuoteRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of POST /insurance/quotes: roubles, months, engine power in hp. Without `drivers` anyone may drive.

    `beneficiary` is the bank that a car is pledged to; `owner_kbm` counts when there is no limit on drivers. A vehicle
    from abroad or in transit has `transit_days` or `transit_months` in place of months of use. A KASKO premium may be
    paid in as many `instalments` as the insurer offers. `vehicle_plate` is printed only. With `if_declined`
    `continue` an order goes on without the policy its insurer would not issue, and its premium comes back.
    """

    insurance_type: InsuranceType
    vehicle_make: str
    vehicle_model: str
    vehicle_year: int
    vehicle_vin: str
    vehicle_plate: str = ""
    coverage_amount: Decimal | None = None
    vehicle_value: Decimal | None = None
    drivers: list[DriverFields] | None = None
    region: str = ""
    city: str = ""
    engine_power: Decimal | None = None
    deductible: Decimal = ZERO
    term_months: int = FULL_YEAR
    insurer: str = ""
    owner: Owner = Owner.INDIVIDUAL
    category: str = "B"
    owner_kbm: str | int | float | None = None
    transit_days: int = 0
    transit_months: int = 0
    programme: str = "standard"
    instalments: int = 1
    additions: list[str] = []
    is_pledged_outside: bool = False
    beneficiary: str = ""
    settlement: Settlement = Settlement()
    start_date: date | None = None
    if_declined: IfDeclined = IfDeclined.CANCEL
    renewal_of: UUID | None = None


@dataclass(frozen=True, kw_only=True)
class Price:
    """Cost of a request on a rating day: roubles; the breakdown multiplies to the premium, in its order.

    `insured_value` is what the car is worth, `unrounded` the product before the kopeck.
    """

    premium: Decimal
    unrounded: Decimal
    breakdown: tuple[Factor, ...]
    tariff: str
    coverage_amount: Decimal
    insured_value: Decimal
    deductible: Decimal
    insurer: str
    insurer_name: str


def read_request(raw: Mapping[str, Any]) -> QuoteRequest:
    """Read a request that arrives as plain JSON; members that are not ours are left alone. Raises InvalidInput."""
    try:
        return msgspec.convert(dict(raw), QuoteRequest, strict=False)
    except msgspec.ValidationError as error:
        detail, _at, path = str(error).partition(" - at `$.")
        field = path.rstrip("`").replace("[", ".").replace("]", "").replace("...", "0")
        missing = detail.split("`")[1] if "missing required field" in detail else ""
        name = ".".join(filter(None, (field, missing))) or "insurance"
        told = _("This field is required.") if missing else _("This is no value of this field.")
        raise InvalidInput(name, "required" if missing else "invalid", told) from error


def price(request: QuoteRequest, day: date, tables: TariffTables = SHIPPED, *, today: date | None = None) -> Price:
    """Rate a request on a day by tables of tariffs. Raises InvalidInput naming the field.

    A change of a policy is rated for the day the policy was, and names people who may drive since `today` only.
    """
    for problem in _problems(request, day, today or day):
        raise InvalidInput(*problem)
    rate = _rate_kasko if request.insurance_type is InsuranceType.KASKO else _rate_osago
    try:
        return rate(request, day, tables)
    except InvalidRisk as error:
        raise InvalidInput(error.field, error.code, error.detail) from error
    except TariffMissing as error:
        field, told = explain_missing(error.table, error.what)
        raise InvalidInput(field, "not_insurable", told) from error


def compare(request: QuoteRequest, day: date, tables: TariffTables = SHIPPED) -> Iterator[tuple[QuoteRequest, Price]]:
    """Rate the same request with every insurer that takes it. Raises InvalidInput for what none could rate."""
    for code in tables.insurers(day):
        asked = msgspec.structs.replace(request, insurer=code)
        try:
            yield asked, price(asked, day, tables)
        except InvalidInput as error:
            if error.errors[0]["code"] not in ("not_insurable", "invalid_choice", "outside_corridor"):
                raise


def _choose(name: str, chosen: str, offered: Mapping[str, Decimal]) -> Decimal:
    if chosen not in offered:
        told = _("Offered: %(offered)s.") % {"offered": ", ".join(offered) or "–"}
        raise InvalidRisk(name, "invalid_choice", told)
    return offered[chosen]


def _rate_kasko(request: QuoteRequest, day: date, tables: TariffTables) -> Price:
    insurer = tables.insurer(request.insurer, day)
    if insurer.kasko is None:
        raise TariffMissing("kasko", insurer.name)
    region, _town = tariffs.place(request.region, request.city)
    coverage = request.coverage_amount or ZERO
    value = request.vehicle_value or coverage
    check_parts(request.instalments, request.term_months)
    risk = KaskoRisk(
        sum_insured=coverage,
        insured_value=value,
        vehicle_group=insurer.get_theft_group(request.vehicle_make),
        vehicle_age_years=max(day.year - request.vehicle_year, 0),
        region=region,
        drivers=_drivers(request, day),
        deductible=request.deductible,
        months=request.term_months,
        instalments=request.instalments,
        pledged_to_outside_bank=request.is_pledged_outside,
        programme=_choose("programme", request.programme, insurer.programmes),
        additions_percent={name: _choose("additions", name, insurer.additions) for name in request.additions},
    )
    rated = kasko_premium(risk, insurer.kasko, insurer.kasko_minimum)
    return _priced(
        request,
        insurer,
        tables,
        premium=rated.premium,
        unrounded=coverage * rated.tariff,
        breakdown=rated.breakdown,
        coverage_amount=coverage,
        insured_value=value,
        deductible=request.deductible,
    )


def _rate_osago(request: QuoteRequest, day: date, tables: TariffTables) -> Price:
    insurer = tables.insurer(request.insurer, day)
    region, city = tariffs.place(request.region, request.city)
    risk = OsagoRisk(
        region=region,
        city=city,
        start=day,
        power_hp=request.engine_power or ZERO,
        category=request.category,
        owner=request.owner,
        drivers=_drivers(request, day),
        owner_kbm_class=kbm_class(request.owner_kbm),
        months_of_use=request.term_months,
        transit_days=request.transit_days,
        transit_months=request.transit_months,
    )
    rated = osago_premium(risk, tables.osago, _osago_base(insurer, request))
    return _priced(
        request,
        insurer,
        tables,
        premium=rated.amount,
        unrounded=rated.unrounded,
        breakdown=rated.breakdown,
        coverage_amount=tariffs.OSAGO_LIMIT,
        insured_value=tariffs.OSAGO_LIMIT,
        deductible=ZERO,
    )


def _osago_base(insurer: InsurerTariff, request: QuoteRequest) -> Decimal:
    for owner in (request.owner.value, "any"):
        if base := insurer.osago_base.get(f"{request.category}|{owner}"):
            return base
    raise TariffMissing("osago_base", f"{insurer.name}, {request.category}")


def _priced(request: QuoteRequest, insurer: InsurerTariff, tables: TariffTables, **found: Any) -> Price:
    tariff = f"{request.insurance_type.value}-{insurer.code}-{tables.revision}"
    return Price(tariff=tariff, insurer=insurer.code, insurer_name=insurer.name, **found)


def last_day(request: QuoteRequest, start: date) -> date:
    """Last day of a policy that begins on `start`.

    OSAGO is a contract for a year, of which the car may be used for some months only.
    """
    if request.transit_days and not request.transit_months:
        return start + timedelta(days=request.transit_days - 1)
    osago_months = request.transit_months or FULL_YEAR
    months = osago_months if request.insurance_type is InsuranceType.OSAGO else request.term_months
    return start + relativedelta(months=months) - timedelta(days=1)


def _drivers(request: QuoteRequest, day: date) -> list[Driver] | None:
    if request.drivers is None:
        return None
    return [
        Driver(_years(driver.birth_date, day), _years(driver.licence_since, day), kbm_class(driver.kbm))
        for driver in request.drivers
    ]


def _years(since: date, day: date) -> int:
    return max(relativedelta(day, since).years, 0)


_CLASS_OF = {value.normalize(): name for name, value in KBM.items()}


def kbm_class(given: str | int | float | None) -> str:
    """The class named, or the one whose coefficient was given; the starting class 3 when nothing is known."""
    if given is None or given == "":
        return "3"
    text = str(given).strip().upper().replace("М", "M")
    return _CLASS_OF.get(Decimal(text).normalize(), text) if re.fullmatch(r"\d+\.\d+", text) else text


# What no insurer could rate --------------------------------------------------------------------------------------
Problem = tuple[str, str, str]


def _problems(request: QuoteRequest, day: date, today: date) -> Iterator[Problem]:
    for name in ("vehicle_make", "vehicle_model"):
        if not 0 < len(getattr(request, name).strip()) <= MAX_TEXT:
            yield name, "invalid", _("A text of 1 to %(most)d characters.") % {"most": MAX_TEXT}
    for name in ("region", "city", "insurer", "programme", "beneficiary", "vehicle_plate"):
        if len(getattr(request, name)) > MAX_TEXT:
            yield name, "invalid", _("A text of at most %(most)d characters.") % {"most": MAX_TEXT}
    if not is_vin(request.vehicle_vin):
        yield "vehicle_vin", "invalid_vin", str(WRONG)
    if not FIRST_YEAR <= request.vehicle_year <= day.year + 1:
        yield "vehicle_year", "out_of_range", _("This cannot be the year of a car.")
    yield from _amount_problems(request)
    yield from _type_problems(request)
    yield from _driver_problems(request, today)


def _amount_problems(request: QuoteRequest) -> Iterator[Problem]:
    for name in ("coverage_amount", "vehicle_value", "deductible"):
        amount = getattr(request, name)
        if amount is None:
            continue
        if not amount.is_finite() or not 0 <= amount <= MAX_AMOUNT or amount != round(amount, 2):
            yield name, "invalid", _("An amount of at most two decimals, 0 or more.")
    power = request.engine_power
    if power is not None and not (power.is_finite() and 0 < power <= MAX_POWER):
        yield "engine_power", "out_of_range", _("The engine power in hp, above zero.")


def _type_problems(request: QuoteRequest) -> Iterator[Problem]:
    is_kasko = request.insurance_type is InsuranceType.KASKO
    yield from _kasko_problems(request) if is_kasko else _osago_problems(request)
    least = 1 if is_kasko else LEAST_OSAGO_MONTHS
    if not least <= request.term_months <= FULL_YEAR:
        yield (
            "term_months",
            "out_of_range",
            _("The term is %(least)d to %(most)d months.") % {"least": least, "most": FULL_YEAR},
        )


def _kasko_problems(request: QuoteRequest) -> Iterator[Problem]:
    if not request.coverage_amount:
        yield "coverage_amount", "min_value", _("The sum insured must be above zero.")
    elif request.deductible >= request.coverage_amount:
        yield "deductible", "max_value", _("The deductible must be below the sum insured.")
    if request.transit_days or request.transit_months:
        yield "transit_months", "invalid", _("Transit policies are OSAGO only.")


def _osago_problems(request: QuoteRequest) -> Iterator[Problem]:
    if request.engine_power is None:
        yield "engine_power", "required", _("OSAGO depends on the engine power.")
    if request.deductible:
        yield "deductible", "invalid", _("OSAGO has no deductible.")
    if request.instalments != 1:
        yield "instalments", "invalid", _("The premium of OSAGO is paid at once.")
    if not (0 <= request.transit_days <= MAX_TRANSIT_DAYS and 0 <= request.transit_months <= FULL_YEAR):
        yield "transit_months", "out_of_range", _("Transit takes up to 15 days, or 1 to 12 months.")
    if request.transit_days and request.transit_months:
        yield "transit_days", "invalid", _("Transit takes days or months, not both.")


def _driver_problems(request: QuoteRequest, day: date) -> Iterator[Problem]:
    drivers = request.drivers or []
    if len(drivers) > MAX_DRIVERS:
        yield (
            "drivers",
            "too_many",
            _("At most %(most)d drivers; insure without a limit on drivers.") % {"most": MAX_DRIVERS},
        )
    for number, driver in enumerate(drivers):
        field = f"drivers.{number}.licence_since"
        if not driver.birth_date < driver.licence_since <= day:
            yield field, "out_of_range", _("A licence comes after birth and before the policy.")
        elif _years(driver.birth_date, driver.licence_since) < YOUNGEST_DRIVER:
            yield (
                field,
                "experience_impossible",
                _("Nobody has a licence before the age of %(age)d.") % {"age": YOUNGEST_DRIVER},
            )
