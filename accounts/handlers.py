"""React to the facts of accounts itself."""

from django.utils import timezone

from accounts.events import UserDeactivated, UserDeleted, UserLoggedOut, UserRoleChanged
from accounts.services import list_erasure, push_revocations
from messaging.subscriptions import subscribe


@subscribe(UserLoggedOut, UserDeactivated, UserRoleChanged)
def refuse_revoked_tokens(event: UserLoggedOut | UserDeactivated | UserRoleChanged) -> None:
    """Tell the guards again, until Valkey has heard: what was sent after the commit may have been lost."""
    push_revocations(user_id=event.user_id, now=timezone.now())


@subscribe(UserDeleted)
def note_erasure(event: UserDeleted) -> None:
    """Write the erasure down where no backup of a database reaches."""
    list_erasure(user_id=event.user_id)
