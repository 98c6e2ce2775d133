"""What the catalogue holds of a person, and what erasure leaves of it."""

from accounts.events import UserDeleted
from messaging.personal import erase
from messaging.subscriptions import subscribe


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what the catalogue and its log tell of a person; rows of money and their ids stay."""
    erase("catalog", event.user_id)
