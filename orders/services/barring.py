"""Refuse to change what an order comes to while something is under way, or below what is lent and credited."""

from decimal import Decimal

from django.utils.translation import gettext as _

from core.errors import InvalidInput
from core.money import MAX_AMOUNT, ZERO
from orders.errors import ChangeRefused
from orders.models import BEFORE_HANDOVER, LegKind, LegState, OrderPayment, PaymentState, SagaState
from orders.rules.funding import compute_lent
from orders.rules.requests import LoanRequest, StockRequest
from orders.services.saga import Saga


def refuse_while_busy(saga: Saga) -> None:
    """Nothing is changed under an answer that is being waited for, nor after the buyer's money has closed the deal."""
    stock, payment = saga.stock, saga.payment
    loan = saga.legs.get(LegKind.LOAN)
    if saga.checkout.is_undoing or saga.checkout.state == SagaState.PARKED:
        raise ChangeRefused("checkout_closing", _("The checkout of this order is being undone or looked into."))
    if stock.state == LegState.RUNNING and StockRequest.of(stock).revert:
        raise ChangeRefused("change_under_way", _("The last change is still being confirmed."), retry_after=1)
    if loan is not None and loan.state == LegState.RUNNING:
        raise ChangeRefused("loan_being_decided", _("The bank is deciding on this very amount."))
    if saga.order.status in BEFORE_HANDOVER:
        return
    if payment.state == LegState.SUCCEEDED:
        raise ChangeRefused("already_paid", _("The buyer has already paid for these lines."))
    if is_payment_under_way(saga):
        raise ChangeRefused("payment_under_way", _("A payment is being taken for these lines."), retry_after=5)


def is_payment_under_way(saga: Saga) -> bool:
    """Tell whether a payment has been asked for or begun and not ended."""
    is_asked = saga.payment.state == LegState.RUNNING and saga.checkout.state == SagaState.RUNNING
    started = OrderPayment.objects.filter(order_id=saga.order.id, state=PaymentState.IN_FLIGHT)
    return is_asked or started.exists()


def refuse_amounts(saga: Saga, total: Decimal, goods: Decimal) -> None:
    """Refuse a total below what is lent and credited; money paid above it goes back.

    A car in exchange goes on paying for goods alone: else what pays for premiums would go back as money too much.
    """
    if total > MAX_AMOUNT:
        raise InvalidInput("items", "too_large", _("The total is larger than any amount we can book."))
    loan = saga.legs.get(LegKind.LOAN)
    asked = LoanRequest.of(loan).amount if loan is not None and loan.state == LegState.PENDING else ZERO
    lent = max(saga.order.loan_amount, asked) + compute_lent(saga.legs)
    covered = lent + saga.order.total_amount - saga.order.payable
    if total < covered or goods < saga.order.trade_in_credit:
        detail = _("Less than what is lent and credited already.")
        raise ChangeRefused("total_below_covered", detail, total_amount=str(total), covered=str(covered))
