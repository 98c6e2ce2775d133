"""The list of erasures: outside every database, so that a backup that is restored brings back nobody who was erased.

One small file for each person, named by their id, with the moment in it; it tells nothing else of anybody.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings

from core.files.whole import replacing


def record(user_id: UUID, erased_at: datetime) -> None:
    """Write an erasure down, whole or not at all. Harmless when repeated. Raises OSError."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with replacing(folder / str(user_id), mode=0o600) as file:
        file.write(erased_at.isoformat().encode())


def known(folder: Path | None = None) -> Iterator[tuple[UUID, datetime]]:
    """Everybody who was erased, and when; of this installation, or of a copy of its list in `folder`."""
    place = folder or _folder()
    for path in sorted(place.iterdir()) if place.exists() else ():
        if not path.name.endswith(".part"):
            yield UUID(path.name), datetime.fromisoformat(path.read_text())


def _folder() -> Path:
    return Path(settings.ERASURES_DIR)
