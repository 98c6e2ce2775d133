"""Two relays, step by step in any order, with crashes and restored backups: nothing is lost, doubled or stopped.

The machine runs the relay's own code against two databases that read each other. Mutants bring back the mistakes that
it must find, so that it stays known that it finds them.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, ClassVar

import pytest
from django.db import IntegrityError, connections
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from catalog.events import CategoryChanged
from core.db import transaction
from core.ids import uuid7
from messaging import subscriptions
from messaging.outbox import publish
from messaging.subscriptions import subscribe
from messaging.tests.relays import Crew, stand_before, stepwise
from messaging.transport import logs, relay, restores
from orders.events import OrderCompleted

DATABASES = ("catalog", "orders")
TABLES = ("messaging_outbox", "messaging_event_stream", "messaging_feed_head", "messaging_inbox")
TABLES += ("messaging_inbox_cursor",)
RELAYS = st.sampled_from(["first", "second"])
NIGHTLY = os.environ.get("HYPOTHESIS_PROFILE") == "nightly"
SOURCES = st.runner().flatmap(lambda machine: st.sampled_from(machine.sources))
READER = {"catalog": "orders", "orders": "catalog"}
HANDLERS = {"catalog": ("orders.model_a", "orders.model_b"), "orders": ("catalog.model",)}
pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)


def ask(alias: str, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description else []


class TwoRelays(RuleBasedStateMachine):
    """Steps that may happen, in any order."""

    crew: ClassVar[Crew]
    has_restores: ClassVar[bool] = True
    is_wanted: ClassVar[bool] = False
    sources: ClassVar[tuple[str, ...]] = DATABASES

    def __init__(self) -> None:
        super().__init__()
        self.backups: dict[str, dict[str, list[Any]]] = {}
        self.restored: set[str] = set()
        """Sources whose log is a backup's, and nobody said so yet."""
        self.ever_restored: set[str] = set()
        for alias in DATABASES:
            for table in TABLES:
                ask(alias, f"DELETE FROM {table}")

    # What relays do -----------------------------------------------------------------------------------------------
    def _begin(self, who: str, action: Callable[[], Any]) -> None:
        self.crew.runners[who].begin(action)
        self.crew.settle()

    def _is(self, who: str, state: str) -> bool:
        return self.crew.runners[who].state == state

    @rule(who=RELAYS, source=SOURCES)
    def sequence(self, who: str, source: str) -> None:
        if self._is(who, "idle"):
            self._begin(who, partial(relay.sequence, source))

    @rule(who=RELAYS, source=SOURCES)
    def copy(self, who: str, source: str) -> None:
        if self._is(who, "idle"):
            self._begin(who, partial(relay.copy, source, READER[source], is_wanted=self.is_wanted))

    @rule(who=RELAYS, steps=st.sampled_from([1, 1, 1, 8]))
    def step(self, who: str, steps: int) -> None:
        for _ in range(steps):
            if self._is(who, "waiting"):
                self.crew.runners[who].go()
                self.crew.settle()

    @rule(who=RELAYS)
    def crash(self, who: str) -> None:
        if self._is(who, "waiting"):
            self.crew.runners[who].go(die=True)
            self.crew.settle()

    @rule(who=RELAYS, source=SOURCES)
    def whole_turn(self, who: str, source: str) -> None:
        """One relay does all it can, as far as the other's locks let it."""
        if not self._is(who, "idle"):
            return
        self._begin(who, partial(_turn, source))
        while self._is(who, "waiting"):
            self.crew.runners[who].go()
            self.crew.settle()

    # What others do -----------------------------------------------------------------------------------------------
    @rule(who=RELAYS, source=SOURCES)
    def news(self, who: str, source: str) -> None:
        """Something happens, and one relay brings it along while the other stands where it does."""
        if self._is(who, "idle"):
            self.publish(source, 1)
            self.whole_turn(who, source)

    @rule(source=SOURCES, count=st.integers(1, 3))
    def publish(self, source: str, count: int) -> None:
        with transaction(source):
            for _ in range(count):
                publish(_event(source))

    @precondition(lambda self: self.has_restores)
    @rule(alias=SOURCES)
    def back_up(self, alias: str) -> None:
        self.backups[alias] = {
            table: [row for (row,) in ask(alias, f"SELECT to_jsonb(t)::text FROM {table} AS t")] for table in TABLES
        }

    @precondition(lambda self: self.backups)
    @rule(alias=SOURCES)
    def restore(self, alias: str) -> None:
        """Put a database back; whoever is connected to it is cut off."""
        if alias not in self.backups:
            return
        ask(
            alias,
            """SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
               WHERE datname = current_database() AND pid <> pg_backend_pid()""",
        )
        self.crew.settle()
        with transaction(alias):
            for table, rows in self.backups[alias].items():
                ask(alias, f"DELETE FROM {table}")
                for row in rows:
                    ask(alias, f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(null::{table}, %s)", row)
        self.restored.add(alias)
        self.ever_restored.add(alias)

    @precondition(lambda self: self.restored)
    @rule(source=SOURCES)
    def declare(self, source: str) -> None:
        """An operator declares a restore while relays go on."""
        if source in self.restored and self._is("operator", "idle"):
            self._begin("operator", partial(restores.declare, source))

    @precondition(lambda self: self._is("operator", "waiting"))
    @rule(steps=st.integers(1, 8))
    def operator_goes_on(self, steps: int) -> None:
        for _ in range(steps):
            if self._is("operator", "waiting"):
                self.crew.runners["operator"].go()
                self.crew.settle()

    # What must hold -----------------------------------------------------------------------------------------------
    @invariant()
    def nobody_is_stopped_in_vain(self) -> None:
        for source in set(DATABASES) - self.ever_restored:
            assert _paused(source) == [], f"{source} was never restored"

    def teardown(self) -> None:
        self.crew.finish()
        _relay_all()
        for source in DATABASES:
            for handler in set(HANDLERS[source]) - set(_paused(source)):
                _assert_complete(source, handler)
        for source in self.ever_restored:
            restores.declare(source)
        _relay_all()
        for source in DATABASES:
            assert _paused(source) == []
            for handler in HANDLERS[source]:
                _assert_complete(source, handler)


class OneLog(TwoRelays):
    """One log and no restores, while one relay stands in the midst of a copy: what another may do to it."""

    has_restores = False
    sources = ("catalog",)

    @initialize(steps=st.integers(1, 3))
    def begin_to_copy(self, steps: int) -> None:
        self.news("second", "catalog")
        self.publish("catalog", 1)
        self.sequence("first", "catalog")
        self.step("first", 8)
        self.copy("first", "catalog")
        self.step("first", steps)


class InAHurry(TwoRelays):
    """Relays that know of events for a subscriber take its cursors to be where they left them."""

    is_wanted = True


class OneBackup(TwoRelays):
    """One log, of which there is a backup: what its return may do to who reads it."""

    sources = ("catalog",)

    @initialize()
    def begin_with_a_backup(self) -> None:
        self.news("first", "catalog")
        self.back_up("catalog")
        self.news("second", "catalog")


def _event(source: str) -> Any:
    if source == "catalog":
        return CategoryChanged(category_id=uuid7(), name="x")
    return OrderCompleted(order_id=uuid7(), number="1", customer_id=uuid7())


def _turn(source: str) -> None:
    relay.sequence(source)
    relay.copy(source, READER[source])


def _relay_all() -> None:
    """Everything that can move does, in this thread, step after step."""
    for source in DATABASES:
        while relay.sequence(source):
            pass
        while relay.copy(source, READER[source])[1]:
            pass


def _paused(source: str) -> list[str]:
    query = "SELECT handler FROM messaging_inbox_cursor WHERE source = %s AND is_paused"
    return [name for (name,) in ask(READER[source], query, source)]


def _assert_complete(source: str, handler: str) -> None:
    """The handler has every event of the log, and has those in the order of the log."""
    log = [row for (row,) in ask(source, "SELECT id FROM messaging_outbox ORDER BY position")]
    query = "SELECT event_id FROM messaging_inbox WHERE handler = %s ORDER BY rn"
    inbox = [row for (row,) in ask(READER[source], query, handler)]
    assert [event_id for event_id in inbox if event_id in set(log)] == log, (source, handler)


# Mutants: each is a mistake that was made, or that the next change could make ----------------------------------------
@contextmanager
def _with(**functions: Any) -> Iterator[None]:
    kept = {name: getattr(relay, name) for name in functions}
    for name, function in functions.items():
        setattr(relay, name, function)
    try:
        yield
    finally:
        for name, function in kept.items():
            setattr(relay, name, function)


def _log_before_the_cursors() -> Any:
    """The log is read first, and the cursors after it."""
    early = threading.local()
    cursors = relay.read_cursors

    def read_log_and_cursors(source: str, alias: str, handlers: Any, lock: str = "") -> Any:
        early.page = logs.read_page(source, 0, sorted(relay.list_types(source, handlers)), [])
        stand_before("cursors")
        return cursors(source, alias, handlers, lock)

    def page(log: logs.Log, *_: Any) -> Any:
        return early.page

    return _with(read_cursors=read_log_and_cursors, Log=type("EarlyLog", (logs.Log,), {"page": page}))


def _no_anchor() -> Any:
    """A restored log is known by its epoch and its end alone."""
    hand_over = relay._hand_over
    return _with(_hand_over=lambda *given: hand_over(*given[:-1], given[-1]._replace(event_id=None)))


def _cursor_before_the_copies() -> Any:
    """The cursor is committed before what it counts."""
    hand_over = relay._hand_over

    def move_then_deliver(source: str, alias: str, behind: Any, deliveries: Any, reached: Any) -> Any:
        moved = hand_over(source, alias, behind, [], reached)
        stand_before("deliver")
        there = {name: behind[name].moved_to(reached) for name in moved}
        return hand_over(source, alias, there, deliveries, reached)

    return _with(_hand_over=move_then_deliver)


def _head_moved_blindly() -> Any:
    """Positions are counted from a head that may have moved since."""
    return _with(_SEQUENCE=relay._SEQUENCE.replace("AND position = %(head)s", ""))


MUTANTS = {
    "log before the cursors": (_log_before_the_cursors, OneLog),
    "cursor before the copies": (_cursor_before_the_copies, OneLog),
    "no anchor": (_no_anchor, OneBackup),
    "head moved blindly": (_head_moved_blindly, OneLog),
}


@pytest.fixture
def crew() -> Iterator[None]:
    known = dict(subscriptions.subscriptions())
    subscriptions._registry.clear()
    for source, event in (("catalog", CategoryChanged), ("orders", OrderCompleted)):
        for name in HANDLERS[source]:

            def handle(event: Any) -> None:
                """Nothing is dispatched here: what was delivered is looked at."""

            handle.__module__ = f"{READER[source]}.model"
            subscribe(event, name=name)(handle)
    TwoRelays.crew = Crew(("first", "second", "operator"), DATABASES)
    try:
        yield
    finally:
        TwoRelays.crew.finish()
        TwoRelays.crew.end()
        subscriptions._registry.clear()
        subscriptions._registry.update(known)


def explore(machine: type[TwoRelays], examples: int) -> None:
    plan = settings(max_examples=examples, stateful_step_count=25, phases=[Phase.generate], database=None)
    run_state_machine_as_test(machine, settings=plan)


@pytest.mark.parametrize("machine", [OneLog, OneBackup, TwoRelays, InAHurry])
def test_any_order_of_steps_loses_doubles_and_stops_nothing(crew, machine):
    with stepwise((relay, restores)):
        explore(machine, 10_000 if NIGHTLY else 15)


def _overtaken(machine: TwoRelays) -> None:
    """Another relay moves the cursors on to events placed since, between what a relay reads first and second."""
    machine.publish("catalog", 1)
    machine.whole_turn("first", "catalog")
    machine.publish("catalog", 1)
    machine.whole_turn("second", "catalog")
    machine.publish("catalog", 1)
    machine.sequence("first", "catalog")
    machine.step("first", 8)
    machine.copy("first", "catalog")
    machine.step("first", 2)
    machine.publish("catalog", 1)
    machine.whole_turn("second", "catalog")
    machine.step("first", 8)
    machine.nobody_is_stopped_in_vain()


def _killed_between(machine: TwoRelays) -> None:
    """A relay dies after it moved the cursor, or before."""
    machine.publish("catalog", 1)
    machine.sequence("first", "catalog")
    machine.step("first", 8)
    machine.copy("first", "catalog")
    while machine.crew.runners["first"].place != "_hand_over":
        machine.step("first", 1)
    machine.step("first", 1)
    machine.crash("first")


def _places_taken(machine: TwoRelays) -> None:
    """A backup without the last events comes back, and new ones take their places before any relay looks."""
    machine.publish("catalog", 1)
    machine.whole_turn("first", "catalog")
    machine.back_up("catalog")
    machine.publish("catalog", 2)
    machine.whole_turn("first", "catalog")
    machine.restore("catalog")
    machine.publish("catalog", 3)


SCENARIOS = {"log before the cursors": _overtaken, "cursor before the copies": _killed_between}
SCENARIOS |= {"no anchor": _places_taken}


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_breaks_a_mutant_breaks_nothing_else(crew, name):
    """Shortest ways into each mistake: the mutant must fail there, and the relay must not."""

    def play() -> None:
        machine = TwoRelays()
        SCENARIOS[name](machine)
        machine.teardown()

    make, _ = MUTANTS[name]
    with stepwise((relay, restores)):
        play()
    with make(), stepwise((relay, restores)), pytest.raises(AssertionError):
        play()


@pytest.mark.proof  # the scenarios above play the shortest way to each, every time
@pytest.mark.timeout(600)
@pytest.mark.parametrize("mutant", MUTANTS)
def test_it_finds_what_it_must(crew, mutant):
    make, machine = MUTANTS[mutant]
    with make(), stepwise((relay, restores)), pytest.raises((AssertionError, IntegrityError)):
        explore(machine, 1000)  # it ends with the first that is found, as a rule within a hundred
