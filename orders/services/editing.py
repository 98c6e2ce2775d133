"""Changing the lines of an order that is not yet paid; the stock reservation follows, or the change is taken back.

Prices already agreed stay: a piece more of a line costs what the line says. A new line has the catalogue's price.
The catalogue swaps the old hold for the new one in one step; if it refuses, the order has its old lines again.
Until it answers, other apps believe the lower of the two totals, so that nobody pays for what may not be had.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _

from catalog.commands import TakeBackStock, WantedLine
from core.db import Expected, require_version, transaction
from core.errors import InvalidInput
from core.money import ZERO, line_total
from messaging.outbox import send
from orders.errors import ChangeRefused, InsufficientStock, PriceChanged, UnknownLine, UnknownProduct
from orders.models import (
    BEFORE_HANDOVER,
    CheckoutLeg,
    Edit,
    LegKind,
    LegState,
    LineKind,
    Order,
    OrderLine,
    ProductCopy,
)
from orders.rules.requests import FormerLine, PoliciesRequest
from orders.services.agreeing import admit_gifts, admit_lowering, as_maker, is_for_another
from orders.services.barring import refuse_amounts, refuse_while_busy
from orders.services.changing import explained, load_for
from orders.services.excess import return_excess
from orders.services.goods import ask_for_policies, plain, write_lines
from orders.services.history import Actor, record_edit
from orders.services.legs.stock import ask_for_other_stock
from orders.services.lines import (
    MAX_LINES,
    MAX_QUANTITY,
    FreeLine,
    ProductLine,
    build_lines,
    has_new_car,
    refuse_other_currency,
    strangers,
)
from orders.services.marks import free_surplus
from orders.services.queue import refuse_queued
from orders.services.quota import refuse_hoarding
from orders.services.saga import Saga


@dataclass(frozen=True)
class LineChange:
    """A new quantity for a line of the order; 0 takes the line out."""

    item_id: UUID
    quantity: int


@dataclass(frozen=True)
class Preview:
    """Effects of a change; amounts in the order's currency, `difference` above zero makes it dearer."""

    order_id: UUID
    items: list[dict[str, Any]]
    currency: str
    total_before: Decimal
    total_amount: Decimal
    difference: Decimal
    amount_paid: Decimal
    amount_due: Decimal
    loan_amount: Decimal
    total_quantity: int


Wish = LineChange | ProductLine | FreeLine


@dataclass
class _Plan:
    """The lines as they will be, those that go, the old total, and what is needed besides what is held."""

    kept: list[OrderLine]
    gone: list[OrderLine]
    added: list[OrderLine]
    before: list[dict[str, Any]]
    places: dict[str, dict[str, Any]]
    old_total: Decimal
    more: bool
    fewer: bool
    wanted: dict[UUID, int] = field(default_factory=dict)

    def want(self, product_id: UUID, quantity: int) -> None:
        """Note that so much more of a product is needed."""
        self.wanted[product_id] = self.wanted.get(product_id, 0) + quantity

    @property
    def lines(self) -> list[OrderLine]:
        return [*self.kept, *self.added]

    @property
    def total(self) -> Decimal:
        return sum((line.line_total for line in self.lines), ZERO)

    @property
    def goods(self) -> Decimal:
        """Return what the lines come to without policies."""
        return sum((line.line_total for line in self.lines if line.kind != LineKind.POLICY), ZERO)

    @property
    def quantity(self) -> int:
        return sum(line.quantity for line in self.lines)

    def refuse_other(self, expected_total: Decimal | None) -> None:
        """Refuse a total that is not the one the caller saw. Raises PriceChanged."""
        if expected_total not in (None, self.total):
            raise PriceChanged(expected_total=str(expected_total), total_amount=str(self.total))


def change_lines(
    *,
    order_id: UUID,
    wishes: Sequence[Wish],
    actor: Actor,
    now: datetime,
    expected_total: Decimal | None = None,
    comment: str | None = None,
    expected_version: Expected = None,
) -> Order:
    """Change, add or take out lines, and the comment with them.

    Raises NotFound, UnknownLine, WrongTransition or TransitionNotYours (it is too late), ChangeRefused (something
    is under way or the money does not fit), InsufficientStock, CarHasQueue, TooManyHolds, UnknownProduct, PriceChanged,
    InvalidInput, FourEyes (a line of one's own making in one's own order), Waits (a line that costs nothing, or money
    that goes back). What is paid above the new total is asked back, once the stock agrees.
    """
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        with explained(saga.order, actor):
            require_version(saga.order.version, expected_version)
            saga.order.permit(_classify_edit(saga, wishes), actor.roles)
        plan = _plan(saga, wishes, actor)
        if plan.more:
            refuse_queued(plan.wanted)
            refuse_hoarding(saga.order.customer_id, actor, plan.lines, besides=order_id)
        admit_gifts(saga, wishes, actor)
        above = saga.order.excess_at(plan.total)
        if above > max(ZERO, saga.order.excess):
            admit_lowering(saga, wishes, above, actor)
        plan.refuse_other(expected_total)
        if comment is not None:
            saga.order.comment = comment
        agreed = ZERO if is_for_another(saga.order, actor) else max(ZERO, plan.total - plan.old_total)
        _apply(saga, plan, agreed)
        record_edit(saga, "order.lines_changed", actor=actor, now=now)
        saga.settle()
        return_excess(saga, "lines_lowered")
        saga.save()
    return saga.order


