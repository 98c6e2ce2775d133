"""Declare what resources holds of a person, and what erasure leaves of it."""

from accounts.events import UserDeleted
from messaging.people.classified import plain
from messaging.people.personal import erase
from messaging.subscriptions import subscribe
from resources.models import Blackout, Resource, ResourceType

plain(ResourceType, "name description")
plain(Resource, "name description time_zone out_of_service_reason")
plain(Blackout, "reason")


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what resources and its log tell of a person; rows of money and their ids stay."""
    erase("resources", event.user_id)
