import pytest

from clients.rules import identifiers


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("8 (495) 123-45-67", "+74951234567"),
        ("+7 900 765-43-21", "+79007654321"),
        ("9007654321", "+79007654321"),
        ("+49 30 901820", "+4930901820"),
        ("+7999", ""),
        ("call me", ""),
        ("", ""),
    ],
)
def test_phones_have_one_spelling(text, number):
    assert identifiers.normal_phone(text) == number


@pytest.mark.parametrize("inn", ["7707083893", "500100732259"])
def test_true_tax_numbers_pass(inn):
    assert identifiers.is_inn(inn)


@pytest.mark.parametrize("inn", ["7707083893", "500100732259"])
@pytest.mark.parametrize("shift", range(1, 10))
def test_a_wrong_control_digit_is_noticed(inn, shift):
    assert not identifiers.is_inn(inn[:-1] + str((int(inn[-1]) + shift) % 10))


@pytest.mark.parametrize(
    ("ogrn", "is_good"), [("1027700132195", True), ("304500116000157", True), ("1027700132196", False), ("", False)]
)
def test_registration_numbers_have_a_check_digit(ogrn, is_good):
    assert identifiers.is_ogrn(ogrn) is is_good
