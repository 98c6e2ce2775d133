"""Secrets a first run makes for itself, in debug only: the Django secret and the RS256 pair for tokens."""

import os
import secrets
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import environment
from gateway.keyring import new_private_key


def _write_once(path: Path, content: bytes) -> bytes:
    """Create `path` with `content` unless another process was first; return what stands there."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    try:
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary)
    return path.read_bytes()


def secret_key() -> str:
    """AUTOSALON_SECRET_KEY, or in debug a random one kept in the data folder."""
    given = environment.text("SECRET_KEY")
    if given:
        return given
    if not environment.DEBUG:
        raise ImproperlyConfigured("AUTOSALON_SECRET_KEY is required outside debug (or set AUTOSALON_DEBUG=on)")
    path = environment.DATA_DIR / "keys" / "secret_key"
    if path.exists():
        return path.read_text()
    return _write_once(path, secrets.token_urlsafe(64).encode()).decode()


def jwt_private_key_file() -> Path | None:
    """File of the key that signs access tokens; None in a process that only verifies them.

    AUTOSALON_JWT_PRIVATE_KEY_FILE, or in debug one made on the first run and kept in the data folder. The keys before
    and after it stand beside it (`gateway.keyring`).
    """
    named = environment.text("JWT_PRIVATE_KEY_FILE")
    if named:
        return Path(named).resolve()
    if not environment.DEBUG:
        return None
    path = environment.DATA_DIR / "keys" / "jwt_private.pem"
    if not path.exists():
        _write_once(path, new_private_key())
    return path


def jwt_public_key_files() -> list[Path]:
    """Files and folders of PEMs that verify access tokens beside the private key's own: AUTOSALON_JWT_PUBLIC_KEY_FILES.

    Raises ImproperlyConfigured for one that is not there.
    """
    places = [Path(name).resolve() for name in environment.words("JWT_PUBLIC_KEY_FILES")]
    if missing := [str(place) for place in places if not place.exists()]:
        raise ImproperlyConfigured(f"AUTOSALON_JWT_PUBLIC_KEY_FILES: not there: {', '.join(missing)}")
    return places


def sealing_keys() -> list[str]:
    """Secrets that encryption at rest derives its keys from: AUTOSALON_SEALING_KEYS, newest first; else SECRET_KEY."""
    return environment.words("SEALING_KEYS") or [secret_key()]
