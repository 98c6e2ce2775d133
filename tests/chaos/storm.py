"""A storm: buyers buy and cancel while random parts of the product die; then quiet, and the auditor.

`python -m tests.chaos.storm --seed 7 --faults 200` replays a storm's faults in their order and their pauses.
"""

import argparse
import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import psycopg

from core.ids import uuid7
from tests.chaos.audit import audit, mark
from tests.chaos.rig import Rig
from tests.chaos.told import handed_again, not_told_once
from tests.product import ROOT

CARDS = ["tok_success"] * 6 + ["tok_declined"] * 2 + ["tok_flaky"] * 2
READERS = 0.5
CANCELLED = 0.15
"""Share of orders whose buyer or manager changes their mind."""
PAUSES_S = (0.4, 1.6)
FROZEN_S = (1.0, 3.0)
BUYERS = 3
GUST = 10
"""Faults in a row, one on the heels of another; then the storm holds its breath until somebody has bought again."""
LULL_S = 300
"""How long nobody may be able to buy: no time that a product should need, but one after which it never will."""
QUIET_S = 240
EXPECTED = {
    ("tok_success", False): {"paid"},
    ("tok_flaky", False): {"paid"},
    ("tok_declined", False): {"cancelled"},
    ("tok_success", True): {"cancelled", "refunded"},
    ("tok_flaky", True): {"cancelled", "refunded"},
    ("tok_declined", True): {"cancelled"},
}
GAVE_UP = ("cancelled", "provider_unavailable")
"""How a purchase may end whatever its card: four tries met a dead provider or executor, and nothing was taken."""


@dataclass
class Purchase:
    """Purchase as a buyer was promised it, and wants it."""

    order_id: str
    user: str
    card: str
    is_cancelled: bool


