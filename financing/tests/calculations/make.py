"""Random loans and the shared vector files for the tests of the calculations."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from financing.rules.calculations import DayCount, LoanTerms, WorkYear
from financing.rules.calculations.rounding import KOPECK

SHARED_VECTORS = Path(__file__).resolve().parents[4] / "shared" / "vectors"
DEFAULT_EXAMPLES = 100

# A named profile (nightly) decides; the default of the library is cut to keep the everyday run short.
moderate = settings(
    deadline=None,
    max_examples=30 if settings.default.max_examples == DEFAULT_EXAMPLES else settings.default.max_examples,
)


def vector_file(name: str) -> Path:
    """The path of a shared vector file; skips the test where the folder is not beside the repository."""
    path = SHARED_VECTORS / name
    if not path.exists():
        pytest.skip(f"{name} is not in {SHARED_VECTORS}: published vectors are kept outside the repository")
    return path


def rub(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Amounts to the kopeck between two sums of roubles."""
    return st.integers(low * 100, high * 100).map(lambda kopecks: kopecks * KOPECK)


def percent(low: int, high: int) -> st.SearchStrategy[Decimal]:
    """Rates in per cent with four decimals."""
    return st.integers(low * 10_000, high * 10_000).map(lambda parts: Decimal(parts) / 10_000)


days = st.dates(date(2023, 1, 1), date(2032, 12, 31))
terms_in_months = st.integers(1, 96)
principals = rub(20_000, 9_000_000)
rates = percent(0, 40)
actual_bases = st.sampled_from(
    [DayCount.ACTUAL_365, DayCount.ACTUAL_360, DayCount.ACTUAL_ACTUAL, DayCount.ACTUAL_ACTUAL_ISDA]
)
loan_bases = st.sampled_from([DayCount.THIRTY_360, DayCount.ACTUAL_365, DayCount.ACTUAL_360, DayCount.ACTUAL_ACTUAL])


def loan(**changes: object) -> LoanTerms:
    """A plain car loan: a million of credit over five years at 15 %."""
    plain = LoanTerms(
        vehicle_price=Decimal("1500000.00"),
        down_payment=Decimal("500000.00"),
        term_months=60,
        annual_rate=Decimal("15.00"),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@st.composite
def loans(draw: st.DrawFn, **fixed: object) -> LoanTerms:
    """Car loans with and without dates."""
    dated = draw(st.booleans())
    fields: dict[str, object] = {
        "vehicle_price": draw(rub(120_000, 9_000_000)),
        "down_payment": draw(rub(0, 100_000)),
        "term_months": draw(terms_in_months),
        "annual_rate": draw(rates),
        "disbursement_date": draw(days) if dated else None,
        "day_count": draw(loan_bases) if dated else None,
    }
    return loan(**(fields | fixed))


def _days(*texts: str) -> frozenset[date]:
    return frozenset(map(date.fromisoformat, texts))


DECREES = {
    2025: WorkYear(_days("2025-05-02", "2025-05-08", "2025-06-13", "2025-11-03", "2025-12-31"), _days("2025-11-01")),
    2026: WorkYear(_days("2026-01-09", "2026-03-09", "2026-05-11", "2026-12-31"), _days()),
}
"""Government decrees 1335 of 04.10.2024 and 1466 of 24.09.2025."""
