"""Writes what was measured into its part of docs/benchmarks.md, with the day and the machine."""

import os
import platform
from datetime import UTC, datetime

from benchmarks.processes import ROOT

SHEET = ROOT / "docs" / "benchmarks.md"


def write(part: str, how: str, text: str) -> None:
    """Replace the part of this name by `text`; `how` says how it was measured."""
    begin, end = f"<!-- measured: {part} -->\n", "<!-- end of what was measured -->"
    before, found, rest = SHEET.read_text().partition(begin)
    if not found:
        raise SystemExit(f"{SHEET} has no part {part}")
    after = rest.partition(end)[2]
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    measured = f"{datetime.now(UTC).date()}, {machine}, load {os.getloadavg()[0]:.1f}; {how}."
    SHEET.write_text(f"{before}{begin}{measured}\n\n{text}\n{end}{after}")