@dataclass
class Report:
    """Report of what a storm did, and of everything that was wrong after it."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    purchases: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    restarts: dict[str, int] = field(default_factory=dict)
    placed: list[int] = field(default_factory=list)
    """Purchases placed during each gust and the breath after it: none may be 0."""
    longest_lull_s: float = 0
    told: list[Any] = field(default_factory=list)
    handed_again: int = 0
    """SMS that the gateway was given more than once, and sent once."""
    stormy_s: float = 0
    quiet_s: float = 0
    wrong: list[Any] = field(default_factory=list)

    def __str__(self) -> str:
        lines = [
            f"seed {self.seed}: {self.faults.total()} faults in {self.stormy_s:.0f} s, quiet in {self.quiet_s:.0f} s",
            f"faults: {dict(self.faults.most_common())}",
            f"restarts: {self.restarts}",
            f"purchases: {self.purchases}, {dict(self.statuses)}",
            f"placed in each gust of {GUST} faults: {self.placed}; longest without one: {self.longest_lull_s:.0f} s",
            f"told: {self.told}; handed to the SMS gateway again: {self.handed_again}",
            *(f"WRONG: {item}" for item in self.wrong),
        ]
        return "\n".join(lines)


class Buyers:
    """Threads that buy one vehicle after another, each order with one key, however often it takes."""

    def __init__(self, rig: Rig, seed: int, count: int) -> None:
        self.rig, self.stopping = rig, threading.Event()
        self.vehicles = [rig.new_vehicle(stock=10_000) for _ in range(4)]
        self.readers = [rig.reader(1_000_000 + number * 10) for number in range(2 * count)]
        """Half of the purchases are theirs, told by every channel; the others' buyers have no address."""
        self.manager, self.second = rig.token(None, "manager"), rig.token(None, "manager")
        self.purchases: list[Purchase] = []
        self.placed_at: list[float] = []
        self.broken: list[str] = []
        self.threads = [
            threading.Thread(target=self._buy_on, args=(random.Random(f"{seed}-{number}"),), daemon=True)
            for number in range(count)
        ]

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Buy during the block, and finish what was begun."""
        for thread in self.threads:
            thread.start()
        try:
            yield
        finally:
            self.stopping.set()

    def finish(self, seconds: float) -> None:
        """Wait for the requests under way, tending the roles that must answer them."""
        self.rig.wait(lambda: not any(thread.is_alive() for thread in self.threads), seconds, "buyers wait for ever")

    def _buy_on(self, dice: random.Random) -> None:
        while not self.stopping.is_set():
            try:
                self._buy(dice)
            except Exception as error:  # a buyer who fell silent would make the storm look harmless
                self.broken.append(repr(error))
            self.stopping.wait(dice.uniform(0.1, 0.5))

    def _buy(self, dice: random.Random) -> None:
        user = UUID(dice.choice(self.readers)) if dice.random() < READERS else uuid7()
        card, vehicle = dice.choice(CARDS), dice.choice(self.vehicles)
        token, key, is_cancelled = self.rig.token(user), str(uuid7()), dice.random() < CANCELLED
        body = {
            "items": [{"product_id": vehicle, "quantity": 1}],
            "payment": {"method": "card", "token": card},
        }
        order = self._insist("/orders", token, body, key)
        self.purchases.append(Purchase(order["id"], str(user), card, is_cancelled))
        self.placed_at.append(time.monotonic())
        if is_cancelled:
            self.stopping.wait(dice.uniform(0, 1.5))
            told = self._insist(f"/orders/{order['id']}/cancel", self.manager, {"reason": "storm"}, str(uuid7()))
            if "approval" in told:  # it is paid already: a second manager agrees
                self._insist(f"/approvals/{told['approval']['id']}/approve", self.second, {}, str(uuid7()))

    def _insist(self, path: str, token: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        """Ask until there is an answer; a refusal to cancel, or to agree to, what is settled already is one."""
        while True:
            with contextlib.suppress(httpx2.HTTPError):
                answer = self.rig.post(path, token, body, key)
                if answer.is_success or (path.endswith(("/cancel", "/approve")) and answer.status_code == 409):
                    found: dict[str, Any] = answer.json()
                    return found
                later = answer.json().get("code") if answer.status_code == 409 else ""
                assert answer.status_code >= 500 or later in {"product_not_ready", "idempotency_key_in_use"}, (
                    answer.text
                )
            time.sleep(0.2)


class Weather:
    """The faults, each chosen by the seed; pauses too."""

    def __init__(self, rig: Rig, seed: int) -> None:
        self.rig, self.dice = rig, random.Random(seed)
        self.kinds: dict[str, tuple[int, Callable[[], None]]] = {
            "kill web": (3, lambda: self._kill("web")),
            "kill worker": (2, lambda: self._kill("worker")),
            "kill external": (2, lambda: self._kill("external")),
            "kill relay": (4, lambda: self._kill("relay")),
            "kill sandbox": (2, lambda: self._kill("sandbox")),
            "kill sms": (2, lambda: self._kill("sms")),
            "kill beat": (1, lambda: self._kill("beat")),
            "kill pool process": (8, self._kill_pool_process),
            "freeze": (4, self._freeze),
            "flush valkey": (3, self._flush),
            "crash valkey": (2, rig.crash_valkey),
            "crash postgres": (2, rig.crash_postgres),
        }

    def strike(self) -> str:
        """One fault; return its kind."""
        weights = [weight for weight, _ in self.kinds.values()]
        (kind,) = self.dice.choices(list(self.kinds), weights)
        self.kinds[kind][1]()
        return kind

    def pause(self) -> None:
        """Let the product recover for a moment, or not quite."""
        until = time.monotonic() + self.dice.uniform(*PAUSES_S)
        while time.monotonic() < until:
            self.rig.tend()
            time.sleep(0.05)

    def _kill(self, role: str) -> None:
        self.rig.roles[role].kill_group()

    def _kill_pool_process(self) -> None:
        _signal(self._choose(self.rig.pool("worker") + self.rig.pool("external")), signal.SIGKILL)

    def _freeze(self) -> None:
        roles = ["web", "relay", "worker", "external", "sandbox", "sms"]
        pids = [
            pid for role in roles for pid in [self.rig.main(role), *self.rig.pool(role)] if self.rig.roles[role].alive()
        ]
        chosen, seconds = self._choose(pids), self.dice.uniform(*FROZEN_S)
        _signal(chosen, signal.SIGSTOP)
        threading.Timer(seconds, _signal, (chosen, signal.SIGCONT)).start()

    def _choose(self, pids: list[int]) -> int | None:
        number = self.dice.random()
        return pids[int(number * len(pids))] if pids else None

    def _flush(self) -> None:
        self.rig.valkey().flushall()


def _signal(pid: int | None, sign: int) -> None:
    if pid is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sign)


def rage(
    rig: Rig, *, seed: int, faults: int, buyers: int = BUYERS, say: Callable[[str], None] = print, hurry: bool = False
) -> Report:
    """Run a storm on a running rig and audit what it leaves; with `hurry` nobody waits for a dead executor's lease."""
    if "beat" not in rig.roles:
        rig.run("beat")
    report, weather, since = Report(seed), Weather(rig, seed), mark(rig)
    crowd = Buyers(rig, seed, buyers)
    started = time.monotonic()
    with crowd.at_work():
        while report.faults.total() < faults and not report.wrong:
            _gust(rig, crowd, weather, report, min(GUST, faults - report.faults.total()))
            number, placed = report.faults.total(), len(crowd.purchases)
            say(f"{number} faults, {placed} purchases, {time.monotonic() - started:.0f} s")
    report.stormy_s = time.monotonic() - started
    moments = [started, *crowd.placed_at]
    report.longest_lull_s = max((later - earlier for earlier, later in pairwise(moments)), default=0)
    calm(rig, crowd, report, hurry=hurry)
    report.restarts = dict(rig.restarts)
    report.wrong += [("a buyer was told", text) for text in crowd.broken]
    report.wrong += unfinished(rig, crowd.purchases, report)
    report.wrong += audit(rig, since)
    report.wrong += not_told_once(rig, since)
    report.told = rig.rows(
        "notifications", "SELECT channel, delivery, count(*) FROM notifications_notification GROUP BY 1, 2"
    )
    report.handed_again = handed_again(rig)
    return report


