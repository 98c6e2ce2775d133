"""Relays whose steps a test takes one by one: each runs the relay's own code in a thread, and waits at each step."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

from messaging.transport import logs, relay

PLACES = {
    relay: ("lock_head", "_place", "read_cursors", "_begin", "_pause", "_hand_over"),
    logs: ("read_page",),
}
"""Functions of the relay before which a thread waits: each is one statement. It also waits before each commit."""
PATIENCE_S = 10.0
_runner = threading.local()


class Killed(BaseException):
    """The relay's process was killed where it stood."""


class Runner(threading.Thread):
    """One relay, or one operator: does one action at a time, step by step."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.state = "idle"
        self.place = ""
        self.error: BaseException | None = None
        self._changed = threading.Condition()
        self._action: Callable[[], Any] | None = None
        self._may_go = self._must_die = False
        self.start()

    # The test's side
    def begin(self, action: Callable[[], Any]) -> None:
        """Start an action; it waits before its first step."""
        with self._changed:
            self._action, self.error, self.state = action, None, "running"
            self._changed.notify_all()

    def go(self, *, die: bool = False) -> None:
        """Let it take one step, or die before it."""
        with self._changed:
            self._may_go, self._must_die, self.state = True, die, "running"
            self._changed.notify_all()

    def await_rest(self, seconds: float) -> bool:
        """Wait until it stands before a step or has nothing to do; False if it still runs, or waits for a lock."""
        with self._changed:
            return self._changed.wait_for(lambda: self.state != "running", seconds)

    # The thread's side
    def run(self) -> None:
        _runner.current = self
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._action is not None)
                action, self._action = self._action, None
            if action is None or action is _END:
                break
            try:
                action()
            except BaseException as error:  # a database that went away, or a death
                self.error = error
                connections.close_all()
            with self._changed:
                self.state, self.place = "idle", ""
                self._changed.notify_all()
        connections.close_all()

    def wait(self, place: str) -> None:
        """Stand before a step until the test says so."""
        with self._changed:
            self.state, self.place = "waiting", place
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._may_go)
            self._may_go = False
            if self._must_die:
                self._must_die = False
                raise Killed(place)

    def end(self) -> None:
        """Let the thread end."""
        with self._changed:
            self._action = _END
            self._changed.notify_all()
        self.join(PATIENCE_S)


def _END() -> None:
    """Last action that a thread is given."""


def stand_before(place: str) -> None:
    """Wait here if this is a runner's thread."""
    runner = getattr(_runner, "current", None)
    if runner is not None:
        runner.wait(place)


@contextmanager
def stepwise(modules: Iterator[Any] | tuple[Any, ...]) -> Iterator[None]:
    """Have the relay's code, and what of it `modules` took over by name, wait before each step in a runner's thread."""
    kept = {(module, name): getattr(module, name) for module, names in PLACES.items() for name in names}
    transactions = {module: module.transaction for module in modules}
    for (module, name), function in kept.items():
        setattr(module, name, _waiting(name, function))
    for module, transaction in transactions.items():
        module.transaction = _committing(transaction)
    try:
        yield
    finally:
        for (module, name), function in kept.items():
            setattr(module, name, function)
        for module, transaction in transactions.items():
            module.transaction = transaction


def _waiting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def step(*arguments: Any) -> Any:
        stand_before(name)
        return function(*arguments)

    return step


def _committing(transaction: Callable[[str], Any]) -> Callable[[str], Any]:
    @contextmanager
    def step(alias: str) -> Iterator[None]:
        with transaction(alias):
            yield
            stand_before("commit")

    return step


class Crew:
    """Runners that share databases: after every step all of them stand, or wait for each other's locks."""

    def __init__(self, names: tuple[str, ...], aliases: tuple[str, ...]) -> None:
        self.runners = {name: Runner(name) for name in names}
        self.databases = [connections[alias].settings_dict["NAME"] for alias in aliases]
        self.watch = aliases[0]

    def settle(self) -> None:
        """Wait until nothing moves."""
        for _ in range(2000):
            running = [one for one in self.runners.values() if not one.await_rest(0.003)]
            if not running or len(running) == self._waiting_for_locks():
                return
        raise AssertionError(f"these neither stand nor wait for a lock: {[one.name for one in running]}")

    def _waiting_for_locks(self) -> int:
        with connections[self.watch].cursor() as cursor:
            cursor.execute(
                """SELECT count(DISTINCT l.pid) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
                   WHERE NOT l.granted AND a.datname = ANY(%s)""",
                [self.databases],
            )
            return int(cursor.fetchone()[0])

    def finish(self) -> None:
        """Let everybody do all their steps."""
        while standing := [one for one in self.runners.values() if one.state == "waiting"]:
            standing[0].go()
            self.settle()

    def end(self) -> None:
        for one in self.runners.values():
            one.end()
