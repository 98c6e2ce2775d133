"""Plan how an order is paid for: the parts by trade-in, deposit, loan and money, whose sum is always the total.

A part is `{leg, kind, amount, state}`: `leg` names it for steering, `kind` is the means. What nobody has planned is the
`balance`, paid whenever the buyer likes; more money than the total is a negative part `excess`, to be given back.
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from core.money import ZERO, money
from orders.models import Checkout, CheckoutLeg, LegKind, LegState, Order, SagaState

if TYPE_CHECKING:
    from orders.services.saga import Saga

Part = dict[str, Any]
PLANNED, ASKED, PAID, FAILED, DROPPED = "planned", "running", "paid", "failed", "dropped"
GONE = (LegState.FAILED, LegState.COMPENSATED, LegState.SKIPPED)
OFFLINE = frozenset({"cash", "bank_transfer"})
"""Means that no bank answers for within minutes: a person brings or sends the money."""


def parts_of(leg: CheckoutLeg) -> list[Part]:
    """The payments planned in the checkout, in their order."""
    parts: list[Part] = leg.request.get("parts", [])
    return parts


def plan_parts(wishes: list[dict[str, Any]]) -> dict[str, Any]:
    """The payment leg's request: payments one after another, each named for steering."""
    parts: list[Part] = []
    for wish in wishes:
        name = wish.pop("leg", "payment")
        same = sum(part["leg"].partition("_")[0] == name for part in parts)
        parts.append(wish | {"leg": name if not same else f"{name}_{same + 1}", "state": PLANNED})
    return {"parts": parts} if parts else {}


AGREED = "agreed"
"""Where the payment leg notes the most that a planned payment may bring the buyer's own money to."""


def own_money(order: Order, legs: Mapping[str, CheckoutLeg]) -> Decimal:
    """Return what the buyer pays by themselves if the bank and the trade-in come to what they asked for."""
    trade_in, loan = legs.get(LegKind.TRADE_IN), legs.get(LegKind.LOAN)
    credited = Decimal(trade_in.request["amount"]) if trade_in else ZERO
    return max(ZERO, order.total_amount - credited - (requested_loan(loan) if loan else ZERO))


def agree_to_more(saga: "Saga", amount: Decimal) -> None:
    """Note that the buyer agreed to pay so much more by themselves; below zero it is taken back."""
    leg = saga.legs[LegKind.PAYMENT]
    if amount and AGREED in leg.request:
        leg.request = {**leg.request, AGREED: str(Decimal(leg.request[AGREED]) + amount)}
        saga.mark(leg, leg.state)


def is_agreed_to(order: Order, leg: CheckoutLeg, part: Part, due: Decimal) -> bool:
    """Tell whether a planned payment of all that is left takes no more than its buyer saw.

    A sum that was named is never exceeded, and money that a person brings or sends is nobody's surprise.
    """
    if part.get("amount") is not None or part["method"] in OFFLINE or AGREED not in leg.request:
        return True
    return order.amount_paid + due <= Decimal(leg.request[AGREED])


def next_part(leg: CheckoutLeg) -> Part | None:
    """The payment that is being taken, or else the next that is planned."""
    parts = parts_of(leg)
    return next((part for state in (ASKED, PLANNED) for part in parts if part["state"] == state), None)


def set_part(saga: "Saga", part: Part, **changes: Any) -> None:
    """Change one planned payment."""
    leg = saga.legs[LegKind.PAYMENT]
    parts = [other | changes if other["leg"] == part["leg"] else other for other in parts_of(leg)]
    leg.request = {**leg.request, "parts": parts}
    saga.mark(leg, leg.state)


def funding_of(order: Order, checkout: Checkout, legs: dict[str, CheckoutLeg]) -> list[Part]:
    """The parts of the total as they stand now."""
    fixed = [*_trade_in(order, legs), *_loan(order, legs), *_returned(order), *_allowances(order)]
    planned = [_shown(part) for part in parts_of(legs[LegKind.PAYMENT]) if part["state"] not in (FAILED, DROPPED)]
    fixed += [part for part in planned if part["state"] == PAID]
    fixed += _paid_besides(order, legs, sum((part["amount"] for part in planned if part["state"] == PAID), ZERO))
    _take_off_returned(order, fixed)
    rest = order.total_amount - sum((part["amount"] for part in fixed), ZERO)
    still = []
    for part in (part for part in planned if part["state"] != PAID):
        amount = min(rest if part["amount"] is None else part["amount"], max(rest, ZERO))
        still.append(part | {"amount": amount})
        rest -= amount
    open_end = [{"leg": "balance", "kind": "balance", "amount": rest, "state": PLANNED}] if rest > 0 else []
    excess = [{"leg": "excess", "kind": "excess", "amount": rest, "state": "to_return"}] if rest < 0 else []
    found = [part for part in [*fixed, *still, *open_end, *excess] if part["amount"]]
    ended = _ended(order, checkout, sum((part["amount"] for part in found if part.get("held")), ZERO))
    return [
        {name: value for name, value in part.items() if name != "held"}
        | {"amount": str(money(part["amount"])), "state": part.get("held") or ended(part["state"])}
        for part in found
    ]


