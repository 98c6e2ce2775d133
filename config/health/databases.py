"""Checks of one app's database: schema, log, inbox, timers, and calls to the outside world.

Every question is answered from an index and reads a bounded number of rows.
"""

import time
from collections.abc import Iterator
from typing import Any

from django.db import connections
from django.utils import timezone

import financing.public
import insurance.public
import notifications.public
import payments.public
from config.health.checks import Subject, check, limit
from config.management.commands.migrate_all import is_current
from messaging.people import endings
from messaging.subscriptions import subscriptions

COUNTED = 1000
SHOWN = 5

_DUE = """
SELECT position FROM messaging_outbox
WHERE position IS NOT NULL AND created_at < now() - make_interval(secs => %s) ORDER BY position DESC LIMIT 1
"""
_SILENCE = "SELECT extract(epoch FROM now() - beat_at) FROM messaging_heartbeat WHERE role = %s"
_UNPLACED = """
SELECT extract(epoch FROM now() - created_at) FROM messaging_outbox WHERE position IS NULL ORDER BY n LIMIT 1
"""
_CURSORS = "SELECT handler, source, position, is_paused, pause_reason FROM messaging_inbox_cursor ORDER BY 1, 2"
_WAITING = """
SELECT extract(epoch FROM now() - next_at), handler FROM messaging_inbox
WHERE status = 0 AND next_at <= now() ORDER BY next_at LIMIT 1
"""
_FAILING = """
SELECT handler, max(attempts), max(last_error) FROM (
    SELECT handler, attempts, last_error FROM messaging_inbox
    WHERE status = 0 AND next_at > now() - interval '1 minute' AND next_at < '9999-01-01' AND attempts >= %s LIMIT %s
) AS failing GROUP BY handler ORDER BY handler
"""
_PARKED = """
SELECT handler, count(*) FROM (SELECT handler FROM messaging_inbox WHERE status = 2 LIMIT %s) AS parked
GROUP BY handler ORDER BY handler
"""
_TIMERS = """
SELECT extract(epoch FROM now() - due_at) FROM messaging_timer WHERE fired_at IS NULL ORDER BY due_at LIMIT 1
"""
_CALLS = """
SELECT operation, provider, count(*), max(extract(epoch FROM now() - created_at)), max(last_error) FROM (
    SELECT operation, provider, created_at, last_error FROM messaging_external_call
    WHERE state IN ('new', 'sent', 'unknown') AND created_at < now() - make_interval(secs => %s)
      AND coalesce(response, '{}') = '{}' LIMIT %s
) AS open GROUP BY operation, provider ORDER BY operation, provider
"""


def due_position(alias: str) -> int:
    """The last position of this log that every handler should have copied by now; 0 when there is none."""
    for (position,) in _rows(alias, _DUE, limit("lag_s")):
        return int(position)
    return 0


def _rows(alias: str, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, parameters or None)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _number(alias: str, sql: str, *parameters: Any) -> float | None:
    for row in _rows(alias, sql, *parameters):
        return None if row[0] is None else float(row[0])
    return None


def _said(error: str) -> str:
    """The sentence that an error ends with, behind a colon; nothing when there is none."""
    line = error.strip().rpartition("\n")[2][:120]
    return f": {line}" if line else ""


@check(
    "database",
    looks_at="each app's database answers",
    remedy="start PostgreSQL of that app, or mend its address: nothing is lost, the others catch up by themselves",
    limit="answer_s",
    is_vital=True,
)
def answers(subject: Subject) -> Iterator[str]:
    """Whatever stands in the way is raised; whoever asks turns it into this check's fault."""
    _rows(subject.alias, "SELECT 1")
    yield from ()


@check(
    "migrations",
    looks_at="each app's database has every migration of the running code",
    remedy="run `manage.py migrate_all`, then restart what runs the new code",
    every_s=15.0,
    is_vital=True,
)
def migrations(subject: Subject) -> Iterator[str]:
    """Code that is ahead of its tables answers with errors."""
    if not is_current(subject.alias):
        yield "migrations are pending"


