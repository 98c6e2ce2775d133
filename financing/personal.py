"""What financing holds of a person, and what erasure leaves of it."""

from accounts.events import UserDeleted
from financing.models import Application
from messaging.personal import erase, holds
from messaging.subscriptions import subscribe

holds(
    Application,
    blank={"birth_date": None, "employment_status": "", "monthly_income": 0, "monthly_obligations": 0}
    | {"decision": {}, "note": ""},
)


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what financing and its log tell of a person; rows of money and their ids stay."""
    erase("financing", event.user_id)
