"""Keeping the stock of an order longer, by a manager's word."""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from core.db import Expected, require_version, transaction
from core.errors import InvalidInput, WrongTransition
from orders.errors import TransitionNotYours
from orders.models import OPEN, LegState, Order
from orders.services.agreeing import refuse_own
from orders.services.changing import explained, load_for
from orders.services.history import Actor, record_edit


def extend_hold(
    *, order_id: UUID, until: datetime, reason: str, actor: Actor, now: datetime, expected_version: Expected = None
) -> Order:
    """Keep an unpaid order's stock until a later moment, within the days that a manager may give.

    Raises NotFound, TransitionNotYours (clients), FourEyes (a manager's own order), WrongTransition (nothing is held
    any more), InvalidInput (no reason, or a moment that is no later or too far away).
    """
    with transaction("orders"):
        saga = load_for(order_id, actor, now)
        order = saga.order
        if not actor.is_staff:
            raise TransitionNotYours
        refuse_own(order, actor)
        with explained(order, actor):
            require_version(order.version, expected_version)
            if order.status not in OPEN or saga.checkout.is_undoing or order.reservation_expires_at is None:
                raise WrongTransition(order.status, order.allowed(actor.roles))
        _refuse(order, until, reason, now)
        order.hold_since = order.hold_since | {"until": until.isoformat()}
        order.hold_hard_end = max(order.hold_hard_end or until, until)
        order.touch(now)
        record_edit(saga, "hold.extended", actor=actor, now=now, reason=reason.strip())
        if saga.stock.state == LegState.SUCCEEDED:
            saga.publish_updated()
        saga.save()
    return order


def _refuse(order: Order, until: datetime, reason: str, now: datetime) -> None:
    if not reason.strip():
        raise InvalidInput("reason", "required", _("Say why the hold is extended."))
    if order.reservation_expires_at is not None and until <= order.reservation_expires_at:
        raise InvalidInput("until", "invalid", _("It is held until then already."))
    latest = now + timedelta(days=settings.HOLD_EXTENSION_DAYS)
    if until > latest:
        raise InvalidInput(
            "until",
            "too_late",
            _("A manager keeps it for %(days)d days at most.") % {"days": settings.HOLD_EXTENSION_DAYS},
        )
