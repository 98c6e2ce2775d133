"""OSAGO, the compulsory motor third-party insurance: T = ТБ·КТ·КБМ·КВС·КО·КМ·КС, rounded once to the kopeck.

Bank of Russia directives 6007-У (ed. 6209-У) and 7204-У; the rows are data, this module only picks and multiplies.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from django.utils.translation import gettext as _

from core.money import money
from insurance.rules.rating.errors import InvalidRisk, TariffMissing
from insurance.rules.rating.tables import ONE, AgeExperience, Dated, Driver, Factor, Premium, multiply, row_on

HP_PER_KW = Decimal("1.35962")
MIN_MONTHS_OF_USE, FULL_KS_MONTHS = 3, 10
SHORTEST_TERM_DAYS = 15
START_KBM_CLASS = "3"
PASSENGER_CAR = "B"
_DASH = re.compile(r"\s*[-\u2010-\u2015]\s*")


@lru_cache(maxsize=4096)
def spelled(name: str) -> str:
    """Fold the name of a place: letter case, ё, kinds of dash and blanks do not tell places apart."""
    return " ".join(_DASH.sub("-", name).casefold().replace("ё", "е").split())


class Owner(StrEnum):
    """Kind of owner of the car; `any` in a tariff row fits both."""

    INDIVIDUAL = "individual"
    LEGAL_ENTITY = "legal_entity"
    ANY = "any"


@dataclass(frozen=True)
class Corridor:
    """Limits of the base rate ТБ in roubles for a vehicle category and kind of owner."""

    category: str
    owner: Owner
    least: Decimal
    greatest: Decimal

    def fits(self, category: str, owner: Owner) -> bool:
        """Tell whether the row is about such a vehicle."""
        return self.category == category and (self.owner is owner or Owner.ANY in (self.owner, owner))


@dataclass(frozen=True)
class Territory:
    """КТ of a town, or of the rest of a region where the town is empty."""

    region: str
    city: str
    kt: Decimal


@dataclass(frozen=True)
class DriversLimit:
    """КО: the list of drivers limited, or not, by kind of owner."""

    limited: Decimal
    unlimited_individual: Decimal
    unlimited_legal_entity: Decimal


@dataclass(frozen=True)
class KbmMoves:
    """The next КБМ class by the present one: with no paid claim, then with 1, 2, … claims; more count as the last."""

    next_class: Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class OsagoTariff:
    """All dated tables of OSAGO. КС by whole months; КП by the greatest number of days (15) or months of its rows."""

    corridors: Sequence[Dated[Corridor]]
    territories: Sequence[Dated[Territory]]
    kvs: Sequence[Dated[AgeExperience]]
    kbm: Sequence[Dated[Mapping[str, Decimal]]]
    kbm_moves: Sequence[Dated[KbmMoves]]
    km: Sequence[Dated[Sequence[tuple[Decimal | None, Decimal]]]]
    ko: Sequence[Dated[DriversLimit]]
    ks: Sequence[Dated[Mapping[int, Decimal]]]
    kp_days: Sequence[Dated[Decimal]]
    kp_months: Sequence[Dated[Mapping[int, Decimal]]]

    def corridor(self, category: str, owner: Owner, day: date) -> Dated[Corridor]:
        """Return the corridor of the base rate on a day. Raises TariffMissing."""
        return row_on(self.corridors, day, "corridors", lambda row: row.fits(category, owner))

    def territory(self, region: str, city: str, day: date) -> Dated[Territory]:
        """Return КТ of a town, else of the rest of its region, on a day; nothing is guessed. Raises TariffMissing.

        A town may stand in place of its region where the tables have one of that name only.
        """
        wanted, town = spelled(region), spelled(city)
        rows = [row for row in self.territories if spelled(row.value.region) == wanted and row.in_force(day)]
        found = [row for row in rows if spelled(row.value.city) == town] or [row for row in rows if not row.value.city]
        found = found or ([] if rows or city else self._named(wanted, day))
        if not found:
            raise TariffMissing("territories", ", ".join(filter(None, (region, city))))
        return row_on(found, day, "territories")

    def _named(self, town: str, day: date) -> list[Dated[Territory]]:
        """Rows of the one town of a name; none where several regions have one."""
        rows = [row for row in self.territories if spelled(row.value.city) == town and row.in_force(day)]
        return rows if len({spelled(row.value.region) for row in rows}) == 1 else []

    def get_kbm(self, kbm_class: str, day: date) -> Factor:
        """Return КБМ of a class. Raises InvalidRisk for an unknown class."""
        row = row_on(self.kbm, day, "kbm")
        if kbm_class not in row.value:
            raise InvalidRisk("drivers", "invalid_choice", _("There is no КБМ class %(name)s.") % {"name": kbm_class})
        return Factor("kbm", row.value[kbm_class], row.source)

    def next_kbm_class(self, kbm_class: str, paid_claims: int, day: date) -> str:
        """Return the class from the next 1 April after a year with so many paid claims. Raises InvalidRisk."""
        moves = row_on(self.kbm_moves, day, "kbm_moves").value.next_class
        if kbm_class not in moves or paid_claims < 0:
            told = _("There is no move from class %(name)s.") % {"name": kbm_class}
            raise InvalidRisk("drivers", "invalid_choice", told)
        row = moves[kbm_class]
        return row[min(paid_claims, len(row) - 1)]

    def get_km(self, category: str, power_hp: Decimal, day: date) -> Factor:
        """Return КМ by engine power in hp; other categories than passenger cars have 1. Raises InvalidRisk."""
        if power_hp <= 0:
            raise InvalidRisk("engine_power", "min_value", _("The engine power must be above zero."))
        row = row_on(self.km, day, "km")
        value = next(factor for most, factor in row.value if most is None or power_hp <= most)
        return Factor("km", value if category == PASSENGER_CAR else ONE, row.source)

    def get_ko(self, owner: Owner, unlimited: bool, day: date) -> Factor:
        """Return КО: 1 for a limited list, else by kind of owner."""
        row = row_on(self.ko, day, "ko")
        if not unlimited:
            return Factor("ko", row.value.limited, row.source)
        legal = owner is Owner.LEGAL_ENTITY
        return Factor("ko", row.value.unlimited_legal_entity if legal else row.value.unlimited_individual, row.source)

    def get_ks(self, months: int, day: date) -> Factor:
        """Return КС by months of use in a year. Raises InvalidRisk below three months, the least the law knows."""
        if months < MIN_MONTHS_OF_USE:
            raise InvalidRisk("months_of_use", "min_value", _("The period of use is three months at least."))
        row = row_on(self.ks, day, "ks")
        return Factor("ks", row.value[min(months, FULL_KS_MONTHS)], row.source)

    def get_kp(self, *, days: int = 0, months: int = 0, day: date) -> Factor:
        """Return КП of vehicles registered abroad or in transit, by the term of the policy in days or months.

        More than 15 days and less than a month count as a month. Raises InvalidRisk.
        """
        if days < 0 or months < 0 or not (days or months):
            raise InvalidRisk("term_months", "min_value", _("The policy needs a term."))
        if not months and days <= SHORTEST_TERM_DAYS:
            short = row_on(self.kp_days, day, "kp_days")
            return Factor("kp", short.value, short.source)
        row = row_on(self.kp_months, day, "kp_months")
        return Factor("kp", row.value[min(max(months, 1), max(row.value))], row.source)


@dataclass(frozen=True, kw_only=True)
class OsagoRisk:
    """Risk insured. `drivers` None means no limit on drivers: КБМ is then the owner's and КВС 1.

    `start` is the first day of the policy and the rating date. A vehicle from abroad or in transit has
    `transit_months` or `transit_days` (КП) in place of months of use.
    """

    region: str
    start: date
    power_hp: Decimal
    city: str = ""
    category: str = PASSENGER_CAR
    owner: Owner = Owner.INDIVIDUAL
    drivers: Sequence[Driver] | None = None
    owner_kbm_class: str = START_KBM_CLASS
    months_of_use: int = 12
    transit_days: int = 0
    transit_months: int = 0


def hp_of_kw(kilowatts: Decimal) -> Decimal:
    """Return engine power in hp: kW·1.35962."""
    return kilowatts * HP_PER_KW


def widened_corridor(old: Corridor, percent: Decimal) -> Corridor:
    """Return the corridor widened by per cent at both ends, in whole roubles half up: how directives announce it."""
    share = percent / 100
    least, greatest = old.least * (1 - share), old.greatest * (1 + share)
    return Corridor(old.category, old.owner, _roubles(least), _roubles(greatest))


def _roubles(amount: Decimal) -> Decimal:
    return money(amount / 100) * 100


def _base(risk: OsagoRisk, tariff: OsagoTariff, base_rate: Decimal) -> Factor:
    row = tariff.corridor(risk.category, risk.owner, risk.start)
    if not row.value.least <= base_rate <= row.value.greatest:
        told = _("The base rate must be %(least)s to %(most)s roubles on %(day)s.")
        limits = {"least": row.value.least, "most": row.value.greatest, "day": risk.start}
        raise InvalidRisk("base_rate", "outside_corridor", told % limits)
    return Factor("tb", base_rate, row.source)


def _driver_factors(risk: OsagoRisk, tariff: OsagoTariff) -> tuple[Factor, Factor]:
    """КБМ and КВС: the greatest of each over the named drivers, separately."""
    table = row_on(tariff.kvs, risk.start, "kvs")
    if risk.drivers is None:
        return tariff.get_kbm(risk.owner_kbm_class, risk.start), Factor("kvs", ONE, table.source)
    if not risk.drivers:
        raise InvalidRisk("drivers", "required", _("Name the drivers, or insure without a limit on drivers."))
    classes = (tariff.get_kbm(driver.kbm_class, risk.start) for driver in risk.drivers)
    worst_kbm = max(classes, key=lambda kbm: kbm.value)
    worst_kvs = max(table.value.factor(driver) for driver in risk.drivers)
    return worst_kbm, Factor("kvs", worst_kvs, table.source)


def osago_premium(risk: OsagoRisk, tariff: OsagoTariff, base_rate: Decimal) -> Premium:
    """Return the premium in roubles of a policy whose insurer sets `base_rate` within the corridor.

    Raises InvalidRisk and TariffMissing.
    """
    day = risk.start
    if risk.owner is Owner.LEGAL_ENTITY and risk.drivers is not None:
        raise InvalidRisk("drivers", "invalid", _("A legal entity insures without a limit on drivers."))
    territory = tariff.territory(risk.region, risk.city, day)
    in_transit = risk.transit_days or risk.transit_months
    factors = (
        _base(risk, tariff, base_rate),
        Factor("kt", territory.value.kt, territory.source),
        *_driver_factors(risk, tariff),
        tariff.get_ko(risk.owner, risk.drivers is None, day),
        tariff.get_km(risk.category, risk.power_hp, day),
        tariff.get_kp(days=risk.transit_days, months=risk.transit_months, day=day)
        if in_transit
        else tariff.get_ks(risk.months_of_use, day),
    )
    return multiply(factors)