@check(
    "clock",
    looks_at="how far this machine's clock is from that of each app's database",
    remedy="have both machines keep their clocks by NTP: tokens, signed requests and the ends of holds go by them",
    limit="clock_s",
)
def clock(subject: Subject) -> Iterator[str]:
    """Between the question and the answer the database's moment has to lie."""
    asked = time.time()
    theirs = _number(subject.alias, "SELECT extract(epoch FROM clock_timestamp())") or 0.0
    apart = max(asked - theirs, theirs - time.time())
    if apart > limit("clock_s"):
        yield f"its clock is {apart:.0f} s {'behind' if theirs < asked else 'ahead of'} this machine's"


@check(
    "relay",
    looks_at="age of the relay's heartbeat in each database",
    remedy="start `manage.py relay`: it goes on from its cursors; if it runs, its log says what hinders it here",
    limit="relay_s",
)
def relay(subject: Subject) -> Iterator[str]:
    """The sweep leaves a heartbeat every five seconds."""
    silence = _number(subject.alias, _SILENCE, "sweep")
    if silence is None:
        yield "no relay is running"
    elif silence > limit("relay_s"):
        yield f"the relay has been silent for {silence:.0f} s"


@check(
    "beat",
    looks_at="age of the heartbeat in each database of the clock that sends that app's periodic jobs",
    remedy="start `celery -A config beat`; if it runs, its log says what it cannot reach",
    limit="beat_s",
)
def beat(subject: Subject) -> Iterator[str]:
    """Without it nothing periodic happens in this app."""
    silence = _number(subject.alias, _SILENCE, "beat")
    if silence is None:
        yield "no beat is running"
    elif silence > limit("beat_s"):
        yield f"beat has been silent for {silence:.0f} s"


@check(
    "events",
    looks_at="age of the oldest committed event without a position",
    remedy="look into the relay's log for this database, and restart the relay if it hangs",
    limit="event_s",
)
def events(subject: Subject) -> Iterator[str]:
    """A relay that beats may still be stuck before its first step."""
    age = _number(subject.alias, _UNPLACED)
    if age is not None and age > limit("event_s"):
        yield f"an event has waited {age:.0f} s for the relay"


def _cursors(alias: str) -> Iterator[tuple[str, str, int, bool, str]]:
    """Cursors of handlers that the running code still has."""
    known = subscriptions()
    for handler, source, position, is_paused, reason in _rows(alias, _CURSORS):
        if handler in known and source in known[handler].sources:
            yield handler, source, position, is_paused, reason


@check(
    "paused",
    looks_at="handlers that were stopped from reading a source, by people or because its log was restored",
    remedy="find out why, then `manage.py events resume --handler NAME --source APP`",
)
def paused(subject: Subject) -> Iterator[str]:
    """Whatever the handler does for the shop stands still, for good, until somebody says go on."""
    for handler, source, _, is_paused, reason in _cursors(subject.alias):
        if is_paused:
            yield f"{handler} is paused reading {source} ({reason or 'no reason given'})"


@check(
    "lag",
    looks_at="age of what a source has placed and a handler has not copied",
    remedy="look for `copy_failed` in the relay's log; `manage.py events lag` shows every pair",
    limit="lag_s",
)
def lag(subject: Subject) -> Iterator[str]:
    """A target that the relay cannot write to falls behind although both databases answer."""
    for handler, source, position, is_paused, _ in _cursors(subject.alias):
        if position < subject.due.get(source, 0) and not is_paused:
            yield f"{handler} is more than {limit('lag_s')} s behind {source}"


@check(
    "workers",
    looks_at="how long the delivery due longest has waited for a worker",
    remedy="start workers for this app's queue `q.<app>`, more of them if those that run are busy",
    limit="delivery_s",
)
def workers(subject: Subject) -> Iterator[str]:
    """Check that what is due is taken within a second while workers take work."""
    for waited, handler in _rows(subject.alias, _WAITING):
        if waited > limit("delivery_s"):
            yield f"a delivery has waited {waited:.0f} s for a worker ({handler})"


@check(
    "failing",
    looks_at="deliveries that failed so many times in a row and will be tried again",
    remedy="mend what the error names before the retries end; then the delivery goes through by itself",
    limit="failures",
)
def failing(subject: Subject) -> Iterator[str]:
    """Hours before a delivery is parked it is plain that it will be."""
    for handler, attempts, error in _rows(subject.alias, _FAILING, limit("failures"), COUNTED):
        yield f"{handler} has failed {attempts} times{_said(error)}"


