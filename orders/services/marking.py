"""Enter the codes of marked goods piece by piece before the handover, or take one off again."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from core.db import Expected, require_version, transaction
from core.errors import NotFound, WrongTransition
from orders.errors import LineNotMarked, MarkTaken, TooManyMarks, TransitionNotYours, UnknownLine
from orders.models import BEFORE_HANDOVER, Freed, MarkCode, Order, OrderLine
from orders.queries.marks import MarkedLine, read_marks
from orders.rules.marks import Mark, read_mark
from orders.services.agreeing import refuse_own
from orders.services.changing import explained, load_for
from orders.services.history import Actor, record_edit
from orders.services.locking import LockedOrder
from orders.services.saga import Saga

MOST = 1000
"""Codes that are taken at once: as many as a line may have pieces."""


def enter_marks(
    *,
    order_id: UUID,
    line_id: UUID,
    codes: Sequence[str],
    actor: Actor,
    now: datetime,
    expected_version: Expected = None,
) -> Order:
    """Give pieces of a line their codes, as a scanner typed them; codes that the line has already change nothing.

    Raises InvalidInput (what is no code), NotFound, TransitionNotYours, FourEyes, StaleVersion, WrongTransition (the
    order is not paid, or the goods are gone), UnknownLine, LineNotMarked, TooManyMarks, MarkTaken.
    """
    read = [read_mark(text, f"codes.{index}") for index, text in enumerate(codes)]
    with transaction("orders"):
        saga = _load(order_id, actor, now, expected_version)
        line = next((line for line in read_marks(order_id).lines if line.line_id == line_id), None)
        if line is None:
            _refuse_line(order_id, line_id)
            raise LineNotMarked
        if fresh := _enter(saga, line, read, actor):
            _record(saga, "marks.entered", line.name, fresh, actor)
    return saga.order


def remove_mark(
    *, order_id: UUID, mark_id: UUID, actor: Actor, now: datetime, expected_version: Expected = None
) -> Order:
    """Take a code off its piece, so that another may be entered; one that was taken off already stays so.

    Raises NotFound, TransitionNotYours, FourEyes, StaleVersion, WrongTransition.
    """
    with transaction("orders"):
        saga = _load(order_id, actor, now, expected_version)
        mark = MarkCode.objects.filter(pk=mark_id, order_id=order_id).first()
        if mark is None:
            raise NotFound
        if mark.freed_at is None:
            mark.freed_at, mark.freed_because = now, Freed.REMOVED
            mark.save(update_fields=["freed_at", "freed_because"])
            name = OrderLine.objects.filter(pk=mark.line_id).values_list("name", flat=True).first()
            _record(saga, "marks.removed", name or "", [mark.identity], actor)
    return saga.order


def _load(order_id: UUID, actor: Actor, now: datetime, expected_version: Expected) -> Saga:
    """Lock an order whose goods are paid for and still here, for staff who are not its buyer."""
    saga = load_for(order_id, actor, now)
    if not actor.is_staff:
        raise TransitionNotYours
    refuse_own(saga.order, actor)
    with explained(saga.order, actor):
        require_version(saga.order.version, expected_version)
        if saga.order.status not in BEFORE_HANDOVER:
            raise WrongTransition(saga.order.status, saga.order.allowed(actor.roles))
    return saga


def _refuse_line(order_id: UUID, line_id: UUID) -> None:
    if not OrderLine.objects.filter(pk=line_id, order_id=order_id).exists():
        raise UnknownLine(item_id=str(line_id))


def _enter(saga: LockedOrder, line: MarkedLine, read: Sequence[Mark], actor: Actor) -> list[str]:
    """Write the codes that the line has not yet, and return what they name. Raises TooManyMarks, MarkTaken."""
    known = set(MarkCode.objects.live().filter(line_id=line.line_id).values_list("identity", flat=True))
    fresh = {mark.identity: mark.code for mark in read if mark.identity not in known}
    taken = {mark.piece for mark in line.marks}
    free = [piece for piece in range(1, line.quantity + 1) if piece not in taken]
    if len(fresh) > len(free):
        raise TooManyMarks(quantity=line.quantity, missing=len(free), given=len(fresh))
    # In the order of what they name, so that two orders given the same codes at once wait and do not deadlock.
    rows = [
        MarkCode(
            order_id=saga.order.id, line_id=line.line_id, piece=piece, code=fresh[identity], identity=identity,
            entered_by=actor.id, entered_at=saga.now,
        )
        for piece, identity in sorted(zip(free, fresh, strict=False), key=lambda pair: pair[1])
    ]  # fmt: skip
    MarkCode.objects.bulk_create(rows, ignore_conflicts=True)
    others = MarkCode.objects.live().filter(identity__in=fresh).exclude(line_id=line.line_id)
    if found := list(others.order_by("identity").values_list("identity", "order__number")):
        raise MarkTaken(codes=[{"code": identity, "number": number} for identity, number in found])
    return list(fresh)


def _record(saga: Saga, event: str, name: str, codes: Sequence[str], actor: Actor) -> None:
    saga.order.touch(saga.now)
    record_edit(saga, event, actor=actor, now=saga.now, data={"name": name, "codes": list(codes)})
    saga.save()
