"""Limit how much of a file is read, and what one row of it is."""

from dataclasses import dataclass
from typing import NamedTuple

ENDINGS = (".csv", ".csv.gz", ".gz", ".txt", ".xlsx")
"""Names of files that hold a table."""


@dataclass(frozen=True)
class Limits:
    """Limits of a file: unpacked bytes, and unpacked bytes per packed one."""

    max_bytes: int = 1 << 30
    max_ratio: int = 200


class Row(NamedTuple):
    """One data row: its number from 1, the line of the file it starts on, its cells."""

    number: int
    line: int
    cells: list[str]
