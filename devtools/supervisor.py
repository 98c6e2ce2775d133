"""Keeps the processes of one checkout alive: starts them, restarts what dies, follows their logs, ends them all.

Children write to files and are followed from there, so nothing breaks in them when the supervisor itself is killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = "AUTOSALON_SUPERVISED"
"""Environment variable of every child, holding its data folder: leftovers of a killed supervisor are found by it."""
GRACE_SECONDS = 15.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
STABLE_SECONDS = 30.0
ROTATE_BYTES = 10_000_000
TICK_SECONDS = 0.1
_COLOURS = (36, 33, 32, 35, 34, 96, 93)
_PR_SET_PDEATHSIG = 1


class AlreadyRunning(RuntimeError):
    """Another supervisor holds this data folder."""


@dataclass(frozen=True)
class Program:
    """One process to keep alive; or, if `is_once`, to run until it ends by itself."""

    name: str
    command: tuple[str, ...]
    is_once: bool = False


class Child:
    """A running program, its log, and how often it died lately."""

    def __init__(self, program: Program, log_dir: Path, environment: Mapping[str, str]) -> None:
        self.program = program
        self.log = log_dir / f"{program.name}.log"
        self.environment = environment
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        self.started_at = 0.0
        self.start_again_at = 0.0
        self._read_to = 0

    def start(self) -> None:
        """Run the program in a session of its own: Ctrl-C reaches the supervisor only."""
        if self.log.exists() and self.log.stat().st_size > ROTATE_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as output:
            self._read_to = output.tell()
            self.process = subprocess.Popen(
                self.program.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=self.environment, start_new_session=True, preexec_fn=_die_with(os.getpid()),
            )  # fmt: skip
        self.started_at = time.monotonic()

    def alive(self) -> bool:
        """Tell whether the main process runs."""
        return self.process is not None and self.process.poll() is None

    def signal_main(self, sign: signal.Signals) -> None:
        """Signal the main process; a group signal would orphan Celery's pool."""
        if self.process is not None and self.alive():
            self.process.send_signal(sign)

    def kill_group(self) -> None:
        """End whatever is left of the program's session."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def bury(self) -> str:
        """Clear up after a death, choose when to start again, and say how it died."""
        self.kill_group()
        code = self.process.returncode if self.process else 0
        self.process = None
        if time.monotonic() - self.started_at > STABLE_SECONDS:
            self.deaths = 0
        self.deaths += 1
        pause = min(FIRST_PAUSE_SECONDS * 2 ** (self.deaths - 1), LONGEST_PAUSE_SECONDS)
        self.start_again_at = time.monotonic() + pause
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return f"{self.program.name} {how}; starting it again in {pause:g} s (log: {self.log})"

    def news(self) -> Iterator[str]:
        """Whole lines written to the log since the last call."""
        with contextlib.suppress(FileNotFoundError), self.log.open("rb") as file:
            file.seek(self._read_to)
            fresh = file.read(1 << 20)
            whole = fresh[: fresh.rfind(b"\n") + 1]
            self._read_to += len(whole)
            yield from whole.decode(errors="replace").splitlines()


class Supervisor:
    """The children of one data folder, from the first start to the last kill."""

    def __init__(self, data_dir: Path, heal: Callable[[], Mapping[str, int | None]]) -> None:
        self.data_dir = data_dir
        self.heal = heal
        self.children: list[Child] = []
        self._lock_file = (self._run_dir() / "up.lock").open("a+")
        self._servers: Mapping[str, int | None] = {}
        self._healed_at = 0.0
        self._written = ""
        self._is_ending = False

    def _run_dir(self) -> Path:
        folder = self.data_dir / "run"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.data_dir / "logs").mkdir(exist_ok=True)
        return folder

    def claim(self) -> None:
        """Become the only supervisor here and end what a killed one left behind. Raises AlreadyRunning."""
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock_file.seek(0)
            raise AlreadyRunning(self._lock_file.read().strip()) from None
        self._lock_file.truncate(0)
        self._lock_file.write(str(os.getpid()))
        self._lock_file.flush()
        end_leftovers(self.data_dir)

    def add(self, programs: Sequence[Program]) -> None:
        """Start programs and keep them alive from now on."""
        environment = os.environ | {MARK: str(self.data_dir), "PYTHONUNBUFFERED": "1"}
        for program in programs:
            child = Child(program, self.data_dir / "logs", environment)
            child.start()
            self.children.append(child)
        self._write_pids()

    def end_on(self, *signs: signal.Signals) -> None:
        """Raise KeyboardInterrupt at these signals, and again at the next round in case it was lost.

        One that arrives while a child is being forked is raised inside a hook of the interpreter, which prints and
        drops it: a Ctrl-C in the wrong microsecond ended nothing.
        """
        for sign in signs:
            signal.signal(sign, self._interrupt)

    def _interrupt(self, sign: int, frame: object) -> None:
        self._is_ending = True
        raise KeyboardInterrupt

    def tick(self) -> None:
        """One round: print news, restart the dead, look after the servers. Raises KeyboardInterrupt to end."""
        if self._is_ending:
            raise KeyboardInterrupt
        for child in list(self.children):
            self._print(child)
            if child.program.is_once and not child.alive():
                child.kill_group()
                self.children.remove(child)
                continue
            if child.process is not None and not child.alive():
                self.say(child.bury())
            if child.process is None and time.monotonic() >= child.start_again_at:
                child.start()
        if time.monotonic() - self._healed_at > 1:
            self._servers = self.heal()
            self._healed_at = time.monotonic()
        self._write_pids()
        time.sleep(TICK_SECONDS)

    def run(self) -> None:
        """Keep everything alive until interrupted."""
        while True:
            self.tick()

    def stop(self) -> None:
        """Ask every child to end, wait, kill what stays; a second Ctrl-C cuts the wait short."""
        for child in self.children:
            child.signal_main(signal.SIGTERM)
        deadline = time.monotonic() + GRACE_SECONDS
        with contextlib.suppress(KeyboardInterrupt):
            while any(child.alive() for child in self.children) and time.monotonic() < deadline:
                for child in self.children:
                    self._print(child)
                time.sleep(TICK_SECONDS / 2)
        for child in self.children:
            child.kill_group()
            self._print(child)
            if child.process is not None:
                child.process.wait()
        self.children.clear()
        (self.data_dir / "run" / "processes.json").unlink(missing_ok=True)

    def say(self, text: str) -> None:
        """Print a line of the supervisor's own."""
        self._write_line("up", 1, text)

    def _print(self, child: Child) -> None:
        colour = _COLOURS[self.children.index(child) % len(_COLOURS)]
        for line in child.news():
            self._write_line(child.program.name, colour, line)

    def _write_line(self, name: str, colour: int, text: str) -> None:
        prefix = f"{name:>9} | "
        if sys.stdout.isatty():
            prefix = f"\033[{colour}m{prefix}\033[0m"
        with contextlib.suppress(OSError):  # nobody reads any more: keep serving
            print(prefix + text, flush=True)

    def _write_pids(self) -> None:
        """Publish who runs in run/processes.json: {"web": 123, …}."""
        pids = {"supervisor": os.getpid()} | {name: pid for name, pid in self._servers.items() if pid}
        pids |= {child.program.name: child.process.pid for child in self.children if child.process}
        text = json.dumps(pids, indent=1)
        if text != self._written:
            target = self.data_dir / "run" / "processes.json"
            target.with_suffix(".new").write_text(text)
            target.with_suffix(".new").replace(target)
            self._written = text


def end_leftovers(data_dir: Path) -> None:
    """End children of an earlier supervisor that was killed before it could end them."""
    for sign, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0)):
        deadline = time.monotonic() + patience
        left = _leftovers(data_dir)
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
        while left and time.monotonic() < deadline:
            time.sleep(0.05)
            left = _leftovers(data_dir)
        if not left:
            return


def _leftovers(data_dir: Path) -> list[int]:
    mark = f"{MARK}={data_dir}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in entry.read_bytes().split(b"\0") and int(entry.parent.name) != os.getpid():
                found.append(int(entry.parent.name))
    return found


def _die_with(parent: int) -> Callable[[], None] | None:
    """Make a child end when the supervisor does, even by kill -9; Linux only."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return arrange
