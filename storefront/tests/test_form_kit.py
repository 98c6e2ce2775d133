"""Numbers, money, phones and days as people type them, in both languages."""

import re
from datetime import date
from decimal import Decimal

import pytest
from django import forms
from django.utils import translation

from core.screens.numbers import MoneyField, NumberField, WholeField, read_money, read_number
from storefront.forms.kit import DayField, PhoneField
from storefront.forms.visitors import LoanForm


class Boxes(forms.Form):
    price = MoneyField()
    rate = NumberField()
    mileage = WholeField()
    phone = PhoneField()
    day = DayField()


TYPED = {"price": "150 000", "rate": "14,9", "mileage": "50 000", "phone": "8 (900) 123-45-67", "day": "25.11.2026"}


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("150 000", "150000"),
        ("150\u00a0000,50 ₽", "150000.50"),
        ("150,000.50", "150000.50"),
        ("150.000,50", "150000.50"),
        ("1,143,950", "1143950"),
        ("1143950,00", "1143950.00"),
        ("1143950.00", "1143950.00"),
        ("1,5 млн", "1500000"),
        ("1.5 million", "1500000"),
        ("300 тыс. руб.", "300000"),
        ("300k", "300000"),
        ("2 000 roubles", "2000"),
        ("0", "0"),
        ("0,500", "0.500"),
    ],
)
def test_money_is_read_as_people_type_it(typed, meant):
    assert read_money(typed) == Decimal(meant)


@pytest.mark.parametrize("typed", ["", "a lot", "1,5,5", "12мешков", "1e9", "NaN", "٣", "--5", "1.2.3"])
def test_what_is_no_money_is_refused(typed):
    with pytest.raises(ValueError, match=f"^{re.escape(typed.replace(' ', ''))}$"):
        read_money(typed)


def test_a_number_may_have_either_decimal_sign():
    assert read_number("14,9") == read_number("14.9") == Decimal("14.9")


@pytest.mark.parametrize("language", ["ru", "en"])
def test_all_of_it_is_taken_in_both_languages(language):
    with translation.override(language):
        form = Boxes(TYPED)
        assert form.is_valid(), form.errors
    assert form.cleaned_data == {
        "price": Decimal(150000),
        "rate": Decimal("14.9"),
        "mileage": 50000,
        "phone": "+79001234567",
        "day": date(2026, 11, 25),
    }


@pytest.mark.parametrize(("language", "shown"), [("ru", "1\u00a0143\u00a0950,5"), ("en", "1\u00a0143\u00a0950.5")])
def test_what_a_box_shows_it_takes_back(language, shown):
    with translation.override(language):
        page = str(Boxes(initial={"price": Decimal("1143950.50")})["price"])
        assert f'value="{shown}"' in page
        assert 'type="text"' in page
    assert read_money(shown) == Decimal("1143950.50")


def test_what_cannot_be_read_stays_as_it_was_typed():
    form = Boxes(TYPED | {"price": "a lot", "phone": "abc", "rate": "much"})
    assert set(form.errors) == {"price", "phone", "rate"}
    assert 'value="a lot"' in str(form["price"])
    with translation.override("en"):
        assert "1.5 million" in str(form.errors["price"])


def test_a_hidden_box_keeps_what_a_program_reads():
    form = Boxes(initial={"price": Decimal("1143950.50")})
    form.fields["price"].widget = forms.HiddenInput()
    with translation.override("ru"):
        assert 'value="1143950.50"' in str(form["price"])


def test_a_rate_is_shown_with_the_readers_sign():
    with translation.override("ru"):
        assert 'value="14,9"' in str(LoanForm(initial={"annual_rate": Decimal("14.90")})["annual_rate"])
