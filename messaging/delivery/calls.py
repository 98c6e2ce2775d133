"""Calls to the outside world: written before they are made, leased while they run, answered in a transaction.

A process may die at any moment: an expired lease means nobody knows whether the provider heard us, so the same
key is asked about first and sent again after. While a provider's breaker is open its calls wait, without using up
their attempts.

A provider has a few places in each app's database, fewer than there are workers: however slow it is, and however many
calls wait for it, the other workers are there for everybody else.
"""

import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connections
from django.db.models.functions import Now
from django.utils import timezone

from core import context
from core.db import OutsideTransaction, in_transaction, on_commit, refuse_inside_transaction, transaction
from core.outside.provider_http import NoAnswer, Refused, TransientFault
from core.running import failpoints, measures, traces
from core.secrecy.cards import mask_card_numbers
from gateway.guards import breakers
from messaging.delivery import wakeups
from messaging.delivery.places import take_place
from messaging.models import CallState, ExternalCall

LEASE_S = 60
TURN_S = 5.0
"""How long a worker goes on with one provider's calls before it looks at what else waits."""
log = structlog.get_logger(__name__)
_CALLS = measures.time_spent(
    "external_call_duration_seconds", "Calls to the outside world, by what came of them.", "operation", "state"
)


@dataclass(frozen=True)
class Outcome:
    """Outcome of a call: `state` ok, declined, unknown (no answer: ask later) or new (a transient fault: retry)."""

    state: CallState
    data: dict[str, Any] = field(default_factory=dict)
    error: str = ""

    @property
    def is_fault(self) -> bool:
        """Tell whether the provider gave no answer: that counts against it, a refusal does not."""
        return self.state in (CallState.NEW, CallState.UNKNOWN) and not self.data


def ask(
    question: Callable[[], dict[str, Any]],
    states: Mapping[str, CallState],
    refusal: Callable[[Refused], dict[str, Any]],
) -> Outcome:
    """Talk to a provider and say what came of it.

    `states` names the final ones by the answer's `status`; any other is asked for again later. `refusal` says a
    refused question in the words of an answer.
    """
    try:
        answer = question()
    except TransientFault as error:
        return Outcome(CallState.NEW, error=str(error))
    except NoAnswer as error:
        return Outcome(CallState.UNKNOWN, error=str(error))
    except Refused as error:
        return Outcome(CallState.DECLINED, refusal(error), error=str(error))
    return Outcome(states.get(str(answer.get("status")), CallState.UNKNOWN), answer)


class Operation(ABC):
    """One kind of call. `name` is `<app>.<verb>`: the app's database holds its rows. `max_attempts` bounds retries."""

    name: str
    max_attempts = 4

    @abstractmethod
    def call(self, key: str, request: dict[str, Any], *, is_repeat: bool) -> Outcome:
        """Talk to the provider, outside any transaction. `is_repeat`: an earlier try may have arrived."""

    @abstractmethod
    def settle(self, key: str, request: dict[str, Any], outcome: Outcome) -> None:
        """Apply the final answer, inside a transaction on the app's database."""

    def give_up(self, key: str, request: dict[str, Any], outcome: Outcome) -> Outcome:
        """Return what retries used up come to. Default: whatever the last answer said."""
        return outcome


_operations: dict[str, Operation] = {}


def operation(cls: type[Operation]) -> type[Operation]:
    """Register an operation class."""
    _operations[cls.name] = cls()
    return cls


def request_call(*, key: str, operation: str, provider: str, request: dict[str, Any]) -> None:
    """Record a call to be made after commit; the same `key` is recorded once.

    Raises OutsideTransaction: the intention commits with the state that needs it.
    """
    alias = operation.partition(".")[0]
    if not in_transaction(alias):
        raise OutsideTransaction(f"{operation} was requested outside transaction({alias!r})")
    ExternalCall.objects.using(alias).bulk_create(
        [
            ExternalCall(
                key=key,
                operation=operation,
                provider=provider,
                request=mask_card_numbers(request),
                headers=context.current(),
            )
        ],
        ignore_conflicts=True,
    )
    on_commit(alias, lambda: wakeups.send_call(alias, key))


_LEASE = """
UPDATE messaging_external_call AS c
SET state = 'sent', lease_until = statement_timestamp() + make_interval(secs => %s)
FROM (SELECT key, state FROM messaging_external_call WHERE key = %s FOR UPDATE SKIP LOCKED) AS before
WHERE c.key = before.key AND c.state IN ('new', 'sent', 'unknown') AND c.next_at <= statement_timestamp()
  AND (c.lease_until IS NULL OR c.lease_until <= statement_timestamp())
RETURNING before.state, c.attempts
"""

_PUT_OFF = """
UPDATE messaging_external_call
SET state = %s, lease_until = NULL, next_at = statement_timestamp() + make_interval(secs => %s)
WHERE key = %s AND state = 'sent'
"""


