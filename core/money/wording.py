"""Write amounts as pages show them."""

from decimal import Decimal

from django.utils import formats

NBSP = "\u00a0"
SIGNS = {"RUB": "₽", "USD": "$", "EUR": "€", "GBP": "£"}


def money_text(amount: Decimal, currency: str) -> str:
    """An amount in major units with unbreakable groups, as pages show it: «1 745 000,00 ₽»."""
    digits = f"{amount:,.2f}".replace(",", NBSP).replace(".", formats.get_format("DECIMAL_SEPARATOR"))
    return f"{digits}{NBSP}{SIGNS.get(currency, currency)}"
