"""Passport data of buyers: entered by them or by a manager, checked against the original by a manager alone.

The phone is proved by that check: codes to sign with are sent to no other.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from core.clock import dealer_day
from core.db import Expected, require_version, transaction
from core.errors import NotFound, WrongTransition
from messaging.people.departures import refuse_leavers
from orders.errors import TransitionNotYours
from orders.models import OPEN, SOLD, BuyerPapers
from orders.rules.passports import read_passport
from orders.services.agreeing import refuse_own
from orders.services.changing import load_for
from orders.services.history import Actor, record_edit
from orders.services.saga import Saga


def enter_buyer_papers(
    *, order_id: UUID, data: Mapping[str, Any], actor: Actor, now: datetime, expected_version: Expected = None
) -> BuyerPapers:
    """Keep the passport data of an order's buyer, sealed; whoever checked other data before checks these anew.

    Raises NotFound, StaleVersion, InvalidInput, AccountClosing, WrongTransition (the order is over).
    """
    kept = json.dumps(read_passport(data, today=dealer_day(now)), ensure_ascii=False, sort_keys=True)
    with transaction("orders"):
        saga = _load_open(order_id, actor, now)
        refuse_leavers("orders", saga.order.customer_id)
        found = BuyerPapers.objects.filter(order_id=order_id).first()
        require_version(found.version if found else 0, expected_version)
        if found is not None and found.data == kept:
            return found
        found = found or BuyerPapers(order_id=order_id, version=0)
        found.data, found.entered_by, found.updated_at = kept, actor.id, now
        found.checked_by = found.checked_at = None
        found.version += 1
        found.save()
        record_edit(saga, "papers.entered", actor=actor, now=now)
        saga.write_timeline()
    return found


def check_buyer_papers(
    *, order_id: UUID, actor: Actor, now: datetime, expected_version: Expected = None
) -> BuyerPapers:
    """State that the data and the phone are those of the person and the passport that stood before a manager.

    Raises NotFound, TransitionNotYours (clients), FourEyes (a manager's own order), StaleVersion, WrongTransition.
    """
    with transaction("orders"):
        saga = _load_open(order_id, actor, now)
        if not actor.is_staff:
            raise TransitionNotYours
        refuse_own(saga.order, actor)
        found = BuyerPapers.objects.filter(order_id=order_id).first()
        if found is None:
            raise NotFound
        require_version(found.version, expected_version)
        found.checked_by, found.checked_at = actor.id, now
        found.version += 1
        found.save()
        record_edit(saga, "papers.checked", actor=actor, now=now)
        saga.write_timeline()
    return found


def _load_open(order_id: UUID, actor: Actor, now: datetime) -> Saga:
    saga = load_for(order_id, actor, now)
    if saga.order.status not in SOLD.union(OPEN):
        raise WrongTransition(saga.order.status, saga.order.allowed(actor.roles))
    return saga


def read_buyer_papers(found: BuyerPapers | None) -> dict[str, str]:
    """Open passport data; nothing where there are none, or where they were erased."""
    kept: dict[str, str] = json.loads(found.data) if found and found.data else {}
    return kept
