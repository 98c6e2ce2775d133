"""Read the people whom contracts show: those who were erased are shown by none of them."""

from typing import Any

from contracts.trips import Trip
from core.errors import NotFound

ERASED = "@erased.invalid"
"""The end of the e-mail that an erased account is left with."""


def read_person(trip: Trip) -> dict[str, Any]:
    """Return the person of the path. Raises CallRefused; NotFound for those who were erased."""
    found: dict[str, Any] = trip.call("GET", trip.fill("/users/{user}")).data
    if found["email"].endswith(ERASED):
        raise NotFound
    return found
