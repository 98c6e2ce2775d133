"""Random risks, policies and losses, and the shared vector files for the tests of the rating."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from insurance.rules.rating import Driver, KaskoRisk, OsagoRisk, Policy
from insurance.rules.rating.tariffs import KASKO_REFERENCE_2015, KBM_CLASSES, MOSCOW, OSAGO

SHARED_VECTORS = Path(__file__).resolve().parents[4] / "shared" / "vectors"
DEFAULT_EXAMPLES = 100
KASKO = KASKO_REFERENCE_2015
DAY = date(2026, 3, 1)
BASE = Decimal(5000)

# A named profile (nightly) decides; the default of the library is cut to keep the everyday run short.
moderate = settings(
    deadline=None,
    max_examples=50 if settings.default.max_examples == DEFAULT_EXAMPLES else settings.default.max_examples,
)


def vector_file(name: str) -> Path:
    """The path of a shared vector file; skips the test where the folder is not beside the repository."""
    path = SHARED_VECTORS / name
    if not path.exists():
        pytest.skip(f"{name} is not in {SHARED_VECTORS}: published vectors are kept outside the repository")
    return path


def rub(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Amounts to the kopeck between two sums of roubles."""
    return st.integers(low * 100, high * 100).map(lambda kopecks: Decimal(kopecks) / 100)


@st.composite
def drivers(draw: st.DrawFn) -> Driver:
    """Drivers whose experience fits their age in both tables of the tariffs."""
    age = draw(st.integers(18, 80))
    return Driver(age, draw(st.integers(0, min(age - 18, 4 if age < 22 else age - 18))), draw(kbm_classes))


kbm_classes = st.sampled_from(KBM_CLASSES)
named = st.lists(drivers(), min_size=1, max_size=5)


def osago_risk(**changes: object) -> OsagoRisk:
    """A car of Moscow with an experienced driver."""
    plain = OsagoRisk(region=MOSCOW, start=DAY, power_hp=Decimal(110), drivers=[Driver(40, 15)])
    return replace(plain, **changes)  # type: ignore[arg-type]


@st.composite
def osago_risks(draw: st.DrawFn, **fixed: object) -> OsagoRisk:
    """Passenger cars of the territories known to the tariff, after 9 December 2025."""
    place = draw(st.sampled_from([row.value for row in OSAGO.territories if row.in_force(DAY)]))
    fields: dict[str, object] = {
        "region": place.region,
        "city": place.city,
        "power_hp": draw(rub(1, 600)),
        "drivers": draw(named),
        "months_of_use": draw(st.integers(3, 12)),
    }
    return osago_risk(**(fields | fixed))


def kasko_risk(**changes: object) -> KaskoRisk:
    """A new car of the middle group."""
    plain = KaskoRisk(
        sum_insured=Decimal(2_000_000),
        insured_value=Decimal(2_000_000),
        vehicle_group="2",
        vehicle_age_years=0,
        region=MOSCOW,
        drivers=[Driver(40, 15)],
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Policies of up to a year that start within a month of their conclusion."""
    concluded = draw(st.dates(date(2024, 1, 1), date(2030, 1, 1)))
    start = concluded + timedelta(days=draw(st.integers(0, 30)))
    return Policy(
        premium=draw(rub(1, 300_000)),
        concluded=concluded,
        start=start,
        end=start + timedelta(days=draw(st.integers(0, 365))),
        retained_share=Decimal(draw(st.integers(0, 100))) / 100,
        has_claims=draw(st.booleans()),
    )
