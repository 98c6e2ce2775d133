"""Show on a terminal what import and export commands do: progress bars, and the refused rows."""

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from core.importing.problems import RowProblem
from core.importing.refused import write_refused
from core.importing.runs import READING, WRITING

SHOWN = 100
STAGES = {READING: "reading, kB", WRITING: "writing"}


class Report:
    """Refused rows: the first hundred for the screen, all of them on disk in the order of the file."""

    def __init__(self) -> None:
        self.first: list[RowProblem] = []
        self.count = 0
        self.store = sqlite3.connect("")
        self.store.execute("CREATE TABLE problem (row INT, line INT, field TEXT, code TEXT, detail TEXT)")

    def add(self, problems: list[RowProblem]) -> None:
        """Take some more."""
        self.count += len(problems)
        self.first += problems[: SHOWN - len(self.first)]
        self.store.executemany("INSERT INTO problem VALUES (?, ?, ?, ?, ?)", problems)

    def in_order(self) -> Iterator[RowProblem]:
        """All of them."""
        return (RowProblem(*row) for row in self.store.execute("SELECT * FROM problem ORDER BY row"))

    def show(self, output: Any) -> None:
        """Write the first of them to a terminal."""
        for item in self.first:
            field = f"{item.field}: " if item.field else ""
            output.write(f"refused row {item.row} (line {item.line}), {field}{item.code}. {item.detail}")
        if self.count > len(self.first):
            output.write(f"… and {self.count - len(self.first)} more; --errors FILE writes them all.")

    def save(self, path: Path, source: Path, *, encoding: str = "") -> None:
        """Write every refused row of `source` to a CSV file, with its reason."""
        with path.open("w", newline="") as output:
            write_refused(source, self.in_order(), output, encoding=encoding)


class ProgressBars:
    """One bar for each of the stages, of an import unless told; used with `with`."""

    def __init__(self, stages: Mapping[str, str] = STAGES, *, hidden: bool) -> None:
        self._stages = stages
        columns = (TextColumn("{task.description:>12}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bars = Bars(*columns, console=Console(stderr=True), disable=hidden)
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> "ProgressBars":
        self._bars.__enter__()
        for stage, name in self._stages.items():
            self._tasks[stage] = self._bars.add_task(name, total=None)
        return self

    def __exit__(self, *error: Any) -> None:
        self._bars.__exit__(*error)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage is."""
        unit = 1000 if stage == READING else 1
        self._bars.update(self._tasks[stage], completed=done // unit, total=total // unit)
