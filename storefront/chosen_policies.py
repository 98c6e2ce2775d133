"""Policies a buyer has chosen to go with what is in the cart: kept in the session, at today's premiums."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils import timezone

from core.clock import dealer_day
from core.errors import InvalidInput
from core.money import ZERO
from insurance.public import PremiumFacts, rate
from insurance.queries import read_quote
from storefront.visitor import user_id

KEY = "insurance"
MOST = 5


@dataclass(frozen=True)
class Chosen:
    """An offer of a quote: `premium` in roubles is what an order placed now would pay, the first of `instalments`."""

    quote_id: UUID
    name: str
    insurer: str
    vehicle: str
    premium: Decimal
    request: dict[str, Any]
    instalments: int = 1
    supplier: dict[str, str] | None = None


def choose(request: HttpRequest, quote_id: UUID, variant: int) -> None:
    """Put an offer beside the cart; another offer of the same quote takes its place."""
    kept = [pair for pair in _kept(request) if pair[0] != str(quote_id)]
    request.session[KEY] = [*kept, [str(quote_id), variant]][-MOST:]


def drop(request: HttpRequest, quote_id: UUID) -> None:
    """Take an offer out."""
    request.session[KEY] = [pair for pair in _kept(request) if pair[0] != str(quote_id)]


def clear(request: HttpRequest) -> None:
    """Forget all of them: they were ordered."""
    request.session.pop(KEY, None)


def chosen_by(request: HttpRequest) -> list[Chosen]:
    """Return what this visitor has chosen and may still buy; whoever chose nothing costs insurance no query."""
    kept = _kept(request)
    if not kept or not request.user.is_authenticated:
        return []
    now, found = timezone.now(), []
    for quote_id, variant in kept:
        quote = read_quote(UUID(quote_id), customer_id=user_id(request), now=now)
        offers = [] if quote is None or not quote.is_standing else quote.offers
        offer = next((item for item in offers if item.variant == variant), None)
        rated = None if offer is None else _rate(offer.request)
        if quote is not None and offer is not None and rated is not None:
            name, parts = quote.insurance_type.upper(), len(offer.later) + 1
            premium, supplier = rated.due_now, rated.supplier
            found.append(Chosen(quote.id, name, offer.insurer, quote.vehicle, premium, offer.request, parts, supplier))
    return found


def _rate(asked: dict[str, Any]) -> PremiumFacts | None:
    """Rate it by today's tariffs; nothing where the catalogue now says otherwise of the car: it needs a new quote."""
    try:
        return rate(asked, day=dealer_day(timezone.now()))
    except InvalidInput:
        return None


def compute_total(chosen: list[Chosen]) -> Decimal:
    """Their premiums together, roubles."""
    return sum((item.premium for item in chosen), ZERO)


def _kept(request: HttpRequest) -> list[list[Any]]:
    return list(request.session.get(KEY, []))
