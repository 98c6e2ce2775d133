"""Refused rows as a file of their own: each as it stood in the file, after the reason it was refused."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from core.files.tables import csv_lines
from core.importing.problems import RowProblem
from core.importing.reader import open_table


def write_refused(path: Path, problems: Iterable[RowProblem], output: Any, *, encoding: str = "") -> None:
    """Write a CSV of the refused rows; `problems` come in the order of their rows.

    The first five columns say where and why; whoever has mended the others can import the file as it is.
    """
    output.writelines(csv_lines(refused_rows(path, problems, encoding=encoding)))


def refused_rows(path: Path, problems: Iterable[RowProblem], *, encoding: str = "") -> Iterator[list[str]]:
    """The header and the rows of that CSV, read out of the file once more in one pass."""
    waiting = iter(problems)
    problem = next(waiting, None)
    with open_table(path, encoding=encoding) as table:
        yield [*RowProblem._fields, *table.header]
        for row in table.rows():
            while problem is not None and problem.row == row.number:
                yield [str(part) for part in problem] + _whole(row.cells, len(table.header))
                problem = next(waiting, None)
            if problem is None:
                return


def _whole(cells: Sequence[str], width: int) -> list[str]:
    """Cells as wide as the header; a row that was quoted as a whole is read a second time."""
    if len(cells) == 1 < width:
        cells = next(csv.reader(cells), cells)
    return [*cells[:width], *[""] * (width - len(cells))]
