"""Find what is stuck beside the orders on the board: silent providers, waiting money, parked deliveries."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import msgspec
import redis
import structlog
from django.core.cache import cache
from django.db import DatabaseError
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from prometheus_client.metrics_core import Metric

from core.running.measures import gauge, rows_as_gauges
from financing.public import waiting_for_somebody as debits_for_people
from gateway.approvals.reading import Reader, count_decidable, count_waiting, served
from gateway.guards.breakers import standing
from insurance.public import waiting_for_somebody as premiums_for_people
from messaging.delivery import parked
from orders.public import deposits_for_people, messages_for_people
from payments.public import waiting_for_somebody
from storefront.shown.wording import Text

KEPT_S = 5
MOST = 100
KEY = "storefront:stuck"
APPROVALS = "approvals_waiting"
Counts = tuple[dict[str, int], bool]
"""Lengths of queues by code, and whether some could not be counted."""
QUEUES: dict[str, tuple[Text, str, str]] = {
    "payments_silent": (_("Payments whose end nobody knows"), "payments_payment", "?attention=yes"),
    "refunds_to_approve": (_("Refunds to approve"), "payments_refund", "?status__exact=requested"),
    "refunds_failed": (_("Refunds that failed"), "payments_refund", "?status__exact=failed"),
    "receipts_refused": (_("Fiscal receipts that were refused"), "payments_receipt", "?state__exact=refused"),
    "payouts_failed": (_("Payouts that failed"), "payments_payout", "?status__exact=failed"),
    "debits_waiting": (_("Debits that no bank answers"), "financing_loanpayment", "?attention=yes"),
    "deposits_waiting": (
        _("Earnest money that waits for a word for too long"),
        "orders_depositagreement",
        "?state__exact=waiting",
    ),
    "messages_waiting": (_("Buyers who wait for an answer"), "orders_orderthread", "?waiting=yes"),
    "premiums_unconfirmed": (_("Premiums to confirm"), "insurance_policy", "?premium_is=waiting"),
    "disputes_open": (_("Open disputes"), "payments_dispute", "?status__exact=open"),
    "deliveries_parked": (_("Parked deliveries"), "messaging_inboxevent", ""),
    APPROVALS: (_("Wait for a second person"), "", ""),
}
"""Each queue's name, and the screen and filter of the administration where it is dealt with."""
_WAITING = gauge("attention_waiting", "What waits for a person, as the board counts it: a hundred at most.", "queue")
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Queue:
    """Something that waits for a person: how many, and the screen where it is dealt with."""

    name: Text
    count: int
    url: str


@dataclass(frozen=True)
class Stuck:
    """Stuck things that the board shows beside its orders: `silent` names providers that do not answer.

    `is_partial` when a part could not be counted, its database being away.
    """

    queues: list[Queue]
    silent: list[str]
    is_partial: bool


def read_stuck(reader: Reader, *, now: datetime) -> Stuck:
    """Everything that waits for a person; counted at most every five seconds, however many boards look.

    Of what waits for a second person, as much as the reader may decide.
    """
    counts, is_partial = _kept(KEY, partial(_count, now))
    if counts.get(APPROVALS):
        key = f"{KEY}:{reader.person_id}:{reader.is_admin}"
        mine, is_cut = _kept(key, partial(_count_decidable, reader, now))
        counts, is_partial = counts | mine, is_partial or is_cut
    queues = [
        Queue(name, counts[code], _address(screen, query))
        for code, (name, screen, query) in QUEUES.items()
        if counts.get(code)
    ]
    silent = [row["name"] for row in standing() if row["kind"] == "provider" and row["state"] != "closed"]
    return Stuck(queues, silent, is_partial)


def attention_gauges() -> Iterable[Metric]:
    """Tell a scrape of all queues, empty ones too; what could not be counted is left out."""
    counts, is_partial = _kept(KEY, partial(_count, timezone.now()))
    known = counts if is_partial else dict.fromkeys(QUEUES, 0) | counts
    return rows_as_gauges(known.items(), (_WAITING,), "queue")


def _address(screen: str, query: str) -> str:
    """A screen of the administration, or the managers' own page."""
    return reverse(f"admin:{screen}_changelist") + query if screen else reverse("storefront:approvals")


def _kept(key: str, count: Callable[[], Counts]) -> Counts:
    try:
        kept = cache.get(key)
        if kept is not None:
            return msgspec.convert(kept, Counts)
        known = count()
        cache.set(key, known, KEPT_S)
    except redis.RedisError as error:
        log.warning("stuck_uncached", error=repr(error))
        return count()
    return known


def _count(now: datetime) -> Counts:
    """The queues' lengths, and whether some could not be counted."""
    parts: list[Callable[[], dict[str, int]]] = [
        partial(waiting_for_somebody, now=now),
        partial(debits_for_people, now=now),
        partial(deposits_for_people, now=now),
        partial(premiums_for_people, now=now),
        messages_for_people,
    ]
    parts += [partial(_parked, alias) for alias in parked.served()]
    parts += [partial(_approvals, alias) for alias in served()]
    return _add_up(parts)


def _count_decidable(reader: Reader, now: datetime) -> Counts:
    return _add_up([partial(_decidable, alias, reader, now) for alias in served()])


def _add_up(parts: Iterable[Callable[[], dict[str, int]]]) -> Counts:
    counts: dict[str, int] = {}
    is_partial = False
    for part in parts:
        try:
            for name, number in part().items():
                counts[name] = counts.get(name, 0) + number
        except DatabaseError as error:
            log.warning("stuck_uncounted", error=repr(error))
            is_partial = True
    return counts, is_partial


def _approvals(alias: str) -> dict[str, int]:
    return {APPROVALS: count_waiting(alias, MOST)}


def _decidable(alias: str, reader: Reader, now: datetime) -> dict[str, int]:
    return {APPROVALS: count_decidable(alias, reader, MOST, now=now)}


def _parked(alias: str) -> dict[str, int]:
    return {"deliveries_parked": parked.count([alias])}
