"""Placing an order: prices from the catalogue's copy, never from the buyer; the saga starts in the same commit."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import fetch, transaction
from core.errors import InvalidInput
from core.ids import uuid7
from core.money import DEFAULT_CURRENCY, MAX_AMOUNT, ZERO, money
from core.vin import fold_vin
from messaging.outbox import publish
from messaging.people.departures import refuse_leavers
from orders.errors import PriceChanged
from orders.events import OrderCreated
from orders.models import Checkout, LegKind, LineKind, Order, OrderLine, ProductCopy, QueuePlace
from orders.models.parties import SELLER
from orders.rules.funding import lend_premiums, own_money, plan_payments
from orders.rules.requests import (
    ChosenPolicy,
    LegRequest,
    LoanRequest,
    PaymentRequest,
    PayoutRequest,
    Policies,
    PoliciesRequest,
    StockRequest,
    TradeInRequest,
)  # fmt: skip
from orders.rules.taxing import tax_lines
from orders.services.agreeing import is_value_agreed, refuse_gifts
from orders.services.bargaining import bargain_at_placing, record_placed_discounts
from orders.services.below_cost import refuse_sunk
from orders.services.deposits import LEG as DEPOSIT
from orders.services.deposits import agree_deposit, require_terms
from orders.services.history import Actor, record_status
from orders.services.holds import begin_hold
from orders.services.legs import LEGS
from orders.services.lines import FreeLine, ProductLine, add_policies, build_lines, line_facts, refuse_other_cars
from orders.services.promotions import lower_sold, use_promotions
from orders.services.queue import find_offer, take_offer
from orders.services.quota import refuse_hoarding
from orders.services.saga import Saga

_NUMBER = f"""SELECT n.number, s.* FROM (SELECT nextval('orders_order_number') AS number) AS n LEFT JOIN (
              {SELLER.format("CASE WHEN %s::uuid IS NULL THEN is_default ELSE entity_id = %s::uuid END")}
              ) AS s ON true"""


def place_order(
    *,
    customer_id: UUID,
    actor: Actor,
    lines: Sequence[ProductLine | FreeLine],
    now: datetime,
    payment: dict[str, Any] | Sequence[dict[str, Any]] | None = None,
    deposit: dict[str, Any] | None = None,
    trade_in: dict[str, Any] | None = None,
    financing: dict[str, Any] | None = None,
    insurance: Sequence[dict[str, Any]] = (),
    policies: Policies = (),
    expected_total: Decimal | None = None,
    coupon: str = "",
    comment: str = "",
    legal_entity_id: UUID | None = None,
) -> Order:
    """Create an order and start its checkout.

    `insurance` are the quote requests, `policies` their (name, premium, insurer) as estimated: they become lines.
    `deposit` (with the version of its `terms`) and the payments are taken one after another; one without an amount
    takes all that is left. `trade_in` (`amount` and what is known of the car) counts once a manager has agreed to its
    value; within a manager's limit, and never in an order of their own, it counts at once. A `financing` with
    `insurance_financed` lends the premiums too. A car that a queue offers is taken from the offer with its hold.
    `legal_entity_id` names who sells. Raises BelowCost, CarHasQueue, OneOfferAnOrder, OfferOver, UnknownProduct,
    ProductNotReady, InsufficientStock, TooManyHolds, PriceChanged, InvalidInput, FourEyes, AccountClosing, NoTaxRule.
    """
    with transaction("orders"):
        refuse_leavers("orders", customer_id)
        offer = find_offer(customer_id, lines)
        order_lines = _accepted(lines, customer_id, actor, offer, insurance, coupon, now)
        chosen = add_policies(order_lines, policies)
        order = _build_order(customer_id, actor, order_lines, comment, now, offer, legal_entity_id)
        _refuse_other_terms(order, expected_total, deposit)
        loan = None if financing is None else lend_premiums(_priced(financing, order_lines), chosen)
        valued = _valued(order, chosen, trade_in, actor, now)
        purchase = _wished_goods(offer, insurance) | _wished_money(_payments(payment, deposit), valued, loan)
        _begin(_build_saga(order, order_lines, purchase, now), order_lines, actor, now, offer)
        _record_terms(order, order_lines, lines, deposit, actor, now)
    return order


def _record_terms(
    order: Order,
    built: Sequence[OrderLine],
    lines: Sequence[ProductLine | FreeLine],
    deposit: dict[str, Any] | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Write down what was agreed besides: discounts with their reasons, and the deposit's terms."""
    if order.discount_total:
        refuse_sunk(built)
        use_promotions(order, built, actor, now)
        record_placed_discounts(order, built, lines, actor, now)
    if deposit is not None:
        agree_deposit(order, deposit, actor, now)


