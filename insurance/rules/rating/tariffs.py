"""Tariff facts known to the product: dated rows with their source.

All are secondary: read in the press or in public repositories, not in the directives themselves. A manager's own rows
stand beside them; nothing here is legal advice.
"""

import csv
import gzip
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

from insurance.rules.rating.kasko import OTHER_REGIONS, KaskoTariff
from insurance.rules.rating.osago import Corridor, DriversLimit, KbmMoves, OsagoTariff, Owner, Territory
from insurance.rules.rating.tables import AgeExperience, Dated

SINCE_2022 = date(2022, 9, 13)
KBM_SINCE = date(2022, 4, 1)
UNTIL_7204, SINCE_7204 = date(2025, 12, 8), date(2025, 12, 9)
OLD_DIRECTIVE = "Bank of Russia 6007-У, ed. 6209-У, by press reports"
NEW_DIRECTIVE = "Bank of Russia 7204-У of 09.10.2025, by press reports"
COEFFICIENTS = "coefficient tables of Bank of Russia 6007-У as listed on public pages"
KBM_MOVES_SOURCE = (
    "class-transition table of public repositories; low confidence, the ends were not read in the directive"
)
KT_SOURCE = "Bank of Russia 6007-У as tabled in the public repository dr-uiux-design/youstrah @89cad15 (04.2023)"
KASKO_SOURCE = (
    "insurer's sheet of 2014-15 as mirrored in the repository aliocharyzhkov/calculator_KACKO @127546a; historical"
)

TATARSTAN, MURMANSK, CHELYABINSK = "Республика Татарстан", "Мурманская область", "Челябинская область"
UGRA, ALTAI = "Ханты-Мансийский автономный округ–Югра", "Республика Алтай"
MOSCOW, SAINT_PETERSBURG = "Москва", "Санкт-Петербург"


def _numbers(text: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, text.split()))


def _corridor(
    category: str, owner: Owner, limits: str, since: date, until: date | None, source: str
) -> Dated[Corridor]:
    least, greatest = _numbers(limits)
    return Dated(Corridor(category, owner, least, greatest), since, source, until)


CORRIDORS = (
    _corridor("B", Owner.INDIVIDUAL, "1646 7535", SINCE_2022, UNTIL_7204, OLD_DIRECTIVE),
    _corridor("B", Owner.INDIVIDUAL, "1399 8665", SINCE_7204, None, NEW_DIRECTIVE),
    _corridor("B", Owner.LEGAL_ENTITY, "852 5722", SINCE_2022, UNTIL_7204, OLD_DIRECTIVE),
    _corridor("A", Owner.ANY, "259 3043", date(2025, 1, 27), UNTIL_7204, OLD_DIRECTIVE),
    _corridor("A", Owner.ANY, "155 4260", SINCE_7204, None, NEW_DIRECTIVE),
)


def _territory(
    region: str, city: str, kt: str, since: date = SINCE_2022, until: date | None = None, source: str = KT_SOURCE
) -> Dated[Territory]:
    return Dated(Territory(region, city, Decimal(kt)), since, source, until)


# Towns known to have moved on 9 December 2025 with their values before, and the two capitals, which did not move.
_MOVED = (
    (TATARSTAN, "Казань", "1.8", "1.7"),
    (MURMANSK, "Мурманск", "1.88", "1.78"),
    (CHELYABINSK, "Челябинск", "1.88", "1.77"),
    (UGRA, "Сургут", "1.8", "1.7"),
    (ALTAI, "", "0.76", "0.84"),
)
TERRITORIES = (
    *(_territory(region, city, before, until=UNTIL_7204) for region, city, before, _ in _MOVED),
    *(_territory(region, city, after, SINCE_7204, source=NEW_DIRECTIVE) for region, city, _, after in _MOVED),
    _territory(MOSCOW, "", "1.8"),
    _territory(SAINT_PETERSBURG, "", "1.64"),
)


