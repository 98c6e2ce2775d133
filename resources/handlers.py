"""Serve what resources is asked to book and free, and follow the sales of cars."""

from collections.abc import Sequence

from django.utils import timezone

from catalog.events import ProductUpdated, StockReleased, StockReturned, StockSold
from messaging.subscriptions import subscribe
from resources import services
from resources.commands import BookDrive, BookHandover, FreeBooking, FreeHandover, FreeHappening


@subscribe(FreeHappening)
def release_for_happening(command: FreeHappening) -> None:
    """Free what was booked for a happening that will not take place."""
    services.release_for_happening(event_id=command.event_id, now=timezone.now())


@subscribe(BookDrive, FreeBooking, partition_key="test_drive_id")
def follow_test_drive(command: BookDrive | FreeBooking) -> None:
    """Take what a test drive needs, all or none; free it when it ends. In one partition: never overtaken."""
    if isinstance(command, FreeBooking):
        services.release_booking(booking_id=command.booking_id, now=timezone.now())
        return
    services.book_test_drive(
        booking_id=command.booking_id,
        car_id=command.car_id,
        start=command.start_time,
        end=command.end_time,
        now=timezone.now(),
    )


@subscribe(BookHandover, FreeHandover, partition_key="order_id")
def follow_handover(command: BookHandover | FreeHandover) -> None:
    """Take a place for a hand-over, or free it. In one partition: never overtaken."""
    if isinstance(command, FreeHandover):
        services.release_booking(booking_id=command.booking_id, now=timezone.now())
        return
    services.book_handover(
        booking_id=command.booking_id,
        order_id=command.order_id,
        start=command.start_time,
        end=command.end_time,
        replaces=command.replaces,
        now=timezone.now(),
    )


@subscribe(
    StockSold, StockReleased, StockReturned, ProductUpdated,
    batch=True, on_parked="continue", replayable=True, can_wait=True,
)  # fmt: skip
def follow_sales(events: Sequence[StockSold | StockReleased | StockReturned | ProductUpdated]) -> None:
    """Lend no vehicle that has its buyer, and again what came back."""
    levels = [level for event in events if not isinstance(event, ProductUpdated) for level in event.levels]
    levels.sort(key=lambda level: level.version)
    back = [event for event in events if isinstance(event, ProductUpdated) and event.available]
    services.record_sales(
        stands={level.product_id: (level.version, not level.on_hand and not level.available) for level in levels},
        back={event.product_id: event.stock_version for event in back},
        now=timezone.now(),
    )
