"""The sums of a deal: what is due now, what a month, and what the credit costs; the same from the same snapshot."""

from decimal import Decimal
from typing import Any

from core.money import ZERO, money
from financing.public import LoanOffer, read_offer_terms, recalculate_offer
from insurance.public import rate
from orders.models.deals import DealQuote


def compute_result(
    goods: Decimal, premiums: Decimal, trade_in: Decimal, offer: LoanOffer | None, later: Decimal = ZERO
) -> dict[str, Any]:
    """The sums of a deal as shown: decimal text, roubles and per cent.

    `premiums` are what the policies cost now, `later` their instalments to come, which no order asks for. Fees that
    the loan itself pays, added to it or kept from its payout, bring the order nothing (`loan_fee_amount`).
    """
    lent = offer.amount_financed if offer else ZERO
    loan_fees = lent - offer.paid_out if offer else ZERO
    result = {
        "goods_amount": goods,
        "insurance_amount": premiums,
        "total_amount": goods + premiums,
        "trade_in_amount": trade_in,
        "amount_financed": lent,
        "due_now": goods + premiums + loan_fees - trade_in - lent,
    }
    if loan_fees:
        result["loan_fee_amount"] = loan_fees
    if later:
        result["insurance_later_amount"] = later
    if offer:
        result |= {
            "monthly_payment": offer.monthly_payment,
            "total_interest": offer.total_interest,
            "total_paid": offer.total_paid,
            "psk": offer.psk,
            "psk_amount": offer.psk_amount,
            "apr": offer.apr,
        }
    exact = ("psk", "apr")
    return {name: str(value if name in exact else money(value)) for name, value in result.items()}


def recalculate(quote: DealQuote) -> dict[str, Any]:
    """The sums of a stored deal, calculated again from its snapshot alone. Raises InvalidInput, LookupError."""
    goods = sum((money(Decimal(line["unit_price"]) * line["quantity"]) for line in quote.lines), ZERO)
    rated = [rate(item["request"], day=quote.rated_on, revision=item["tariff_revision"]) for item in quote.insurance]
    now = sum((item.due_now for item in rated), ZERO)
    later = sum((item.premium for item in rated), ZERO) - now
    offer = None if quote.loan_terms is None else recalculate_offer(read_offer_terms(quote.loan_terms))
    return compute_result(goods, now, quote.trade_in_amount, offer, later)
