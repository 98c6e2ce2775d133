"""Show the insured what is theirs: a quote with its offers side by side, and a policy with what may be done to it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.utils.translation import gettext_lazy

from core.clock import dealer_day
from insurance.models import Endorsement, Instalment, Policy, PolicyStatus, Quote, next_planned
from insurance.models.policies import RENEWED_FROM
from insurance.queries.refunds import TOTAL_LOSS, UNPAID, refund_estimate, refund_today
from insurance.rules.rating import Part


@dataclass(frozen=True)
class OfferView:
    """One offer of a quote, roubles; `variant` names it when it is bought, `request` is the whole quote request.

    `due_now` puts it in force, `later` are the instalments after it.
    """

    variant: int
    insurer: str
    premium: Decimal
    coverage_amount: Decimal
    deductible: Decimal
    breakdown: list[dict[str, str]]
    request: dict[str, Any]
    due_now: Decimal
    later: list[Part]


@dataclass(frozen=True)
class QuoteView:
    """A quote as its owner sees it: the offers, the cheapest first, and whether one can still be bought.

    It `is_provisional` while its premiums rest on what nobody has confirmed.
    """

    id: UUID
    insurance_type: str
    type_name: str
    status: str
    vehicle: str
    vehicle_vin: str
    currency: str
    rated_on: date
    valid_until: date
    tariff_revision: int
    policy_id: UUID | None
    is_provisional: bool
    offers: list[OfferView]

    @property
    def is_standing(self) -> bool:
        """Tell whether an offer can be bought."""
        return self.status == "quoted"


@dataclass(frozen=True)
class PolicyView:
    """A policy as its owner sees it, roubles; `refund_today` is what comes back if it ends today, None if it cannot;
    `refund_estimate` what comes back after `cancel_date`, a day to come.

    `drivers` is empty where anybody may drive; `insured` is the request as every change left it.
    """

    id: UUID
    number: str
    type_name: str
    insurance_type: str
    status: str
    status_name: str
    insurer: str
    vehicle_vin: str
    premium: Decimal
    coverage_amount: Decimal
    deductible: Decimal
    beneficiary: str
    currency: str
    start_date: date
    end_date: date
    refund_amount: Decimal | None
    refund_today: Decimal | None
    refund_estimate: Decimal | None
    cancel_date: date | None
    decline_detail: str
    cancel_reason: str
    is_active: bool
    is_provisional: bool
    may_cancel: bool
    may_renew: bool
    drivers: list[dict[str, Any]]
    insured: dict[str, Any]
    endorsements: list[Endorsement]
    instalments: list[Instalment]
    next_instalment: Instalment | None
    is_instalment_late: bool

    @property
    def is_suspended(self) -> bool:
        """Tell whether nothing is covered until an instalment is paid."""
        return self.status == PolicyStatus.SUSPENDED


def read_quote(quote_id: UUID, *, customer_id: UUID, now: datetime) -> QuoteView | None:
    """One's own quote with all its offers; None for another's."""
    quote = Quote.objects.filter(pk=quote_id, customer_id=customer_id).select_related("policy").first()
    if quote is None:
        return None
    status = quote.status_on(dealer_day(now))
    offers = [_offer(quote, number) for number in range(len(quote.variants) + 1)]
    return QuoteView(
        id=quote.id,
        insurance_type=quote.insurance_type,
        type_name=quote.get_insurance_type_display(),
        status=status,
        vehicle=f"{quote.asked.vehicle_make} {quote.asked.vehicle_model}",
        vehicle_vin=quote.asked.vehicle_vin,
        currency=quote.currency,
        rated_on=quote.rated_on,
        valid_until=quote.valid_until,
        tariff_revision=quote.tariff_revision,
        policy_id=quote.policy.id if status == "purchased" else None,
        is_provisional=bool(quote.unconfirmed),
        offers=sorted(offers, key=lambda offer: (offer.premium, offer.variant)),
    )


def _offer(quote: Quote, variant: int) -> OfferView:
    found = quote.offer(variant)
    stored: dict[str, Any] = quote.variants[variant - 1] if variant else {}
    return OfferView(
        variant=variant,
        insurer=found.insurer_name or found.insurer,
        premium=found.premium,
        coverage_amount=found.coverage_amount,
        deductible=found.deductible,
        breakdown=stored["breakdown"] if variant else quote.breakdown,
        request=stored["request"] if variant else quote.request,
        due_now=found.due_now,
        later=list(found.payments(quote.rated_on)[1:]),
    )


def _why(policy: Policy) -> str:
    """Why a policy ended, in words; codes of our own are said, and the insured's words repeated."""
    if policy.status != PolicyStatus.CANCELLED:
        return ""
    return str(_ENDS.get(policy.cancel_reason, policy.cancel_reason))