def _accepted(
    lines: Sequence[ProductLine | FreeLine],
    customer_id: UUID,
    actor: Actor,
    offer: QueuePlace | None,
    insurance: Sequence[dict[str, Any]],
    coupon: str,
    now: datetime,
) -> list[OrderLine]:
    """Build the lines at the prices of this deal, and refuse gifts to oneself, hoarding, and policies of other cars."""
    if any(isinstance(line, FreeLine) for line in lines):
        refuse_gifts(lines, actor, customer_id)
    built = build_lines(lines, actor, kept=offer.product_id if offer else None)
    refuse_hoarding(customer_id, actor, built)
    refuse_other_cars(built, insurance)
    _lower(built, lines, coupon, customer_id, actor, now)
    return built


def _lower(
    built: list[OrderLine],
    lines: Sequence[ProductLine | FreeLine],
    coupon: str,
    customer_id: UUID,
    actor: Actor,
    now: datetime,
) -> None:
    """Take off what campaigns, a coupon, and last the manager of the order take off."""
    if coupon or any(line.is_campaign_time for line in built):
        lower_sold(built, coupon=coupon, customer_id=customer_id, day=dealer_day(now))
    if any(isinstance(line, ProductLine) and line.bargain for line in lines):
        bargain_at_placing(built, lines, actor, customer_id)


def _refuse_other_terms(order: Order, expected_total: Decimal | None, deposit: dict[str, Any] | None) -> None:
    """Refuse a total that the buyer did not see, and a deposit by other terms. Raises PriceChanged, InvalidInput."""
    if expected_total not in (None, order.total_amount):
        raise PriceChanged(expected_total=str(expected_total), total_amount=str(order.total_amount))
    if deposit is not None:
        require_terms(deposit, order.total_amount)


def _valued(
    order: Order,
    policies: Sequence[ChosenPolicy],
    trade_in: dict[str, Any] | None,
    actor: Actor,
    now: datetime,
) -> TradeInRequest | None:
    """Say of a car taken in exchange whether its value is agreed to already."""
    if trade_in is None:
        return None
    request = msgspec.convert(trade_in, TradeInRequest, strict=False)
    vin = fold_vin(request.vin or "")
    if vin and ProductCopy.objects.filter(vin=vin, available__gt=0).exists():
        raise InvalidInput("trade_in.vin", "in_stock", _("A car with this VIN stands in our stock."))
    request.goods = order.total_amount - sum((each.premium for each in policies), ZERO)
    request.is_agreed = is_value_agreed(order, request.amount, actor, now)
    return request


def _begin(saga: Saga, lines: list[OrderLine], actor: Actor, now: datetime, offer: QueuePlace | None) -> None:
    """Start the checkout, and store it with its order."""
    _refuse_plan(saga)
    _record_agreed(saga)
    saga.begin()
    saga.fund()
    saga.order.number = _next_number(saga, lines)
    publish(_created(saga.order, lines))
    record_status(saga, None, actor=actor, reason="", now=now)
    if offer is not None:
        saga.record("queue.offer_taken", data={"place_id": str(offer.id)})
    saga.insert(lines)
    saga.ask()


def _build_order(
    customer_id: UUID,
    actor: Actor,
    lines: list[OrderLine],
    comment: str,
    now: datetime,
    offer: QueuePlace | None,
    legal_entity_id: UUID | None,
) -> Order:
    total = sum((line.line_total for line in lines), Decimal(0))
    if total > MAX_AMOUNT:
        raise InvalidInput("items", "too_large", _("The total is larger than any amount we can book."))
    sellers = (line.offered_by for line in lines)
    order = Order(
        id=take_offer(offer, now) if offer else uuid7(),
        customer_id=customer_id,
        created_by=actor.id,
        currency=DEFAULT_CURRENCY,
        total_amount=total,
        total_quantity=sum(line.quantity for line in lines),
        discount_total=sum((line.discount_amount * line.quantity for line in lines), ZERO),
        manager_id=next(filter(None, sellers), actor.id if actor.is_staff else None),
        placed_date=dealer_day(now),
        comment=comment,
        legal_entity_id=legal_entity_id,
        created_at=now,
        updated_at=now,
    )
    begin_hold(order, now)
    for line in lines:
        line.order_id = order.id
    return order


def _priced(financing: dict[str, Any], lines: Sequence[OrderLine]) -> dict[str, Any]:
    """An application at the price of the order's own goods, or of its cars alone where the buyer names that one."""
    goods = [line for line in lines if line.kind != LineKind.POLICY]
    price = sum((line.line_total for line in goods), ZERO)
    cars = sum((line.line_total for line in goods if line.vin), ZERO)
    if financing.get("vehicle_price") is None:
        financing = financing | {"vehicle_price": str(money(price))}
    named = Decimal(str(financing["vehicle_price"]))
    if named not in (price, cars):
        detail = _("The goods of this order cost %(price)s.") % {"price": price}
        raise InvalidInput("financing.vehicle_price", "not_the_orders", detail)
    if Decimal(str(financing.get("down_payment") or 0)) >= named:
        raise InvalidInput("financing.down_payment", "max_value", _("The down payment must be below the price."))
    return financing


