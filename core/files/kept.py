"""Files that were uploaded, wherever they are kept: in folders of this machine, or in buckets of another one.

`pictures` are for everybody to see. Every other storage is private: `default` holds uploaded lists, `private` papers
and signatures. Nothing but this module may ask a storage for the path of a file: a bucket has none.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePath
from tempfile import NamedTemporaryFile
from typing import Any

from django.core.files.storage import FileSystemStorage, Storage, storages

from core.errors import NotFound
from core.files.whole import replacing

PICTURES, LISTS, PAPERS = "pictures", "default", "private"
KEPT = {PICTURES: "media", LISTS: "media", PAPERS: "private"}
"""Every storage of uploaded files, and its folder of the data folder; pictures and lists share one there."""
PICTURES_FOLDER = "products"


def picture_files() -> Storage:
    """Return where pictures of products are kept."""
    return storages[PICTURES]


@contextmanager
def local_copy(file: Any) -> Iterator[Path]:
    """Yield a path at which an uploaded file (a FieldFile) can be read: its own, or a copy for the time.

    Raises NotFound where it is gone, Unavailable where the bucket does not answer.
    """
    if isinstance(file.storage, FileSystemStorage):
        yield Path(file.storage.path(file.name))
        return
    with NamedTemporaryFile(prefix="autosalon-", suffix="".join(PurePath(file.name).suffixes[-2:])) as copy:
        try:
            with file.storage.open(file.name) as kept:
                shutil.copyfileobj(kept, copy)
        except FileNotFoundError:
            raise NotFound from None
        copy.flush()
        yield Path(copy.name)


def kept_in(kind: str, folder: str = "") -> Iterator[str]:
    """Name every file that a storage holds, less what lies beside it in the same folder."""
    return (name for name in names_in(storages[kind], folder) if belongs(kind, name))


def belongs(kind: str, name: str) -> bool:
    """Tell whether a file of that name is of this storage, and not of one that shares its folder."""
    return kind == PAPERS or name.startswith(f"{PICTURES_FOLDER}/") == (kind == PICTURES)


def names_in(storage: Storage, folder: str = "") -> Iterator[str]:
    """Name every file of a storage, folder by folder."""
    try:
        folders, files = storage.listdir(folder)
    except FileNotFoundError:
        return
    yield from (f"{folder}/{name}".lstrip("/") for name in sorted(files))
    for name in sorted(folders):
        yield from names_in(storage, f"{folder}/{name}".lstrip("/"))


def rewrite(storage: Storage, name: str, change: Callable[[bytes], bytes | None]) -> bool:
    """Put what `change` makes of a file in its place; return whether it did: None leaves the file as it is.

    Whoever reads meanwhile has the old file or the new one, whole. A file that is deleted meanwhile stays away.
    """
    if not isinstance(storage, FileSystemStorage):
        return bool(storage.rewrite(name, change))  # type: ignore[attr-defined]  # a Bucket; see files.buckets
    place = Path(storage.path(name))
    try:
        content = change(place.read_bytes())
        if content is None:
            return False
        with replacing(place, mode=0o600) as output:
            output.write(content)
            place.stat()
    except FileNotFoundError:
        return False
    return True
