"""Write docs/img/README.md: every picture by page, and what is left out and why."""

from collections.abc import Iterator
from itertools import groupby

from tests.pictures.left_out import LEFT_OUT
from tests.pictures.pages import LANGUAGES, Page, Picture, list_pictures
from tests.product import ROOT

IMAGES = ROOT / "docs" / "img"
HEAD = """# Pictures of every main page

Taken by `make pictures` from a running fleet with a year of demo data; this page is written by it too, not by hand.
Each page is shown in Russian and English, at a desk in the light scheme and on a phone in the dark one; the most
important in all four looks of each language. `make pictures ARGS="--only home board"` takes some of them anew, and a
run goes on where the last one stopped. People, cars and sums come from the same seed; dates are those of the day on
which the pictures were taken.
"""
SIDES = {"shop": "The shop", "staff": "The desk"}


def render() -> str:
    """Return the page."""
    parts = [HEAD]
    for side, title in SIDES.items():
        parts += [f"\n## {title}\n", "| Page | Address | Russian | English |", "| --- | --- | --- | --- |"]
        parts += [_row(page, list(found)) for page, found in _by_page(side)]
    parts += ["\n## Left out\n", "Pages that have no picture of their own, and why.\n"]
    parts += [f"- {reason}: {', '.join(f'`{name}`' for name in names)}." for reason, names in LEFT_OUT.items()]
    return "\n".join(parts) + "\n"


def write() -> None:
    """Write the page beside the pictures."""
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / "README.md").write_text(render())


def _by_page(side: str) -> Iterator[tuple[Page, Iterator[Picture]]]:
    found = [one for one in list_pictures() if one.file.startswith(f"{side}/")]
    found.sort(key=lambda one: (one.page.name, one.language != "ru", one.size, one.scheme != "light"))
    return groupby(found, key=lambda one: one.page)


def _row(page: Page, found: list[Picture]) -> str:
    shown = {
        language: " ".join(f"[{one.size}, {one.scheme}]({one.file})" for one in found if one.language == language)
        for language in LANGUAGES
    }
    return f"| {page.name} | `{page.address}` | {shown['ru']} | {shown['en']} |"
