"""Files that no row names: of a process that died between file and row, or of a bucket that was away in an erasure.

Whoever was erased has no row any more, so nothing else would ever find what is left of them.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import structlog
from django.core.files.storage import Storage, storages
from django.db.models import Model

from core.files.kept import names_in

AGE = timedelta(days=1)
"""A file stored a moment ago waits for its row."""
AT_ONCE = 500
FEW = 5
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Folder:
    """Folder of a storage, and how to tell which of some names rows hold."""

    kind: str
    name: str
    known: Callable[[Collection[str]], set[str]]


_folders: dict[str, list[Folder]] = {}


def names_files(model: type[Model], column: str, *, kind: str, folder: str) -> None:
    """Declare that a column names all the files of a folder: one that it names no more is an orphan."""
    app = model._meta.app_label

    def known(names: Collection[str]) -> set[str]:
        rows = model._default_manager.using(app).filter(**{f"{column}__in": names})
        return set(rows.values_list(column, flat=True))

    _folders.setdefault(app, []).append(Folder(kind, folder, known))


def delete_orphans(app: str, *, now: datetime) -> int:
    """Delete an app's files that no row has named for a day; return how many.

    Where they are more than the files that rows name, nothing is deleted: that is another database than the files'.
    """
    return sum(_sweep(app, folder, now) for folder in _folders.get(app, ()))


def _sweep(app: str, folder: Folder, now: datetime) -> int:
    storage, orphans, held = storages[folder.kind], list[str](), 0
    names = names_in(storage, folder.name)
    while portion := list(islice(names, AT_ONCE)):
        known = folder.known(portion)
        held += len(known)
        orphans += [name for name in portion if name not in known and _is_old(storage, name, now)]
    if len(orphans) > max(held, FEW):
        log.error("orphans_outnumber_rows", app=app, folder=folder.name, orphans=len(orphans), held=held)
        return 0
    for name in orphans:
        storage.delete(name)
        log.info("orphan_deleted", app=app, folder=folder.name)
    return len(orphans)


def _is_old(storage: Storage, name: str, now: datetime) -> bool:
    try:
        return storage.get_modified_time(name) < now - AGE
    except FileNotFoundError:
        return False
