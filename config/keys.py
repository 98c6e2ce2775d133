"""Secrets a first run makes for itself, in debug only: the Django secret and the RS256 pair for tokens."""

import os
import secrets
import tempfile
from pathlib import Path

from config.declared.access import Secrets
from config.declared.machine import Machine
from gateway.access.keyring import new_private_key


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
    if Secrets.SECRET_KEY:
        return Secrets.SECRET_KEY
    path = Machine.DATA_DIR / "keys" / "secret_key"
    if path.exists():
        return path.read_text()
    return _write_once(path, secrets.token_urlsafe(64).encode()).decode()


def jwt_private_key_file() -> Path | None:
    """File of the key that signs access tokens; None in a process that only verifies them.

    AUTOSALON_JWT_PRIVATE_KEY_FILE, or in debug one made on the first run and kept in the data folder. The keys before
    and after it stand beside it (`gateway.access.keyring`).
    """
    if Secrets.JWT_PRIVATE_KEY_FILE or not Machine.DEBUG:
        return Secrets.JWT_PRIVATE_KEY_FILE
    path = Machine.DATA_DIR / "keys" / "jwt_private.pem"
    if not path.exists():
        _write_once(path, new_private_key())
    return path


def sealing_keys() -> list[str]:
    """Secrets that encryption at rest derives its keys from: AUTOSALON_SEALING_KEYS, else the secret key and the former
    ones. The first seals, all open."""
    return Secrets.SEALING_KEYS or [secret_key(), *Secrets.SECRET_KEY_FALLBACKS]
