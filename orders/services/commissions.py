"""Write what a sale earns its salesman: at the hand-over, and back with the goods."""

from collections.abc import Sequence
from decimal import Decimal
from typing import cast
from uuid import UUID

from django.db.models import Sum

from core.clock import dealer_day
from core.money import ZERO
from core.money.shares import share_out
from gateway import approvals
from gateway.approvals import require_permit
from orders.approvals import COMMISSIONS
from orders.models import (
    Commission,
    CommissionKind,
    LineKind,
    Order,
    OrderLine,
    ProductCopy,
)
from orders.queries.commissions import read_rules
from orders.rules.commissions import Earned, Goods, SoldPart, reckon_commission
from orders.rules.funding import compute_lent
from orders.services.history import Actor
from orders.services.locking import LockedOrder


def write_commission(saga: LockedOrder, actor: Actor) -> None:
    """Write what a sale that is being handed over earns its salesman, by the rules of the day, and how it was reckoned.

    A sale without a salesman earns nobody anything, nor does any sale before there are rules. What its own salesman
    bought, be it by a client card that came to be theirs, earns nothing.
    """
    order, day = saga.order, dealer_day(saga.now)
    rules = read_rules(day) if order.manager_id is not None else {}
    if order.manager_id is None or not rules:
        return
    if approvals.is_own("orders", person_id=order.manager_id, beneficiary_id=order.customer_id):
        earned = Earned(ZERO, True, {"lines": [], "sum": str(ZERO), "amount": str(ZERO), "is_own": True})
    else:
        earned = reckon_commission(_list_parts(saga), rules, order.currency)
    approvals.let(COMMISSIONS)
    write_entry(
        saga,
        CommissionKind.EARNED,
        earned.amount,
        actor_id=actor.id,
        calculation=earned.calculation | {"day": day.isoformat()},
        is_complete=earned.is_complete,
    )


def reverse_commission(saga: LockedOrder) -> None:
    """Take back all that a sale earned, corrections included, now that its goods came back."""
    so_far = sum_entries(saga.order.id)
    if so_far is not None:
        approvals.let(COMMISSIONS)
        write_entry(saga, CommissionKind.REVERSED, -so_far)


def write_entry(
    saga: LockedOrder,
    kind: CommissionKind,
    amount: Decimal,
    *,
    actor_id: UUID | None = None,
    agreed_by: UUID | None = None,
    reason: str = "",
    calculation: dict[str, object] | None = None,
    is_complete: bool = True,
) -> Commission:
    """Add an entry to what a locked order earns its salesman, on the day of the moment. Raises Undeclared."""
    require_permit("orders")
    return Commission.objects.create(
        order=saga.order,
        manager_id=cast(UUID, saga.order.manager_id),
        kind=kind,
        amount=amount,
        currency=saga.order.currency,
        day=dealer_day(saga.now),
        calculation=calculation or {},
        is_complete=is_complete,
        reason=reason,
        actor_id=actor_id,
        agreed_by=agreed_by,
        at=saga.now,
    )


def sum_entries(order_id: UUID) -> Decimal | None:
    """Return what an order earns by all its entries; None where it has none."""
    total: Decimal | None = Commission.objects.filter(order_id=order_id).aggregate(total=Sum("amount"))["total"]
    return total


def _list_parts(saga: LockedOrder) -> list[SoldPart]:
    """List what a sale consists of; money given back by hand since is taken off the goods by what they cost."""
    order, lines = saga.order, list(saga.order.lines.all())
    ids = {line.product_id for line in lines if line.product_id is not None}
    kinds = dict(ProductCopy.objects.filter(pk__in=ids).values_list("product_id", "kind"))
    off = _share_allowance(order, lines)
    parts = [_describe(line, order, kinds, taken) for line, taken in zip(lines, off, strict=True)]
    if lent := compute_lent(saga.legs):
        parts.append(SoldPart("", Goods.LOAN, 1, lent, None))
    return parts


def _describe(line: OrderLine, order: Order, kinds: dict[UUID, str], taken: Decimal) -> SoldPart:
    goods = {LineKind.POLICY: Goods.POLICY, LineKind.FREE: Goods.FREE}.get(
        LineKind(line.kind), kinds.get(line.product_id, "") if line.product_id else ""
    )
    price, gross = line.line_total - taken, None
    if line.vat_amount is not None and (line.cost is not None or goods == Goods.FREE):
        gross = price - line.vat_amount - (line.cost or ZERO) * line.quantity
    is_own_word = line.cost is not None and line.cost_by == order.manager_id
    return SoldPart(line.name, goods, line.quantity, price, gross, is_own_word)


def _share_allowance(order: Order, lines: Sequence[OrderLine]) -> list[Decimal]:
    weights = [ZERO if line.kind == LineKind.POLICY else line.line_total for line in lines]
    amount = min(order.allowance_amount, sum(weights, ZERO))
    return share_out(amount, weights) if amount else [ZERO] * len(lines)
