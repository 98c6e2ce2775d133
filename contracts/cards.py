"""Choose the card that pays where a client of a contract names none."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from contracts.numbers import find_id
from contracts.trips import Trip


def choose_card(trip: Trip, given: Mapping[str, Any], *, is_own: bool) -> dict[str, Any]:
    """Return the `token` or `payment_method_id` of a card payment; nothing where the provider's page is to ask for one.

    In order: what was sent, the caller's newest stored card where what is paid for is their own, and the token of the
    sandbox bank that a setting holds (AUTOSALON_CONTRACT_CARD_TOKEN).
    """
    if given.get("token"):
        return {"token": given["token"]}
    if given.get("payment_method_id"):
        return {"payment_method_id": str(find_id("payment_method", given["payment_method_id"]))}
    stored = trip.call("GET", "/payment-methods", query={"page_size": 100}).data["results"] if is_own else []
    cards = [one for one in stored if one["method"] == "card"]
    if cards:
        return {"payment_method_id": cards[0]["id"]}
    return {"token": settings.CONTRACT_CARD_TOKEN} if settings.CONTRACT_CARD_TOKEN else {}
