"""Find the contracts that this installation speaks."""

from functools import cache
from importlib import import_module

from django.conf import settings

from contracts.routes import Contract


@cache
def every() -> dict[str, Contract]:
    """Return all contracts by their letters."""
    return {letter: import_module(f"contracts.{letter}").CONTRACT for letter in LETTERS}


LETTERS = ("a", "b", "c", "d", "e")


def contracts() -> list[Contract]:
    """Return those that are switched on (AUTOSALON_CONTRACTS)."""
    return [contract for letter, contract in every().items() if letter in settings.CONTRACTS]


def find(letter: str) -> Contract | None:
    """Return one that is switched on."""
    return every().get(letter) if letter in settings.CONTRACTS else None
