"""Placing an order: prices from the catalogue's copy, never from the buyer; the saga starts in the same commit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import connections

from core.db import transaction
from core.errors import Forbidden, InvalidInput
from core.ids import uuid7
from core.money import DEFAULT_CURRENCY, MAX_AMOUNT, line_total
from messaging.outbox import publish
from orders.errors import InsufficientStock, PriceChanged, ProductNotReady, UnknownProduct
from orders.events import OrderCreated
from orders.events import OrderLine as LineFact
from orders.models import (
    LEG_ORDER,
    Checkout,
    CheckoutLeg,
    LegKind,
    LineKind,
    Order,
    OrderLine,
    ProductCopy,
)
from orders.services.history import Actor, record_status
from orders.services.saga import Saga

MAX_QUANTITY = 1000
MAX_LINES = 50


@dataclass(frozen=True)
class ProductLine:
    """A quantity of a product from the catalogue."""

    product_id: UUID
    quantity: int


@dataclass(frozen=True)
class FreeLine:
    """A manager's own line; `unit_price` in the order's currency."""

    name: str
    unit_price: Decimal
    quantity: int


def place_order(
    *,
    customer_id: UUID,
    actor: Actor,
    lines: Sequence[ProductLine | FreeLine],
    now: datetime,
    payment: dict[str, Any] | None = None,
    financing: dict[str, Any] | None = None,
    insurance: Sequence[dict[str, Any]] = (),
    policies: Sequence[tuple[str, Decimal]] = (),
    expected_total: Decimal | None = None,
    comment: str = "",
) -> Order:
    """Create an order and start its checkout.

    `insurance` are the quote requests, `policies` their (name, premium) as estimated beforehand: they become lines.
    Raises UnknownProduct, ProductNotReady, InsufficientStock (when already known), PriceChanged, InvalidInput.
    """
    with transaction("orders"):
        order_lines = _build_lines(lines, policies, actor)
        order = _build_order(customer_id, actor, order_lines, comment, now)
        if expected_total is not None and expected_total != order.total_amount:
            raise PriceChanged(expected_total=str(expected_total), total_amount=str(order.total_amount))
        for line in order_lines:
            line.order_id = order.id
        OrderLine.objects.bulk_create(order_lines)
        saga = _build_saga(order, order_lines, {"payment": payment, "loan": financing, "policies": insurance}, now)
        saga.advance()
        saga.insert()
        order.number = _next_number(now)
        order.save(force_insert=True)
        record_status(saga, None, actor=actor, reason="", now=now)
        saga.write_timeline()
        publish(_created(order, order_lines))
    return order


def _build_lines(
    lines: Sequence[ProductLine | FreeLine], policies: Sequence[tuple[str, Decimal]], actor: Actor
) -> list[OrderLine]:
    if not 1 <= len(lines) <= MAX_LINES:
        raise InvalidInput("items", "invalid", f"An order has 1 to {MAX_LINES} lines.")
    copies = _products([line.product_id for line in lines if isinstance(line, ProductLine)])
    _refuse_shortfall(lines, copies)
    built = [_build_line(index, line, copies, actor) for index, line in enumerate(lines)]
    for name, premium in policies:
        built.append(
            OrderLine(
                position=len(built),
                kind=LineKind.POLICY,
                name=name,
                quantity=1,
                unit_price=premium,
                line_total=premium,
            )
        )
    return built


def _products(ids: list[UUID]) -> dict[UUID, ProductCopy]:
    return ProductCopy.objects.in_bulk(ids) if ids else {}


def _build_line(index: int, line: ProductLine | FreeLine, copies: dict[UUID, ProductCopy], actor: Actor) -> OrderLine:
    if not 1 <= line.quantity <= MAX_QUANTITY:
        raise InvalidInput(f"items.{index}.quantity", "invalid", f"A whole number from 1 to {MAX_QUANTITY}.")
    if isinstance(line, FreeLine):
        return _build_free_line(index, line, actor)
    product = copies.get(line.product_id)
    if product is None:
        raise _missing(index, line.product_id)
    if not product.is_active:
        raise UnknownProduct(f"items.{index}.product_id")
    return OrderLine(
        position=index,
        product_id=product.product_id,
        sku=product.sku,
        name=product.name,
        quantity=line.quantity,
        unit_price=product.price,
        line_total=line_total(product.price, line.quantity),
    )


def _missing(index: int, product_id: UUID) -> Exception:
    """A product made moments ago may not have been heard of; an older or foreign id is unknown.

    The id itself tells its age: UUIDv7 begins with the milliseconds of its making.
    """
    age_ms = (uuid7().int >> 80) - (product_id.int >> 80)
    if product_id.version == 7 and 0 <= age_ms < 60_000:
        return ProductNotReady(retry_after=2)
    return UnknownProduct(f"items.{index}.product_id")


def _build_free_line(index: int, line: FreeLine, actor: Actor) -> OrderLine:
    if not actor.roles & {"manager", "admin"}:
        raise Forbidden("Only managers add lines of their own.")
    if line.unit_price < 0:
        raise InvalidInput(f"items.{index}.unit_price", "invalid", "A price is never negative.")
    return OrderLine(
        position=index,
        kind=LineKind.FREE,
        name=line.name,
        quantity=line.quantity,
        unit_price=line.unit_price,
        line_total=line_total(line.unit_price, line.quantity),
    )


def _refuse_shortfall(lines: Sequence[ProductLine | FreeLine], copies: dict[UUID, ProductCopy]) -> None:
    """Refuse at once what is already known to be short; demand is summed per product first."""
    demand: dict[UUID, int] = {}
    for line in lines:
        if isinstance(line, ProductLine) and line.quantity > 0:
            demand[line.product_id] = demand.get(line.product_id, 0) + line.quantity
    short = [
        {"product_id": str(product_id), "requested": quantity, "available": max(0, copies[product_id].available)}
        for product_id, quantity in demand.items()
        if product_id in copies
        and copies[product_id].kind != "service"
        and quantity > copies[product_id].available
        and quantity <= MAX_QUANTITY
    ]
    if short:
        raise InsufficientStock(shortfalls=short)


def _build_order(customer_id: UUID, actor: Actor, lines: list[OrderLine], comment: str, now: datetime) -> Order:
    total = sum((line.line_total for line in lines), Decimal(0))
    if total > MAX_AMOUNT:
        raise InvalidInput("items", "too_large", "The total is larger than any amount we can book.")
    return Order(
        id=uuid7(),
        customer_id=customer_id,
        created_by=actor.id,
        currency=DEFAULT_CURRENCY,
        total_amount=total,
        total_quantity=sum(line.quantity for line in lines),
        comment=comment,
        reservation_expires_at=now + timedelta(minutes=settings.RESERVATION_MINUTES),
        created_at=now,
        updated_at=now,
    )


def _next_number(now: datetime) -> str:
    """The year's next number: no gaps, since its row is locked until the order commits, so ask for it last."""
    year = now.astimezone(ZoneInfo(settings.DEALER_TIME_ZONE)).year
    with connections["orders"].cursor() as cursor:
        cursor.execute(
            """INSERT INTO orders_ordercounter AS c (year, last_number) VALUES (%s, 1)
               ON CONFLICT (year) DO UPDATE SET last_number = c.last_number + 1 RETURNING last_number""",
            [year],
        )
        (number,) = cursor.fetchone()
    return f"{year}-{number:06d}"


