"""Copy every uploaded file out of the storages into a folder, or from such a folder into the storages."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.files import File
from django.core.files.storage import storages
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from core.errors import Unavailable
from core.files.kept import KEPT, belongs, kept_in
from core.files.whole import replacing


class Command(BaseCommand):
    """`manage.py copy_files --to FOLDER | --from FOLDER`; a data folder is such a folder. Safe to repeat.

    Files go one by one, piece by piece; what is there with as many bytes is left. Papers stay sealed.
    """

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        way = parser.add_mutually_exclusive_group(required=True)
        way.add_argument("--to", type=Path, help="is made where it is missing, for nobody else to read")
        way.add_argument("--from", type=Path, dest="source", help="what --to wrote, or a data folder")

    def handle(self, *args: Any, **options: Any) -> None:
        """Copy, and say how many files. Raises CommandError where a bucket does not answer."""
        source: Path | None = options["source"]
        if source and not source.is_dir():
            raise CommandError(f"{source} is no folder")
        try:
            for kind, name in KEPT.items():
                copied, found = _import(source / name, kind) if source else _export(kind, options["to"] / name)
                self.stdout.write(f"{kind}: {copied} of {found} files copied")
        except Unavailable as error:
            raise CommandError(f"a bucket does not answer: {error.__cause__}") from None


def _export(kind: str, folder: Path) -> tuple[int, int]:
    storage, names, copied = storages[kind], list(kept_in(kind)), 0
    for made in (folder.parent, folder):
        made.mkdir(exist_ok=True, mode=0o700)
    for name in _shown(names):
        place = folder / name
        if place.is_file() and place.stat().st_size == storage.size(name):
            continue
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with storage.open(name) as kept, replacing(place, mode=0o600) as output:
                shutil.copyfileobj(kept, output)
        except FileNotFoundError:
            continue  # deleted meanwhile
        copied += 1
    return copied, len(names)


def _import(folder: Path, kind: str) -> tuple[int, int]:
    storage, copied = storages[kind], 0
    names = [str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file()]
    names = [name for name in names if belongs(kind, name) and not name.endswith(".part")]
    for name in _shown(names):
        if storage.exists(name):
            if storage.size(name) == (folder / name).stat().st_size:
                continue
            storage.delete(name)
        with (folder / name).open("rb") as kept:
            storage.save(name, File(kept))
        copied += 1
    return copied, len(names)


def _shown(names: list[str]) -> Iterator[str]:
    with Progress(console=Console(file=sys.stderr), transient=True) as progress:
        yield from progress.track(names, description="files")
