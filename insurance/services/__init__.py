"""Everything insurance can do."""

from insurance.services.claiming import approve_claim, assess_claim, open_claim, reject_claim
from insurance.services.ending import cancel_policy, expire_policy
from insurance.services.issuing import issue_policies, revoke_policies
from insurance.services.quoting import copy_order, make_quote

__all__ = [
    "approve_claim",
    "assess_claim",
    "cancel_policy",
    "copy_order",
    "expire_policy",
    "issue_policies",
    "make_quote",
    "open_claim",
    "reject_claim",
    "revoke_policies",
]
