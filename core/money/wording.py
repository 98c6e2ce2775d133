"""Write amounts as pages show them."""

import re
from decimal import Decimal

from django.utils import formats

NBSP = "\u00a0"
SIGNS = {"RUB": "₽", "USD": "$", "EUR": "€", "GBP": "£"}
_ROUBLES = re.compile(rf"(-?\d[\d{NBSP}]*)[.,](\d\d){NBSP}₽")


def money_text(amount: Decimal, currency: str) -> str:
    """An amount in major units with unbreakable groups, as pages show it: «1 745 000,00 ₽»."""
    digits = f"{amount:,.2f}".replace(",", NBSP).replace(".", formats.get_format("DECIMAL_SEPARATOR"))
    return f"{digits}{NBSP}{SIGNS.get(currency, currency)}"


def plain_money(text: str) -> str:
    """Write roubles that pages show as a number again, for files; any other text, of another currency too, stays."""
    found = _ROUBLES.fullmatch(text)
    return f"{found[1].replace(NBSP, '')}.{found[2]}" if found else text
