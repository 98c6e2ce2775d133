from datetime import date

import pytest

from core.errors import InvalidInput
from core.money.grounds import GROUNDS, OF_GOODS, find_ground, name_ground, require_rule
from core.money.vat import NoTaxRule, Regime, VatKind

TODAY = date(2026, 11, 24)


def refused(kind: str, ground: str, day: date) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as error:
        require_rule(kind, ground, day)
    (told,) = error.value.errors
    return told["field"], told["code"]


@pytest.mark.parametrize(
    ("code", "day", "words"),
    [
        ("inspection", TODAY, "подп. 17.2 п. 2 ст. 149 НК РФ"),
        ("simplified", date(2024, 12, 31), "п. 2 ст. 346.11 НК РФ"),
        ("simplified", date(2025, 1, 1), "п. 1 ст. 145 НК РФ"),
    ],
)
def test_a_ground_is_that_of_the_day(code, day, words):
    assert find_ground(code, day).words == words


@pytest.mark.parametrize(("code", "day"), [("inspection", date(2011, 12, 31)), ("gift", TODAY), ("", TODAY)])
def test_a_day_without_a_row_is_refused(code, day):
    with pytest.raises(NoTaxRule):
        find_ground(code, day)


@pytest.mark.parametrize(
    ("regime", "kind", "ground", "words"),
    [
        ("general", "standard", "", ""),
        ("general", "zero", "", ""),
        ("general", "exempt", "", ""),
        ("general", "exempt", "warranty", "подп. 13 п. 2 ст. 149 НК РФ"),
        ("simplified_5", "exempt", "warranty", "подп. 13 п. 2 ст. 149 НК РФ"),
        ("simplified", "standard", "", "п. 1 ст. 145 НК РФ"),
        ("simplified", "exempt", "warranty", "п. 1 ст. 145 НК РФ"),
        ("simplified", "exempt", "insurance", "подп. 7 п. 3 ст. 149 НК РФ"),
    ],
)
def test_what_a_sale_is_free_by_goes_by_the_seller_and_then_by_the_goods(regime, kind, ground, words):
    assert name_ground(Regime(regime), VatKind(kind), ground, TODAY) == words


@pytest.mark.parametrize(
    ("kind", "ground", "day", "expected"),
    [
        ("exempt", "", TODAY, ("vat_ground", "required")),
        ("exempt", "gift", TODAY, ("vat_ground", "no_tax_rule")),
        ("exempt", "insurance", TODAY, ("vat_ground", "no_tax_rule")),
        ("exempt", "inspection", date(2011, 12, 31), ("vat_ground", "no_tax_rule")),
        ("reduced", "warranty", TODAY, ("vat_ground", "not_allowed")),
        ("", "warranty", TODAY, ("vat_ground", "not_allowed")),
        ("reduced", "", date(2018, 12, 31), ("vat_kind", "no_tax_rule")),
    ],
)
def test_what_no_law_of_the_day_says_is_refused(kind, ground, day, expected):
    assert refused(kind, ground, day) == expected


@pytest.mark.parametrize(
    ("kind", "ground"), [("", ""), ("standard", ""), ("reduced", ""), ("zero", ""), ("exempt", "inspection")]
)
def test_what_the_law_of_the_day_says_is_taken(kind, ground):
    require_rule(kind, ground, TODAY)


def test_rows_of_a_code_follow_each_other_and_name_their_sources():
    for code in {row.code for row in GROUNDS}:
        days = [row.since for row in GROUNDS if row.code == code]
        assert days == sorted(set(days))
    assert all(len(row.source.split()) > 2 for row in GROUNDS)
    assert set(OF_GOODS).isdisjoint({"insurance", "simplified"})
