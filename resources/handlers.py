"""How bookings follow what the other apps tell."""

from django.utils import timezone

from messaging.subscriptions import subscribe
from resources import services
from showroom.events import HappeningCancelled


@subscribe(HappeningCancelled)
def release_for_happening(event: HappeningCancelled) -> None:
    """Free what was booked for a happening that will not take place."""
    services.release_for_happening(event_id=event.event_id, now=timezone.now())
