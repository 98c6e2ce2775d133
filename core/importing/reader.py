"""Streams the rows of a CSV, CSV.gz or XLSX file: bounded memory, encoding and delimiter found, bombs refused."""

import codecs
import csv
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Protocol

from core.importing.limits import Limits, Row
from core.importing.problems import Unreadable
from core.importing.workbook import is_workbook, open_workbook

SAMPLE_BYTES = 1 << 20
MAX_CELL = 200_000
BOMB_CHECK_FROM = 16 << 20
_DELIMITERS = ",;\t|"


class _Counted(io.RawIOBase):
    """Counts what is read and stops at the limits."""

    def __init__(self, source: IO[bytes], packed: IO[bytes], limits: Limits) -> None:
        self.source, self.packed, self.limits, self.count = source, packed, limits, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        data = self.source.read(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        self._check()
        return len(data)

    def _check(self) -> None:
        if self.count > self.limits.max_bytes:
            raise Unreadable("file_too_large", f"The file holds more than {self.limits.max_bytes:,} bytes.")
        if self.source is self.packed or self.count < BOMB_CHECK_FROM:
            return
        if self.count > self.limits.max_ratio * max(1, self.packed.tell()):
            raise Unreadable("zip_bomb", f"The file unpacks to more than {self.limits.max_ratio} times its size.")


class Table(Protocol):
    """An open file: `header`, then `rows()` once; `position` of `size` is read."""

    header: list[str]
    size: int
    encoding: str

    @property
    def position(self) -> int:
        """Return how far the reading is, of `size`, for a progress bar."""

    def rows(self) -> Iterator[Row]:
        """Every row that is not wholly blank. Raises Unreadable."""


class TextTable:
    """A table of delimited text."""

    def __init__(self, raw: IO[bytes], stream: IO[str], size: int, encoding: str) -> None:
        self._raw, self.size, self.encoding = raw, size, encoding
        self._line = 1
        with _explained(self):
            first = stream.readline(MAX_CELL)
            if not first.strip():
                raise Unreadable("empty_file", "The file has no header.")
            delimiter = max(_DELIMITERS, key=first.count)
            self.header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter))]
        self._reader = csv.reader(stream, delimiter=delimiter)

    @property
    def position(self) -> int:
        """Bytes read so far of `size`, for a progress bar."""
        return self._raw.tell()

    @property
    def line(self) -> int:
        """The line that is being read."""
        return self._line

    def rows(self) -> Iterator[Row]:
        """Every row that is not wholly blank. Raises Unreadable."""
        number = 0
        with _explained(self):
            self._line = 2
            for cells in self._reader:
                line, self._line = self._line, self._reader.line_num + 2
                if any(cells):
                    number += 1
                    yield Row(number, line, cells)


@contextmanager
def open_table(path: Path, *, limits: Limits | None = None, encoding: str = "") -> Iterator[Table]:
    """Open a file; whatever is wrong with the file as a whole is raised as Unreadable, here or while reading."""
    csv.field_size_limit(MAX_CELL)
    if is_workbook(path):
        with open_workbook(path, limits or Limits()) as workbook:
            yield workbook
        return
    with ExitStack() as stack:
        with _explained():
            chosen = _known(encoding) if encoding else _detect(path, limits or Limits())
            raw = stack.enter_context(path.open("rb"))
            binary = io.BufferedReader(_Counted(_unpacked(raw), raw, limits or Limits()), 1 << 16)
            stream = stack.enter_context(io.TextIOWrapper(binary, encoding=chosen, newline=""))
            table = TextTable(raw, stream, path.stat().st_size, chosen)
        yield table


@contextmanager
def _explained(table: TextTable | None = None) -> Iterator[None]:
    """Say in words what reading failed with."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Unreadable("broken_gzip", f"The gzip file is damaged or cut off ({error}).") from error
    except UnicodeError as error:
        raise Unreadable(
            "wrong_encoding", "The text is not in one encoding throughout.", line=_get_line(table)
        ) from error
    except csv.Error as error:
        raise Unreadable("broken_csv", f"Not a row of CSV ({error}).", line=_get_line(table)) from error
    except OSError as error:
        raise Unreadable("unreadable_file", f"The file cannot be opened: {error.strerror or error}.") from error


def _get_line(table: TextTable | None) -> int:
    return table.line if table else 0


def _known(encoding: str) -> str:
    try:
        found = codecs.lookup(encoding)
    except (LookupError, ValueError) as error:  # ValueError: a name with a NUL in it
        raise Unreadable("wrong_encoding", f"There is no encoding {encoding}.") from error
    if not found._is_text_encoding:
        raise Unreadable("wrong_encoding", f"{encoding} is no encoding of text.")
    return found.name


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    is_gzip = raw.read(2) == b"\x1f\x8b"
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if is_gzip else raw  # type: ignore[return-value]


def _detect(path: Path, limits: Limits) -> str:
    """Encoding by the first megabyte: a byte-order mark, else UTF-8, else Windows-1251 where it reads as Russian,
    else Windows-1252 where it reads as a language of Western Europe."""
    with path.open("rb") as raw:
        sample = io.BufferedReader(_Counted(_unpacked(raw), raw, limits)).read(SAMPLE_BYTES)
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if b"\x00" in sample:
        raise Unreadable("not_text", "The file is not text: CSV or CSV.gz is expected.")
    if _is_utf8(sample):
        return "utf-8-sig"
    if _reads_as_russian(sample):
        return "cp1251"
    if _reads_as_western(sample):
        return "cp1252"
    raise Unreadable("wrong_encoding", "The text is neither UTF-8 nor Windows-1251 nor Windows-1252.")


def _is_utf8(sample: bytes) -> bool:
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        return error.start >= SAMPLE_BYTES - 4  # the sample ends inside a character
    return True


def _reads_as_russian(sample: bytes) -> bool:
    beyond = [letter for letter in sample.decode("cp1251", errors="replace") if letter > "\x7f"]
    russian = sum("А" <= letter <= "я" or letter in "Ёё№₽\xa0" for letter in beyond)
    return russian > 0.8 * len(beyond)


def _reads_as_western(sample: bytes) -> bool:
    beyond = [letter for letter in sample.decode("cp1252", errors="replace") if letter > "\x7f"]
    western = sum(letter in "ÄÖÜäöüßÉÈÊÀÂÇÎÔÛéèêàâçîïôùûëñÑóíáúìòåÅæÆøØ£€°²\xa0–’“”„" for letter in beyond)
    return western > 0.8 * len(beyond)
