"""Tables sent as files: a line at a time, so that a long one needs no more memory than a short one."""

import tempfile
import zlib
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from core.files.tables import csv_lines, safe_row

PIECE = 500
"""Lines sent at a time."""
BLOCK = 64 * 1024
"""Bytes of a workbook sent at a time."""
FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "csv-gz": "application/gzip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""In what form a table is sent; its file ends with the name, a dash being a dot."""


def in_pieces(lines: Iterator[str]) -> Iterator[bytes]:
    """Lines, some hundreds at a time."""
    while piece := "".join(islice(lines, PIECE)).encode():
        yield piece


def encode_table(rows: Iterable[Iterable[Any]], kind: str) -> Iterator[bytes]:
    """A table in one of FORMATS, piece by piece."""
    if kind == "xlsx":
        return _workbook(rows)
    plain = in_pieces(csv_lines(rows))
    return _packed(plain) if kind == "csv-gz" else plain


def _packed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def _workbook(rows: Iterable[Iterable[Any]]) -> Iterator[bytes]:
    """A workbook is a zip archive: written to disk a row at a time, then sent from there."""
    from openpyxl import Workbook

    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet()
    for row in rows:
        sheet.append(safe_row(row))
    with tempfile.TemporaryFile() as file:
        workbook.save(file)
        file.seek(0)
        while block := file.read(BLOCK):
            yield block


def streamed(request: HttpRequest, pieces: Iterator[bytes], content_type: str, **headers: str) -> StreamingHttpResponse:
    """An answer that sends its pieces as they are made; none of them is empty."""
    sent = _without_blocking(pieces) if isinstance(request, ASGIRequest) else pieces
    return StreamingHttpResponse(sent, content_type=content_type, headers=headers)


def csv_file(request: HttpRequest, rows: Iterable[Iterable[Any]], filename: str) -> StreamingHttpResponse:
    """An answer that is a CSV file to be kept."""
    return table_file(request, rows, filename.removesuffix(".csv"), "csv")


def table_file(request: HttpRequest, rows: Iterable[Iterable[Any]], name: str, kind: str) -> StreamingHttpResponse:
    """An answer that is a table in one of FORMATS, to be kept under a name without its ending."""
    answer = streamed(request, encode_table(rows, kind), FORMATS[kind])
    answer["Content-Disposition"] = f'attachment; filename="{name}.{kind.replace("-", ".")}"'
    return answer


async def _without_blocking(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Under ASGI a plain iterator would be read to its end before the first byte is sent."""
    while piece := await sync_to_async(lambda: next(pieces, b""))():
        yield piece