def read_territories(path: Path) -> Iterator[Dated[Territory]]:
    """Yield КТ rows of a CSV file (`region,city,kt`, plain or gzipped): the values before 9 December 2025.

    Towns known to have moved are in TERRITORIES, and the newer row wins; the rest of the 48 moved territories were
    not published in a source we could read.
    """
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            yield _territory(row["region"], row["city"], row["kt"])


KVS = AgeExperience(
    age_from=(16, 22, 25, 30, 35, 40, 50, 60),
    experience_from=(0, 1, 2, 3, 5, 7, 10, 15),
    rows=(
        _numbers("2.27 1.92 1.84 1.65 1.62"),
        _numbers("1.88 1.72 1.71 1.13 1.10 1.09"),
        _numbers("1.72 1.60 1.54 1.09 1.08 1.07 1.02"),
        _numbers("1.56 1.50 1.48 1.05 1.04 1.01 0.97 0.95"),
        _numbers("1.54 1.47 1.46 1.00 0.97 0.95 0.94 0.93"),
        _numbers("1.50 1.44 1.43 0.96 0.95 0.94 0.93 0.91"),
        _numbers("1.46 1.40 1.39 0.93 0.92 0.91 0.90 0.86"),
        _numbers("1.43 1.36 1.35 0.91 0.90 0.89 0.88 0.83"),
    ),
)
KBM_CLASSES = ("M", *map(str, range(14)))
KBM = dict(
    zip(
        KBM_CLASSES,
        _numbers("3.92 2.94 2.25 1.76 1.17 1 0.91 0.83 0.78 0.74 0.68 0.63 0.57 0.52 0.46"),
        strict=True,
    )
)
KBM_MOVES = {
    "M": ("0", "M"), "0": ("1", "M"), "1": ("2", "M"), "2": ("3", "1", "M"), "3": ("4", "1", "M"),
    "4": ("5", "2", "1", "M"), "5": ("6", "3", "1", "M"), "6": ("7", "4", "2", "M"), "7": ("8", "4", "2", "M"),
    "8": ("9", "5", "2", "M"), "9": ("10", "5", "2", "1", "M"), "10": ("11", "6", "3", "1", "M"),
    "11": ("12", "6", "3", "1", "M"), "12": ("13", "6", "3", "1", "M"), "13": ("13", "7", "3", "1", "M"),
}  # fmt: skip
KM = tuple(zip((*_numbers("50 70 100 120 150"), None), _numbers("0.6 1 1.1 1.2 1.4 1.6"), strict=True))
KS = dict(zip(range(3, 11), _numbers("0.5 0.6 0.65 0.7 0.8 0.9 0.95 1"), strict=True))
KP_MONTHS = dict(zip(range(1, 11), _numbers("0.3 0.4 0.5 0.6 0.65 0.7 0.8 0.9 0.95 1"), strict=True))
KO = DriversLimit(Decimal(1), Decimal("2.32"), Decimal("1.97"))

OSAGO = OsagoTariff(
    corridors=CORRIDORS,
    territories=TERRITORIES,
    kvs=(Dated(KVS, SINCE_2022, COEFFICIENTS),),
    kbm=(Dated(KBM, KBM_SINCE, COEFFICIENTS),),
    kbm_moves=(Dated(KbmMoves(KBM_MOVES), KBM_SINCE, KBM_MOVES_SOURCE),),
    km=(Dated(KM, SINCE_2022, COEFFICIENTS),),
    ko=(Dated(KO, SINCE_2022, COEFFICIENTS),),
    ks=(Dated(KS, SINCE_2022, COEFFICIENTS),),
    kp_days=(Dated(Decimal("0.2"), SINCE_2022, COEFFICIENTS),),
    kp_months=(Dated(KP_MONTHS, SINCE_2022, COEFFICIENTS),),
)


def _driver_table(*rows: str) -> AgeExperience:
    return AgeExperience(
        (18, 22, 25, 30, 35, 40, 45, 50, 55, 60), (0, 3, 5, 10, 15), tuple(_numbers(row) for row in rows)
    )


def _by_group(text: str) -> dict[str, tuple[Decimal, ...]]:
    return {str(group): _numbers(rates) for group, rates in enumerate(text.split("|"), 1)}


