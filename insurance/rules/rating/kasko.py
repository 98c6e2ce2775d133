"""KASKO, the voluntary insurance of the car itself: sum insured × tariff, the tariff rounded once to 0.01 per cent.

The shape is that of an insurer's sheet of 2014-15; every number is a row of the tariff given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal

from django.utils.translation import gettext as _

from core.money import ZERO, money
from insurance.rules.rating.errors import InvalidRisk, TariffMissing
from insurance.rules.rating.tables import ONE, AgeExperience, Driver, Factor, non_negative

PERCENT = Decimal(100)
PERCENT_STEP = Decimal("0.01")
OTHER_REGIONS = "other"
FULL_YEAR = 12


@dataclass(frozen=True, kw_only=True)
class KaskoTariff:
    """The tables of one insurer's tariff; tables by zone have an `other` zone for the regions not named.

    `zones` maps a region to its zone. Rates are per cent of the sum insured, the rest are factors.
    """

    name: str
    source: str
    zones: Mapping[str, str]
    base_rate_percent: Mapping[str, Mapping[str, Sequence[Decimal]]]
    drivers: Mapping[str, AgeExperience]
    drivers_count: Sequence[Decimal]
    unlimited_drivers: Decimal
    deductible: Mapping[str, Mapping[Decimal, Decimal]]
    instalments: Mapping[int, Decimal]
    months: Mapping[int, Decimal]
    pledged_to_outside_bank: Mapping[str, Decimal]
    region: Mapping[str, Mapping[str, Decimal]]

    def zone(self, region: str) -> str:
        """Return the zone of a region."""
        return self.zones.get(region, OTHER_REGIONS)

    def base_rate(self, group: str, region: str, vehicle_age: int) -> Decimal:
        """Return the base rate in per cent by vehicle group, zone and age in years. Raises TariffMissing."""
        rates = self.base_rate_percent[self.zone(region)].get(group, ())
        if not 0 <= vehicle_age < len(rates):
            raise TariffMissing("kasko_base_rate_percent", vehicle_age)
        return rates[vehicle_age]

    def driver_factor(self, region: str, drivers: Sequence[Driver] | None) -> Decimal:
        """Return the factor of the worst named driver, or of an open list (None). Raises InvalidRisk."""
        if drivers is None:
            return self.unlimited_drivers
        if not drivers:
            raise InvalidRisk("drivers", "required", _("Name the drivers, or insure without a limit on drivers."))
        return max(self.drivers[self.zone(region)].factor(driver) for driver in drivers)

    def drivers_count_factor(self, count: int) -> Decimal:
        """Return the factor of the number of named drivers; the table starts at 1 and its last row is open."""
        if count < 1:
            raise InvalidRisk("drivers", "required", _("Name the drivers, or insure without a limit on drivers."))
        return self.drivers_count[min(count, len(self.drivers_count)) - 1]

    def deductible_factor(self, group: str, deductible: Decimal) -> Decimal:
        """Return the factor of a deductible in roubles that the tariff offers. Raises InvalidRisk."""
        offered = self.deductible.get(group, {})
        if deductible not in offered:
            told = _("Deductibles offered: %(offered)s.") % {"offered": ", ".join(map(str, offered)) or "–"}
            raise InvalidRisk("deductible", "invalid_choice", told)
        return offered[deductible]

    def instalments_factor(self, instalments: int) -> Decimal:
        """Return the factor of paying in parts. Raises InvalidRisk."""
        if instalments not in self.instalments:
            raise InvalidRisk("instalments", "invalid_choice", _("That many instalments are not offered."))
        return self.instalments[instalments]

    def commission_factor(self, discount_percent: Decimal, instalments: int) -> Decimal:
        """Return the factor of a discount at the seller's cost, allowed with a single payment only."""
        return ONE - discount_percent / PERCENT if instalments == 1 else ONE

    def months_factor(self, months: int) -> Decimal:
        """Return the factor of a short policy: that of the next term offered. Raises InvalidRisk over a year."""
        if not 0 < months <= FULL_YEAR:
            told = _("The term is %(least)d to %(most)d months.") % {"least": 1, "most": FULL_YEAR}
            raise InvalidRisk("term_months", "out_of_range", told)
        return self.months[min(offered for offered in self.months if offered >= months)]

    def pledge_factor(self, region: str, pledged: bool) -> Decimal:
        """Return the factor of a car pledged to a bank that is not a partner."""
        return self.pledged_to_outside_bank[self.zone(region)] if pledged else ONE

    def region_factor(self, region: str, group: str) -> Decimal:
        """Return the factor of a region for a vehicle group, 1 where the tariff names none."""
        return self.region.get(region, {}).get(group, ONE)


