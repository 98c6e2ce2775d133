"""Declare how value can leave by policies: by which actions of people, and by which rules without one."""

from django.utils.translation import gettext_lazy as _

from gateway.approvals import NEVER, Kind, declare, rule

REFUNDS = "refunds"

CLAIM = declare(
    Kind(
        name="insurance.claim",
        title=_("Granting a claim"),
        subject="claim",
        limit="CLAIM_FOUR_EYES_ABOVE",
        run="insurance.services.grant_agreed",
        refused="insurance.services.drop_proposal",
        doors=("POST /insurance/claims/{id}/approve", "admin insurance.claim: approve"),
        gives="the payout; the claim shows the sum as proposed",
    )
)
PAYOUT = declare(
    Kind(
        name="insurance.payout",
        title=_("Paying a granted claim"),
        subject="claim",
        limit=NEVER,
        doors=("POST /insurance/claims/{id}/pay", "admin insurance.claim: pay"),
        gives="what was granted, to the bank the car is pledged to and to the insured",
    )
)
CANCEL = declare(
    Kind(
        name="insurance.cancel",
        title=_("Ending somebody's policy early"),
        subject="policy",
        limit="REFUND_FOUR_EYES_ABOVE",
        pool=REFUNDS,
        run="insurance.services.cancel_agreed",
        doors=(
            "POST /insurance/policies/{id}/cancel",
            "admin insurance.policy: cancel",
            "admin insurance.policy: end",
        ),
        gives="the unused part of the premium",
    )
)
ENDORSE = declare(
    Kind(
        name="insurance.endorse",
        title=_("Making somebody's policy cheaper"),
        subject="policy",
        limit="REFUND_FOUR_EYES_ABOVE",
        pool=REFUNDS,
        run="insurance.services.endorse_agreed",
        doors=("POST /insurance/policies/{id}/endorse",),
        gives="the difference of the premiums for the days left",
    )
)
CORRECT = declare(
    Kind(
        name="insurance.correct",
        title=_("Putting right a policy that cost too much"),
        subject="policy",
        limit="REFUND_FOUR_EYES_ABOVE",
        pool=REFUNDS,
        run="insurance.services.correct_agreed",
        doors=("POST /insurance/policies/{id}/confirm",),
        gives="the difference of the premiums for the whole term",
    )
)

INSUREDS_RIGHT = rule(
    "insurance.insureds_right",
    why="The insured end or change what is theirs; the tariff says what comes back.",
    heard=("POST /insurance/policies/{id}/cancel", "POST /insurance/policies/{id}/endorse", "pages of the storefront"),
)
UNDONE = rule(
    "insurance.undone",
    why="The insurer declined, an order was undone (by people: orders.cancel), a last day or an instalment came due.",
    heard=("insurance.serve_order", "insurance.hear_payments", "insurance.cancel_when_due"),
)
