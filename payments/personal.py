"""What payments holds of a person, and what erasure leaves of it."""

from accounts.events import UserDeleted
from messaging.personal import delete, erase, holds
from messaging.subscriptions import subscribe
from payments.models import Payment, PaymentMethod

holds(Payment, blank={"description": "", "action_url": ""})
holds(PaymentMethod, erase=delete)


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what payments and its log tell of a person; rows of money and their ids stay."""
    erase("payments", event.user_id)
