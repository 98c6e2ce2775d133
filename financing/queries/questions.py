"""Read what a bank is asked and told."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from financing.models import (
    BankOffer,
    LoanPayment,
    LoanPaymentStatus,
    OfferStatus,
)


def bank_question(offer_id: UUID) -> dict[str, Any] | None:
    """Return what a bank is asked, money and rates as strings; None once its answer counts for nothing."""
    offer = BankOffer.objects.select_related("application", "programme").filter(pk=offer_id).first()
    if offer is None or offer.status != OfferStatus.ASKED:
        return None
    asked = offer.application
    return {
        "application_id": str(asked.id),
        "programme": offer.programme.name,
        "amount": str(asked.requested_amount),
        "annual_rate": str(offer.asked_rate),
        "term_months": asked.asked_term,
        "schedule": offer.schedule,
        "vehicle_price": str(asked.vehicle_price),
        "down_payment": str(asked.down_payment),
        "financed_premium": str(asked.financed_premium),
        "currency": asked.currency,
        "employment_status": asked.employment_status,
        "monthly_income": str(asked.monthly_income),
        "monthly_obligations": str(asked.monthly_obligations),
        "birth_date": asked.birth_date.isoformat() if asked.birth_date else None,
    }


def find_mandate(payment_id: UUID) -> dict[str, Any] | None:
    """Return what a bank is told to debit, money as strings; None once a person has answered in its place."""
    payment = LoanPayment.objects.select_related("loan").filter(pk=payment_id).first()
    if payment is None or payment.status != LoanPaymentStatus.PENDING:
        return None
    offers = payment.loan.application.offers.filter(status=OfferStatus.TAKEN)
    return {
        "payment_id": str(payment.id),
        "loan_id": str(payment.loan_id),
        "application_id": str(payment.loan.application_id),
        "reference": offers.values_list("reference", flat=True).first() or "",
        "amount": str(payment.amount),
        "currency": payment.currency,
    }


def is_same_sum(payment_id: UUID, answer: Mapping[str, Any]) -> bool:
    """Tell whether a bank debited what it was told to: another sum is no answer that could be counted."""
    asked = LoanPayment.objects.values_list("amount", flat=True).get(pk=payment_id)
    try:
        return Decimal(str(answer["amount"])) == asked
    except (KeyError, InvalidOperation):
        return False