@check(
    "parked",
    looks_at="deliveries that used up their retries",
    remedy="mend the cause that `manage.py parked_deliveries` shows, then run it with `--retry`",
)
def parked(subject: Subject) -> Iterator[str]:
    """They hold up their partitions until somebody decides."""
    for handler, count in _rows(subject.alias, _PARKED, COUNTED):
        yield f"{count} parked deliveries of {handler}"


@check(
    "timers",
    looks_at="how long the timer due longest is overdue",
    remedy="restart the relay: its sweep fires timers, and its log says why it does not",
    limit="timer_s",
)
def timers(subject: Subject) -> Iterator[str]:
    """Holds that do not end and offers that do not run out."""
    overdue = _number(subject.alias, _TIMERS)
    if overdue is not None and overdue > limit("timer_s"):
        yield f"a timer is {overdue:.0f} s overdue"


@check(
    "calls",
    looks_at="e-mails, SMS and calls to payment providers, banks and insurers that nobody has answered, by their age",
    remedy="see whether the provider can be reached as the settings say, and whether workers of `q.external.<app>` run",
    limit="call_s",
)
def calls(subject: Subject) -> Iterator[str]:
    """One that the provider answered, if only with \"wait\", is not among them."""
    for operation, provider, count, age, error in _rows(subject.alias, _CALLS, limit("call_s"), COUNTED):
        yield f"{count} calls {operation} to {provider} are unanswered, the oldest for {age:.0f} s{_said(error)}"


@check(
    "webhooks",
    looks_at="receivers of webhooks that answer nothing but errors, and deliveries to them that nobody makes",
    remedy="ask the receiver's owner or switch the webhook off; if nobody tries, start workers of `q.external.<app>`",
    limit="webhook_s",
    apps=("notifications",),
)
def webhooks(subject: Subject) -> Iterator[str]:
    """A partner who hears nothing is a fault although it may be the partner's own."""
    for host, seconds, is_tried in notifications.public.unheard_webhooks(limit("webhook_s"), SHOWN):
        trouble = "has answered with errors only" if is_tried else "has not been told what is due"
        yield f"{host} {trouble} for {seconds:.0f} s"


@check(
    "payments",
    looks_at="payments of which nobody knows whether money moved",
    remedy="look at them in the provider's cabinet; they are asked about until it answers, and never guessed",
    limit="payment_s",
    apps=("payments",),
)
def payments_unknown(subject: Subject) -> Iterator[str]:
    """Each holds somebody's money and somebody's car."""
    count, seconds = payments.public.doubtful_payments(limit("payment_s"))
    if count:
        yield f"{count} payments are in doubt, the oldest for {seconds:.0f} s"


@check(
    "banks",
    looks_at="banks that have not answered about an application or a debit, though they were reached",
    remedy="ask the bank; a debit may be brought on paper, an application be decided without that bank",
    limit="bank_s",
    is_deadline=True,
    apps=("financing",),
)
def banks_silent(subject: Subject) -> Iterator[str]:
    """A buyer waits for each of them, and a borrower does not know whether they have paid."""
    now = timezone.now()
    for name, (count, since) in sorted(financing.public.silent_banks(seconds=limit("bank_s"), now=now).items()):
        yield f"{name} owes {count} answers, the oldest for {(now - since).total_seconds():.0f} s"


@check(
    "premiums",
    looks_at="policies in force whose premium rests on what nobody has confirmed",
    remedy="see the papers and confirm them or put them right (admin, policies, filter by premium)",
    limit="premium_s",
    is_deadline=True,
    apps=("insurance",),
)
def premiums_unconfirmed(subject: Subject) -> Iterator[str]:
    """A loss would be paid by what the insured said of themselves."""
    now = timezone.now()
    count, since = insurance.public.unconfirmed_premiums(seconds=limit("premium_s"), now=now)
    if since is not None:
        yield f"{count} premiums are not confirmed, the oldest for {(now - since).days} days"


@check(
    "kept",
    looks_at="what the law let us keep of people who left is gone two days after its time at the latest",
    remedy="run `manage.py end_kept_data` for that app; if it fails, its error names what stands in the way",
    every_s=30.0,
)
def kept(subject: Subject) -> Iterator[str]:
    """The nightly job did not run, or could not do its work."""
    for ending, names in endings.get_endings(subject.alias).items():
        if ending.due(timezone.now() - endings.GRACE).exists():
            yield f"the time of {names} is over"
