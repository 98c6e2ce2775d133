from datetime import date
from decimal import Decimal

import pytest

from payments.errors import ReceiptImpossible
from payments.rules.vat import RATES, find_code


@pytest.mark.parametrize(
    ("percent", "regime", "day", "is_advance", "code"),
    [
        (20, "general", date(2025, 12, 31), False, 1),
        (20, "general", date(2025, 12, 31), True, 3),
        (22, "general", date(2026, 1, 1), False, 11),
        (22, "general", date(2026, 1, 1), True, 12),
        (None, "general", date(2025, 12, 31), False, 1),
        (None, "general", date(2026, 1, 1), False, 11),
        (10, "general", date(2026, 6, 1), True, 4),
        (0, "general", date(2026, 6, 1), True, 5),
        (None, "simplified_5", date(2025, 1, 1), False, 7),
        (None, "simplified_7", date(2026, 6, 1), True, 10),
        (None, "exempt", date(2026, 6, 1), True, 6),
    ],
)
def test_a_rate_has_the_code_of_its_day(percent, regime, day, is_advance, code):
    rate = None if percent is None else Decimal(percent)
    assert find_code(rate, regime=regime, day=day, is_advance=is_advance) == code


@pytest.mark.parametrize(
    ("percent", "regime", "day"),
    [
        (22, "general", date(2025, 12, 31)),
        (20, "general", date(2026, 1, 1)),
        (18, "general", date(2018, 12, 31)),
        (None, "general", date(2018, 12, 31)),
        (None, "simplified_5", date(2024, 12, 31)),
    ],
)
def test_a_day_without_a_row_is_refused(percent, regime, day):
    with pytest.raises(ReceiptImpossible):
        find_code(None if percent is None else Decimal(percent), regime=regime, day=day, is_advance=False)


def test_no_two_rows_say_a_rate_of_one_day_and_each_names_its_source():
    for row in RATES:
        same = [other for other in RATES if other.percent == row.percent and other is not row]
        assert row.source
        assert not same
