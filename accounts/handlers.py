"""What accounts does about its own facts."""

from django.utils import timezone

from accounts.events import UserDeactivated, UserLoggedOut, UserRoleChanged
from accounts.services import push_revocations
from messaging.subscriptions import subscribe


@subscribe(UserLoggedOut, UserDeactivated, UserRoleChanged)
def refuse_revoked_tokens(event: UserLoggedOut | UserDeactivated | UserRoleChanged) -> None:
    """Tell the guards again, until Valkey has heard: what was sent after the commit may have been lost."""
    push_revocations(user_id=event.user_id, now=timezone.now())
