"""Changing an order by hand: cancelling it, the steps towards the handover, its comment, whose sale it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Sum
from django.utils.translation import gettext as _

from core.db import Expected, require_version, transaction
from core.errors import Forbidden, NotFound, StaleVersion, WrongTransition
from gateway import approvals
from gateway.approvals import require_permit
from gateway.models import Approval
from messaging.outbox import publish
from orders.errors import MoneyMissing, RefundPending
from orders.events import OrderCompleted, SoldVehicle
from orders.models import (
    BEFORE_HANDOVER,
    OPEN,
    SOLD,
    STAFF,
    TOWARDS_HANDOVER,
    TRANSITIONS,
    Edit,
    Freed,
    LegKind,
    Order,
    OrderHistory,
    OrderPayment,
    Status,
)  # fmt: skip
from orders.queries.marks import read_codes
from orders.rules.requests import TradeInRequest
from orders.services.agreeing import AS_STAFF, admit_cancelling, as_maker, refuse_own, roles_in
from orders.services.commissions import write_commission
from orders.services.deposits import UNSETTLED, lock_deposit, secures
from orders.services.history import SYSTEM_ACTOR, Actor, record_edit, record_status
from orders.services.lines import line_facts
from orders.services.marks import free_marks, require_marks
from orders.services.saga import Saga, publish_cancelled
from orders.services.taxing import tax_handed_over
from orders.services.trade_ins import take_in


def load_for(order_id: UUID, actor: Actor, now: datetime) -> Saga:
    """Lock an order that the actor may see; raises NotFound."""
    saga = Saga.load(order_id, now)
    if saga is None or saga.order.deleted_at is not None:
        raise NotFound
    if not actor.is_staff and saga.order.customer_id != actor.id:
        raise NotFound
    return saga


def move_order(
    *, order_id: UUID, status: str, actor: Actor, now: datetime, reason: str = "", expected_version: Expected = None
) -> Order:
    """Move an order one step. Cancelling undoes its checkout; a paid order is refunded and ends in `refunded`.

    Raises StaleVersion, WrongTransition (with what is allowed), TransitionNotYours, NotFound, FourEyes and Waits
    (staff, about money that was paid), MoneyMissing and RefundPending (towards the handover), MarkCodesMissing (at it);
    the first two say what happened to the order meanwhile, so that the second of two managers sees who was first.
    """
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        with explained(saga.order, actor):
            require_version(saga.order.version, expected_version)
            move_saga(saga, status, actor=actor, reason=reason)
        saga.save()
    return saga.order


def move_saga(saga: Saga, status: str, *, actor: Actor, reason: str) -> None:
    """Move a locked order one step, with all that follows from it; the caller saves.

    The first manager who touches an order is the one its sale is counted for. In their own orders staff are buyers.
    Raises WrongTransition, TransitionNotYours, FourEyes, Waits; MoneyMissing and RefundPending towards the handover,
    MarkCodesMissing at it.
    """
    allowed = TRANSITIONS.get((saga.order.status, status), frozenset())
    roles = roles_in(saga.order, actor, allowed)
    if status == Status.CANCELLED and roles & allowed:
        admit_cancelling(saga, actor, reason)
    previous = saga.order.move(status, roles=roles, now=saga.now)
    if status in TOWARDS_HANDOVER:
        _require_money(saga.order)
    if status == Status.COMPLETED:
        require_marks(saga)
    if saga.order.manager_id is None and roles & STAFF:
        saga.order.manager_id = actor.id
    is_traded = status == Status.COMPLETED and saga.order.trade_in_credit
    data = {"trade_in": str(saga.order.trade_in_credit)} if is_traded else {}
    record_status(saga, previous, actor=actor, reason=reason, now=saga.now, data=data)
    if status == Status.CANCELLED:
        _begin_undoing(saga, previous, reason)
    elif status == Status.COMPLETED:
        tax_handed_over(saga)
        write_commission(saga, actor)
        publish(_completed(saga))
        take_in(saga)


def _require_money(order: Order) -> None:
    """Give nothing away that is not paid for, nor what is being paid back. Raises MoneyMissing, RefundPending."""
    if order.amount_due > 0:
        raise MoneyMissing(amount_due=str(order.amount_due))
    pending = OrderPayment.objects.filter(order_id=order.id).aggregate(total=Sum("refund_pending"))["total"]
    if pending:
        raise RefundPending(refund_pending=str(pending))


def _completed(saga: Saga) -> OrderCompleted:
    order, lines = saga.order, list(saga.order.lines.all())
    codes = read_codes(order.id)
    return OrderCompleted(
        order_id=order.id,
        number=order.number,
        customer_id=order.customer_id,
        vehicles=[SoldVehicle(vin=line.vin, name=line.name) for line in lines if line.vin],
        traded_in=TradeInRequest.of(saga.legs.get(LegKind.TRADE_IN)).vin or "",
        lines=line_facts(lines, codes) if codes else [],
        version_number=order.version,
        legal_entity_id=order.legal_entity_id,
    )


@contextmanager
def explained(order: Order, actor: Actor) -> Iterator[None]:
    """Let refusals of the block say what happened to the order meanwhile."""
    try:
        yield
    except (WrongTransition, StaleVersion) as refusal:
        refusal.extra |= _explanation(order, actor)
        raise


def _explanation(order: Order, actor: Actor) -> dict[str, Any]:
    """Members of a refusal that tell where the order stands and who brought it there; names of people are staff's."""
    last = OrderHistory.objects.filter(order_id=order.pk).order_by("-id").first()
    told = {"status": order.status, "version": order.version, "updated_at": order.updated_at.isoformat()}
    if last is None:
        return {"order": told}
    change = {"event": last.event, "actor_role": last.actor_role, "reason": last.reason, "at": last.at.isoformat()}
    if actor.is_staff:
        change["actor_id"] = str(last.actor_id)
    return {"order": told, "last_change": change}