def lower_agreed(
    *, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, changes: list[tuple[str, int]]
) -> None:
    """Lower lines, (line, quantity), below what is paid, as agreed to. Raises what `change_lines` does."""
    wishes = [LineChange(UUID(item_id), quantity) for item_id, quantity in changes]
    change_lines(order_id=subject_id, wishes=wishes, actor=as_maker(maker_id), now=now)


def add_agreed_lines(
    *, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, gifts: list[tuple[str, int]]
) -> None:
    """Add lines that cost nothing, (name, quantity), as agreed to. Raises what `change_lines` does."""
    wishes = [FreeLine(name, ZERO, quantity) for name, quantity in gifts]
    change_lines(order_id=subject_id, wishes=wishes, actor=as_maker(maker_id), now=now)


def preview_lines(*, order_id: UUID, wishes: Sequence[Wish], actor: Actor, now: datetime) -> Preview:
    """Work out what `change_lines` would come to; nothing is changed. Raises what that raises."""
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        with explained(saga.order, actor):
            saga.order.permit(_classify_edit(saga, wishes), actor.roles)
        plan = _plan(saga, wishes, actor)
    order = saga.order
    return Preview(
        order_id=order.id,
        items=[plain(line) for line in plan.lines],
        currency=order.currency,
        total_before=plan.old_total,
        total_amount=plan.total,
        difference=plan.total - plan.old_total,
        amount_paid=order.amount_paid,
        amount_due=order.due_at(plan.total),
        loan_amount=order.loan_amount,
        total_quantity=plan.quantity,
    )


def _classify_edit(saga: Saga, wishes: Sequence[Wish]) -> Edit:
    """Taking out less is allowed until the handover; all else only before everything is paid."""
    old = {line.id: line.quantity for line in saga.order.lines.all()}
    is_less = all(isinstance(wish, LineChange) and wish.quantity < old.get(wish.item_id, 0) for wish in wishes)
    return Edit.LOWER if is_less else Edit.LINES


# Planning -------------------------------------------------------------------------------------------------------------
def _plan(saga: Saga, wishes: Sequence[Wish], actor: Actor) -> _Plan:
    refuse_while_busy(saga)
    lines = list(saga.order.lines.all())
    before = [plain(line) for line in lines]
    changes = {wish.item_id: wish.quantity for wish in wishes if isinstance(wish, LineChange)}
    old = {line.id: line.quantity for line in lines}
    if unknown := set(changes) - set(old):
        raise UnknownLine(item_id=str(min(unknown)))
    known = ("position", "vat_kind", "vat_ground", "margin_cost", "cost", "cost_by")
    places = {str(line.id): {name: getattr(line, name) for name in known} for line in lines}
    plan = _Plan([], [], [], before, places, saga.order.total_amount, more=False, fewer=False)
    for index, line in enumerate(lines):
        _place(plan, line, changes.get(line.id, line.quantity), index)
    _add(plan, [wish for wish in wishes if not isinstance(wish, LineChange)], actor)
    _refuse_shortfall(saga, plan, old)
    refuse_amounts(saga, plan.total, plan.goods)
    _refuse_other_cars(saga, plan, lines)
    return plan


def _place(plan: _Plan, line: OrderLine, quantity: int, index: int) -> None:
    if not 0 <= quantity <= MAX_QUANTITY:
        raise InvalidInput(
            f"items.{index}.quantity",
            "invalid",
            _("A whole number from 0 to %(most)s.") % {"most": MAX_QUANTITY},
        )
    if line.kind == LineKind.POLICY and quantity > 1:
        raise InvalidInput(f"items.{index}.quantity", "invalid", _("A policy is there once or not at all."))
    moves = line.product_id is not None
    plan.more |= moves and quantity > line.quantity
    if line.product_id is not None and quantity > line.quantity:
        plan.want(line.product_id, quantity - line.quantity)
    plan.fewer |= moves and quantity < line.quantity
    if line.discount_amount and quantity > line.quantity:
        raise ChangeRefused("discounted_line", _("This price was agreed for these pieces: add more as another line."))
    if quantity == 0:
        plan.gone.append(line)
        return
    line.quantity, line.line_total = quantity, line_total(line.unit_price, quantity)
    plan.kept.append(line)


def _add(plan: _Plan, wishes: Sequence[ProductLine | FreeLine], actor: Actor) -> None:
    if wishes:
        last = max((line.position for line in [*plan.kept, *plan.gone]), default=-1)
        plan.added = build_lines(wishes, actor, start=last + 1)
        plan.more |= any(line.product_id for line in plan.added)
        for line in plan.added:
            if line.product_id is not None:
                plan.want(line.product_id, line.quantity)
    if not any(line.kind != LineKind.POLICY for line in plan.lines):
        raise ChangeRefused("last_item", _("An order keeps at least one line; cancel it instead."))
    if len(plan.lines) > MAX_LINES:
        raise InvalidInput("items", "invalid", _("An order has 1 to %(most)s lines.") % {"most": MAX_LINES})