_ENDS = {
    UNPAID: gettext_lazy("an instalment was not paid"),
    TOTAL_LOSS: gettext_lazy("the car was paid for as lost"),
    "cancelled": gettext_lazy("the purchase was undone"),
}


def read_policy(policy_id: UUID, *, customer_id: UUID, now: datetime) -> PolicyView | None:
    """One's own policy; None for another's."""
    mine = Policy.objects.filter(pk=policy_id, customer_id=customer_id).select_related("quote", "renewal")
    policy = mine.first()
    return None if policy is None else _view(policy, dealer_day(now))


def _view(policy: Policy, today: date) -> PolicyView:
    is_active = policy.status == PolicyStatus.ACTIVE
    is_suspended = policy.status == PolicyStatus.SUSPENDED
    is_unpaid = policy.status == PolicyStatus.PENDING and policy.attempt_id is None
    endorsements = list(policy.endorsements.filter(applied_at__isnull=False))
    offer = policy.quote.offer(policy.variant)
    insured = endorsements[-1].request if endorsements else msgspec.to_builtins(offer.request)
    instalments = list(policy.instalments.all())
    due = next_planned(instalments)
    return PolicyView(
        id=policy.id,
        number=policy.number,
        type_name=policy.get_insurance_type_display(),
        insurance_type=policy.insurance_type,
        status=policy.status,
        status_name=policy.get_status_display(),
        insurer=offer.insurer_name or policy.insurer,
        vehicle_vin=policy.vehicle_vin,
        premium=policy.premium,
        coverage_amount=policy.coverage_amount,
        deductible=policy.deductible,
        beneficiary=policy.beneficiary,
        currency=policy.currency,
        start_date=policy.start_date,
        end_date=policy.end_date,
        **_coming_back(policy, today),
        decline_detail=policy.decline_detail,
        cancel_reason=_why(policy),
        is_active=is_active,
        is_provisional=bool(policy.unconfirmed),
        may_cancel=is_active or is_suspended or is_unpaid,
        may_renew=_may_renew(policy, today),
        drivers=insured["drivers"] or [],
        insured=insured,
        endorsements=endorsements,
        instalments=instalments,
        next_instalment=due,
        is_instalment_late=due is not None and due.is_overdue_on(today),
    )


def _coming_back(policy: Policy, today: date) -> dict[str, Any]:
    """Return what of the premium came back, would today, and will after a day to come."""
    may_end_today = policy.status in (PolicyStatus.ACTIVE, PolicyStatus.SUSPENDED)
    return {
        "refund_amount": policy.refund_amount,
        "refund_today": refund_today(policy, today) if may_end_today else None,
        "refund_estimate": refund_estimate(policy),
        "cancel_date": policy.cancel_date,
    }


def _may_renew(policy: Policy, today: date) -> bool:
    """Tell whether the policy's next year may be bought: near its end or after it, and once."""
    if hasattr(policy, "renewal"):
        return False
    if policy.status == PolicyStatus.EXPIRED:
        return True
    return policy.status == PolicyStatus.ACTIVE and policy.end_date + timedelta(days=1) - today <= RENEWED_FROM
