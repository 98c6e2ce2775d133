"""Tables sent as files: a line at a time, so that a long one needs no more memory than a short one."""

import csv
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

PIECE = 500
"""Lines sent at a time."""


class _Echo:
    """What a CSV writer writes to, to be given its line back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Rows as lines of CSV."""
    writer: Callable[[Any], Any] = csv.writer(_Echo()).writerow
    return (writer(row) for row in rows)


def in_pieces(lines: Iterator[str]) -> Iterator[bytes]:
    """Lines, some hundreds at a time."""
    while piece := "".join(islice(lines, PIECE)).encode():
        yield piece


def streamed(request: HttpRequest, pieces: Iterator[bytes], content_type: str, **headers: str) -> StreamingHttpResponse:
    """An answer that sends its pieces as they are made; none of them is empty."""
    sent = _without_blocking(pieces) if isinstance(request, ASGIRequest) else pieces
    return StreamingHttpResponse(sent, content_type=content_type, headers=headers)


def csv_file(request: HttpRequest, rows: Iterable[Iterable[Any]], filename: str) -> StreamingHttpResponse:
    """An answer that is a CSV file to be kept."""
    answer = streamed(request, in_pieces(csv_lines(rows)), "text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{filename}"'
    return answer


async def _without_blocking(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Under ASGI a plain iterator would be read to its end before the first byte is sent."""
    while piece := await sync_to_async(lambda: next(pieces, b""))():
        yield piece
