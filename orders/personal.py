"""What orders holds of a person, and what erasure leaves of it."""

from accounts.events import UserDeleted
from messaging.personal import delete, erase, holds
from messaging.subscriptions import subscribe
from orders.models import Cart, CartItem, Order, OrderHistory, OrderLine

holds(Order, blank={"comment": ""})
holds(Cart, erase=delete)
holds(CartItem, owner="cart__customer_id")
holds(OrderLine, owner="order__customer_id")
holds(OrderHistory, owner="order__customer_id")


@subscribe(UserDeleted)
def forget_person(event: UserDeleted) -> None:
    """Erase what orders and its log tell of a person; rows of money and their ids stay."""
    erase("orders", event.user_id)
