"""Rows for files that people open in a spreadsheet: no cell is taken for a formula."""

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from core.importing.text import shielded

_PLAIN = re.compile(r"[+-]?\d+([.,]\d+)?(; \+\d+)*")
"""A number, or phones: a spreadsheet takes them for a number at worst."""


class _Echo:
    """Give a CSV writer its line back."""

    def write(self, line: str) -> str:
        return line


def safe_row(cells: Iterable[Any]) -> list[Any]:
    """Shield each text that a spreadsheet would run as a formula; `core.importing` takes the shield off again."""
    return [shielded(cell) if isinstance(cell, str) and cell and not _PLAIN.fullmatch(cell) else cell for cell in cells]


def csv_lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Write rows as lines of CSV."""
    writer: Callable[[Any], Any] = csv.writer(_Echo()).writerow
    return (writer(safe_row(row)) for row in rows)
