"""Secrets a first run makes for itself, in debug only: the Django secret and the RS256 pair for tokens."""

import os
import secrets
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.exceptions import ImproperlyConfigured

from config import environment


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


def _new_private_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def jwt_private_key() -> str:
    """PEM that signs access tokens; empty in a process that only verifies them.

    From AUTOSALON_JWT_PRIVATE_KEY_FILE, or in debug made on the first run and kept in the data folder.
    """
    named = environment.text("JWT_PRIVATE_KEY_FILE")
    if named:
        return Path(named).read_text()
    if not environment.DEBUG:
        return ""
    path = environment.DATA_DIR / "keys" / "jwt_private.pem"
    if path.exists():
        return path.read_text()
    return _write_once(path, _new_private_key()).decode()


def jwt_public_keys(private_pem: str) -> list[str]:
    """PEMs that verify access tokens: AUTOSALON_JWT_PUBLIC_KEY_FILES, and the public half of the private key."""
    pems = [Path(name).read_text() for name in environment.words("JWT_PUBLIC_KEY_FILES")]
    if private_pem:
        private = serialization.load_pem_private_key(private_pem.encode(), password=None)
        public = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        pems.insert(0, public.decode())
    return list(dict.fromkeys(pems))
