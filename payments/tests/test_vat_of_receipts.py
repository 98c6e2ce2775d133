from datetime import date
from decimal import Decimal

import pytest

from core.money.vat import RATES
from payments.errors import ReceiptImpossible
from payments.rules.vat import CODES, find_code


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
    assert find_code(rate, kind="", regime=regime, day=day, is_advance=is_advance) == code


@pytest.mark.parametrize(
    ("kind", "regime", "is_advance", "code"),
    [
        ("standard", "general", False, 11),
        ("reduced", "general", False, 2),
        ("zero", "general", True, 5),
        ("margin", "general", False, 12),
        ("margin", "general", True, 12),
        ("margin", "exempt", False, 6),
        ("exempt", "general", True, 6),
        ("reduced", "simplified_5", True, 9),
    ],
)
def test_goods_have_the_code_of_how_they_are_taxed(kind, regime, is_advance, code):
    assert find_code(None, kind=kind, regime=regime, day=date(2026, 6, 1), is_advance=is_advance) == code


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
        find_code(None if percent is None else Decimal(percent), kind="", regime=regime, day=day, is_advance=False)


def test_the_margin_scheme_is_refused_where_no_rule_of_it_is_known():
    with pytest.raises(ReceiptImpossible):
        find_code(None, kind="margin", regime="simplified_5", day=date(2026, 6, 1), is_advance=False)


def test_every_rate_of_the_law_has_its_codes():
    assert {row.percent for row in RATES} == set(CODES)
