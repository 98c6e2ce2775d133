"""Show what stands beside a car: how its price compares, cars like it, and what its visitor looked at before."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from catalog.public import ProductView
from catalog.public.comparable import read_in_order, similar_cars, usual_price

SEEN_COOKIE = "autosalon_seen"
MOST_SEEN = 6
SIMILAR = 4
USUAL = Decimal("0.05")
"""Within so much of the median a price is a usual one."""


@dataclass(frozen=True)
class PriceMark:
    """Comparison of a price with the median of `count` comparable cars: a good one is below what is usual."""

    is_good: bool
    median: Decimal
    count: int


def mark_price(car: ProductView, price: Decimal) -> PriceMark | None:
    """Return the mark of what a car costs now; none above the usual price, or where too few cars compare."""
    usual = usual_price(car) if car.kind == "vehicle" else None
    if usual is None or price > usual.median * (1 + USUAL):
        return None
    return PriceMark(price < usual.median * (1 - USUAL), usual.median, usual.count)


def read_similar(car: ProductView) -> list[ProductView]:
    """Return a few cars like it that can be bought; none beside an accessory."""
    return similar_cars(car, limit=SIMILAR) if car.kind == "vehicle" and car.body else []


def read_seen(request: HttpRequest, *, besides: UUID | None = None) -> list[ProductView]:
    """Return the cars that the visitor looked at since the browser was opened, the latest first."""
    ids = [one for one in _seen(request) if one != besides]
    return read_in_order(ids) if ids else []


def remember_seen(request: HttpRequest, response: HttpResponse, car: ProductView) -> HttpResponse:
    """Let the browser keep which cars were looked at until it is closed; the shop keeps nothing of it (152-FZ)."""
    if car.kind == "vehicle":
        ids = [car.id, *(one for one in _seen(request) if one != car.id)][:MOST_SEEN]
        response.set_cookie(SEEN_COOKIE, ".".join(str(one) for one in ids), httponly=True, samesite="Lax")
    return response


def _seen(request: HttpRequest) -> list[UUID]:
    try:
        return [UUID(part) for part in request.COOKIES.get(SEEN_COOKIE, "").split(".") if part][:MOST_SEEN]
    except ValueError:
        return []
