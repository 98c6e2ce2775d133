"""Everything insurance can do."""

from insurance.services.buying import (
    lapse_purchase,
    purchase_quote,
    receive_insurer_answer,
    settle_charge,
    settle_payout,
)
from insurance.services.changing import endorse_agreed, endorse_policy, price_endorsement, renew_policy
from insurance.services.claims import (
    add_document,
    approve_claim,
    assess_claim,
    close_claim,
    open_claim,
    pay_claim,
    reject_claim,
    reopen_claim,
    request_documents,
    settle_claim_payout,
    withdraw_claim,
)
from insurance.services.claims.deciding import Assessment, drop_proposal, grant_agreed
from insurance.services.claims.reporting import LossReport
from insurance.services.collecting import attend_instalment, collect_premiums
from insurance.services.correcting import confirm_policy, correct_agreed
from insurance.services.ending import (
    cancel_agreed,
    cancel_policy,
    cancel_when_due,
    expire_policy,
    keep_policy,
    reinstate_policy,
)
from insurance.services.instalments import choose_autopay, pay_instalment
from insurance.services.issuing import issue_policies, revoke_policies
from insurance.services.orders import fill_orders
from insurance.services.pledges import change_debt, pledge_car
from insurance.services.quoting import copy_order, make_quote
from insurance.services.tariffs import import_tariff, ship_tariffs
from insurance.services.vehicles import copy_vehicles, fill_vehicles

__all__ = [
    "Assessment",
    "LossReport",
    "add_document",
    "approve_claim",
    "assess_claim",
    "attend_instalment",
    "cancel_agreed",
    "cancel_policy",
    "cancel_when_due",
    "change_debt",
    "choose_autopay",
    "close_claim",
    "collect_premiums",
    "confirm_policy",
    "copy_order",
    "copy_vehicles",
    "correct_agreed",
    "drop_proposal",
    "endorse_agreed",
    "endorse_policy",
    "expire_policy",
    "fill_orders",
    "fill_vehicles",
    "grant_agreed",
    "import_tariff",
    "issue_policies",
    "keep_policy",
    "lapse_purchase",
    "make_quote",
    "open_claim",
    "pay_claim",
    "pay_instalment",
    "pledge_car",
    "price_endorsement",
    "purchase_quote",
    "receive_insurer_answer",
    "reinstate_policy",
    "reject_claim",
    "renew_policy",
    "reopen_claim",
    "request_documents",
    "revoke_policies",
    "settle_charge",
    "settle_claim_payout",
    "settle_payout",
    "ship_tariffs",
    "withdraw_claim",
]
