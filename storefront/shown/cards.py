"""Show what the cards of cars have besides the cars: their pictures, and what the visitor keeps and compares."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from catalog.public import MOST_COMPARED, ProductView
from catalog.public.kept import favourite_ids
from catalog.public.pictures import covers
from storefront.monthly import read_monthly
from storefront.shown.prices import price_as_shown, read_prices
from storefront.visitor import user_id

COMPARED_COOKIE = "autosalon_compared"
COMPARED_KEPT_S = 14 * 24 * 3600


def card_context(request: HttpRequest, cars: list[ProductView]) -> dict[str, Any]:
    """Return what cards show beside their cars: covers, money, and what their visitor keeps and compares."""
    ids, now = [car.id for car in cars], timezone.now()
    prices = read_prices(cars, now=now)
    return {
        "covers": covers(ids),
        "favourites": favourite_ids(user_id(request), ids) if request.user.is_authenticated else set(),
        "compared": set(compared(request)),
        "monthly": read_monthly(price_as_shown(cars, prices), now=now),
        "prices": prices,
    }


def compared(request: HttpRequest) -> list[UUID]:
    """Return what the visitor has put side by side, by a cookie; one that was tampered with holds nothing."""
    try:
        return read_ids(request.COOKIES.get(COMPARED_COOKIE, ""), ".")
    except ValueError:
        return []


def read_ids(text: str, separator: str) -> list[UUID]:
    """Up to MOST_COMPARED different ids. Raises ValueError."""
    ids = list(dict.fromkeys(UUID(part.strip()) for part in text.split(separator) if part.strip()))
    if len(ids) > MOST_COMPARED:
        raise ValueError(text)
    return ids


def remember_compared(response: HttpResponse, ids: list[UUID]) -> HttpResponse:
    """Let the visitor's browser keep what is compared."""
    if not ids:
        response.delete_cookie(COMPARED_COOKIE, samesite="Lax")
        return response
    text = ".".join(str(one) for one in ids)
    response.set_cookie(COMPARED_COOKIE, text, max_age=COMPARED_KEPT_S, httponly=True, samesite="Lax")
    return response
