"""Facts that catalog publishes about products and stock."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from core.approvals import ApprovalNews
from core.events import Event, event


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity of one product."""

    product_id: UUID
    quantity: int


class StockLevel(msgspec.Struct, frozen=True, kw_only=True):
    """Stock of one product after a change; a lower `version` is older news."""

    product_id: UUID
    on_hand: int
    available: int
    version: int


class Shortfall(msgspec.Struct, frozen=True, kw_only=True):
    """Quantity of a product that was asked for, and the quantity that can be had."""

    product_id: UUID
    requested: int
    available: int


@event("category.changed", aggregate="category", key="category_id")
class CategoryChanged(Event):
    """A category was created, renamed, moved, taxed or marked in another way, or deleted.

    `taxed_as` and `taxed_ground` are those of its products that name none: its own or those above; empty for the
    standard rate, and absent from events of releases that did not tell them. `marked_as` is the group of marked goods
    that they are, absent as above.
    """

    category_id: UUID
    name: str
    parent_id: UUID | None = None
    is_deleted: bool = False
    taxed_as: str | None = None
    taxed_ground: str = ""
    version_number: int = 0
    marked_as: str | None = None


@event("product.created", aggregate="product", key="product_id")
class ProductCreated(Event):
    """A product can be offered; carries what other apps need to sell it and to insure it.

    `power_hp` is 0 where nobody knows it, and absent from events of releases that did not tell it; so is `vat_kind`,
    empty for that of the category, else the standard one. `vat_ground` is by which rule its sale is exempt, absent as
    above. `margin_cost` is what a vehicle taxed by the difference was bought for. `marking` is the group of marked
    goods, empty for that of the category, and absent as above.
    """

    product_id: UUID
    sku: str
    name: str
    kind: str
    price: Decimal
    currency: str
    available: int
    stock_version: int
    version_number: int
    vin: str = ""
    make: str = ""
    model: str = ""
    year: int | None = None
    is_active: bool = True
    power_hp: int | None = None
    category_id: UUID | None = None
    vat_kind: str | None = None
    margin_cost: Decimal | None = None
    vat_ground: str | None = None
    marking: str | None = None


@event("product.updated", aggregate="product", key="product_id")
class ProductUpdated(Event):
    """A product changed; carries the whole state, as `product.created` does."""

    product_id: UUID
    sku: str
    name: str
    kind: str
    price: Decimal
    currency: str
    available: int
    stock_version: int
    version_number: int
    vin: str = ""
    make: str = ""
    model: str = ""
    year: int | None = None
    is_active: bool = True
    power_hp: int | None = None
    category_id: UUID | None = None
    vat_kind: str | None = None
    margin_cost: Decimal | None = None
    vat_ground: str | None = None
    marking: str | None = None


@event("product.cost_changed", aggregate="product", key="product_id", internal=True)
class ProductCostChanged(Event):
    """Cost of a piece of a product became known, or another: told apart, for buyers never learn it.

    `said_by` is the person who said so; nobody where a deal made it.
    """

    product_id: UUID
    cost: Decimal | None
    version_number: int
    said_by: UUID | None = None


@event("product.deleted", aggregate="product", key="product_id")
class ProductDeleted(Event):
    """A product left the catalogue for good."""

    product_id: UUID
    version_number: int


@event("stock.reserved", aggregate="reservation", key="order_id")
class StockReserved(Event):
    """All lines of an order's attempt are held until `expires_at`."""

    order_id: UUID
    attempt_id: UUID
    lines: list[Line]
    levels: list[StockLevel]
    expires_at: datetime


@event("stock.rejected", aggregate="reservation", key="order_id")
class StockRejected(Event):
    """An attempt could not be held; nothing of it is."""

    order_id: UUID
    attempt_id: UUID
    code: str
    detail: str
    shortfalls: list[Shortfall]


@event("stock.released", aggregate="reservation", key="order_id")
class StockReleased(Event):
    """Goods that an attempt held, or that had been sold to it, are back on sale."""

    order_id: UUID
    attempt_id: UUID
    reason: str
    levels: list[StockLevel]


@event("stock.sold", aggregate="reservation", key="order_id", internal=True)
class StockSold(Event):
    """Goods that an attempt held have left the stock: its order is paid."""

    order_id: UUID
    attempt_id: UUID
    levels: list[StockLevel]


@event("stock.returned", aggregate="reservation", key="order_id", internal=True)
class StockReturned(Event):
    """Part of what an attempt was sold is in the stock again: its order was lowered before the handover."""

    order_id: UUID
    attempt_id: UUID
    levels: list[StockLevel]


@event("stock.trade_in_entered", aggregate="trade_in", key="order_id", internal=True)
class TradeInEntered(Event):
    """The car given in exchange in an order is in stock, on sale to nobody; `missing` is not known of it."""

    order_id: UUID
    product_id: UUID
    sku: str
    missing: list[str] = []


@event("stock.trade_in_left", aggregate="trade_in", key="order_id", internal=True)
class TradeInLeft(Event):
    """The car given in exchange in an order is in stock no more: its owner may have it. None is one that never was."""

    order_id: UUID
    product_id: UUID | None = None


@event("stock.trade_in_kept", aggregate="trade_in", key="order_id", internal=True)
class TradeInKept(Event):
    """The car given in exchange in an order cannot go back: it is `published`, or `sold`."""

    order_id: UUID
    product_id: UUID
    sku: str
    reason: str


@event("stock.low", aggregate="product", key="product_id")
class StockLow(Event):
    """Available stock fell to the product's threshold or below."""

    product_id: UUID
    sku: str
    available: int
    threshold: int


@event("saved_search.matched", aggregate="saved_search", key="search_id", internal=True)
class SavedSearchMatched(Event):
    """New products are what a client is looking for: the newest of them, twenty at most."""

    search_id: UUID
    user_id: UUID
    name: str
    product_ids: list[UUID]
    query: dict[str, Any]


@event("catalog.approval_changed", aggregate="approval", key="approval_id", internal=True)
class CatalogApprovalChanged(ApprovalNews):
    """An action of this app began to wait for a second person, or its waiting ended."""
