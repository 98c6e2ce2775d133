"""Insurers that decide by themselves: asking them to take a risk, and telling them that it is off."""

import msgspec

from core.clock import dealer_day
from insurance.models import Policy
from insurance.queries.insurers import is_connected
from messaging.delivery.calls import request_call
from payments.commands import Means


def bind_key(policy: Policy) -> str:
    """The key of an insurer's decision; a policy offered again after a refusal is another question."""
    return f"policy:{policy.id}:bind:{policy.version}"


def bind(policy: Policy, *, payment: Means | None) -> None:
    """Ask the insurer to take a pending policy; with `payment` its premium is asked for once the insurer agrees."""
    request_call(
        key=bind_key(policy),
        operation="insurance.bind",
        provider=policy.insurer,
        request={
            "policy_id": str(policy.id),
            "number": policy.number,
            "insurance_type": policy.insurance_type,
            "vehicle_vin": policy.vehicle_vin,
            "premium": str(policy.premium),
            "coverage_amount": str(policy.coverage_amount),
            "currency": policy.currency,
            "start_date": policy.start_date.isoformat(),
            "end_date": policy.end_date.isoformat(),
            "signed_date": dealer_day(policy.created_at).isoformat(),
            "payment": msgspec.to_builtins(payment),
        },
    )


def unbind(policy: Policy) -> None:
    """Tell a connected insurer that a policy is off, whether or not it has answered."""
    if is_connected(policy):
        request_call(
            key=f"policy:{policy.id}:unbind:{policy.version}",
            operation="insurance.unbind",
            provider=policy.insurer,
            request={"policy_id": str(policy.id)},
        )