def _gust(rig: Rig, crowd: Buyers, weather: Weather, report: Report, faults: int) -> None:
    """Some faults on each other's heels; then, while nothing dies, somebody must be able to buy again."""
    before = len(crowd.purchases)
    for _ in range(faults):
        weather.pause()
        report.faults[weather.strike()] += 1
    last_struck = len(crowd.purchases)
    try:
        rig.wait(lambda: len(crowd.purchases) > last_struck, LULL_S, "nobody can buy")
    except AssertionError as error:
        report.wrong.append(("storm", str(error)))
    report.placed.append(len(crowd.purchases) - before)


def calm(rig: Rig, crowd: Buyers, report: Report, *, hurry: bool) -> None:
    """The quiet tail: nothing dies any more; whatever is owed must come by itself."""
    started = time.monotonic()
    try:
        rig.ready(90)
        crowd.finish(90)
        rig.settle(QUIET_S, hurry=hurry)
    except AssertionError as error:
        report.wrong.append(("not settled", str(error)))
    report.quiet_s = time.monotonic() - started


def unfinished(rig: Rig, purchases: list[Purchase], report: Report) -> Iterator[Any]:
    """Orders that were promised and are lost, stuck, or ended otherwise than they must."""
    query = """SELECT o.id::text, o.status, c.state, coalesce(c.failure->>'code', '')
               FROM orders_order o JOIN orders_checkout c ON c.order_id = o.id WHERE o.customer_id = ANY(%s::uuid[])"""
    known = {row[0]: row[1:] for row in rig.rows("orders", query, [one.user for one in purchases])}
    report.purchases = len(purchases)
    for one in purchases:
        status, state, code = known.pop(one.order_id, ("lost", "", ""))
        report.statuses[f"{status} {code}".strip()] += 1
        is_right = status in EXPECTED[one.card, one.is_cancelled] or (status, code) == GAVE_UP
        if state not in ("completed", "compensated") or not is_right:
            yield ("purchase", one.order_id, one.card, one.is_cancelled, status, state, code)
    yield from (("nobody ordered", order_id, *rest) for order_id, rest in known.items())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=int(os.environ.get("AUTOSALON_CHAOS_SEED") or random.randrange(10**6))
    )
    parser.add_argument("--faults", type=int, default=int(os.environ.get("AUTOSALON_CHAOS_KILLS") or 200))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    rig = Rig(Path(ROOT) / ".data" / f"storm-{os.getpid()}")
    try:
        rig.start()
        report = rage(rig, seed=options.seed, faults=options.faults, say=lambda text: print(text, flush=True))
    except psycopg.Error as error:
        raise SystemExit(f"the storm itself failed: {error!r}") from error
    finally:
        rig.stop()
    print(report)
    raise SystemExit(1 if report.wrong else 0)


if __name__ == "__main__":
    main()
