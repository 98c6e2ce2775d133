"""Find the product that a client of a contract names by text: a number, an id, an SKU or a name, at a price."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from contracts.numbers import NOBODY, find_id
from contracts.trips import Trip
from core.errors import DomainError, InvalidInput


class UnknownProduct(InvalidInput):
    """Nothing on sale is called so."""

    code = "unknown_product"

    def __init__(self, place: str) -> None:
        super().__init__(place, self.code, _("There is no such product on sale."))


class PriceChanged(DomainError):
    """The product is on sale, and at other prices than the client expected; `prices` are they."""

    code = "price_changed"
    detail = _("The price has changed since you saw it.")


class InsufficientStock(DomainError):
    """Less is available of the product than the client wants."""

    code = "insufficient_stock"
    detail = _("There is not enough in stock.")


@dataclass(frozen=True)
class Wish:
    """A line that a client wants: `place` is where it stands in what was sent."""

    text: Any
    price: Decimal
    quantity: int
    place: str


def find_product(trip: Trip, wish: Wish) -> dict[str, Any]:
    """Return the product that is meant, at the price that is expected: the oldest with enough available.

    Raises UnknownProduct, PriceChanged, InsufficientStock.
    """
    found = _by_id(trip, wish.text) or _by_text(trip, wish.text)
    if not found:
        raise UnknownProduct(wish.place)
    priced = [one for one in found if Decimal(one["price"]) == wish.price]
    if not priced:
        prices = sorted({Decimal(one["price"]) for one in found})
        raise PriceChanged(field=wish.place, prices=[float(price) for price in prices])
    enough = [one for one in priced if one["available"] >= wish.quantity]
    if not enough:
        raise InsufficientStock(field=wish.place, available=max(one["available"] for one in priced))
    return enough[0]


def _by_id(trip: Trip, text: Any) -> list[dict[str, Any]]:
    found = find_id("product", text)
    if found == NOBODY:
        return []
    answered = trip.ask("GET", f"/products/{found}")
    return [] if answered.is_refusal else [answered.data]


def _by_text(trip: Trip, text: Any) -> list[dict[str, Any]]:
    """Products on sale whose SKU or else whose name the text is, the oldest first."""
    named = text.strip() if isinstance(text, str) else ""
    if not named or "\0" in named:
        return []
    query = {"is_active": "true", "page_size": 100}
    coded = trip.call("GET", "/products", query=query | {"q": named[:200]}).data["results"]
    by_code = [one for one in coded if one["sku"].casefold() == named.casefold()]
    if by_code:
        return by_code
    found = trip.call("GET", "/products", query=query | {"name": named[:255], "ordering": "created_at"}).data
    return list(found["results"])
