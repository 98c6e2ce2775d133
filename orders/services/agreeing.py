"""A second pair of eyes in orders: what staff may give away alone, and what is done once somebody else agreed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from core.errors import FourEyes, InvalidInput
from gateway import approvals
from orders.approvals import BUYERS_RIGHT, CANCEL, CHECKOUT, FREE_LINE, LOWER, RETURN, SKIP, TRADE_IN, TRADE_IN_PRICE
from orders.models import SYSTEM, Order
from orders.services.history import Actor
from orders.services.lines import FreeLine
from orders.services.locking import LockedOrder

AS_STAFF = frozenset({"manager"})
AS_BUYER = frozenset({"client"})


@dataclass(frozen=True)
class About:
    """Asker, action and reason: what a second person is shown and what is done with it later."""

    actor: Actor
    reason: str
    args: dict[str, Any]


def is_own(order: Order, actor: Actor) -> bool:
    """Tell whether a member of the staff acts on an order that is theirs, be it by their client card."""
    return actor.is_staff and approvals.is_own("orders", person_id=actor.id, beneficiary_id=order.customer_id)


def is_for_another(order: Order, actor: Actor) -> bool:
    """Tell whether staff act in the order of somebody else, whose word theirs is not."""
    return actor.is_staff and not is_own(order, actor)


def refuse_own(order: Order, actor: Actor) -> None:
    """Let nobody act as staff on their own order. Raises FourEyes."""
    if is_own(order, actor):
        raise FourEyes


def roles_in(order: Order, actor: Actor, allowed: frozenset[str]) -> frozenset[str]:
    """The roles in which somebody acts on an order: in their own, staff are buyers like any other.

    `allowed` are the roles that may make this step. Raises FourEyes where only staff may.
    """
    if not is_own(order, actor):
        return actor.roles
    if allowed & actor.roles and not allowed & AS_BUYER:
        raise FourEyes
    return AS_BUYER


def money_back(saga: LockedOrder) -> Decimal:
    """Return what may come back to the buyer at most if the order is called off now.

    What a bank lent is counted too: of a loan that was repaid meanwhile the buyer gets back what they repaid, and
    orders does not know how much that is.
    """
    return saga.order.amount_paid


def admit_cancelling(saga: LockedOrder, actor: Actor, reason: str) -> None:
    """Let an order be called off: by its buyer, by the system, or by staff within their limit. Raises Waits."""
    if SYSTEM in actor.roles:
        approvals.let(CHECKOUT)
    elif not actor.is_staff or is_own(saga.order, actor):
        approvals.let(BUYERS_RIGHT)
    else:
        about = About(actor, reason, {"reason": reason})
        approvals.admit(CANCEL, ask(saga, about, money_back(saga)), now=saga.now)


def admit_return(saga: LockedOrder, return_id: UUID, actor: Actor, reason: str) -> None:
    """Let staff take back what was handed over, and give back its price. Raises FourEyes, Waits."""
    about = About(actor, reason, {"return_id": str(return_id), "reason": reason})
    approvals.admit(RETURN, ask(saga, about, money_back(saga)), now=saga.now)


def admit_value(saga: LockedOrder, leg: str, amount: Decimal, actor: Actor, reason: str) -> None:
    """Let a manager agree to the value of a car taken in exchange. Raises FourEyes, Waits."""
    about = About(actor, reason, {"leg": leg, "amount": str(amount), "reason": reason})
    approvals.admit(TRADE_IN, ask(saga, about, amount), now=saga.now)


def admit_price(saga: LockedOrder, leg: str, amount: Decimal | None, actor: Actor, reason: str) -> None:
    """Let a manager pay what is owed for a car; without an amount they only say that it went back. Raises Waits."""
    if amount is None:
        approvals.let(CHECKOUT)
    else:
        about = About(actor, reason, {"leg": leg, "reason": reason})
        approvals.admit(TRADE_IN_PRICE, ask(saga, about, amount), now=saga.now)


def admit_skipping(saga: LockedOrder, leg: str, amount: Decimal, actor: Actor, reason: str) -> None:
    """Let staff go on without policies, giving back what was paid for them. Raises FourEyes, Waits."""
    about = About(actor, reason, {"leg": leg, "reason": reason})
    approvals.admit(SKIP, ask(saga, about, amount), now=saga.now)


def admit_gifts(saga: LockedOrder, wishes: Sequence[Any], actor: Actor) -> None:
    """Let staff add lines of their own: never in their own order, and alone none that costs nothing.

    Raises FourEyes, InvalidInput, Waits.
    """
    own_lines = [wish for wish in wishes if isinstance(wish, FreeLine)]
    if own_lines:
        refuse_own(saga.order, actor)
    gifts = [wish for wish in own_lines if not wish.unit_price]
    if gifts and len(gifts) < len(wishes):
        raise InvalidInput("items", "needs_approval", _("Add what costs nothing by itself: a second person agrees."))
    if gifts and actor.is_staff:
        names = ", ".join(wish.name for wish in gifts)
        about = About(actor, names, {"gifts": [[wish.name, wish.quantity] for wish in gifts]})
        approvals.admit(FREE_LINE, ask(saga, about, None), now=saga.now)


def admit_lowering(saga: LockedOrder, wishes: Sequence[Any], above: Decimal, actor: Actor) -> None:
    """Let lines be lowered below what is paid: by their buyer, or by staff within their limit.

    `above` is what goes back. In their own orders staff ask somebody else. Raises FourEyes, InvalidInput (something is
    added with it), Waits.
    """
    if not actor.is_staff:
        approvals.let(BUYERS_RIGHT)
        return
    if not all(hasattr(wish, "item_id") for wish in wishes):
        detail = _("Lower what is paid by itself: what goes back may need a second person.")
        raise InvalidInput("items", "needs_approval", detail)
    about = About(actor, "", {"changes": [[str(wish.item_id), wish.quantity] for wish in wishes]})
    approvals.admit(LOWER, ask(saga, about, above), now=saga.now)


def refuse_gifts(lines: Sequence[Any], actor: Actor, customer_id: UUID) -> None:
    """Place no order with a line that costs nothing, and none of one's own with lines of one's own making.

    Raises InvalidInput, FourEyes.
    """
    own_lines = [(index, line) for index, line in enumerate(lines) if isinstance(line, FreeLine)]
    if own_lines and actor.is_staff:
        approvals.refuse_own("orders", person_id=actor.id, beneficiary_id=customer_id)
    for index, line in own_lines:
        if actor.is_staff and line.unit_price == 0:
            detail = _("Add what costs nothing once the order is placed: a second person agrees to it.")
            raise InvalidInput(f"items.{index}.unit_price", "needs_approval", detail)


def is_value_agreed(order: Order, amount: Decimal, actor: Actor, now: datetime) -> bool:
    """Tell whether the value of a car counts as soon as the order is placed; otherwise it waits for a manager."""
    if not actor.is_staff or is_own(order, actor):
        return False
    request = approvals.Ask(
        subject_id=order.id, amount=amount, maker_id=actor.id, beneficiary_id=order.customer_id, currency=order.currency
    )
    return approvals.is_within(TRADE_IN, request, now=now)


def ask(saga: LockedOrder, about: About, amount: Decimal | None) -> approvals.Ask:
    """Return what a second person is asked about an order."""
    order = saga.order
    return approvals.Ask(
        subject_id=order.id,
        amount=amount,
        currency=order.currency,
        maker_id=about.actor.id,
        beneficiary_id=order.customer_id,
        number=order.number,
        reason=about.reason,
        args=about.args,
    )


def as_maker(maker_id: UUID) -> Actor:
    """Return who asked, when what they asked for is done."""
    return Actor(maker_id, AS_STAFF)
