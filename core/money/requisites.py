"""Numbers of the state and of banks that name a company or a person in Russia, and their check digits."""

import re
from collections.abc import Sequence

from django.utils.translation import gettext as _

from core.errors import InvalidInput

INN = r"^([0-9]{10}|[0-9]{12})?$"
KPP = r"^([0-9]{4}[0-9A-Z]{2}[0-9]{3})?$"
OGRN = r"^([0-9]{13}|[0-9]{15})?$"
"""Forms for Python and for CHECK constraints alike; nothing is allowed too."""
_INN_10 = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN_11 = (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN_12 = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_ACCOUNT = (7, 1, 3) * 8
_CENTRAL_BANK = ("000", "001", "002")
_CORRESPONDENT = "301"


def fold_number(text: str) -> str:
    """One spelling of a number of the state: no spaces, capital letters."""
    return "".join(text.split()).upper()


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


def is_bik(text: str) -> bool:
    """Tell whether a bank's identification code is well formed: nine digits without a check digit."""
    return re.fullmatch(r"0[0-9]{8}", text) is not None


def is_account(text: str, bik: str) -> bool:
    """Tell whether the key of a bank account is right for the bank (Bank of Russia, order 515 of 8 September 1997).

    Digits 7 to 9 of the bank's code go before an account of its client; 0 and digits 5 and 6 before one that the Bank
    of Russia keeps, among them every correspondent account. The weighted digits then add up to a multiple of ten.
    """
    if re.fullmatch(r"[0-9]{20}", text) is None or not is_bik(bik):
        return False
    is_kept_there = text.startswith(_CORRESPONDENT) or bik[6:] in _CENTRAL_BANK
    digits = (f"0{bik[4:6]}" if is_kept_there else bik[6:]) + text
    return sum(int(digit) * weight for digit, weight in zip(digits, _ACCOUNT, strict=False)) % 10 == 0


def refuse_wrong_company(*, inn: str, kpp: str, ogrn: str, is_person: bool) -> None:
    """Refuse numbers of the state that are mistyped, or not of a person; empty ones pass. Raises InvalidInput."""
    if inn and not is_inn(inn):
        raise InvalidInput("inn", "invalid", _("The check digits of this INN are wrong."))
    if len(inn) == 10 and is_person:
        raise InvalidInput("inn", "invalid", _("A person's INN has 12 digits."))
    if kpp and (is_person or not is_kpp(kpp)):
        raise InvalidInput("kpp", "invalid", _("A KPP has 9 characters, and only organisations have one."))
    if ogrn and not is_ogrn(ogrn):
        raise InvalidInput("ogrn", "invalid", _("The check digit of this OGRN is wrong."))


def refuse_wrong_bank(*, bik: str, account: str, correspondent_account: str) -> None:
    """Refuse a bank's code or accounts whose keys do not fit it; all empty pass. Raises InvalidInput."""
    if not (bik or account or correspondent_account):
        return
    if not is_bik(bik):
        raise InvalidInput("bik", "invalid", _("A BIK has 9 digits and begins with 0."))
    if not is_account(account, bik):
        raise InvalidInput("account", "invalid", _("This is no account of the bank with this BIK: check its digits."))
    if correspondent_account and not is_account(correspondent_account, bik):
        detail = _("This is no correspondent account of the bank with this BIK: check its digits.")
        raise InvalidInput("correspondent_account", "invalid", detail)
