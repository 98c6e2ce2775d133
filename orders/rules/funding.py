"""Work out how an order is paid for: the parts by trade-in, deposit, loan and money, whose sum is always the total.

A part is `{leg, kind, amount, state}`: `leg` names it for steering, `kind` is the means. What nobody has planned is the
`balance`, paid whenever the buyer likes; more money than the total is a negative part `excess`, to be given back.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from core.money import ZERO, money
from orders.models import Checkout, CheckoutLeg, LegKind, LegState, Order, SagaState
from orders.rules.requests import (
    ChosenPolicy,
    LoanRequest,
    PaymentRequest,
    PayoutRequest,
    PlannedPayment,
    TradeInRequest,
)
from payments.commands import BY_HAND

PLANNED: Final = "planned"
ASKED: Final = "running"
PAID: Final = "paid"
FAILED: Final = "failed"
DROPPED: Final = "dropped"
GONE = (LegState.FAILED, LegState.COMPENSATED, LegState.SKIPPED)
Legs = Mapping[str, CheckoutLeg]


class Part(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A part of the total, in the order's currency; without an amount it is all that is left.

    `held` is what to show of earnest money in place of its state.
    """

    leg: str
    kind: str
    amount: Decimal | None
    state: str
    payment_id: Any = None
    held: str = ""

    @property
    def worth(self) -> Decimal:
        """Return the amount, zero where it is not known yet."""
        return self.amount or ZERO


def due_from_buyer(order: Order) -> Decimal:
    """Return what the buyer has to pay by themselves: the total less trade-in, loan and what is paid."""
    return order.payable - order.loan_amount - order.amount_paid


def plan_payments(wishes: Sequence[Mapping[str, Any]]) -> PaymentRequest:
    """Plan payments one after another, each named for steering."""
    parts: list[PlannedPayment] = []
    for wish in wishes:
        name = wish.get("leg", "payment")
        same = sum(part.leg.partition("_")[0] == name for part in parts)
        named = {**wish, "leg": name if not same else f"{name}_{same + 1}"}
        parts.append(msgspec.convert(named, PlannedPayment, strict=False))
    return PaymentRequest(parts=parts)


def own_money(order: Order, legs: Legs) -> Decimal:
    """Return what the buyer pays by themselves if the bank and the trade-in come to what they asked for."""
    wished = TradeInRequest.of(legs.get(LegKind.TRADE_IN)).pays + LoanRequest.of(legs.get(LegKind.LOAN)).amount
    return max(ZERO, order.total_amount - wished)


def is_agreed_to(order: Order, request: PaymentRequest, part: PlannedPayment, due: Decimal) -> bool:
    """Tell whether a planned payment of all that is left takes no more than its buyer saw.

    A sum that was named is never exceeded, and money that a person brings or sends is nobody's surprise.
    """
    if part.amount is not None or part.method in BY_HAND or request.agreed is None:
        return True
    return order.amount_paid + due <= request.agreed


def compute_lent(legs: Legs) -> Decimal:
    """Return what a bank has paid into the order."""
    payout = legs.get(LegKind.DISBURSEMENT)
    is_lent = payout is not None and payout.state == LegState.SUCCEEDED
    return PayoutRequest.of(payout).amount if is_lent else ZERO


def compute_funding(order: Order, checkout: Checkout, legs: Legs) -> list[dict[str, Any]]:
    """Return the parts of the total as they stand now, as JSON keeps them."""
    parts = PaymentRequest.of(legs[LegKind.PAYMENT]).parts
    planned = [_shown(part) for part in parts if part.state not in (FAILED, DROPPED)]
    paid = [part for part in planned if part.state == PAID]
    fixed = [*_trade_in(order, legs), *_loan(order, legs), *_taken_off(order), *paid]
    fixed += _paid_besides(order, legs, _sum(paid))
    _take_off_returned(order, fixed)
    still = [part for part in planned if part.state != PAID]
    found = [part for part in [*fixed, *_share_out(order.total_amount - _sum(fixed), still)] if part.amount]
    ended = _ended(order, checkout, _sum([part for part in found if part.held]))
    for part in found:
        part.amount, part.state, part.held = money(part.worth), part.held or ended(part.state), ""
    shown: list[dict[str, Any]] = msgspec.to_builtins(found)
    return shown


