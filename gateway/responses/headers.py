"""Set headers that are known to be plain at once: Django checks and encodes each name and value anew."""

from collections.abc import Iterable, Mapping

from django.http import HttpResponse


def ready(headers: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return headers as `put` takes them: by the name in small letters. They are ours: ASCII, without line breaks."""
    return {name.lower(): (name, value) for name, value in headers.items()}


def put(response: HttpResponse, headers: Mapping[str, tuple[str, str]]) -> None:
    """Set headers made by `ready`, in place of those of the same names."""
    response.headers._store.update(headers)


def put_missing(response: HttpResponse, headers: Iterable[tuple[str, tuple[str, str]]]) -> None:
    """Set those headers made by `ready` that the answer has not got."""
    store = response.headers._store
    for name, header in headers:
        store.setdefault(name, header)
