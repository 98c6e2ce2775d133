"""One policy of a kind for a car at a time: refused in words here, and by the database to whoever comes past this."""

from collections.abc import Iterable

from django.db.models.functions import Coalesce

from core.db import lock
from insurance.errors import InsuredTwice
from insurance.models import Policy
from insurance.models.policies import ALIVE


def refuse_second(policy: Policy) -> None:
    """Refuse a policy for days that the car is insured for already. Raises InsuredTwice."""
    if is_insured_twice(policy):
        raise InsuredTwice


def is_insured_twice(policy: Policy, beside: Iterable[Policy] = ()) -> bool:
    """Tell whether the car has another policy of this kind for days of this one, or one of those `beside` it to come.

    Until the transaction ends nobody else puts a policy of this car in force.
    """
    lock("insurance", f"cover:{policy.vehicle_vin}")
    others = Policy.objects.filter(
        vehicle_vin=policy.vehicle_vin,
        insurance_type=policy.insurance_type,
        status__in=ALIVE,
        start_date__lte=policy.end_date,
    )
    lasting = others.annotate(last_date=Coalesce("cancel_date", "end_date")).filter(last_date__gte=policy.start_date)
    return lasting.exclude(pk=policy.pk).exists() or any(_meets(policy, other) for other in beside)


def _meets(policy: Policy, other: Policy) -> bool:
    same = (policy.vehicle_vin, policy.insurance_type) == (other.vehicle_vin, other.insurance_type)
    return same and policy.start_date <= other.end_date and other.start_date <= policy.end_date