def _sum(parts: Sequence[Part]) -> Decimal:
    return sum((part.worth for part in parts), ZERO)


def _share_out(rest: Decimal, still: Sequence[Part]) -> list[Part]:
    """Give each planned part its share of what is left; then comes what nobody has planned, or what is too much."""
    for part in still:
        part.amount = min(rest if part.amount is None else part.amount, max(rest, ZERO))
        rest -= part.amount
    if rest > 0:
        return [*still, Part(leg="balance", kind="balance", amount=rest, state=PLANNED)]
    return [*still, Part(leg="excess", kind="excess", amount=rest, state="to_return")]


def _take_off_returned(order: Order, parts: list[Part]) -> None:
    """Take off what was paid above the total and has gone back; the newest payments lack it."""
    paid = [part for part in parts if part.state == PAID and part.kind != "trade_in"]
    left = min(_sum(paid) - order.amount_paid, _sum(parts) - order.total_amount)
    for part in reversed([part for part in paid if part.kind != "loan"]):
        taken = max(ZERO, min(left, part.worth))
        part.amount = part.worth - taken
        left -= taken


def _shown(part: PlannedPayment) -> Part:
    return Part(
        leg=part.leg,
        kind=part.method,
        amount=part.amount,
        state=part.state,
        payment_id=part.payment_id,
        held=part.held,
    )


def _trade_in(order: Order, legs: Legs) -> list[Part]:
    leg = legs.get(LegKind.TRADE_IN)
    if leg is None or leg.state in GONE:
        return []
    amount = order.trade_in_credit or min(TradeInRequest.of(leg).pays, order.total_amount)
    return [Part(leg="trade_in", kind="trade_in", amount=amount, state=_state(leg, order.trade_in_credit > 0))]


def _loan(order: Order, legs: Legs) -> list[Part]:
    leg, payout = legs.get(LegKind.LOAN), legs.get(LegKind.DISBURSEMENT)
    if leg is None or leg.state in GONE or (payout is not None and payout.state == LegState.SKIPPED):
        return []
    lent = compute_lent(legs)
    amount = lent or order.loan_amount or max(ZERO, min(LoanRequest.of(leg).amount, order.total_amount))
    return [Part(leg="loan", kind="loan", amount=amount, state=_state(leg, lent > 0))]


def _taken_off(order: Order) -> list[Part]:
    """List what is neither owed nor paid any more: premiums of policies that ended, and what was given back by hand."""
    return [
        Part(leg="premiums", kind="returned_premium", amount=order.returned_premiums, state="returned"),
        Part(leg="allowances", kind="allowance", amount=order.allowance_amount, state="returned"),
    ]


def lend_premiums(financing: Mapping[str, Any], policies: Sequence[ChosenPolicy]) -> LoanRequest:
    """Return an application as the loan's leg asks for it: with `insurance_financed` the premiums are lent too.

    What the law demands of a driver stands outside ПСК. The sums are the order's own, whatever the buyer says of them.
    """
    asked = msgspec.convert({**financing, "financed_premium": None, "psk_premium": None}, LoanRequest, strict=False)
    if asked.insurance_financed and policies:
        asked.financed_premium = money(sum((each.premium for each in policies), ZERO))
        asked.psk_premium = money(sum((each.premium for each in policies if each.name != BY_LAW), ZERO))
    return asked


BY_LAW = "OSAGO"
"""The policy that every driver must have."""


def _state(leg: CheckoutLeg, is_in: bool) -> str:
    if is_in:
        return PAID
    if leg.state == LegState.SUCCEEDED:
        return "agreed"
    return PLANNED if leg.state == LegState.PENDING else ASKED


def _paid_besides(order: Order, legs: Legs, by_plan: Decimal) -> list[Part]:
    """Return what the buyer paid by themselves, outside the plan."""
    besides = order.amount_paid - compute_lent(legs) - by_plan
    return [Part(leg="paid", kind="payment", amount=besides, state=PAID)] if besides > 0 else []


def _ended(order: Order, checkout: Checkout, held: Decimal) -> Callable[[str], str]:
    """Say what became of the parts of an order that was called off."""
    if not (checkout.is_undoing or checkout.state == SagaState.COMPENSATED):
        return lambda state: state
    is_back = order.amount_paid <= held
    return lambda state: ("returned" if is_back else "returning") if state == PAID else "cancelled"
