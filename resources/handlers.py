"""How bookings follow what the other apps tell."""

from collections.abc import Sequence

from django.utils import timezone

from catalog.events import ProductUpdated, StockReleased, StockReturned, StockSold
from messaging.subscriptions import subscribe
from resources import services
from showroom.events import DriveEnded, DriveRequested, HappeningCancelled


@subscribe(HappeningCancelled)
def release_for_happening(event: HappeningCancelled) -> None:
    """Free what was booked for a happening that will not take place."""
    services.release_for_happening(event_id=event.event_id, now=timezone.now())


@subscribe(DriveRequested, DriveEnded, lane="test_drive_id")
def follow_test_drive(event: DriveRequested | DriveEnded) -> None:
    """Take what a test drive needs, all or none; free it when the test drive ends. In one lane: never overtaken."""
    if isinstance(event, DriveEnded):
        services.release_booking(booking_id=event.test_drive_id, now=timezone.now())
        return
    services.book_test_drive(
        booking_id=event.test_drive_id,
        car_id=event.car_id,
        start=event.start_time,
        end=event.end_time,
        now=timezone.now(),
    )


@subscribe(StockSold, StockReleased, StockReturned, ProductUpdated, batch=True, on_parked="continue", replayable=True)
def follow_sales(events: Sequence[StockSold | StockReleased | StockReturned | ProductUpdated]) -> None:
    """Lend no vehicle that has its buyer, and again what came back."""
    levels = [level for event in events if not isinstance(event, ProductUpdated) for level in event.levels]
    levels.sort(key=lambda level: level.version)
    back = [event for event in events if isinstance(event, ProductUpdated) and event.available]
    services.note_sales(
        stands={level.product_id: (level.version, not level.on_hand and not level.available) for level in levels},
        back={event.product_id: event.stock_version for event in back},
        now=timezone.now(),
    )
