"""Take the pictures of docs/img from a running fleet: `make pictures`, or `make pictures ARGS="--only home board"`."""

import argparse
import os
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

import django


def main() -> int:
    """Take what is missing, or what was asked for; the exit code tells whether all is there."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from rich.progress import Progress

    from tests.pictures import index
    from tests.pictures.pages import list_pictures

    arguments = parse_arguments()
    chosen = [one for one in list_pictures() if not arguments.only or one.page.name in arguments.only]
    is_anew = bool(arguments.only) or arguments.anew
    wanted = [one for one in chosen if is_anew or not (index.IMAGES / one.file).exists()]
    failed: list[str] = []
    with Progress() as progress:
        task = progress.add_task("", total=len(wanted))
        for described, done in take(wanted, arguments.folder, failed) if wanted else ():
            progress.update(task, description=described, advance=done)
    index.write()
    print(*failed, sep="\n", file=sys.stderr)
    taken = sum((index.IMAGES / one.file).exists() for one in wanted)
    print(f"{taken} of {len(wanted)} pictures are there; {len(failed)} things to look at")
    return 0 if taken == len(wanted) else 1


def parse_arguments() -> argparse.Namespace:
    """Read which pictures are wanted, and where the fleet keeps its data."""
    from django.conf import settings

    parser = argparse.ArgumentParser(prog="make pictures", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="pages by name, taken anew")
    parser.add_argument("--anew", action="store_true", help="take those that are there already, too")
    parser.add_argument(
        "--folder", type=Path, default=settings.DATA_DIR / "pictures", help="where the fleet's data lie"
    )
    return parser.parse_args()


def take(wanted: list, folder: Path, failed: list[str]) -> Iterator[tuple[str, int]]:
    """Start the fleet, prepare it and take pictures; yields what is done and how many pictures that was."""
    from tests.pictures import fleet, story
    from tests.product import HELD

    HELD["response"].clear()  # what a fleet answers is held against the document by tests, not here
    yield "a fleet with a year of demo data", 0
    with fleet.running(folder) as port:
        ids: dict[str, str] = {}
        for part in story.prepare(port, folder / "story.json", ids):
            yield part, 0
        ids["tomorrow"] = (datetime.now(story.MOSCOW) + timedelta(days=1)).date().isoformat()
        for file in take_all(wanted, port, ids, failed):
            yield file, 1


def take_all(wanted: list, port: int, ids: dict[str, str], failed: list[str]) -> Iterator[str]:
    """Take pictures look by look; yields the file of each, and notes what is not there and what is wrong on a page."""
    from tests.pictures import camera, index

    states: dict[str, object] = {}
    for _look, pictures in groupby(wanted, key=lambda one: (one.page.who, one.language, one.size, one.scheme)):
        batch = list(pictures)
        with camera.opened(port, batch[0], states) as opened:
            for one in batch:
                try:
                    opened.take(one, one.page.address.format(**ids), index.IMAGES / one.file)
                except Exception as error:  # the others are taken all the same, and this one is named at the end
                    failed.append(f"{one.file}: {' '.join(str(error).split())[:300]}")
                yield one.file
            failed += opened.faults


if __name__ == "__main__":
    sys.exit(main())
