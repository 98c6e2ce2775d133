"""Declare what the hot orders endpoints take in, and check it before any service is called."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.public import require_person
from clients.public import find_customer
from core.clock import dealer_day
from core.errors import InvalidInput
from core.money import MAX_AMOUNT
from core.vin import VIN_LENGTH
from financing.public import check_application, require_programme
from gateway.principal import Principal
from insurance.public import DriverFields, PremiumFacts, QuoteRequest, Settlement, rate
from orders.rules.requests import ChosenPolicy
from orders.services import Bargain, FreeLine, ProductLine
from payments.commands import METHODS
from payments.public import require_method

Text = Annotated[str, msgspec.Meta(max_length=255)]


MAX_POLICIES = 20


class DiscountInput(msgspec.Struct, forbid_unknown_fields=True):
    """A manager's discount: roubles off a piece or per cent of its list price, and why."""

    amount: Decimal | None = None
    percent: Decimal | None = None
    reason: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class ItemInput(msgspec.Struct, forbid_unknown_fields=True):
    """A product and a quantity, at a manager's price or discount; or a manager's line with a name and a price."""

    quantity: int
    product_id: UUID | None = None
    name: Text = ""
    unit_price: Decimal | None = None
    discount: DiscountInput | None = None


class MeansInput(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Means by which a buyer pays, and how much."""

    method: str
    token: Text | None = None
    payment_method_id: UUID | None = None
    amount: Decimal | None = None


class PaymentInput(MeansInput, forbid_unknown_fields=True):
    """Means by which the buyer pays as soon as the stock is reserved.

    A refusal cancels the order, or with `on_decline: hold` keeps it and its hold for another try.
    """

    on_decline: Literal["cancel", "hold"] = "cancel"


class DepositInput(PaymentInput, forbid_unknown_fields=True):
    """A deposit; `terms` is the version that its buyer accepts (GET /orders/deposit-terms), "" the law's own.

    Kept after a refusal, the next payment of just its amount is the deposit.
    """

    terms: str = ""


class TradeInInput(msgspec.Struct, forbid_unknown_fields=True):
    """The car the buyer gives in exchange, and what they ask for it; it counts once a manager agrees."""

    amount: Decimal
    vin: Annotated[str, msgspec.Meta(max_length=VIN_LENGTH)] = ""
    make: Text = ""
    model: Text = ""
    year: Annotated[int, msgspec.Meta(ge=1900, le=2100)] | None = None
    mileage: Annotated[int, msgspec.Meta(ge=0)] | None = None
    description: Annotated[str, msgspec.Meta(max_length=1000)] = ""


EMPLOYMENT = Literal["employed", "self_employed", "entrepreneur", "retired", "student", "unemployed"]
"""Where a borrower's income comes from."""


class FinancingInput(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The loan asked for with an order: the fields of an application, whose price is the order's own.

    A `vehicle_price` that is given must be that of the order's goods. What is said of premiums counts for nothing:
    with `insurance_financed` the order's own are lent. `auto_accept` takes an offer equal to the request at once.
    """

    down_payment: Decimal
    term_months: int
    financing_type: Literal["car_loan", "leasing", "installment"]
    employment_status: EMPLOYMENT
    monthly_income: Decimal
    vehicle_price: Decimal | None = None
    monthly_obligations: Decimal = Decimal(0)
    birth_date: date | None = None
    vehicle_year: int | None = None
    programme_id: UUID | None = None
    insurance_financed: bool = False
    auto_accept: bool = True
    financed_premium: Decimal | None = None
    psk_premium: Decimal | None = None


class DriverInput(DriverFields, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A named driver of such a policy."""


class SettlementInput(Settlement, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Terms on which its losses are settled."""


class PolicyInput(QuoteRequest, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A policy asked for with an order: the fields of a quote request, and nothing else."""

    drivers: list[DriverInput] | None = None  # type: ignore[assignment]
    settlement: SettlementInput = SettlementInput()


class OrderTerms(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """All that is said of a new order besides its lines."""

    payment: PaymentInput | list[PaymentInput] | None = None
    deposit: DepositInput | None = None
    trade_in: TradeInInput | None = None
    financing: FinancingInput | None = None
    insurance: Annotated[list[PolicyInput], msgspec.Meta(max_length=MAX_POLICIES)] = []
    expected_total: Decimal | None = None
    coupon: Annotated[str, msgspec.Meta(max_length=40)] = ""
    comment: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    customer_id: UUID | None = None
    legal_entity_id: UUID | None = None


class OrderInput(OrderTerms, kw_only=True, forbid_unknown_fields=True):
    """A new order."""

    items: list[ItemInput]


MAX_PAYMENTS = 5


def parse_customer(body: OrderTerms, principal: Principal) -> UUID:
    """Return whose order it is. Only managers order for somebody else: a person, or a client card without an account.

    Raises InvalidInput.
    """
    if body.customer_id is None or body.customer_id == principal.id:
        return principal.id
    if not principal.is_staff:
        raise InvalidInput("customer_id", "not_allowed", _("Only managers order for somebody else."))
    return require_customer(body.customer_id)


def require_customer(customer_id: UUID) -> UUID:
    """Return a person's id, or whose a client card is: its own where it has no account. Raises InvalidInput."""
    try:
        require_person(customer_id, "customer_id")
    except InvalidInput:
        found = find_customer(customer_id)
        if found is None:
            raise
        return found
    return customer_id


def parse_terms(body: OrderTerms, principal: Principal, products: list[UUID]) -> dict[str, Any]:
    """The terms of an order of products, as the services take them. Raises InvalidInput."""
    _refuse_strange_methods(body, principal)
    if body.legal_entity_id is not None and not principal.is_staff:
        raise InvalidInput("legal_entity_id", "not_allowed", _("Only managers choose who sells."))
    asked: list[dict[str, Any]] = msgspec.to_builtins(body.insurance)
    rated = rate_policies(asked, products)
    return {
        "payment": parse_payments(body.payment),
        "deposit": parse_deposit(body.deposit),
        "trade_in": parse_trade_in(body.trade_in),
        "financing": parse_financing(body.financing),
        "insurance": [found.request or request for request, found in zip(asked, rated, strict=True)],
        "policies": [ChosenPolicy(found.insurance_type.upper(), found.due_now, found.supplier) for found in rated],
        "expected_total": body.expected_total,
        "coupon": body.coupon.strip(),
        "comment": body.comment,
        "legal_entity_id": body.legal_entity_id,
    }


def _refuse_strange_methods(body: OrderTerms, principal: Principal) -> None:
    """Refuse stored methods that are not the buyer's own doing. Raises InvalidInput."""
    given: dict[str, MeansInput | None] = {"deposit": body.deposit}
    if isinstance(body.payment, list):
        given |= {f"payment.{place}": one for place, one in enumerate(body.payment)}
    else:
        given["payment"] = body.payment
    for field, one in given.items():
        if one is not None and one.payment_method_id is not None:
            require_method(
                one.payment_method_id,
                method=one.method,
                caller_id=principal.id,
                customer_id=body.customer_id or principal.id,
                field=f"{field}.payment_method_id",
            )


def parse_line(index: int, item: ItemInput, principal: Principal) -> ProductLine | FreeLine:
    """A line as the service takes it. Raises InvalidInput."""
    if item.product_id is not None:
        is_priced = item.unit_price is not None or item.discount is not None
        if item.name or (is_priced and not principal.is_staff):
            raise InvalidInput(
                f"items.{index}.unit_price", "not_allowed", _("Prices and names come from the catalogue.")
            )
        return ProductLine(item.product_id, item.quantity, _parse_bargain(item) if is_priced else None)
    if item.discount is not None:
        raise InvalidInput(f"items.{index}.discount", "not_allowed", _("A line of your own has the price you name."))
    if item.unit_price is None or not item.name:
        raise InvalidInput(f"items.{index}.product_id", "required", _("Name a product."))
    check_amount(item.unit_price, f"items.{index}.unit_price")
    return FreeLine(item.name, item.unit_price, item.quantity)


def _parse_bargain(item: ItemInput) -> Bargain:
    given = item.discount or DiscountInput()
    return Bargain(reason=given.reason, amount=given.amount, percent=given.percent, unit_price=item.unit_price)


def check_amount(value: Decimal, field: str) -> None:
    """Raise InvalidInput unless the value is an amount of money."""
    exponent = value.as_tuple().exponent
    if not value.is_finite() or not isinstance(exponent, int) or exponent < -2 or value < 0 or value >= 10**12:
        raise InvalidInput(field, "invalid", _("An amount has at most two places and twelve digits before them."))


def parse_payments(given: PaymentInput | list[PaymentInput] | None) -> list[dict[str, Any]]:
    """The payments in the order in which they are to be taken."""
    if given is None:
        return []
    if isinstance(given, PaymentInput):
        return [_payment(given, "payment")]
    if not 1 <= len(given) <= MAX_PAYMENTS:
        raise InvalidInput("payment", "invalid", _("One to %(most)s payments.") % {"most": MAX_PAYMENTS})
    return [_payment(one, f"payment.{index}") for index, one in enumerate(given)]


def parse_deposit(given: DepositInput | None) -> dict[str, Any] | None:
    """A deposit, which always says how much."""
    if given is None:
        return None
    if given.amount is None:
        raise InvalidInput("deposit.amount", "required", _("A deposit says how much."))
    return _payment(given, "deposit")


def parse_trade_in(given: TradeInInput | None) -> dict[str, Any] | None:
    """A car in exchange, at a price above zero."""
    if given is None:
        return None
    check_amount(given.amount, "trade_in.amount")
    if given.amount <= 0:
        raise InvalidInput("trade_in.amount", "invalid", _("An amount above zero."))
    plain: dict[str, Any] = msgspec.to_builtins(given)
    return plain


def parse_financing(given: FinancingInput | None) -> dict[str, Any] | None:
    """An application that a bank could decide on; the order's lines say its price. Raises InvalidInput."""
    if given is None:
        return None
    plain: dict[str, Any] = msgspec.to_builtins(given)
    with _beneath("financing"):
        check_application({"vehicle_price": str(MAX_AMOUNT)} | plain, now=timezone.now())
        if given.programme_id is not None:
            require_programme(given.programme_id, given.financing_type, now=timezone.now())
    return plain


@contextmanager
def _beneath(path: str) -> Iterator[None]:
    """Name the fields of what is checked inside by where they stand in the body."""
    try:
        yield
    except InvalidInput as error:
        error.errors = [one | {"field": f"{path}.{one['field']}"} for one in error.errors]
        raise


def _payment(given: MeansInput, field: str) -> dict[str, Any]:
    if given.method not in METHODS:
        raise InvalidInput(
            f"{field}.method", "invalid", _("One of: %(choices)s.") % {"choices": ", ".join(sorted(METHODS))}
        )
    if given.amount is not None:
        check_amount(given.amount, f"{field}.amount")
        if given.amount <= 0:
            raise InvalidInput(f"{field}.amount", "invalid", _("An amount above zero."))
    plain: dict[str, Any] = msgspec.to_builtins(given)
    return {name: value for name, value in plain.items() if value is not None}


def rate_policies(requests: list[dict[str, Any]], products: list[UUID]) -> list[PremiumFacts]:
    """Ask insurance what the chosen policies cost, before any transaction is open. Raises InvalidInput."""
    return [_rate(index, request, products) for index, request in enumerate(requests)]


def _rate(index: int, request: dict[str, Any], products: list[UUID]) -> PremiumFacts:
    with _beneath(f"insurance.{index}"):
        return rate(request, day=dealer_day(timezone.now()), products=products)