def _payments(
    payment: dict[str, Any] | Sequence[dict[str, Any]] | None, deposit: dict[str, Any] | None
) -> list[Mapping[str, Any]]:
    given = [payment] if isinstance(payment, dict) else list(payment or ())
    first = {name: value for name, value in (deposit or {}).items() if name != "terms"}
    return ([first | {"leg": DEPOSIT}] if deposit else []) + [dict(one) for one in given]


def _refuse_plan(saga: Saga) -> None:
    """The planned parts must fit into the total, and only the last may take what is left.

    A car alone may be worth more than the goods: the rest is paid out at the handover, but never beside a loan.
    """
    parts, order = PaymentRequest.of(saga.payment).parts, saga.order
    if any(part.amount is None for part in parts[:-1]):
        raise InvalidInput("payment", "invalid", _("Only the last payment may be without an amount."))
    trade_in, loan = saga.legs.get(LegKind.TRADE_IN), LoanRequest.of(saga.legs.get(LegKind.LOAN)).amount
    planned = sum((part.amount for part in parts if part.amount is not None), ZERO)
    car = TradeInRequest.of(trade_in)
    planned += loan + (car.amount if loan else min(car.pays, order.total_amount))
    if planned > order.total_amount and (len(parts) > 1 or trade_in):
        detail = _("The parts come to %(planned)s, the order to %(total_amount)s.") % {
            "planned": planned,
            "total_amount": order.total_amount,
        }
        raise InvalidInput("payment", "exceeds_total", detail)


def _record_agreed(saga: Saga) -> None:
    """Keep what the buyer expects to pay by themselves: no card is charged for more without their word."""
    request = PaymentRequest.of(saga.payment)
    if request.parts:
        request.agreed = own_money(saga.order, saga.legs)
        request.store(saga.payment)


def _next_number(saga: Saga, lines: list[OrderLine]) -> str:
    """A number that no other order has, and the VAT by who sells: one statement tells both.

    Numbers have gaps, since an order would else wait for all that are placed. Raises InvalidInput, NoTaxRule.
    """
    wanted = saga.order.legal_entity_id
    ((number, seller_id, regimes),) = fetch("orders", _NUMBER, (wanted, wanted))
    if wanted is not None and seller_id is None:
        raise InvalidInput("legal_entity_id", "unknown", _("There is no such legal entity."))
    day = dealer_day(saga.now)
    if seller_id is not None:
        saga.order.legal_entity_id = seller_id
        tax_lines(saga.order, lines, msgspec.json.decode(regimes), day)
    return f"{day.year}-{number:06d}"


def _wished_goods(offer: QueuePlace | None, insurance: Sequence[dict[str, Any]]) -> dict[str, LegRequest]:
    """Return what is asked of the goods: the car that a queue offers, and policies."""
    stock = StockRequest(replaces=offer.attempt_id if offer else None)
    return {LegKind.STOCK: stock} | ({LegKind.POLICIES: PoliciesRequest(quotes=list(insurance))} if insurance else {})


def _wished_money(
    payments: Sequence[Mapping[str, Any]], trade_in: TradeInRequest | None, loan: LoanRequest | None
) -> dict[str, LegRequest]:
    """Return what pays for the order; a loan is decided first and paid out last."""
    wished: dict[str, LegRequest] = {LegKind.PAYMENT: plan_payments(payments)}
    if trade_in is not None:
        wished[LegKind.TRADE_IN] = trade_in
    if loan is not None:
        wished |= {LegKind.LOAN: loan, LegKind.DISBURSEMENT: PayoutRequest()}
    return wished


def _build_saga(order: Order, lines: list[OrderLine], purchase: Mapping[str, LegRequest], now: datetime) -> Saga:
    """Begin a checkout with every leg that takes part in what is wished."""
    saga = Saga(order, Checkout(order_id=order.id, started_at=now), [], now, lines)
    for leg in LEGS.values():
        if (request := leg.plan(purchase)) is not None:
            request.store(saga.add_leg(leg.kind))
    return saga


def _created(order: Order, lines: list[OrderLine]) -> OrderCreated:
    return OrderCreated(
        order_id=order.id,
        number=order.number,
        customer_id=order.customer_id,
        lines=line_facts(lines),
        total_amount=order.total_amount,
        currency=order.currency,
        version_number=order.version,
        amount_payable=order.payable,
        legal_entity_id=order.legal_entity_id,
    )
