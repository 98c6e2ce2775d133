"""Tell the number of goods (GTIN) that the code of a marked piece begins with, by GS1's General Specifications."""

LENGTH = 14


def is_gtin(text: str) -> bool:
    """Tell whether a text is a number of 14 digits whose last is the check digit of the others.

    Weights are 3 and 1 by turns, modulo 10.
    """
    if len(text) != LENGTH or not (text.isascii() and text.isdigit()):
        return False
    return sum(int(digit) * (1 if index % 2 else 3) for index, digit in enumerate(text)) % 10 == 0
