"""Failpoints: named places where a test makes this process die, freeze or fail. Never armed outside debug.

AUTOSALON_FAILPOINTS holds `place=fault` separated by spaces or commas, or `@file` with the same, read anew each time:
`relay.before_cursor=kill@3` kills the process the third time any process of the installation comes there, once;
`dispatch.before_commit:catalog.serve_checkout=kill@1-5` five times, at that handler only; `=error` raises
FailpointError, `=freeze:30` stops the process for 30 seconds. Without `@` the first time counts.
"""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_FAULT = re.compile(
    r"(?P<place>[\w.]+(:[\w. ]+)?)=(?P<kind>kill|error|freeze)(:(?P<seconds>\d+))?(@(?P<when>\d+(-\d+)?))?"
)


class FailpointError(RuntimeError):
    """A fault made on purpose."""


@dataclass(frozen=True)
class Fault:
    """Fault that happens at a place, from the `first` to the `last` time it is reached."""

    place: str
    kind: str
    seconds: int = 0
    first: int = 1
    last: int = 1

    def strike(self) -> None:
        """Kill, freeze or raise; a kill gives this process no chance to tidy up."""
        if self.kind == "error":
            raise FailpointError(self.place)
        if self.kind == "freeze":
            waker = f"sleep {self.seconds}; kill -CONT {os.getpid()}"
            subprocess.Popen(["/bin/sh", "-c", waker], start_new_session=True)
        os.kill(os.getpid(), signal.SIGKILL if self.kind == "kill" else signal.SIGSTOP)


def parse(text: str) -> dict[str, Fault]:
    """Read faults by place. Raises ValueError for what is none."""
    faults = {}
    for item in text.replace(",", " ").split():
        match = _FAULT.fullmatch(item)
        if match is None:
            raise ValueError(f"no failpoint: {item!r}")
        first, _, last = (match["when"] or "1").partition("-")
        faults[match["place"]] = Fault(
            match["place"], match["kind"], int(match["seconds"] or 0), int(first), int(last or first)
        )
    return faults


class _Armed:
    """Faults to come, and how often their places were reached: a file each, so that all processes count together."""

    def __init__(self, read: Callable[[], dict[str, Fault]], folder: Path) -> None:
        self.read, self.folder = read, folder

    def reach(self, place: str, detail: str) -> None:
        faults = self.read()
        for name in (place, f"{place}:{detail}"):
            fault = faults.get(name)
            if fault is not None and fault.first <= self._count(name, fault.last) <= fault.last:
                fault.strike()

    def _count(self, place: str, last: int) -> int:
        """Take the next number of this place; none is taken twice, and those beyond `last` do not matter."""
        for number in range(1, last + 1):
            try:
                os.close(os.open(self.folder / f"{place}@{number}", os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            return number
        return last + 1


_armed: _Armed | None = None


def arm(text: str, folder: Path) -> None:
    """Obey AUTOSALON_FAILPOINTS in this process; `folder` keeps the counts. Raises ValueError."""
    global _armed
    folder.mkdir(parents=True, exist_ok=True)
    if text.startswith("@"):
        file = Path(text[1:])
        _armed = _Armed(lambda: parse(file.read_text()) if file.exists() else {}, folder)
    else:
        faults = parse(text)
        _armed = _Armed(lambda: faults, folder)


def reach(place: str, detail: str = "") -> None:
    """Come to a place; nothing happens unless it is armed, alone or with this `detail`."""
    if _armed is not None:
        _armed.reach(place, detail)