def _build_saga(order: Order, lines: list[OrderLine], wishes: dict[str, Any], now: datetime) -> Saga:
    requests: dict[str, dict[str, Any]] = {LegKind.STOCK: {}, LegKind.PAYMENT: wishes["payment"] or {}}
    if wishes["loan"] is not None:
        requests[LegKind.LOAN] = wishes["loan"]
        requests[LegKind.DISBURSEMENT] = {}
    if wishes["policies"]:
        requests[LegKind.POLICIES] = {"quotes": list(wishes["policies"])}
    checkout = Checkout(order_id=order.id, step=LegKind.STOCK, started_at=now)
    legs = [
        CheckoutLeg(checkout=checkout, kind=kind, rank=LEG_ORDER.index(kind), request=request)
        for kind, request in requests.items()
    ]
    return Saga(order, checkout, legs, now, lines)


def _created(order: Order, lines: list[OrderLine]) -> OrderCreated:
    return OrderCreated(
        order_id=order.id,
        number=order.number,
        customer_id=order.customer_id,
        lines=[
            LineFact(
                name=line.name,
                quantity=line.quantity,
                unit_price=line.unit_price,
                line_total=line.line_total,
                product_id=line.product_id,
                sku=line.sku,
            )
            for line in lines
        ],
        total_amount=order.total_amount,
        currency=order.currency,
        version_number=order.version,
    )
