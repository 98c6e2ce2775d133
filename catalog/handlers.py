"""Serve what catalog is asked to do with its stock."""

from django.utils import timezone

from catalog import services
from catalog.commands import (
    ExtendHold,
    GiveBackVehicle,
    HandOverUnits,
    HoldStock,
    LendForDrive,
    ReleaseStock,
    SellStock,
    TakeBackFromDrive,
    TakeBackStock,
    TakeInVehicle,
)
from core.db import database_now
from messaging.subscriptions import subscribe

StockCommand = HoldStock | ReleaseStock | TakeBackStock | ExtendHold | SellStock


@subscribe(
    HoldStock,
    ReleaseStock,
    TakeBackStock,
    ExtendHold,
    SellStock,
    name="catalog.serve_checkout",
    partition_key="order_id",
    on_parked="continue",
)
def serve_checkout(command: StockCommand) -> None:
    """Hold, give back, keep longer, hand out. One handler for all, so that one order's commands come in their order.

    A parked one does not stop later ones: each is decided by what its attempt holds then.
    """
    now = database_now("catalog")
    order = {"order_id": command.order_id, "attempt_id": command.attempt_id}
    match command:
        case HoldStock():
            services.reserve_stock(
                lines=[(line.product_id, line.quantity) for line in command.lines],
                expires_at=command.expires_at,
                replaces=command.replaces,
                now=now,
                **order,
            )
        case ReleaseStock():
            costs = {back.product_id: back.cost for back in command.costs}
            services.release_stock(reason=command.reason, mileage=command.mileage, costs=costs, now=now, **order)
        case TakeBackStock():
            lines = [(line.product_id, line.quantity) for line in command.lines]
            services.take_back_part(lines=lines, reason=command.reason, now=now, **order)
        case ExtendHold():
            services.extend_reservation(expires_at=command.expires_at, **order)
        case SellStock():
            services.sell_reservation(now=now, **order)


@subscribe(HandOverUnits, partition_key="order_id", on_parked="continue")
def hand_over_units(command: HandOverUnits) -> None:
    """Know the vehicles of a completed order as their owner's."""
    services.hand_over(order_id=command.order_id, now=timezone.now())


@subscribe(TakeInVehicle, GiveBackVehicle, partition_key="order_id")
def serve_trade_ins(command: TakeInVehicle | GiveBackVehicle) -> None:
    """Own cars given in exchange, and let them go; none is let go while its taking in waits for a person."""
    now = timezone.now()
    if isinstance(command, GiveBackVehicle):
        services.give_back_vehicle(order_id=command.order_id, now=now)
    else:
        services.take_in_vehicle(car=command, now=now)


@subscribe(LendForDrive, TakeBackFromDrive, partition_key="car_id", on_parked="continue")
def follow_test_drives(command: LendForDrive | TakeBackFromDrive) -> None:
    """Keep a car on a test drive from being sold until it is back."""
    if isinstance(command, LendForDrive):
        services.take_out(product_id=command.product_id, now=database_now("catalog"))
    else:
        services.bring_back(product_id=command.product_id)
