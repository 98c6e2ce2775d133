"""Locking a policy before deciding about it."""

from uuid import UUID

from insurance.errors import PolicyNotFound
from insurance.models import Policy


def lock_policy(policy_id: UUID, customer_id: UUID | None = None) -> Policy:
    """Lock a policy; `customer_id` None sees everybody's. Raises PolicyNotFound."""
    visible = Policy.objects.select_for_update(of=("self",)).select_related("quote").filter(pk=policy_id)
    policy = (visible if customer_id is None else visible.filter(customer_id=customer_id)).first()
    if policy is None:
        raise PolicyNotFound
    return policy
