"""The standard run: two of every process, and each of them rolled again and again, as deploys do, while buyers buy.

`python -m tests.chaos.rolling --seconds 300` runs it alone and prints what it saw.
"""

import argparse
import itertools
import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx2
import psycopg

from config.databases import APPS
from core.ids import uuid7
from tests.chaos.audit import audit, mark
from tests.chaos.rig import Rig
from tests.chaos.storm import Buyers, Report, calm, unfinished
from tests.chaos.told import not_told_once
from tests.product import ROOT, free_port

ONES = ("web", "relay", "worker", "external", "beat")
SECONDS = tuple(f"{role}-2" for role in ONES)
ROUNDS = 2
"""So often every process is rolled at least."""
END_S = 60
READY_S = 120
_PAUSED = "SELECT source, handler, pause_reason FROM messaging_inbox_cursor WHERE is_paused"


class Fleet(Rig):
    """A rig with two of every process, and a balancer that sends no request to a web process about to end."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ports = {"web": self.port, "web-2": free_port()}
        self.draining: set[str] = set()
        self.under_way_at: Counter[str] = Counter()
        self.refused: list[Any] = []
        self._turn = itertools.count()
        self._lock = threading.Lock()

    def start(self) -> Self:
        """Everything once, then everything twice."""
        super().start()
        self.run("beat")
        for role in SECONDS:
            self.run(role)
        self._await(SECONDS)
        return self

    def post(self, path: str, token: str, body: dict[str, Any], key: str = "") -> httpx2.Response:
        """One POST to the web process whose turn it is; an answer of 500 or more is remembered."""
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key or str(uuid7())}
        with self._lock:
            open_ones = [role for role in self.ports if role not in self.draining]
            role = open_ones[next(self._turn) % len(open_ones)]
            self.under_way_at[role] += 1
        try:
            url = f"http://127.0.0.1:{self.ports[role]}/api/v1{path}"
            answer = httpx2.post(url, json=body, headers=headers, timeout=30, trust_env=False)
        except httpx2.HTTPError as error:
            self.refused.append((role, path, repr(error)))
            raise
        finally:
            with self._lock:
                self.under_way_at[role] -= 1
        if answer.status_code >= 500:
            self.refused.append((role, path, answer.status_code, answer.text[:200]))
        return answer

    def roll(self, roles: tuple[str, ...]) -> None:
        """Ask processes to end, wait until they have, and start them anew; the second of each goes on."""
        with self._lock:
            self.draining |= set(roles) & set(self.ports)
        self.wait(lambda: not any(self.under_way_at[role] for role in self.draining), END_S, "requests do not end")
        leaving = {role: self.roles.pop(role) for role in roles}
        for child in leaving.values():
            child.signal_main(signal.SIGTERM)
        self.wait(lambda: not any(child.alive() for child in leaving.values()), END_S, f"{roles} do not end")
        for role, child in leaving.items():
            child.kill_group()
            self.run(role)
        self._await(roles)
        with self._lock:
            self.draining -= set(roles)

    def _await(self, roles: tuple[str, ...]) -> None:
        for role in roles:
            self.wait(lambda role=role: self._is_ready(role), READY_S, f"{role} is not ready")

    def _is_ready(self, role: str) -> bool:
        kind = role.partition("-")[0]
        if kind == "web":
            return httpx2.get(f"http://127.0.0.1:{self.ports[role]}/health").is_success
        if kind in ("worker", "external"):
            return len(self.pool(role)) >= 2
        if kind == "beat":
            ticks = self.folder / "run" / role
            return ticks.exists() and ticks.stat().st_mtime > self.started(role)
        return self.roles[role].alive()

    def started(self, role: str) -> float:
        """Return when a role was started last, by the file system's clock."""
        return time.time() - (time.monotonic() - self.roles[role].started_at)


@dataclass
class Rolled:
    """Findings of a run."""

    seed: int
    seconds: float = 0
    rolled: Counter[str] = field(default_factory=Counter)
    report: Report = field(default_factory=lambda: Report(0))
    wrong: list[Any] = field(default_factory=list)

    def __str__(self) -> str:
        found = self.report
        lines = [
            f"seed {self.seed}: {found.purchases} purchases in {self.seconds:.0f} s, quiet in {found.quiet_s:.0f} s",
            f"rolled: {dict(self.rolled)}; load {os.getloadavg()[0]:.0f}",
            f"ended: {dict(found.statuses)}; longest time without a purchase {found.longest_lull_s:.1f} s",
            *(f"WRONG: {item}" for item in self.wrong),
        ]
        return "\n".join(lines)


def rolling(fleet: Fleet, *, seed: int, seconds: float, buyers: int) -> Rolled:
    """Roll one half of the processes, then the other, at least twice each and for so many seconds; then audit."""
    seen, since, crowd = Rolled(seed), mark(fleet), Buyers(fleet, seed, buyers)
    started = time.monotonic()
    with crowd.at_work():
        rounds = 0
        while rounds < ROUNDS or time.monotonic() - started < seconds:
            for half in (ONES, SECONDS):
                before = len(crowd.purchases)
                fleet.roll(half)
                seen.rolled.update(half)
                fleet.wait(lambda before=before: len(crowd.purchases) > before, 60, "nobody can buy")
            rounds += 1
    seen.seconds = time.monotonic() - started
    moments = [started, *crowd.placed_at]
    seen.report.longest_lull_s = max((later - earlier for earlier, later in itertools.pairwise(moments)), default=0)
    calm(fleet, crowd, seen.report, hurry=False)
    seen.wrong += seen.report.wrong
    seen.wrong += [("a buyer was told", text) for text in crowd.broken]
    seen.wrong += [("refused", *item) for item in fleet.refused]
    seen.wrong += [("died", role, times) for role, times in fleet.restarts.items()]
    seen.wrong += [("paused", app, *row) for app in APPS for row in fleet.rows(app, _PAUSED)]
    seen.wrong += unfinished(fleet, crowd.purchases, seen.report)
    seen.wrong += audit(fleet, since)
    seen.wrong += not_told_once(fleet, since)
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seed", type=int, default=int(os.environ.get("AUTOSALON_CHAOS_SEED") or random.randrange(10**6))
    )
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--buyers", type=int, default=4)
    options = parser.parse_args()
    fleet = Fleet(Path(ROOT) / ".data" / f"rolling-{os.getpid()}")
    try:
        seen = rolling(fleet.start(), seed=options.seed, seconds=options.seconds, buyers=options.buyers)
    except psycopg.Error as error:
        raise SystemExit(f"the run itself failed: {error!r}") from error
    finally:
        fleet.stop()
    print(seen)
    raise SystemExit(1 if seen.wrong else 0)


if __name__ == "__main__":
    main()
