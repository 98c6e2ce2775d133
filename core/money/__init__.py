"""Money: decimal amounts to the kopeck, rounded half up, never floats; beside it the VAT in prices, and requisites."""

from decimal import ROUND_HALF_UP, Decimal

DEFAULT_CURRENCY = "RUB"
CENT = Decimal("0.01")
ZERO = Decimal("0.00")
MAX_AMOUNT = Decimal("999999999999.99")


def money(value: Decimal | int | str) -> Decimal:
    """Round an amount in major units (roubles) to two places, half up. Refuses floats by type."""
    if isinstance(value, float):
        raise TypeError("money is never a float")
    return Decimal(value).quantize(CENT, rounding=ROUND_HALF_UP)


def line_total(unit_price: Decimal, quantity: int) -> Decimal:
    """Price of one order line: rounded per line, so that shown lines always add up to the total."""
    return money(unit_price * quantity)