def serve_provider(alias: str, key: str) -> None:
    """Make a recorded call, then what else is due at its provider; nothing at once if its places are taken.

    Who sits at them goes on with what waits, so a worker that finds none free need not come back.
    """
    refuse_inside_transaction()
    found = ExternalCall.objects.using(alias).values_list("provider", flat=True).filter(key=key)
    provider = found.first() or ""
    until = time.monotonic() + TURN_S
    with take_place(alias, f"call {provider}", range(settings.CALLS_PER_PROVIDER)) as is_mine:
        if not is_mine:
            return
        execute_call(alias, key)
        while (waiting := _next_at(alias, provider)) and time.monotonic() < until:
            execute_call(alias, waiting)
    if waiting:
        wakeups.send_call(alias, waiting)


def execute_call(alias: str, key: str) -> bool:
    """Make one recorded call if it is due and nobody else is making it; return whether it was made.

    An attempt is one that came back, with whatever outcome: an executor that died uses none up.
    """
    refuse_inside_transaction()
    with connections[alias].cursor() as cursor:
        cursor.execute(_LEASE, [LEASE_S, key])
        leased = cursor.fetchone()
    if leased is None:
        return False
    before, attempts = leased[0], leased[1] + 1
    row = ExternalCall.objects.using(alias).get(key=key)
    wait_s = breakers.ask(row.provider)
    if wait_s:
        _put_off(alias, key, before, wait_s)
        return False
    failpoints.reach("calls.after_lease", row.operation)
    item = _operations[row.operation]
    with context.cause(**row.headers):
        outcome = _call(item, row, is_repeat=before != CallState.NEW or attempts > 1)
        if outcome.is_fault:
            breakers.failed(row.provider, key)
        else:
            breakers.answered(row.provider)
        failpoints.reach("calls.after_provider", row.operation)
        if outcome.state == CallState.NEW and attempts >= item.max_attempts:
            outcome = item.give_up(key, row.request, outcome)
        _record(alias, item, row, outcome, attempts)
    return True


def _put_off(alias: str, key: str, state: str, wait_s: float) -> None:
    """Give the lease back until the provider's breaker lets a probe through."""
    with connections[alias].cursor() as cursor:
        cursor.execute(_PUT_OFF, [state, wait_s * random.uniform(1.0, 1.2), key])


def _call(item: Operation, row: ExternalCall, *, is_repeat: bool) -> Outcome:
    started = time.perf_counter()
    try:
        with traces.span(f"call {row.operation}", context.current(), "client", provider=row.provider):
            outcome = item.call(row.key, row.request, is_repeat=is_repeat)
    except Exception as error:
        log.exception("external_call_failed", key=row.key, operation=row.operation)
        outcome = Outcome(CallState.UNKNOWN, error=repr(error))
    _CALLS.labels(row.operation, str(outcome.state)).observe(time.perf_counter() - started)
    return outcome


def _record(alias: str, item: Operation, row: ExternalCall, outcome: Outcome, attempts: int) -> None:
    is_final = outcome.state in (CallState.OK, CallState.DECLINED, CallState.DEAD)
    with transaction(alias):
        locked = ExternalCall.objects.using(alias).select_for_update().get(key=row.key)
        if locked.finished_at is not None:
            return
        locked.state, locked.response, locked.last_error = outcome.state, outcome.data, outcome.error[:4000]
        locked.attempts = attempts
        locked.lease_until = None
        if is_final:
            locked.finished_at = timezone.now()
        else:
            locked.next_at = Now() + timedelta(seconds=retry_delay(attempts))  # by the database's clock, as it is read
        locked.save(using=alias)
        if is_final or outcome.state == CallState.UNKNOWN:
            item.settle(row.key, row.request, outcome)
        failpoints.reach("calls.before_commit", row.operation)


def retry_delay(attempts: int) -> float:
    """Seconds before the next try: 0.5 s doubled each time, up to five minutes, jittered by half."""
    return random.uniform(0.5, 1.5) * min(300.0, 0.5 * 2.0 ** min(attempts, 16))


DUE = """state IN ('new', 'sent', 'unknown') AND next_at <= statement_timestamp()
  AND (lease_until IS NULL OR lease_until <= statement_timestamp())"""


def due_calls(alias: str, limit: int = 200) -> list[str]:
    """Keys of calls that are due: never sent, to be retried, or with an expired lease.

    First of every provider in turn, then the next of each: a queue for one of them hides nobody else's calls.
    """
    with connections[alias].cursor() as cursor:
        cursor.execute(
            f"""SELECT key FROM (SELECT key, next_at, row_number() OVER (PARTITION BY provider ORDER BY next_at) AS turn
                                FROM messaging_external_call WHERE {DUE}) AS waiting
                ORDER BY turn, next_at LIMIT %s""",
            [limit],
        )
        return [key for (key,) in cursor.fetchall()]


def _next_at(alias: str, provider: str) -> str:
    """The key of the call that waits longest for a provider; empty when none is due."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            f"SELECT key FROM messaging_external_call WHERE {DUE} AND provider = %s ORDER BY next_at LIMIT 1",
            [provider],
        )
        found = cursor.fetchone()
    return found[0] if found else ""
