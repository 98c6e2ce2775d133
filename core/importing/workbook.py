"""Streams the rows of an Excel workbook: its first sheet that has any, a row at a time."""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from core.importing.limits import Limits, Row
from core.importing.problems import Unreadable

MAX_COLUMNS = 500


def is_workbook(path: Path) -> bool:
    """Tell whether the file is a zip archive, as XLSX is."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False  # said properly by whoever opens it next


class SheetTable:
    """A table of one sheet."""

    encoding = "xlsx"

    def __init__(self, sheet: Any) -> None:
        self.size = int(sheet.max_row or 0)
        self.position = 0
        self.header: list[str] = []
        for line, values in enumerate(sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS), 1):
            self.position = line
            self.header = _trimmed([_text(value).strip() for value in values])
            if self.header:
                break
        else:
            raise Unreadable("empty_file", "The file has no header.")
        # One cell beyond the header tells a row that is too wide; padding a million blank ones to 500 takes minutes.
        width = min(MAX_COLUMNS, len(self.header) + 1)
        below = sheet.iter_rows(min_row=self.position + 1, max_col=width, values_only=True)
        self._rows = enumerate(below, self.position + 1)

    def rows(self) -> Iterator[Row]:
        """Every row that is not wholly blank, as wide as the header unless it has more. Raises Unreadable."""
        number = 0
        with _explained():
            for line, values in self._rows:
                self.position = line
                cells = _trimmed([_text(value) for value in values])
                if cells:
                    number += 1
                    yield Row(number, line, cells + [""] * (len(self.header) - len(cells)))


@contextmanager
def open_workbook(path: Path, limits: Limits) -> Iterator[SheetTable]:
    """Open a workbook; whatever is wrong with it is raised as Unreadable."""
    from openpyxl import load_workbook

    _refuse_bomb(path, limits)
    with _explained():
        workbook = load_workbook(path, read_only=True, data_only=True)
    try:
        with _explained():
            if not workbook.worksheets:
                raise Unreadable("empty_file", "The workbook has no sheet.")
            table = SheetTable(workbook.worksheets[0])
        yield table
    finally:
        workbook.close()


def _refuse_bomb(path: Path, limits: Limits) -> None:
    with _explained(), zipfile.ZipFile(path) as archive:
        unpacked = sum(item.file_size for item in archive.infolist())
    if unpacked > limits.max_bytes:
        raise Unreadable("file_too_large", f"The file holds more than {limits.max_bytes:,} bytes.")
    if unpacked > (16 << 20) and unpacked > limits.max_ratio * max(1, path.stat().st_size):
        raise Unreadable("zip_bomb", f"The file unpacks to more than {limits.max_ratio} times its size.")


@contextmanager
def _explained() -> Iterator[None]:
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        yield
    except (zipfile.BadZipFile, InvalidFileException, ParseError, KeyError, ValueError, OSError, EOFError) as error:
        raise Unreadable("broken_workbook", f"The workbook is damaged, or no XLSX file ({error}).") from error


def _text(value: Any) -> str:
    """A cell as it would stand in a CSV file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


def _trimmed(cells: Sequence[str]) -> list[str]:
    """Without the empty cells at its end: a sheet is as wide as its widest row."""
    width = len(cells)
    while width and not cells[width - 1]:
        width -= 1
    return list(cells[:width])
