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
