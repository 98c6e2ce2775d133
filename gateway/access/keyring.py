"""The keys of access tokens, read from their files again whenever those change: rotation needs no restart.

Beside the private key may stand the next one (`jwt_next.pem`: published, not yet signing) and a folder `jwt_public`
with every public half that verifies: `<kid>.pem`, and `<kid>.old.pem` for a key that signs no more. A retired key
verifies until the last token it signed has expired. A process without the private key is given that folder, or single
files, by AUTOSALON_JWT_PUBLIC_KEY_FILES.
"""

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings

LOOK_EVERY_S = 1.0
RETIRED = ".old.pem"
_lock = threading.Lock()


def key_id(public_pem: str) -> str:
    """`kid` of a key: a fingerprint of its public half."""
    return hashlib.sha256(public_pem.strip().encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Ring:
    """The keys as their files were: `signing` is (kid, private PEM) where this process may sign."""

    signing: tuple[str, str] | None
    public: dict[str, Any]


@dataclass(frozen=True)
class _Seen:
    ring: Ring
    stamp: tuple[Any, ...]
    places: tuple[Any, ...]
    looked_at: float


_seen: _Seen | None = None


def ring(*, now: bool = False) -> Ring:
    """The keys of today. Files are looked at once a second, or `now`."""
    global _seen
    seen, places = _seen, _places()
    if seen and seen.places == places and not now and time.monotonic() - seen.looked_at < LOOK_EVERY_S:
        return seen.ring
    with _lock:
        stamp = tuple(_stamp(path) for path in _files())
        same = seen is not None and seen.places == places and seen.stamp == stamp
        _seen = _Seen(seen.ring if same and seen else _read(), stamp, places, time.monotonic())
        return _seen.ring


def public_keys(kid: str | None = None) -> dict[str, Any]:
    """Verification keys by `kid`, the signing one first; a `kid` nobody knows is looked for in the files at once."""
    keys = ring().public
    return keys if kid is None or kid in keys else ring(now=True).public


def signing_key() -> tuple[str, str]:
    """(kid, private PEM) of the key that signs. Raises RuntimeError in a process that has none."""
    found = ring().signing
    if found is None:
        raise RuntimeError("this process has no private key: AUTOSALON_JWT_PRIVATE_KEY_FILE")
    return found


def prepare(folder: Path) -> str:
    """Make the next key and publish its public half; return its `kid`. One that is prepared already stays."""
    path = folder / "jwt_next.pem"
    if not path.exists():
        _write(path, new_private_key())
    return _publish(folder, path.read_bytes())


def rotate(private: Path) -> tuple[str, str]:
    """Let the prepared key, or a new one, sign from now on; return (its kid, the retired kid).

    The retired key's private half is gone for good; its public half verifies until its last token has expired.
    """
    folder = private.parent
    retired, new = _publish(folder, private.read_bytes()), prepare(folder)
    shown = folder / "jwt_public"
    (shown / f"{retired}.pem").replace(shown / f"{retired}{RETIRED}")
    os.utime(shown / f"{retired}{RETIRED}")
    (folder / "jwt_next.pem").replace(private)
    for path in shown.glob(f"*{RETIRED}"):
        if _is_forgotten(path):
            path.unlink()
    return new, retired


def new_private_key() -> bytes:
    """A fresh RSA key, PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _publish(folder: Path, private_pem: bytes) -> str:
    public = _public_half(private_pem)
    kid = key_id(public)
    (folder / "jwt_public").mkdir(mode=0o755, exist_ok=True)
    _write(folder / "jwt_public" / f"{kid}.pem", public.encode(), mode=0o644)
    return kid


def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
    """All of it or nothing: a process that looks meanwhile never sees half a key."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), mode)
    os.replace(temporary, path)


@lru_cache(maxsize=8)
def _public_half(private_pem: bytes) -> str:
    private = serialization.load_pem_private_key(private_pem, password=None)
    return (
        private.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def _places() -> tuple[Any, ...]:
    return (settings.JWT_PRIVATE_KEY_FILE, *settings.JWT_PUBLIC_KEY_FILES)


def _files() -> Iterator[Path]:
    """Every file with a key: the private one, then public ones."""
    private: Path | None = settings.JWT_PRIVATE_KEY_FILE
    if private is not None:
        yield private
        yield from sorted((private.parent / "jwt_public").glob("*.pem"))
    for place in settings.JWT_PUBLIC_KEY_FILES:
        yield from sorted(place.glob("*.pem")) if place.is_dir() else [place]


def _stamp(path: Path) -> tuple[Any, ...]:
    try:
        state = path.stat()
    except FileNotFoundError:
        return (str(path),)
    is_verifying = not (path.name.endswith(RETIRED) and _is_forgotten(path))
    return (str(path), state.st_mtime_ns, state.st_ino, is_verifying)


def longest_lifetime_s() -> int:
    """Seconds that the longest-lived access token lives: the house's own, or one that a client asked for."""
    lifetime: Any = settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]
    return max(int(lifetime.total_seconds()), settings.CONTRACT_TOKEN_SECONDS_MAX)


def _is_forgotten(path: Path) -> bool:
    """Tell whether every token signed by a retired key has expired; a minute more for clocks that differ."""
    try:
        return time.time() - path.stat().st_mtime > longest_lifetime_s() + 60
    except FileNotFoundError:
        return True


def _read() -> Ring:
    private: Path | None = settings.JWT_PRIVATE_KEY_FILE
    signing, pems = None, []
    for path in _files():
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        if path == private:
            pems.append(_public_half(content))
            signing = (key_id(pems[0]), content.decode())
        elif not (path.name.endswith(RETIRED) and _is_forgotten(path)):
            pems.append(content.decode())
    return Ring(signing, {key_id(pem): serialization.load_pem_public_key(pem.encode()) for pem in pems})
