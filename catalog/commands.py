"""Declare what catalog does when it is asked: hold stock, keep it longer, give it back, sell it, lend it for a drive.

A command carries the `attempt_id` of whoever asks, and the answer repeats it: an undoing may undo only what its own
attempt did.
"""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import msgspec

from core.events import Command, command


class WantedLine(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity of one product that an order needs."""

    product_id: UUID
    quantity: int


@command("checkout.stock_requested", sender="orders", aggregate="checkout", key="order_id")
class HoldStock(Command, frozen=True, kw_only=True):
    """Hold these lines until `expires_at`: all or none. Answers: stock.reserved, stock.rejected.

    What the attempt `replaces` holds is given back in the same step, or kept if these lines cannot be held.
    """

    order_id: UUID
    attempt_id: UUID
    lines: list[WantedLine]
    expires_at: datetime
    replaces: UUID | None = None


class CameBack(msgspec.Struct, frozen=True, kw_only=True):
    """Cost of a piece that came back from its buyer: what was given back for it, less the tax."""

    product_id: UUID
    cost: Decimal


@command("checkout.stock_release_requested", sender="orders", aggregate="checkout", key="order_id")
class ReleaseStock(Command, frozen=True, kw_only=True):
    """Give back what this attempt holds or sold; nothing held is fine too. Answer: stock.released.

    `mileage` (km) is what the odometer of the order's only vehicle shows when it comes back from its owner, `costs`
    what vehicles came back for.
    """

    order_id: UUID
    attempt_id: UUID
    reason: str
    mileage: int | None = None
    costs: list[CameBack] = []


@command("checkout.stock_return_requested", sender="orders", aggregate="checkout", key="order_id")
class TakeBackStock(Command, frozen=True, kw_only=True):
    """Take back part of what this attempt was sold: the order was lowered before its handover. No answer."""

    order_id: UUID
    attempt_id: UUID
    lines: list[WantedLine]
    reason: str


@command("checkout.stock_extension_requested", sender="orders", aggregate="checkout", key="order_id")
class ExtendHold(Command, frozen=True, kw_only=True):
    """Keep what this attempt holds until the later `expires_at`. No answer."""

    order_id: UUID
    attempt_id: UUID
    expires_at: datetime


class SellStock(Command, frozen=True, kw_only=True):
    """Count what this attempt holds as sold. Answer: stock.sold."""

    order_id: UUID
    attempt_id: UUID


class HandOverUnits(Command, frozen=True, kw_only=True):
    """Know that the vehicles of an order are with their owner."""

    order_id: UUID


@command("trade_in.received", sender="orders", aggregate="trade_in", key="order_id")
class TakeInVehicle(Command, frozen=True, kw_only=True):
    """Own the car given in exchange in an order, at its `cost`; what is unknown is empty. Mileage in km.

    `from_person`: its owner pays no VAT, so that its sale is taxed by the difference to the cost.

    Answer: stock.trade_in_entered.
    """

    order_id: UUID
    number: str
    cost: Decimal
    currency: str
    vin: str = ""
    make: str = ""
    model: str = ""
    year: int | None = None
    mileage: int | None = None
    from_person: bool = True


@command("trade_in.asked_back", sender="orders", aggregate="trade_in", key="order_id")
class GiveBackVehicle(Command, frozen=True, kw_only=True):
    """Let the car given in exchange go, as its order is undone. Answers: stock.trade_in_left, stock.trade_in_kept."""

    order_id: UUID


class LendForDrive(Command, frozen=True, kw_only=True):
    """Sell a car no more: it is on a test drive."""

    product_id: UUID


class TakeBackFromDrive(Command, frozen=True, kw_only=True):
    """Sell a car again: its test drive has ended."""

    product_id: UUID
