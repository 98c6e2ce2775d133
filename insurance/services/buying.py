"""Buying a policy by itself: the insurer agrees, the premium is paid, and only then is it in force."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.db import database_now, transaction
from core.errors import InvalidInput
from gateway.approvals import let
from insurance.approvals import UNDONE
from insurance.errors import InsuredTwice, QuoteExpired, QuoteNotFound, QuotePurchased
from insurance.events import PurchaseLapsed
from insurance.models import IssueAttempt, MoneyKind, MoneyRequest, MoneyState, Policy, PolicyStatus, Quote
from insurance.queries.insurers import is_connected
from insurance.queries.refunds import is_undone
from insurance.services.binding import bind, unbind
from insurance.services.changing import apply_paid_endorsement
from insurance.services.claims.paying import settle_claim_payout
from insurance.services.claims.reporting import lock_claim
from insurance.services.doubles import is_insured_twice, refuse_second
from insurance.services.ending import put_back
from insurance.services.instalments import apply_paid_instalment
from insurance.services.issuing import answer_if_decided, begin_by_today, build_policy, decline_second, put_in_force
from insurance.services.locking import lock_policy
from insurance.services.money import ask_for_premium, ask_for_refund, check_payment, settle_request
from messaging.delivery.timers import set_timer
from messaging.people.departures import refuse_leavers
from payments.commands import Means

LAPSE_HANDLER = "insurance.lapse_purchase"
TIME_TO_PAY = timedelta(days=3)


def purchase_quote(
    *,
    quote_id: UUID,
    payment: Mapping[str, Any],
    now: datetime,
    variant: int = 0,
    customer_id: UUID | None = None,
) -> Policy:
    """Buy a quote's offer: the policy is `pending` until it is paid. `customer_id` None buys for the quote's owner.

    A quote whose first try came to nothing may be bought again. Raises QuoteNotFound, QuoteExpired, QuotePurchased,
    InsuredTwice, InvalidInput, AccountClosing.
    """
    means = check_payment(payment)
    with transaction("insurance"):
        quote = _lock_quote(quote_id, customer_id)
        refuse_leavers("insurance", quote.customer_id)
        if quote.status_on(dealer_day(now)) == "expired":
            raise QuoteExpired
        policy = _renew_try(quote, variant, now) if hasattr(quote, "policy") else _first_try(quote, variant, now)
        begin_by_today(policy, now)
        refuse_second(policy)
        lapse = PurchaseLapsed(policy_id=policy.id, version_number=policy.version)
        set_timer(handler=LAPSE_HANDLER, event=lapse, due_at=database_now("insurance") + TIME_TO_PAY)
        if is_connected(policy):
            bind(policy, payment=means)
        else:
            _ask_first(policy, means, now)
    return policy


def _ask_first(policy: Policy, means: Means, now: datetime) -> None:
    """Ask for the premium, or for the first of its instalments."""
    due = policy.quote.offer(policy.variant).due_now
    ask_for_premium(policy, due, means, kind=MoneyKind.PREMIUM, now=now)


def _lock_quote(quote_id: UUID, customer_id: UUID | None) -> Quote:
    visible = Quote.objects.select_for_update(of=("self",)).filter(pk=quote_id)
    quote = (visible if customer_id is None else visible.filter(customer_id=customer_id)).first()
    if quote is None:
        raise QuoteNotFound
    return quote


def _first_try(quote: Quote, variant: int, now: datetime) -> Policy:
    try:
        policy = build_policy(quote, variant, now)
    except LookupError as error:
        raise InvalidInput("variant", "invalid_choice", _("The quote has no such variant.")) from error
    policy.save(force_insert=True)
    return policy


def _renew_try(quote: Quote, variant: int, now: datetime) -> Policy:
    policy = lock_policy(quote.policy.id)
    if policy.status != PolicyStatus.NOT_TAKEN_UP or policy.attempt_id is not None:
        raise QuotePurchased(policy_id=str(policy.id))
    if policy.variant != variant:
        raise InvalidInput(
            "variant", "invalid_choice", _("Another variant of this quote was tried: ask for a new quote.")
        )
    policy.reopen(now)
    policy.insurer_ref = ""
    policy.save()
    return policy


def receive_insurer_answer(
    *,
    policy_id: UUID,
    is_accepted: bool,
    reference: str,
    code: str,
    detail: str,
    payment: Mapping[str, Any] | None,
    now: datetime,
) -> None:
    """Apply an insurer's decision: ask for the premium, answer the checkout, or let the policy go.

    A policy that was called off meanwhile is called off at the insurer too.
    """
    with transaction("insurance"):
        known = Policy.objects.filter(pk=policy_id).values_list("attempt_id", flat=True).first()
        attempt = IssueAttempt.objects.select_for_update().get(pk=known) if known else None
        policy = lock_policy(policy_id)
        if policy.status != PolicyStatus.PENDING:
            if is_accepted:
                unbind(policy)
            return
        if not is_accepted:
            policy.decline(code=code, detail=detail, now=now)
        else:
            policy.insurer_ref = reference
        policy.save()
        if attempt is not None:
            answer_if_decided(attempt, now)
        elif is_accepted and payment is not None:
            _ask_first(policy, Means.of(payment), now)


def settle_charge(*, request_id: UUID, is_paid: bool, code: str, detail: str, now: datetime) -> None:
    """Apply the answer about a premium: in force when it is paid, not taken up when it is refused."""
    with transaction("insurance"):
        known = MoneyRequest.objects.filter(pk=request_id).values_list("policy_id", flat=True).first()
        if known is None:
            return
        policy = lock_policy(known)
        let(UNDONE)
        found = settle_request(request_id, is_paid=is_paid, code=code, detail=detail, now=now)
        if found is None or not found[1]:
            return
        asked = found[0]
        if asked.kind == MoneyKind.INSTALMENT:
            apply_paid_instalment(policy, asked, now)
        elif asked.kind == MoneyKind.ENDORSEMENT:
            apply_paid_endorsement(policy, asked, now)
        elif asked.kind == MoneyKind.REINSTATEMENT:
            _paid_back(policy, asked, now)
        elif is_paid:
            _paid(policy, asked, now)
        elif policy.status == PolicyStatus.PENDING:
            unbind(policy)
            policy.decline(code=code or "declined", detail=detail, now=now)
            policy.save()


def _paid(policy: Policy, asked: MoneyRequest, now: datetime) -> None:
    """Put a policy in force; money for one that needs none any more, or insures a car twice, goes straight back."""
    again = MoneyRequest.objects.filter(policy=policy, kind=MoneyKind.PREMIUM, state=MoneyState.DONE).exclude(
        pk=asked.pk
    )
    lost = policy.status == PolicyStatus.NOT_TAKEN_UP and is_connected(policy)
    if policy.status not in (PolicyStatus.PENDING, PolicyStatus.NOT_TAKEN_UP) or again.exists() or lost:
        ask_for_refund(policy, asked.amount, "paid_twice" if again.exists() else "not_in_force", now)
        return
    begin_by_today(policy, now)
    if not is_insured_twice(policy):
        put_in_force(policy, now)
        return
    if policy.status == PolicyStatus.PENDING:
        decline_second(policy, now)
    ask_for_refund(policy, asked.amount, InsuredTwice.code, now)


def _paid_back(policy: Policy, asked: MoneyRequest, now: datetime) -> None:
    if asked.state != MoneyState.DONE:
        return
    if policy.status == PolicyStatus.CANCELLED and not is_undone(policy) and not is_insured_twice(policy):
        put_back(policy, now)
    else:
        ask_for_refund(policy, asked.amount, "not_cancelled", now)


def settle_payout(*, request_id: UUID, is_paid: bool, code: str, detail: str, now: datetime) -> None:
    """Note the answer about a refund or a payout; a claim is paid once all its payouts have left."""
    with transaction("insurance"):
        known = MoneyRequest.objects.filter(pk=request_id).values_list("claim_id", flat=True).first()
        if known is not None:
            lock_claim(known)
        found = settle_request(request_id, is_paid=is_paid, code=code, detail=detail, now=now)
        if known is not None and found is not None and is_paid:
            settle_claim_payout(claim_id=known, now=now)


def lapse_purchase(*, policy_id: UUID, version: int, now: datetime) -> None:
    """Let a policy go that nobody paid for in time; a payment that arrives after all still puts it in force."""
    with transaction("insurance"):
        policy = lock_policy(policy_id)
        if policy.status == PolicyStatus.PENDING and policy.attempt_id is None and policy.version == version:
            unbind(policy)
            policy.decline(code="unpaid", detail=_("The premium was not paid in time."), now=now)
            policy.save()
