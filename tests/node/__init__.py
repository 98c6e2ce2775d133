"""Programs of Node for tests, at the versions of package-lock.json: installed when first asked for, outside git."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PINS = ("package.json", "package-lock.json", ".npmrc")
NODE = (20, 19)
"""The oldest Node that every one of them says it runs on."""
UNREACHABLE = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONN|ENETUNREACH|ETIMEDOUT|ERR_SOCKET|\bE(401|403|407|5\d\d)\b")
"""What npm says when the registry is not to be had. All else is a fault of the pins, and no reason to skip."""
PATIENCE_S = 480
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1", "CI": "true"}


def run(program: str, *arguments: str | Path, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a program of the pins, and return how it ended; skips the test where there is no Node, or no registry."""
    command = [str(modules() / ".bin" / program), *map(str, arguments)]
    environment = os.environ | QUIET
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=PATIENCE_S)


@cache
def modules() -> Path:
    """Return the node_modules of the pins. One folder for each set of pins: an older one is never taken for newer."""
    _require_node()
    text = b"\n".join((HERE / name).read_bytes() for name in PINS)
    shelf = HERE.parents[1] / ".data" / "node"
    shelf.mkdir(parents=True, exist_ok=True)
    folder = shelf / hashlib.sha256(text).hexdigest()[:12]
    with (shelf / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # every worker of the run may ask at once
        if not folder.exists():
            _install(folder)
    return folder / "node_modules"


def _require_node() -> None:
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("no Node here (Debian: apt-get install nodejs npm): what its programs check is not checked")
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    version = tuple(map(int, said.strip().removeprefix("v").split(".")))
    if version < NODE:
        pytest.skip(f"Node {said.strip()} is older than {'.'.join(map(str, NODE))}: what its programs check is skipped")


def _install(folder: Path) -> None:
    """Install beside, and move when all is there: a run that was killed leaves nothing that looks whole."""
    beside = folder.with_suffix(".new")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    for name in PINS:
        shutil.copy(HERE / name, beside)
    command = ["npm", "ci", "--no-progress", "--fetch-retries=1", "--prefer-offline"]
    result = subprocess.run(command, cwd=beside, capture_output=True, text=True, timeout=PATIENCE_S)
    if result.returncode and UNREACHABLE.search(result.stderr):
        pytest.skip(f"npm's registry cannot be had, so its programs check nothing: {result.stderr.strip()[-300:]}")
    assert result.returncode == 0, f"npm ci: {result.stderr.strip()[-2000:]}"
    beside.rename(folder)
