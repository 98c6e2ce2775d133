"""Read what tells one client from another: phones, e-mails and tax numbers, as people write them."""

import re
from collections.abc import Sequence

PHONE_REGION = "RU"
"""Where a phone number without a country code is taken to be."""
INN = r"^([0-9]{10}|[0-9]{12})?$"
KPP = r"^([0-9]{4}[0-9A-Z]{2}[0-9]{3})?$"
OGRN = r"^([0-9]{13}|[0-9]{15})?$"
_INN_10 = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN_11 = (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN_12 = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)


def normal_phone(text: str) -> str:
    """A phone number in E.164 (`+74951234567`); empty when the text is none."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text, PHONE_REGION)
    except phonenumbers.NumberParseException:
        return ""
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normal_email(text: str) -> str:
    """One spelling of an address: no spaces around it, case does not matter."""
    return text.strip().casefold()


def is_inn(text: str) -> bool:
    """Tell whether a tax number's check digits are right: 10 digits of an organisation, 12 of a person."""
    if re.fullmatch(INN, text) is None or not text:
        return False
    if len(text) == 10:
        return _control(text, _INN_10) == text[9]
    return _control(text, _INN_11) == text[10] and _control(text, _INN_12) == text[11]


def _control(text: str, weights: Sequence[int]) -> str:
    """Control digit of an ИНН (order of the Federal Tax Service ЕД-7-14/559): weighted sum modulo 11, then 10."""
    return str(sum(int(digit) * weight for digit, weight in zip(text, weights, strict=False)) % 11 % 10)


def is_ogrn(text: str) -> bool:
    """Tell whether a registration number's check digit is right: 13 digits of an organisation, 15 of a sole trader."""
    if re.fullmatch(OGRN, text) is None or not text:
        return False
    return str(int(text[:-1]) % (len(text) - 2) % 10) == text[-1]


def is_kpp(text: str) -> bool:
    """Tell whether a reason code of registration is well formed."""
    return bool(text) and re.fullmatch(KPP, text) is not None
