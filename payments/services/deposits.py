"""Earnest money: secured in its order's account, earned when the buyer was at fault, paid once more when we were."""

from datetime import datetime

from core.db import transaction
from core.money import ZERO
from gateway.approvals import let
from payments.approvals import ASKED_FOR
from payments.models import EntryKind, LedgerEntry, Payout, PayoutPurpose
from payments.services.facts import publish_forfeited
from payments.services.ledger import About, is_posted, post
from payments.services.order_accounts import asked_back, held, lock_order_account
from payments.services.requests import Ask, pay_out

EARNED, PAID_AGAIN = "earnest_money", "earnest_money_doubled"
"""Accounts: what we earned of earnest money, and what returning it double cost us."""


def forfeit_deposit(*, ask: Ask, now: datetime) -> None:
    """Earn the earnest money in an order's account, once per request, no more than is there; asked again, it answers.

    `ask.subject_id` is the order.
    """
    with transaction("payments"):
        let(ASKED_FOR)
        lock_order_account(ask.subject_id)
        known = LedgerEntry.objects.filter(kind=EntryKind.FORFEIT, reference=ask.request_id).first()
        if known is not None:
            earned = sum((line.amount for line in known.lines.filter(amount__gt=0)), ZERO)
        else:
            earned = min(ask.amount, held(ask.subject_id) + asked_back(ask.subject_id))
            if earned > 0:
                post(_about(EntryKind.FORFEIT, ask), {f"order:{ask.subject_id}": earned, EARNED: -earned}, now)
        publish_forfeited(ask.request_id, ask.subject_id, ask.customer_id, max(earned, ZERO), ask.currency)


def pay_out_deposit(*, ask: Ask, now: datetime) -> Payout:
    """Pay the second half of earnest money at our own expense, once per request; `ask.subject_id` is the order."""
    with transaction("payments"):
        let(ASKED_FOR)
        lock_order_account(ask.subject_id)
        if not is_posted(EntryKind.DOUBLED, ask.request_id):
            sides = {PAID_AGAIN: ask.amount, f"{PayoutPurpose.DEPOSIT}:{ask.subject_id}": -ask.amount}
            post(_about(EntryKind.DOUBLED, ask), sides, now)
        return pay_out(ask=ask, purpose=PayoutPurpose.DEPOSIT, now=now)


def _about(kind: EntryKind, ask: Ask) -> About:
    return About(kind, ask.request_id, ask.currency, order_id=ask.subject_id, customer_id=ask.customer_id)