def _refuse_shortfall(saga: Saga, plan: _Plan, old: dict[UUID, int]) -> None:
    """Refuse at once what is known to be short; what the order holds itself counts as available to it."""
    is_held = saga.stock.state == LegState.SUCCEEDED
    wanted: dict[UUID, int] = {}
    held: dict[UUID, int] = {}
    for line in plan.lines:
        if line.product_id:
            wanted[line.product_id] = wanted.get(line.product_id, 0) + line.quantity
            held[line.product_id] = held.get(line.product_id, 0) + old.get(line.id, 0)
    grown = {product_id: quantity for product_id, quantity in wanted.items() if quantity > held[product_id]}
    copies = ProductCopy.objects.in_bulk(grown)
    if missing := [product_id for product_id in grown if product_id not in copies or not copies[product_id].is_active]:
        raise UnknownProduct(f"items.{list(wanted).index(missing[0])}.product_id")
    for copy in copies.values():
        refuse_other_currency(copy)
    can_have = {pk: max(0, copy.available) + (held[pk] if is_held else 0) for pk, copy in copies.items()}
    short = [
        {"product_id": str(pk), "requested": quantity, "available": can_have[pk]}
        for pk, quantity in grown.items()
        if copies[pk].kind != "service" and quantity > can_have[pk]
    ]
    if short:
        raise InsufficientStock(shortfalls=short)


def _refuse_other_cars(saga: Saga, plan: _Plan, before: Sequence[OrderLine]) -> None:
    """A policy goes with its car: it is not issued for one that is taken out, nor beside another."""
    leg = saga.legs.get(LegKind.POLICIES)
    if leg is None or leg.state != LegState.PENDING:
        return
    of_a_car = any(line.vin for line in before) or has_new_car(before)
    if strangers(plan.lines, _quotes_left(leg, plan), of_a_car=of_a_car):
        raise ChangeRefused("policy_of_other_car", _("A policy is for a car that would not be in the order any more."))


def _quotes_left(leg: CheckoutLeg, plan: _Plan) -> list[dict[str, Any]]:
    """Keep the quotes whose policies are not taken out: the n-th policy line is the n-th quote."""
    gone = {str(line.id) for line in plan.gone if line.kind == LineKind.POLICY}
    policies = [item for item in plan.before if item["kind"] == LineKind.POLICY]
    quotes = PoliciesRequest.of(leg).quotes
    return [quote for quote, item in zip(quotes, policies, strict=False) if item["id"] not in gone]


# Doing ----------------------------------------------------------------------------------------------------------------
def _apply(saga: Saga, plan: _Plan, agreed: Decimal) -> None:
    """Write the new lines; `agreed` is what the buyer pays more by their own word."""
    if saga.order.status in BEFORE_HANDOVER:
        _take_back_sold(saga, plan)
        return
    quotes = _drop_policies(saga, plan)
    write_lines(saga, plan.lines, gone=plan.gone, before=plan.before)
    saga.agree_to_more(agreed)
    if plan.more or plan.fewer:
        before = [item | plan.places[item["id"]] for item in plan.before]
        former = msgspec.convert(before, list[FormerLine], strict=False)
        ask_for_other_stock(saga, former, agreed=agreed, quotes=quotes)
    if plan.total <= plan.old_total or not plan.more:
        saga.publish_updated()


def _take_back_sold(saga: Saga, plan: _Plan) -> None:
    """Lower what is paid for and still here: the goods go back to the stock. A policy is ended by itself instead."""
    if any(line.kind == LineKind.POLICY for line in plan.gone):
        raise ChangeRefused("policy_in_force", _("The policy is in force: cancel the policy itself."))
    old = {item["id"]: item["quantity"] for item in plan.before}
    left = {line.id: line.quantity for line in plan.kept}
    back = [
        WantedLine(product_id=line.product_id, quantity=old[str(line.id)] - left.get(line.id, 0))
        for line in [*plan.kept, *plan.gone]
        if line.product_id and old[str(line.id)] > left.get(line.id, 0)
    ]
    write_lines(saga, plan.lines, gone=plan.gone, before=plan.before)
    free_surplus(saga, plan.lines)
    if back:
        attempt_id = saga.stock.attempt_id
        send(TakeBackStock(order_id=saga.order.id, attempt_id=attempt_id, lines=back, reason="lines_lowered"))
    saga.publish_updated()


def _drop_policies(saga: Saga, plan: _Plan) -> list[dict[str, Any]]:
    """Ask for no policy that is taken out. Returns what was to be asked for until now."""
    leg = saga.legs.get(LegKind.POLICIES)
    quotes = PoliciesRequest.of(leg).quotes
    if leg is not None and any(line.kind == LineKind.POLICY for line in plan.gone):
        ask_for_policies(saga, leg, _quotes_left(leg, plan))
    return quotes
