"""The product staffed by two releases at once: some roles run the code of the release before, on today's schema."""

import io
import json
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from config.databases import STORES
from config.migrating.releases import last_release
from tests.chaos.rig import Rig
from tests.product import ROOT

CHANGING = ("web", "relay", "worker", "external")
"""Roles that a deploy replaces one by one; banks and gateways of the demonstration are the outside world."""
STANDSTILL_S = 90
"""So long nothing may move on the slowest machine: no order be paid, no news arrive."""
_ASK = "import json; from tests.chaos.roles import ROLES; print(json.dumps(ROLES))"


class NotHere(RuntimeError):
    """The clone does not hold the release before."""


def commit_before() -> str:
    """The release to get along with: the newest tag before this commit, or the record where there are no tags.

    Raises NotHere in a clone too shallow to hold it.
    """
    named = os.environ.get("AUTOSALON_UPGRADE_FROM") or _newest_tag() or last_release().commit
    found = _git("rev-parse", "--verify", "--quiet", f"{named}^{{commit}}").strip()
    if not found:
        raise NotHere(f"the release before ({named}) is not in this clone: git fetch --unshallow --tags")
    return found


def _newest_tag() -> str:
    """The newest release of this history that is not this very commit."""
    here = set(_git("tag", "--points-at", "HEAD").split())
    tags = _git("tag", "--merged", "HEAD", "--list", "v*", "--sort=-v:refname").split()
    return next((tag for tag in tags if tag not in here), "")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ""


def unpack(commit: str, folder: Path) -> Path:
    """Lay the tree of a commit into a folder."""
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return folder


class Mixed(Rig):
    """A rig whose roles come from either release; each release starts them by its own command lines."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.before = folder / "before"
        self._words: dict[str, tuple[str, ...]] = {}
        self._old: set[str] = set()

    def start(self) -> Self:
        """Servers, today's tables and the outside world; `staff` brings the other roles."""
        for each in ("logs", "run/failpoints"):
            (self.folder / each).mkdir(parents=True, exist_ok=True)
        unpack(commit_before(), self.before)
        self._words = self._command_lines()
        self.servers.start(fsync=False)
        self.servers.create_databases([f"autosalon_{app}" for app in STORES])
        done = self.manage("migrate_all", timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
        for role in ("sandbox", "sms"):
            self.run(role)
        return self

    def _command_lines(self) -> dict[str, tuple[str, ...]]:
        """Return how the release before starts its roles, as its own tests know it."""
        asked = subprocess.run(
            [sys.executable, "-c", _ASK], cwd=self.before, env=self.env, capture_output=True, text=True, check=True
        )
        return {role: tuple(words) for role, words in json.loads(asked.stdout).items()}

    def staff(self, old: Iterable[str]) -> Self:
        """Run the changing roles anew, those of `old` with the code of the release before."""
        for role in CHANGING:
            self.end(role)
        self._old = set(old)
        for role in CHANGING:
            self.run(role)
        self.ready(300)
        return self

    def home(self, role: str) -> Path:
        """The checkout whose code a role runs."""
        return self.before if role in self._old else ROOT

    def words(self, role: str, kind: str) -> tuple[str, ...]:
        """The command line that the role's release knows."""
        return self._words[kind] if role in self._old else super().words(role, kind)

    def sell(self, count: int) -> list[str]:
        """Sell `count` cars one after another; return how each order that did not end paid stands."""
        vehicle, buyer = self.new_vehicle(stock=count), self.token()
        heard = "SELECT 1 FROM orders_productcopy WHERE product_id = %s"
        self.wait(lambda: self.one("orders", heard, vehicle), STANDSTILL_S, "orders never heard of the vehicle")
        placed = [self.place(vehicle, buyer) for _ in range(count)]
        left, moved_at = self._unpaid(placed), time.monotonic()
        while left and time.monotonic() - moved_at < STANDSTILL_S:
            self.tend()
            time.sleep(0.2)
            before, left = left, self._unpaid(placed)
            if len(left) < len(before):
                moved_at = time.monotonic()
        return left

    def _unpaid(self, placed: list[str]) -> list[str]:
        query = "SELECT status, id FROM orders_order WHERE id = ANY(%s::uuid[]) AND status <> 'paid'"
        return [f"{status} {order}" for status, order in self.rows("orders", query, placed)]
