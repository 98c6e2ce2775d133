"""Photos at addresses that price lists name: only from the open internet, only pictures, only so many bytes."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpcore2
import httpx2
from django.conf import settings

from core.outside.open_internet import FAULTS, HostNotFound, UrlRefused, check_url, exchange, header, retry_after

TIMEOUT_S = 30.0
MAX_BYTES = 15 << 20
MAX_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)
TRY_LATER = (408, 425, 429)
_BEGINNINGS = ((0, b"\xff\xd8\xff"), (0, b"\x89PNG\r\n\x1a\n"), (8, b"WEBP"))
"""Where and how the bytes of JPEG, PNG and WebP begin, whatever the server calls them."""
_SNIFFED = 12
_HEADERS = [
    ("User-Agent", "Autosalon-Photos/1.0"),
    ("Accept", "image/jpeg, image/png, image/webp"),
    ("Accept-Encoding", "identity"),
    ("Connection", "close"),
]


class NoPhoto(Exception):
    """There is no photo at the address that we could use; asking again would not change that."""


class PhotoAway(Exception):
    """No answer, or one that says "later": in `wait_s` seconds, if the host named them."""

    def __init__(self, detail: str, wait_s: float | None = None) -> None:
        super().__init__(detail)
        self.wait_s = wait_s


def parse_host(address: str) -> str:
    """The host that an address names; empty when it names none."""
    try:
        return httpx2.URL(address).raw_host.decode("ascii").lower()[:255]
    except (httpx2.InvalidURL, ValueError):
        return ""


def fetch(address: str) -> bytes:
    """The bytes of a photo, following redirects. Raises NoPhoto, PhotoAway, InsideTransaction."""
    deadline = time.monotonic() + TIMEOUT_S
    try:
        for _ in range(MAX_REDIRECTS + 1):
            found = _look(address, deadline)
            if isinstance(found, bytes):
                return found
            address = found
    except HostNotFound as error:
        raise PhotoAway(str(error)) from error
    except UrlRefused as error:
        raise NoPhoto(str(error)) from error
    except FAULTS as error:
        raise PhotoAway(f"{type(error).__name__}: {error}") from error
    except (httpx2.InvalidURL, ValueError) as error:
        raise NoPhoto("The address leads on to something that is no URL.") from error
    raise NoPhoto(f"The address leads on more than {MAX_REDIRECTS} times.")


def _look(address: str, deadline: float) -> bytes | str:
    """Fetch what is at an address: the photo, or the address it leads on to."""
    may_be_private = settings.PHOTOS_ALLOW_PRIVATE
    url = check_url(address.partition("#")[0], may_be_private=may_be_private, needs_https=False)
    with exchange("GET", url, _HEADERS, may_be_private=may_be_private, deadline=deadline) as response:
        if response.status in REDIRECTS:
            return str(url.join(header(response.headers, b"location")))
        _refuse_status(response)
        return _read(response)


def _refuse_status(response: httpcore2.Response) -> None:
    if response.status >= 500 or response.status in TRY_LATER:
        raise PhotoAway(f"HTTP {response.status}", retry_after(response.headers, datetime.now(UTC)))
    if response.status != 200:
        raise NoPhoto(f"HTTP {response.status}")


def _read(response: httpcore2.Response) -> bytes:
    """The body, given up as soon as it is known to be too long, or no picture."""
    length = header(response.headers, b"content-length")
    if length.isdecimal() and int(length[:18]) > MAX_BYTES:
        raise NoPhoto(f"The photo is larger than {MAX_BYTES >> 20} MB.")
    found = bytearray()
    chunks: Iterator[bytes] = response.iter_stream()
    for chunk in chunks:
        before = len(found)
        found += chunk
        if before < _SNIFFED <= len(found):
            _refuse_others(found)
        if len(found) > MAX_BYTES:
            raise NoPhoto(f"The photo is larger than {MAX_BYTES >> 20} MB.")
    _refuse_others(found)
    return bytes(found)


def _refuse_others(found: bytearray) -> None:
    if not any(found[at : at + len(mark)] == mark for at, mark in _BEGINNINGS):
        raise NoPhoto("What is there is neither JPEG nor PNG nor WebP.")
