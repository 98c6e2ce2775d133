"""What the catalogue holds of a person, and what erasure leaves of it."""

from accounts.events import UserDeleted
from catalog.models import Favourite, SavedSearch
from messaging.personal import delete, erase, holds
from messaging.subscriptions import subscribe

holds(SavedSearch, owner="user_id", erase=delete)
holds(Favourite, owner="user_id", erase=delete)


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what the catalogue and its log tell of a person: their saved searches and favourites go."""
    erase("catalog", event.user_id)
