"""Read whether a policy's car is pledged to a bank."""

from insurance.models import OrderCopy, Policy


def is_pledged(policy: Policy) -> bool:
    """Tell whether its car is pledged to a bank that something is still owed to."""
    if policy.order_id is None:
        return False
    return OrderCopy.objects.filter(pk=policy.order_id, loan_id__isnull=False, debt__gt=0).exists()
