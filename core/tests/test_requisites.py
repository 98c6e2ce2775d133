import pytest

from core.errors import InvalidInput
from core.money import requisites

BANK = "049805746"


@pytest.mark.parametrize("inn", ["7707083893", "500100732259"])
def test_true_tax_numbers_pass(inn):
    assert requisites.is_inn(inn)


@pytest.mark.parametrize("inn", ["7707083893", "500100732259"])
@pytest.mark.parametrize("shift", range(1, 10))
def test_a_wrong_control_digit_is_noticed(inn, shift):
    assert not requisites.is_inn(inn[:-1] + str((int(inn[-1]) + shift) % 10))


@pytest.mark.parametrize(
    ("ogrn", "is_good"), [("1027700132195", True), ("304500116000157", True), ("1027700132196", False), ("", False)]
)
def test_registration_numbers_have_a_check_digit(ogrn, is_good):
    assert requisites.is_ogrn(ogrn) is is_good


@pytest.mark.parametrize(
    ("account", "bik", "is_good"),
    [
        ("40602810700000000025", BANK, True),  # the examples of order 515
        ("30101810800000000746", BANK, True),
        ("40602810700000000026", BANK, False),
        ("40602810700000000025", "049805747", False),
        ("40602810700000000025", "", False),
        ("4060281070000000002", BANK, False),
        ("", BANK, False),
    ],
)
def test_an_account_belongs_to_its_bank(account, bik, is_good):
    assert requisites.is_account(account, bik) is is_good


@pytest.mark.parametrize("place", range(20))
def test_a_mistyped_digit_of_an_account_is_noticed(place):
    account = "40602810700000000025"
    wrong = account[:place] + str((int(account[place]) + 1) % 10) + account[place + 1 :]
    assert not requisites.is_account(wrong, BANK)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"inn": "7707083894"}, "inn"),
        ({"kpp": "12345678"}, "kpp"),
        ({"ogrn": "1027700132196"}, "ogrn"),
        ({"inn": "7707083893", "is_person": True}, "inn"),
        ({"kpp": "773601001", "is_person": True}, "kpp"),
    ],
)
def test_the_wrong_number_is_named(given, field):
    with pytest.raises(InvalidInput) as refusal:
        requisites.refuse_wrong_company(**({"inn": "", "kpp": "", "ogrn": "", "is_person": False} | given))
    assert refusal.value.errors[0]["field"] == field


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"bik": "1234"}, "bik"),
        ({"account": "40602810700000000026"}, "account"),
        ({"account": ""}, "account"),
        ({"correspondent_account": "30101810900000000746"}, "correspondent_account"),
    ],
)
def test_the_wrong_bank_details_are_named(given, field):
    right = {"bik": BANK, "account": "40602810700000000025", "correspondent_account": "30101810800000000746"}
    requisites.refuse_wrong_bank(**right)
    with pytest.raises(InvalidInput) as refusal:
        requisites.refuse_wrong_bank(**(right | given))
    assert refusal.value.errors[0]["field"] == field
