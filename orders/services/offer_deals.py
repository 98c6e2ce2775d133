"""Loan and policies of a written offer: figured out as it is written, and asked for once its buyer accepts it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.clock import dealer_day
from core.errors import InvalidInput
from core.money import ZERO, money
from financing.public import LoanOffer, check_application, require_programme
from insurance.public import estimate
from orders.errors import PriceChanged
from orders.models import OrderLine, SalesOffer
from orders.rules.offer_deals import OfferedLoan, OfferedPolicy, freeze, read_loan, read_policies, sum_premiums
from orders.rules.offers import read_goods, require_id
from orders.rules.requests import ChosenPolicy
from orders.services.deal_quote import LoanWish, offer_loan, rate_insurance
from orders.services.lines import refuse_other_cars


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """The words of a buyer who accepts an offer: how they pay, the car they give, and of a loan who borrows."""

    applicant: Mapping[str, Any] | None = None
    payment: Any = None
    deposit: dict[str, Any] | None = None
    trade_in: dict[str, Any] | None = None


def set_figures(
    offer: SalesOffer,
    built: Sequence[OrderLine],
    loan: LoanWish | None,
    insurance: Sequence[Mapping[str, Any]],
    now: datetime,
) -> None:
    """Rate the policies and price the loan of a draft by the tariffs and programmes of today.

    Raises InvalidInput, NoProgramme.
    """
    day = dealer_day(now)
    refuse_other_cars(built, insurance)
    products = [require_id(line) for line in built]
    rated = rate_insurance(insurance, day, products)
    policies = [_describe_policy(one) for one in rated]
    offer.insurance, offer.loan = freeze(policies), None
    if loan is not None:
        goods = sum((line.line_total for line in built), ZERO)
        found = offer_loan(loan, goods, ZERO, rated, day, products)
        offer.loan = freeze(_describe_loan(found, is_insurance_financed=loan.is_insurance_financed, now=now))


def _describe_policy(rated: Mapping[str, Any]) -> OfferedPolicy:
    names = ("insurance_type", "insurer", "premium", "due_now", "later", "request", "rated_on", "supplier")
    [policy] = read_policies([{name: rated[name] for name in names}])
    return policy


def _describe_loan(found: LoanOffer, *, is_insurance_financed: bool, now: datetime) -> OfferedLoan:
    terms = found.terms
    return OfferedLoan(
        programme_id=terms.programme_id,
        bank=terms.bank,
        programme=terms.programme,
        programme_version=terms.version,
        financing_type=terms.financing_type,
        annual_rate=terms.annual_rate,
        vehicle_price=money(terms.vehicle_price),
        down_payment=money(terms.down_payment),
        term_months=terms.term_months,
        is_insurance_financed=is_insurance_financed,
        amount=money(found.amount_financed),
        monthly_payment=money(found.monthly_payment),
        psk=found.psk,
        rated_on=dealer_day(now),
    )


def read_loan_wish(offer: SalesOffer) -> LoanWish | None:
    """Return the loan that an offer was written with, by the programme that was chosen for it."""
    loan = read_loan(offer.loan)
    if loan is None:
        return None
    return LoanWish(
        term_months=loan.term_months,
        down_payment=loan.down_payment,
        programme_id=loan.programme_id,
        financing_type=loan.financing_type,
        is_insurance_financed=loan.is_insurance_financed,
    )


def ask_legs(offer: SalesOffer, purchase: Purchase, now: datetime) -> dict[str, Any]:
    """Return what an order of an offer asks of bank, insurers and buyer, as `place_order` takes it.

    Raises InvalidInput (no borrower, or one without a loan), UnknownProgramme, PriceChanged (a premium of today is
    not that of the offer).
    """
    policies = read_policies(offer.insurance)
    _require_premiums(offer, policies)
    return {
        "insurance": [policy.request for policy in policies],
        "policies": [ChosenPolicy(policy.name, policy.due_now, policy.supplier) for policy in policies],
        "financing": _apply(read_loan(offer.loan), purchase.applicant, now),
        "payment": purchase.payment,
        "deposit": purchase.deposit,
        "trade_in": purchase.trade_in,
    }


def _require_premiums(offer: SalesOffer, policies: Sequence[OfferedPolicy]) -> None:
    """Refuse to promise a premium that the insurer does not ask any more: it is the insurer's, not ours."""
    products = [goods.product_id for goods in read_goods(offer.lines)]
    asked = sum((_estimate(policy, products) for policy in policies), ZERO)
    if asked != sum_premiums(policies):
        total = offer.total_amount - sum_premiums(policies) + asked
        raise PriceChanged(expected_total=str(offer.total_amount), total_amount=str(total))


def _estimate(policy: OfferedPolicy, products: list[UUID]) -> Decimal:
    return estimate(policy.request, products=products)


def _apply(loan: OfferedLoan | None, applicant: Mapping[str, Any] | None, now: datetime) -> dict[str, Any] | None:
    if loan is None:
        if applicant:
            raise InvalidInput("applicant", "not_allowed", _("This offer has no loan to apply for."))
        return None
    if not applicant:
        raise InvalidInput("applicant", "required", _("Say who borrows: the bank decides on it."))
    fields = {
        **applicant,
        "vehicle_price": str(loan.vehicle_price),
        "down_payment": str(loan.down_payment),
        "term_months": loan.term_months,
        "financing_type": loan.financing_type,
        "programme_id": str(loan.programme_id),
        "insurance_financed": loan.is_insurance_financed,
        "auto_accept": True,
    }
    check_application(fields, now=now)
    require_programme(loan.programme_id, loan.financing_type, now=now)
    return fields
