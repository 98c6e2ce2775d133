"""A whole deal's calculation as a page shows it: what it is made of, what it comes to, and by which versions."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q

from core.errors import InvalidInput
from financing.public import read_offer_terms
from orders.models.deals import DealQuote
from orders.queries.deal_sums import recalculate


@dataclass(frozen=True)
class DealLine:
    """A product of the deal, roubles."""

    product_id: UUID
    name: str
    quantity: int
    line_total: Decimal


@dataclass(frozen=True)
class DealPremium:
    """A policy of the deal: its premium in roubles and the tariffs it was rated by; `later` are instalments to come."""

    insurance_type: str
    insurer: str
    premium: Decimal
    tariff: str
    tariff_revision: int
    rated_on: date
    breakdown: list[dict[str, str]]
    request: dict[str, Any]
    due_now: Decimal
    later: list[tuple[date, Decimal]]


@dataclass(frozen=True)
class DealLoan:
    """The loan of the deal: roubles, per cent a year, and the programme's version its terms were read of.

    `down_payment` is the buyer's own money; the trade-in comes beside it.
    """

    programme_id: UUID
    programme: str
    bank: str
    version: int
    financing_type: str
    annual_rate: Decimal
    term_months: int
    schedule: str
    vehicle_price: Decimal
    down_payment: Decimal
    balloon: Decimal
    is_insurance_lent: bool


@dataclass(frozen=True)
class DealDocument:
    """A calculation; `result` holds the sums by name, roubles and per cent."""

    id: UUID
    customer_id: UUID | None
    lines: list[DealLine]
    premiums: list[DealPremium]
    loan: DealLoan | None
    trade_in_amount: Decimal
    result: dict[str, Decimal]
    currency: str
    rated_on: date
    created_at: datetime

    @property
    def main_product_id(self) -> UUID:
        """The car: it stands first."""
        return self.lines[0].product_id


def read_deal(deal_id: UUID, *, viewer_id: UUID | None, is_staff: bool = False) -> DealDocument | None:
    """A stored deal: a client's own, or one that nobody's name stands on; None for another's.

    Whether a visitor may see a nameless one is for the caller to know.
    """
    quote = DealQuote.objects.filter(pk=deal_id).first()
    if quote is None or (quote.customer_id not in (None, viewer_id) and not is_staff):
        return None
    return deal_document(quote)


def read_ordered_deal(order_id: UUID, *, viewer_id: UUID) -> DealDocument | None:
    """The viewer's own calculation, or nobody's, that an order was placed from; None for an order of another kind."""
    quote = DealQuote.objects.filter(Q(customer_id=viewer_id) | Q(customer_id=None), order_id=order_id).first()
    return None if quote is None else deal_document(quote)


def deal_document(quote: DealQuote) -> DealDocument:
    """A calculation, stored or not, as a page shows it."""
    return DealDocument(
        id=quote.id,
        customer_id=quote.customer_id,
        lines=[_line(line) for line in quote.lines],
        premiums=[_premium(item) for item in quote.insurance],
        loan=None if quote.loan_terms is None else _loan(quote.loan_terms, quote.trade_in_amount),
        trade_in_amount=quote.trade_in_amount,
        result={name: Decimal(value) for name, value in quote.result.items()},
        currency=quote.currency,
        rated_on=quote.rated_on,
        created_at=quote.created_at,
    )


def reproduces(deal_id: UUID) -> bool:
    """Tell whether a stored deal comes out the same to the kopeck from its snapshot. Raises DealQuote.DoesNotExist."""
    quote = DealQuote.objects.get(pk=deal_id)
    try:
        return bool(recalculate(quote) == quote.result)
    except (InvalidInput, LookupError):
        return False


def _line(line: dict[str, Any]) -> DealLine:
    return DealLine(UUID(line["product_id"]), line["name"], line["quantity"], Decimal(line["line_total"]))


def _premium(item: dict[str, Any]) -> DealPremium:
    return DealPremium(
        insurance_type=item["insurance_type"],
        insurer=item["insurer"],
        premium=Decimal(item["premium"]),
        tariff=item["tariff"],
        tariff_revision=item["tariff_revision"],
        rated_on=date.fromisoformat(item["rated_on"]),
        breakdown=item["breakdown"],
        request=item["request"],
        due_now=Decimal(item.get("due_now", item["premium"])),
        later=[(date.fromisoformat(part["due_date"]), Decimal(part["amount"])) for part in item.get("later", [])],
    )


def _loan(stored: dict[str, Any], trade_in_amount: Decimal) -> DealLoan:
    terms = read_offer_terms(stored)
    return DealLoan(
        programme_id=terms.programme_id,
        programme=terms.programme,
        bank=terms.bank,
        version=terms.version,
        financing_type=terms.financing_type,
        annual_rate=terms.annual_rate,
        term_months=terms.term_months,
        schedule=terms.schedule,
        vehicle_price=terms.vehicle_price,
        down_payment=terms.down_payment - trade_in_amount,
        balloon=terms.balloon,
        is_insurance_lent=terms.financed_premium > 0,
    )