def _take_off_returned(order: Order, parts: list[Part]) -> None:
    """Take off what was paid above the total and has gone back; the newest payments lack it."""
    paid = [part for part in parts if part["state"] == PAID and part["kind"] != "trade_in"]
    is_back = sum((part["amount"] for part in paid), ZERO) - order.amount_paid
    above = sum((part["amount"] for part in parts), ZERO) - order.total_amount
    left = min(is_back, above)
    for part in reversed([part for part in paid if part["kind"] != "loan"]):
        taken = max(ZERO, min(left, part["amount"]))
        part["amount"] -= taken
        left -= taken


def _shown(part: Part) -> Part:
    amount = Decimal(part["amount"]) if part.get("amount") is not None else None
    shown: Part = {"leg": part["leg"], "kind": part["method"], "amount": amount, "state": part["state"]}
    return shown | {name: part[name] for name in ("payment_id", "held") if part.get(name)}


def _trade_in(order: Order, legs: dict[str, CheckoutLeg]) -> list[Part]:
    leg = legs.get(LegKind.TRADE_IN)
    if leg is None or leg.state in GONE:
        return []
    amount = order.trade_in_credit or min(Decimal(leg.request["amount"]), order.total_amount)
    return [{"leg": "trade_in", "kind": "trade_in", "amount": amount, "state": _state(leg, order.trade_in_credit > 0)}]


def _loan(order: Order, legs: dict[str, CheckoutLeg]) -> list[Part]:
    leg = legs.get(LegKind.LOAN)
    if leg is None or leg.state in GONE:
        return []
    payout = legs.get(LegKind.DISBURSEMENT)
    lent = Decimal(payout.request.get("amount", 0)) if payout and payout.state == LegState.SUCCEEDED else ZERO
    if payout is not None and payout.state == LegState.SKIPPED:
        return []
    amount = lent or order.loan_amount or max(ZERO, min(requested_loan(leg), order.total_amount))
    return [{"leg": "loan", "kind": "loan", "amount": amount, "state": _state(leg, lent > 0)}]


def _returned(order: Order) -> list[Part]:
    """Premiums of policies that ended: neither owed nor paid any more."""
    return [{"leg": "premiums", "kind": "returned_premium", "amount": order.returned_premiums, "state": "returned"}]


def _allowances(order: Order) -> list[Part]:
    """Return what was given back by hand, and is not asked for again."""
    return [{"leg": "allowances", "kind": "allowance", "amount": order.allowance_amount, "state": "returned"}]


def requested_loan(leg: CheckoutLeg) -> Decimal:
    """Return what a loan is asked to lend; nothing when the application does not say."""
    try:
        asked = Decimal(str(leg.request["vehicle_price"])) - Decimal(str(leg.request.get("down_payment") or 0))
        return asked + Decimal(leg.request.get("financed_premium", 0))
    except (KeyError, ArithmeticError):
        return ZERO


def lend_premiums(financing: Mapping[str, Any], policies: Sequence[tuple[str, Decimal]]) -> dict[str, Any]:
    """An application as the loan's leg asks for it: with `insurance_financed` the policies' premiums are lent too.

    What the law demands of a driver stands outside ПСК. The sums are the order's own, whatever the buyer says of them.
    """
    asked = {name: value for name, value in financing.items() if name not in _PREMIUMS}
    if not asked.get("insurance_financed") or not policies:
        return asked
    lent = sum((premium for _name, premium in policies), ZERO)
    by_choice = sum((premium for name, premium in policies if name != BY_LAW), ZERO)
    return asked | {"financed_premium": str(money(lent)), "psk_premium": str(money(by_choice))}


_PREMIUMS = ("financed_premium", "psk_premium")
BY_LAW = "OSAGO"
"""The policy that every driver must have."""


def _state(leg: CheckoutLeg, is_in: bool) -> str:
    if is_in:
        return PAID
    if leg.state == LegState.SUCCEEDED:
        return "agreed"
    return PLANNED if leg.state == LegState.PENDING else ASKED


def _paid_besides(order: Order, legs: dict[str, CheckoutLeg], by_plan: Decimal) -> list[Part]:
    """Return what the buyer paid by themselves, outside the plan."""
    payout = legs.get(LegKind.DISBURSEMENT)
    lent = Decimal(payout.request.get("amount", 0)) if payout and payout.state == LegState.SUCCEEDED else ZERO
    besides = order.amount_paid - lent - by_plan
    return [{"leg": "paid", "kind": "payment", "amount": besides, "state": PAID}] if besides > 0 else []


def _ended(order: Order, checkout: Checkout, held: Decimal) -> Callable[[str], str]:
    """Say what became of the parts of an order that was called off."""
    if not (checkout.is_undoing or checkout.state == SagaState.COMPENSATED):
        return lambda state: state
    is_back = order.amount_paid <= held
    return lambda state: ("returned" if is_back else "returning") if state == PAID else "cancelled"
