"""What insurance does when it hears of something."""

from django.utils import timezone

from insurance import services
from insurance.events import PolicyTermEnded
from insurance.services.issuing import EXPIRY_HANDLER
from messaging.subscriptions import subscribe
from orders.events import OrderCreated, PoliciesCancelRequested, PoliciesRequested


@subscribe(OrderCreated, PoliciesRequested, PoliciesCancelRequested, lane="order_id")
def serve_order(event: OrderCreated | PoliciesRequested | PoliciesCancelRequested) -> None:
    """Follow an order, insure it, and take its policies back."""
    now = timezone.now()
    match event:
        case OrderCreated():
            services.copy_order(order_id=event.order_id, customer_id=event.customer_id)
        case PoliciesRequested():
            services.issue_policies(
                order_id=event.order_id,
                attempt_id=event.attempt_id,
                customer_id=event.customer_id,
                quotes=event.quotes,
                now=now,
            )
        case PoliciesCancelRequested():
            services.revoke_policies(order_id=event.order_id, attempt_id=event.attempt_id, reason=event.reason, now=now)


@subscribe(PolicyTermEnded, name=EXPIRY_HANDLER)
def expire_policy(event: PolicyTermEnded) -> None:
    """End a policy with its term."""
    services.expire_policy(policy_id=event.policy_id, now=timezone.now())
