"""A manager's own prices: agreed to alone within their limits, above them with a second person.

Nobody agrees to a price of their own order. What was paid above the new total goes back as after any change of lines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from core.db import Expected, require_version, transaction
from core.errors import Forbidden, InvalidInput
from core.money import ZERO
from gateway import approvals
from orders.approvals import BELOW_COST, DISCOUNT
from orders.errors import ChangeRefused, PriceChanged, UnknownLine
from orders.models import BEFORE_HANDOVER, DiscountSource, Edit, LineKind, Order, OrderDiscount, OrderLine
from orders.rules.prices import (
    Bargain,
    bargain_over,
    compute_reduction,
    get_list_price,
    get_taken_off,
    require_bargain,
    sum_discounts,
)
from orders.services.agreeing import About, as_maker, ask, refuse_own
from orders.services.barring import refuse_amounts, refuse_while_busy
from orders.services.below_cost import find_sunk, refuse
from orders.services.changing import explained, load_for
from orders.services.excess import return_excess
from orders.services.goods import plain, write_lines
from orders.services.history import Actor, record_edit
from orders.services.lines import FreeLine, ProductLine
from orders.services.saga import Saga
from orders.services.taxing import tax_again

MANAGER = DiscountSource.MANAGER


def agree_prices(
    *,
    order_id: UUID,
    bargains: Mapping[UUID, Bargain],
    actor: Actor,
    now: datetime,
    expected_total: Decimal | None = None,
    below_cost: bool = False,
    expected_version: Expected = None,
) -> Order:
    """Give lines of an order the prices that a manager agrees to; a line keeps what campaigns and coupons take off.

    A lower price below cost is meant where `below_cost` says so, and a second person agrees. Raises NotFound,
    UnknownLine, InvalidInput, WrongTransition or TransitionNotYours (it is too late), FourEyes (their own order), Waits
    (more than one person may give), BelowCost, ChangeRefused, PriceChanged, NoTaxRule. Nothing is changed then.
    """
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        with explained(saga.order, actor):
            require_version(saga.order.version, expected_version)
            saga.order.permit(Edit.PRICES, actor.roles)
        refuse_own(saga.order, actor)
        refuse_while_busy(saga)
        lines = list(saga.order.lines.all())
        before, given = [plain(line) for line in lines], sum_discounts(lines, MANAGER)
        agreed = {line.id: line.unit_price for line in lines}
        changed = _bargain(lines, bargains)
        _refuse_sums(saga, lines, expected_total)
        lowered = [line for line in changed if line.unit_price < agreed[line.id]]
        is_sunk = _sinks(saga, lines, lowered, is_meant=below_cost)
        _admit(saga, lines, changed, bargains, given, About(actor, _join_reasons(bargains), {}), is_sunk=is_sunk)
        write_lines(saga, lines, gone=[], before=before)
        reasons = {line.id: bargains[line.id].reason for line in changed}
        record_discounts(saga.order, changed, MANAGER, actor, now, reasons=reasons)
        record_edit(saga, "order.prices_agreed", actor=actor, now=now, reason=_join_reasons(bargains))
        saga.publish_updated()
        saga.settle()
        return_excess(saga, "price_agreed")
        saga.save()
    return saga.order


def discount_agreed(
    *, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, prices: list[tuple[str, str, str]]
) -> None:
    """Take off what a second person agreed to: (line, roubles a piece, reason). Raises what `agree_prices` does."""
    bargains = {UUID(line_id): Bargain(amount=Decimal(off), reason=reason) for line_id, off, reason in prices}
    agree_prices(order_id=subject_id, bargains=bargains, actor=as_maker(maker_id), now=now)


def below_cost_agreed(
    *, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, prices: list[tuple[str, str, str]]
) -> None:
    """Take off what a second person agreed to though it goes below cost. Raises what `agree_prices` does."""
    bargains = {UUID(line_id): Bargain(amount=Decimal(off), reason=reason) for line_id, off, reason in prices}
    agree_prices(order_id=subject_id, bargains=bargains, actor=as_maker(maker_id), now=now, below_cost=True)


def _sinks(saga: Saga, lines: Sequence[OrderLine], lowered: Sequence[OrderLine], *, is_meant: bool) -> bool:
    """Tell whether lowered lines are below cost now, by the VAT of their new prices.

    Raises BelowCost where that is not meant, and NoTaxRule.
    """
    if not any(line.cost is not None for line in lowered):
        return False
    tax_again(saga, lines)
    sunk = find_sunk(lowered)
    if not is_meant:
        refuse(sunk)
    return bool(sunk)


def bargain_at_placing(
    built: Sequence[OrderLine], lines: Sequence[ProductLine | FreeLine], actor: Actor, customer_id: UUID
) -> None:
    """Give the lines of a new order the prices that its manager agrees to. Raises Forbidden, FourEyes, InvalidInput."""
    if not actor.is_staff:
        raise Forbidden(_("Only managers agree to other prices."))
    approvals.refuse_own("orders", person_id=actor.id, beneficiary_id=customer_id)
    for index, (line, wish) in enumerate(zip(built, lines, strict=False)):
        if isinstance(wish, ProductLine) and wish.bargain is not None:
            bargain_over(line, require_bargain(wish.bargain, f"items.{index}"), f"items.{index}")


def record_placed_discounts(
    order: Order, built: Sequence[OrderLine], lines: Sequence[ProductLine | FreeLine], actor: Actor, now: datetime
) -> None:
    """Write into the history what the manager of a new order took off, and why.

    No order is placed with more off than its manager may give alone. Raises InvalidInput.
    """
    pairs = zip(built, lines, strict=False)
    reasons = {line.id: wish.bargain.reason for line, wish in pairs if isinstance(wish, ProductLine) and wish.bargain}
    bargained = [line for line in built if line.id in reasons]
    if bargained:
        _admit_placed(order, bargained, actor, now)
        record_discounts(order, bargained, MANAGER, actor, now, reasons=reasons)


def _admit_placed(order: Order, built: Sequence[OrderLine], actor: Actor, now: datetime) -> None:
    given = sum_discounts(built, MANAGER)
    request = approvals.Ask(
        subject_id=order.id, amount=given, maker_id=actor.id, beneficiary_id=order.customer_id, currency=order.currency
    )
    if is_too_much(built, actor) or not approvals.is_within(DISCOUNT, request, now=now):
        detail = _("Place the order first, and agree to this price then: a second person has to agree with you.")
        raise InvalidInput("items", "needs_approval", detail)


def record_discounts(
    order: Order, lines: Sequence[OrderLine], source: str, actor: Actor, now: datetime, *, reasons: Mapping[UUID, str]
) -> None:
    """Write into the history of discounts what a source takes off each of the lines from now on."""
    OrderDiscount.objects.bulk_create(
        OrderDiscount(
            order_id=order.id,
            line_id=line.id,
            source=source,
            list_price=get_list_price(line),
            amount=get_taken_off(line, source),
            quantity=line.quantity,
            reason=reasons.get(line.id, ""),
            actor_id=actor.id,
            at=now,
        )
        for line in lines
    )


def _bargain(lines: Sequence[OrderLine], bargains: Mapping[UUID, Bargain]) -> list[OrderLine]:
    known = {line.id: line for line in lines}
    if unknown := set(bargains) - set(known):
        raise UnknownLine(item_id=str(min(unknown)))
    for index, (line_id, bargain) in enumerate(bargains.items()):
        bargain_over(known[line_id], require_bargain(bargain, f"items.{index}"), f"items.{index}")
    return [known[line_id] for line_id in bargains]


def _refuse_sums(saga: Saga, lines: Sequence[OrderLine], expected_total: Decimal | None) -> None:
    """Refuse a total that the caller did not see, one below what is lent, and a dearer price of what is paid for."""
    total = sum((line.line_total for line in lines), ZERO)
    goods = sum((line.line_total for line in lines if line.kind != LineKind.POLICY), ZERO)
    refuse_amounts(saga, total, goods)
    if saga.order.status in BEFORE_HANDOVER and total > saga.order.total_amount:
        raise ChangeRefused("already_paid", _("The buyer has already paid for these lines."))
    if expected_total not in (None, total):
        raise PriceChanged(expected_total=str(expected_total), total_amount=str(total))


def _admit(
    saga: Saga,
    lines: Sequence[OrderLine],
    changed: Sequence[OrderLine],
    bargains: Mapping[UUID, Bargain],
    given: Decimal,
    about: About,
    *,
    is_sunk: bool,
) -> None:
    """Let so much be taken off alone, or ask a second person. Raises FourEyes, Waits."""
    more = sum_discounts(lines, MANAGER) - given
    if more <= 0 and not is_sunk:
        return
    named = {line.id: bargains[line.id].reason or _("an agreed price") for line in changed}
    prices = [[str(line.id), str(get_taken_off(line, MANAGER)), named[line.id]] for line in changed]
    request = ask(saga, replace(about, args={"prices": prices}), max(more, ZERO))
    if is_sunk:
        approvals.admit(BELOW_COST, request, now=saga.now, is_certain=True)
    else:
        is_certain = is_too_much(changed, about.actor)
        approvals.admit(DISCOUNT, _counting(request, given), now=saga.now, is_certain=is_certain)


def _counting(request: approvals.Ask, given: Decimal) -> approvals.Ask:
    """Count what managers took off this order before."""
    return replace(request, so_far=given)


def is_too_much(lines: Sequence[OrderLine], actor: Actor) -> bool:
    """Tell whether more of a list price is taken off than this role may take off alone."""
    is_admin = "admin" in actor.roles
    most = settings.DISCOUNT_PERCENT_ADMIN if is_admin else settings.DISCOUNT_PERCENT_MANAGER
    return any(
        get_taken_off(line, MANAGER) > compute_reduction(get_list_price(line), amount=None, percent=Decimal(most))
        for line in lines
    )


def _join_reasons(bargains: Mapping[UUID, Bargain]) -> str:
    return "; ".join(dict.fromkeys(bargain.reason for bargain in bargains.values() if bargain.reason))[:1000]