def cancel_agreed(*, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, reason: str) -> None:
    """Cancel an order as one person asked and a second agreed. Raises WrongTransition, NotFound."""
    move_order(order_id=subject_id, status=Status.CANCELLED, reason=reason, actor=as_maker(maker_id), now=now)


def record_approval(*, approval: Approval, person_id: UUID | None, reason: str, now: datetime) -> None:
    """Write into an order's history what became of a request about it."""
    with transaction("orders"):
        saga = Saga.load(approval.subject_id, now)
        if saga is None:
            return
        actor = SYSTEM_ACTOR if person_id is None else Actor(person_id, AS_STAFF)
        data = {
            "approval_id": str(approval.id),
            "kind": approval.kind,
            "amount": approval.amount and str(approval.amount),
        }
        saga.order.touch(now)
        record_edit(saga, f"approval.{approval.state}", actor=actor, now=now, reason=reason, data=data)
        saga.save()


def _begin_undoing(saga: Saga, previous: str, reason: str) -> None:
    require_permit("orders")
    saga.checkout.is_refund = previous in SOLD
    saga.checkout.finished_at = None
    waits = saga.refund_waits or secures(lock_deposit(saga))
    publish_cancelled(saga.order, reason or "cancelled", refund_follows=waits)
    if previous in BEFORE_HANDOVER:
        free_marks(saga, Freed.CANCELLED)
    if not saga.checkout.is_undoing:
        saga.compensate()


def edit_comment(
    *, order_id: UUID, comment: str, actor: Actor, now: datetime, expected_version: Expected = None
) -> Order:
    """Change an order's comment. Raises NotFound, TransitionNotYours (it is paid, and the actor a client)."""
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        with explained(saga.order, actor):
            require_version(saga.order.version, expected_version)
            saga.order.permit(Edit.COMMENT, actor.roles)
        saga.order.comment = comment
        saga.order.touch(now)
        record_edit(saga, "order.edited", actor=actor, now=now)
        saga.save()
    return saga.order


def assign_order(
    *, order_id: UUID, manager_id: UUID, reason: str, actor: Actor, now: datetime, expected_version: Expected = None
) -> Order:
    """Name whose sale an order is, until it is handed over; its sums are counted for them from then on.

    A manager takes what is nobody's and hands on what is theirs; of a colleague's sale an administrator decides. Raises
    NotFound, StaleVersion, FourEyes (their own order, or the new salesman's), Forbidden, WrongTransition.
    """
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        with explained(saga.order, actor):
            require_version(saga.order.version, expected_version)
            if saga.order.status not in (*OPEN, *BEFORE_HANDOVER):
                raise WrongTransition(saga.order.status, saga.order.allowed(actor.roles))
        refuse_own(saga.order, actor)
        approvals.refuse_own("orders", person_id=manager_id, beneficiary_id=saga.order.customer_id)
        if "admin" not in actor.roles and saga.order.manager_id not in (None, actor.id):
            raise Forbidden(_("This is a colleague's sale: ask an administrator to reassign it."))
        if saga.order.manager_id != manager_id:
            saga.order.manager_id = manager_id
            saga.order.touch(now)
            record_edit(saga, "order.assigned", actor=actor, now=now, reason=reason)
            saga.save()
    return saga.order


def delete_order(*, order_id: UUID, actor: Actor, now: datetime, expected_version: Expected = None) -> None:
    """Hide an order from every list; its rows stay for the books.

    Raises NotFound, WrongTransition (its earnest money waits for a word, or is on its way).
    """
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        with explained(saga.order, actor):
            require_version(saga.order.version, expected_version)
            saga.order.permit(Edit.HIDE, actor.roles)
            deposit = lock_deposit(saga)
            if deposit is not None and deposit.state in UNSETTLED:
                raise WrongTransition(deposit.state, [])
        saga.order.deleted_at = now
        saga.order.touch(now)
        record_edit(saga, "order.deleted", actor=actor, now=now)
        saga.save()
