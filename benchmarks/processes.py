"""Processor time, memory and hot spots of processes and everything below them, from /proc and by py-spy."""

import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
SAMPLES_A_SECOND = 200
EVERYWHERE = 0.8
"""What is in more of the samples than this says nothing: it is the loop that calls all the rest."""
_FRAME = re.compile(r"^(.*) \((.*?)(?::\d+)?\)$")


def family(roots: Mapping[str, int]) -> dict[int, str]:
    """Return the processes at and below each root, by the root's name."""
    names = {pid: name for name, pid in roots.items()}
    parents = {pid: int(words[1]) for pid, words in _stats().items()}
    found: dict[int, str] = {}
    for pid in parents:
        above: int | None = pid
        while above is not None and above not in names:
            above = parents.get(above)
        if above is not None:
            found[pid] = names[above]
    return found


def cpu_ms(roots: Mapping[str, int]) -> Counter[str]:
    """Return the processor time that each root has used with all below it, in ms, those that have ended included."""
    used, owners = _stats(), family(roots)
    found = Counter(dict.fromkeys(roots, 0))
    for pid, name in owners.items():
        # utime, stime, and those of children already waited for
        found[name] += sum(int(word) for word in used.get(pid, [])[11:15]) * 1000 // TICKS
    return found


def memory_mb(roots: Mapping[str, int]) -> Counter[str]:
    """Return the memory of each root with all below it, in MB (PSS: what is shared is divided among its users)."""
    found = Counter(dict.fromkeys(roots, 0))
    for pid, name in family(roots).items():
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        found[name] += int(text.partition("\nPss:")[2].split()[0])
    return Counter({name: kilobytes // 1000 for name, kilobytes in found.items()})


def _stats() -> dict[int, list[str]]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found[int(entry.name)] = (entry / "stat").read_text().rpartition(") ")[2].split()
            except OSError:
                continue
    return found


def sample(pid: int, seconds: float, act: Callable[[], object], *, is_python: bool = True) -> Counter[tuple[str, ...]]:
    """Return how often each stack was seen at work while `act` ran, in a process and all below it.

    At work is who holds the interpreter's lock; if not `is_python`, whoever runs or could, in C too.
    """
    with tempfile.NamedTemporaryFile() as file:
        spy = [str(Path(sys.executable).parent / "py-spy"), "record", "--pid", str(pid), "--subprocesses"]
        spy += ["--full-filenames", "--format", "raw", "--output", file.name, "--rate", str(SAMPLES_A_SECOND)]
        spy += ["--gil"] if is_python else []
        running = subprocess.Popen([*spy, "--duration", str(round(seconds))], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)  # fmt: skip
        act()
        _, said = running.communicate(timeout=seconds + 60)
        lines = Path(file.name).read_text().splitlines()
    if not lines:
        raise SystemExit(f"py-spy saw nothing of process {pid}: {said.decode()[-500:]}")
    found = Counter[tuple[str, ...]]()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        found[tuple(stack.split(";"))] += int(count)
    return found


def describe(stacks: Counter[tuple[str, ...]], most: int = 12) -> str:
    """Say in Markdown where the time goes: by package, and in which of our functions with all that they call."""
    total, packages, functions = stacks.total(), Counter[str](), Counter[str]()
    for stack, count in stacks.items():
        packages[_package(stack)] += count
        functions.update(dict.fromkeys(filter(None, map(_own, stack)), count))
    own = [(name, count) for name, count in functions.most_common() if count < EVERYWHERE * total][:most]
    return (
        f"{total} samples. By package: {_shares(packages.most_common(most), total)}.\n"
        f"Of our functions, with all they call: {_shares(own, total, '`')}."
    )


def _shares(found: list[tuple[str, int]], total: int, mark: str = "") -> str:
    return ", ".join(f"{mark}{name}{mark} {count / total * 100:.0f} %" for name, count in found if count * 100 >= total)


def _package(stack: tuple[str, ...]) -> str:
    """The package that is at work: the nearest caller of Python's own modules, which work for somebody."""
    for frame in reversed(stack):
        path = _path(frame)
        if "/site-packages/" in path:
            return path.partition("/site-packages/")[2].partition("/")[0]
        if path.startswith(f"{ROOT}/"):
            return Path(path).relative_to(ROOT).parts[0]
    return "Python"


def _own(frame: str) -> str:
    path = _path(frame)
    if not path.startswith(f"{ROOT}/") or "/site-packages/" in path:
        return ""
    module = ".".join(Path(path).relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    return f"{module}.{frame.partition(' (')[0]}"


def _path(frame: str) -> str:
    found = _FRAME.match(frame)
    return found[2] if found else ""
