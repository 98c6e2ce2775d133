"""Record where the instance of this checkout answers: commands speak to it, and never to another checkout's."""

import contextlib
import fcntl
from pathlib import Path


def supervisor_pid(data_dir: Path) -> int | None:
    """Pid of a running `manage.py up` of this data folder."""
    file = data_dir / "run" / "up.lock"
    if not file.exists():
        return None
    with file.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            return int(lock.read() or 0)
    return None


def store_port(data_dir: Path, port: int) -> None:
    """Keep the web port of the instance that has just claimed this data folder."""
    (data_dir / "run" / "port").write_text(str(port))


def running_address(data_dir: Path) -> str:
    """Address of the running instance of this data folder; empty when none runs."""
    if supervisor_pid(data_dir) is not None:
        with contextlib.suppress(OSError, ValueError):
            return f"http://127.0.0.1:{int((data_dir / 'run' / 'port').read_text())}"
    return ""
