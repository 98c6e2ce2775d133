"""Returns of what was handed over: a buyer's wish, the inspection, a decision, and the sale undone as a whole.

The checkout undoes itself leg by leg, as it does for an order that is called off: policies, money, loan, trade-in,
and at last the goods, which come back used and not on sale.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from core.db import Expected, require_version, transaction
from core.errors import InvalidInput, NotFound, WrongTransition
from messaging.people.departures import refuse_leavers
from orders.errors import ReturnTimeOver, TransitionNotYours
from orders.models import OrderHistory, OrderReturn, ReturnState, Status
from orders.models.returns import MAX_MILEAGE
from orders.services.agreeing import admit_return, as_maker, is_for_another, refuse_own
from orders.services.changing import explained, load_for
from orders.services.history import SYSTEM_ACTOR, Actor, record_edit, record_status
from orders.services.saga import Saga


def ask_return(
    *,
    order_id: UUID,
    reason: str,
    actor: Actor,
    now: datetime,
    mileage: int | None = None,
    condition: str = "",
    expected_version: Expected = None,
) -> OrderReturn:
    """Begin the return of a completed order: its buyer within the days they have, a manager at any time.

    Raises NotFound, InvalidInput, WrongTransition (nothing was handed over, or it is being returned), ReturnTimeOver,
    AccountClosing.
    """
    _require_reason(reason)
    _require_mileage(mileage)
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        refuse_leavers("orders", saga.order.customer_id)
        with explained(saga.order, actor):
            require_version(saga.order.version, expected_version)
            if saga.order.status != Status.COMPLETED:
                raise WrongTransition(saga.order.status, saga.order.allowed(actor.roles))
        if not is_for_another(saga.order, actor):
            _require_time(saga)
        asked = OrderReturn.objects.create(
            order=saga.order, reason=reason, mileage=mileage, condition=condition, asked_by=actor.id, asked_at=now
        )
        _move(saga, Status.RETURNING, actor, reason)
        saga.call_manager("stock", "return_asked", reason)
        saga.save()
    return asked


def inspect_return(
    *, return_id: UUID, result: str, actor: Actor, now: datetime, mileage: int | None = None, condition: str = ""
) -> OrderReturn:
    """Write down what was found of the goods. Raises NotFound, TransitionNotYours, FourEyes, WrongReturnState."""
    _require_mileage(mileage)
    with transaction("orders"):
        saga, found = _lock(return_id, actor, now)
        found.move(ReturnState.INSPECTED, now=now)
        found.inspection, found.inspected_by, found.inspected_at = result, actor.id, now
        found.mileage = found.mileage if mileage is None else mileage
        found.condition = condition or found.condition
        found.save()
        saga.order.touch(now)
        record_edit(saga, "return.inspected", actor=actor, now=now, reason=result)
        saga.save()
    return found


def accept_return(*, return_id: UUID, actor: Actor, now: datetime, reason: str = "") -> OrderReturn:
    """Take the goods back and undo the whole sale; the order ends `returned` once everything is back.

    Raises NotFound, TransitionNotYours, FourEyes, WrongReturnState (nobody inspected it), Waits.
    """
    with transaction("orders"):
        saga, found = _lock(return_id, actor, now)
        found.move(ReturnState.ACCEPTED, now=now)
        admit_return(saga, return_id, actor, reason)
        _decide(found, actor, reason, now)
        saga.order.touch(now)
        record_edit(saga, "return.accepted", actor=actor, now=now, reason=reason)
        saga.checkout.is_refund, saga.checkout.finished_at = True, None
        saga.compensate()
        saga.save()
    found.refresh_from_db()
    return found


def accept_agreed(
    *, subject_id: UUID, maker_id: UUID, approver_id: UUID, now: datetime, return_id: str, reason: str
) -> None:
    """Take the goods back as one person asked and a second agreed. Raises what `accept_return` does."""
    accept_return(return_id=UUID(return_id), reason=reason, actor=as_maker(maker_id), now=now)


def refuse_return(*, return_id: UUID, reason: str, actor: Actor, now: datetime) -> OrderReturn:
    """Leave the goods with their owner; the order is completed again.

    Raises InvalidInput, NotFound, TransitionNotYours, FourEyes, WrongReturnState.
    """
    _require_reason(reason)
    with transaction("orders"):
        saga, found = _lock(return_id, actor, now)
        found.move(ReturnState.REFUSED, now=now)
        _decide(found, actor, reason, now)
        _move(saga, Status.COMPLETED, actor, reason)
        saga.save()
    return found


def _lock(return_id: UUID, actor: Actor, now: datetime) -> tuple[Saga, OrderReturn]:
    """Lock a return that staff act on, its order first. Raises NotFound, TransitionNotYours, FourEyes."""
    order_id = OrderReturn.objects.filter(pk=return_id).values_list("order_id", flat=True).first()
    saga = load_for(order_id, actor, now) if order_id else None
    if saga is None:
        raise NotFound
    if not actor.is_staff:
        raise TransitionNotYours
    refuse_own(saga.order, actor)
    return saga, OrderReturn.objects.select_for_update().get(pk=return_id)


def _decide(found: OrderReturn, actor: Actor, reason: str, now: datetime) -> None:
    found.decided_by, found.decided_at, found.note = actor.id, now, reason
    found.save()


def _move(saga: Saga, status: str, actor: Actor, reason: str) -> None:
    """Make a step that only a return makes, in the name of who decided it."""
    previous = saga.order.move(status, roles=SYSTEM_ACTOR.roles, now=saga.now)
    record_status(saga, previous, actor=actor, reason=reason, now=saga.now)


def _require_time(saga: Saga) -> None:
    handed_over = OrderHistory.objects.filter(order_id=saga.order.id, event="order.completed").order_by("id").first()
    since = handed_over.at if handed_over is not None else saga.order.updated_at
    if saga.now > since + timedelta(days=settings.RETURN_DAYS):
        raise ReturnTimeOver


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidInput("reason", "required", _("Say why."))


def _require_mileage(mileage: int | None) -> None:
    if mileage is not None and not 0 <= mileage <= MAX_MILEAGE:
        detail = _("Kilometres, from 0 to %(most)s.") % {"most": MAX_MILEAGE}
        raise InvalidInput("mileage", "out_of_range", detail)
