"""What the showroom holds of a person, and what erasure leaves of it."""

from django.utils import timezone

from accounts.events import UserDeleted
from messaging.personal import erase, holds
from messaging.subscriptions import subscribe
from showroom import services
from showroom.models import Drive

holds(Drive, owner="user_id", blank={"phone": "", "comment": "", "licence_last4": "", "return_note": ""})


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Give up what the person had ahead, then erase what the showroom and its log tell of them; ids stay."""
    services.give_up_everything(user_id=event.user_id, now=timezone.now())
    erase("showroom", event.user_id)