@dataclass(frozen=True, kw_only=True)
class KaskoRisk:
    """Risk insured; roubles. `model` and `programme` are the underwriter's factors; `additions_percent` such as
    GAP are added to the rate, `flat_extras` such as an accident cover to the premium.
    """

    sum_insured: Decimal
    insured_value: Decimal
    vehicle_group: str
    vehicle_age_years: int
    region: str
    drivers: Sequence[Driver] | None = None
    deductible: Decimal = Decimal(0)
    instalments: int = 1
    months: int = FULL_YEAR
    pledged_to_outside_bank: bool = False
    commission_discount_percent: Decimal = ZERO
    model: Decimal = ONE
    programme: Decimal = ONE
    additions_percent: Mapping[str, Decimal] = field(default_factory=dict)
    flat_extras: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True)
class KaskoPremium:
    """Roubles: `premium` of the car, `total` with flat extras; the tariff as an unrounded fraction and as the rounded
    per cent. The breakdown multiplies to the premium, to the kopeck.
    """

    premium: Decimal
    total: Decimal
    tariff: Decimal
    tariff_percent: Decimal
    breakdown: tuple[Factor, ...]


def kasko_from_factors(
    sum_insured: Decimal,
    base_rate_percent: Decimal,
    factors: Mapping[str, Decimal],
    additions_percent: Mapping[str, Decimal],
    flat_extras: Mapping[str, Decimal],
    *,
    source: str = "",
    minimum: Decimal = ZERO,
) -> KaskoPremium:
    """Return sum insured × q4(base % × product of factors + additions %) + extras; q4 is half up to 0.01 per cent.

    A premium below `minimum` roubles is raised to it. Lines of the breakdown that are not factors of the tariff
    (`additions`, `rounding`, `minimum`) say by how much they change the product.
    """
    product = base_rate_percent
    lines = [Factor("sum_insured", sum_insured), Factor("base_rate", base_rate_percent / PERCENT, source)]
    for code, factor in factors.items():
        product *= factor
        lines.append(Factor(code, factor, source))
    percent = product + sum(additions_percent.values(), Decimal(0))
    shown = percent.quantize(PERCENT_STEP, ROUND_HALF_UP)
    exact = sum_insured * shown / PERCENT
    raised = max(money(exact), minimum)
    steps = (("additions", product, percent), ("rounding", percent, shown), ("minimum", exact, max(exact, minimum)))
    lines += [Factor(code, after / before) for code, before, after in steps if before and before != after]
    total = raised + sum(flat_extras.values(), ZERO)
    return KaskoPremium(raised, total, percent / PERCENT, shown, tuple(lines))


def _check(risk: KaskoRisk) -> None:
    if risk.sum_insured <= 0:
        raise InvalidRisk("coverage_amount", "min_value", _("The sum insured must be above zero."))
    if risk.sum_insured > risk.insured_value:
        # Civil Code of Russia, art. 951: a contract is void above the insured value.
        raise InvalidRisk("coverage_amount", "max_value", _("The sum insured must not exceed the value of the car."))
    for name, amount in {**risk.additions_percent, **risk.flat_extras}.items():
        non_negative(name, amount)


def kasko_premium(risk: KaskoRisk, tariff: KaskoTariff, minimum: Decimal = ZERO) -> KaskoPremium:
    """Return the premium of a risk by a tariff. Raises InvalidRisk and TariffMissing."""
    _check(risk)
    named = len(risk.drivers) if risk.drivers is not None else 1
    factors = {
        "driver": tariff.driver_factor(risk.region, risk.drivers),
        "drivers_count": tariff.drivers_count_factor(named),
        "deductible": tariff.deductible_factor(risk.vehicle_group, risk.deductible),
        "region": tariff.region_factor(risk.region, risk.vehicle_group),
        "model": risk.model,
        "instalments": tariff.instalments_factor(risk.instalments),
        "commission": tariff.commission_factor(risk.commission_discount_percent, risk.instalments),
        "term": tariff.months_factor(risk.months),
        "pledge": tariff.pledge_factor(risk.region, risk.pledged_to_outside_bank),
        "programme": risk.programme,
    }
    base = tariff.base_rate(risk.vehicle_group, risk.region, risk.vehicle_age_years)
    return kasko_from_factors(
        risk.sum_insured,
        base,
        factors,
        risk.additions_percent,
        risk.flat_extras,
        source=tariff.source,
        minimum=minimum,
    )