def _deductibles(text: str) -> dict[Decimal, Decimal]:
    return dict(zip(_numbers("0 5000 10000 15000 20000 25000 30000"), _numbers(text), strict=True))


def _regions(text: str) -> dict[str, Decimal]:
    return dict(zip(("1", "2", "3"), _numbers(text), strict=True))


KASKO_REFERENCE_2015 = KaskoTariff(
    name="reference-2015",
    source=KASKO_SOURCE,
    zones={
        "Moscow": "Moscow",
        MOSCOW: "Moscow",
        "Московская область": "Moscow",
        "Saint Petersburg": "Saint Petersburg",
        SAINT_PETERSBURG: "Saint Petersburg",
        "Ленинградская область": "Saint Petersburg",
    },
    base_rate_percent={
        "Moscow": _by_group("11.95 14.06|8.76 11.36|6.12 7.85"),
        "Saint Petersburg": _by_group("13.03 15.61|8.75 11.69|5.91 7.82"),
        OTHER_REGIONS: _by_group("11.66 13.36|8.95 11.56|7 9.23"),
    },
    drivers={
        "Moscow": _driver_table(
            "1.5 1.3", "1.4 1.14 1.05", "1.25 1 0.9 0.83", "1.2 0.92 0.86 0.81 0.73", "1.2 0.87 0.8 0.73 0.7",
            "1.2 0.85 0.78 0.7 0.65", "1.2 0.82 0.72 0.65 0.6", "1.2 0.77 0.7 0.6 0.6", "1.2 0.77 0.7 0.6 0.58",
            "1.2 0.77 0.7 0.6 0.58",
        ),
        "Saint Petersburg": _driver_table(
            "1.5 1.35", "1.4 1.15 1.05", "1.3 1 0.95 0.85", "1.2 0.9 0.8 0.8 0.75", "1.2 0.85 0.75 0.7 0.7",
            "1.2 0.8 0.75 0.7 0.65", "1.2 0.8 0.7 0.65 0.65", "1.2 0.75 0.65 0.6 0.55", "1.2 0.75 0.6 0.55 0.55",
            "1.2 0.75 0.6 0.55 0.5",
        ),
        OTHER_REGIONS: _driver_table(
            "1.5 1.3", "1.4 1.15 1.05", "1.25 1 0.95 0.85", "1.15 0.9 0.8 0.75 0.7", "1.1 0.8 0.75 0.7 0.7",
            "1.1 0.8 0.75 0.7 0.65", "1.1 0.8 0.7 0.65 0.62", "1.1 0.75 0.65 0.6 0.56", "1.1 0.75 0.65 0.55 0.53",
            "1.1 0.75 0.65 0.55 0.53",
        ),
    },
    drivers_count=_numbers("1 1 1 1.02 1.05 1.15 1.32 1.6"),
    unlimited_drivers=Decimal("1.5"),
    deductible={
        "1": _deductibles("1 0.92 0.85 0.78 0.75 0.73 0.69"),
        "2": _deductibles("1 0.95 0.9 0.85 0.78 0.75 0.71"),
        "3": _deductibles("1 0.97 0.94 0.9 0.85 0.82 0.79"),
    },
    instalments=dict(zip((1, 2, 3), _numbers("1 1.03 1.05"), strict=True)),
    months=dict(zip((6, 7, 8, 9, 10, 12), _numbers("0.7 0.75 0.8 0.9 0.95 1"), strict=True)),
    pledged_to_outside_bank=dict(
        zip(("Moscow", "Saint Petersburg", OTHER_REGIONS), _numbers("1.05 1.1 1.05"), strict=True)
    ),
    region={
        "Нижегородская область": _regions("1.12 1.12 1.12"),
        "Пермский край": _regions("1.03 1.03 1.1"),
        "Ульяновская область": _regions("1.03 1.03 1.1"),
        "Тюменская область": _regions("0.91 0.91 0.91"),
    },
)  # fmt: skip
KASKO_TARIFFS = {KASKO_REFERENCE_2015.name: KASKO_REFERENCE_2015}
