"""Draw the text of a paper: headings, paragraphs and tables, as PDF and as HTML.

A line that begins with `# ` is the title, with `## ` a section, with `|` a row of a table; any other is a paragraph.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from core.files.printing import MM, paragraph, print_pages, style
from core.fonts import BOLD

TITLE, SECTION, ROW, TEXT, GAP = "title", "section", "row", "text", "gap"
WIDTH = 175 * MM
PADDING = 4
LONGEST_SHARE = 45
"""Characters: a longer text makes its column no wider."""
_THOUSANDS = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")


@dataclass(frozen=True)
class Block:
    """A line of a paper: its kind, and its texts; a row has several."""

    kind: str
    texts: tuple[str, ...]


def read_blocks(text: str) -> list[Block]:
    """Read a filled-in template as lines to draw."""
    return [_read(line.strip()) for line in text.splitlines()]


def _read(line: str) -> Block:
    if line.startswith("## "):
        return Block(SECTION, (line[3:],))
    if line.startswith("# "):
        return Block(TITLE, (line[2:],))
    if line.startswith("|"):
        return Block(ROW, tuple(cell.strip() for cell in line.strip("|").split("|")))
    return Block(TEXT, (line,)) if line else Block(GAP, ())


def print_paper(text: str, *, title: str, author: str, language: str, appendix: str = "") -> bytes:
    """Print a paper as PDF, an appendix on a page of its own; the same text always prints the same bytes."""
    from reportlab.platypus import PageBreak

    story = list(draw_text(text))
    if appendix:
        story += [PageBreak(), *draw_text(appendix)]
    return print_pages(
        story,
        title=title, author=author, lang=language,
        leftMargin=20 * MM, rightMargin=15 * MM, topMargin=15 * MM, bottomMargin=15 * MM,
    )  # fmt: skip


def draw_text(text: str) -> Iterator[Any]:
    """Draw a text as paragraphs and tables, for whoever prints the pages."""
    blocks = read_blocks(text)
    from reportlab.platypus import Spacer

    looks = {
        TITLE: style(13, 17, fontName=BOLD, spaceAfter=8, alignment=1),
        SECTION: style(10.5, 14, fontName=BOLD, spaceBefore=6, spaceAfter=4),
        TEXT: style(9.5, 13, spaceAfter=4),
        ROW: style(9, 12),
    }
    for kind, found in groupby(blocks, key=lambda block: block.kind):
        if kind == ROW:
            yield _table([tuple(map(_bind_thousands, block.texts)) for block in found], looks[ROW])
        elif kind == GAP:
            yield Spacer(1, 4)
        else:
            yield from (paragraph(_bind_thousands(block.texts[0]), looks[kind]) for block in found)


def _bind_thousands(text: str) -> str:
    """Let no sum break at its thousands."""
    return _THOUSANDS.sub("\N{NO-BREAK SPACE}", text)


def _table(rows: list[tuple[str, ...]], look: Any) -> Any:
    from reportlab.lib import colors
    from reportlab.platypus import Table, TableStyle

    columns = max(map(len, rows))
    cells = [[paragraph(text, look) for text in (*row, *[""] * (columns - len(row)))] for row in rows]
    table = Table(cells, colWidths=_widths(rows, columns, look), spaceAfter=5)
    looks: list[Any] = [
        *((edge, (0, 0), (-1, -1), PADDING) for edge in ("LEFTPADDING", "RIGHTPADDING")),
        ("GRID", (0, 0), (-1, -1), 0.4, colors.grey),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
    ]
    table.setStyle(TableStyle(looks))
    return table


def _widths(rows: list[tuple[str, ...]], columns: int, look: Any) -> list[float]:
    """Give each column room for its longest word or sum, and share out the rest by its longest text.

    Words are broken only where a page has no room for all of them.
    """
    from reportlab.pdfbase.pdfmetrics import stringWidth

    def measure(text: str) -> float:
        return float(stringWidth(text, look.fontName, look.fontSize)) + 2 * PADDING + 1

    texts = [[row[at] for row in rows if at < len(row)] or [""] for at in range(columns)]
    least = [max(measure(word) for text in column for word in (text.split(" "))) for column in texts]
    if sum(least) >= WIDTH:
        return [WIDTH * width / sum(least) for width in least]
    wanted = [max(measure(text[:LONGEST_SHARE]) for text in column) for column in texts]
    more = [max(wish - width, 1) for wish, width in zip(wanted, least, strict=True)]
    free = (WIDTH - sum(least)) / sum(more)
    return [width + free * share for width, share in zip(least, more, strict=True)]


def render_html(text: str) -> SafeString:
    """Write a paper as HTML; nothing in it is read as markup."""
    tags = {TITLE: "h1", SECTION: "h2", TEXT: "p"}
    parts = []
    for kind, found in groupby(read_blocks(text), key=lambda block: block.kind):
        if kind == ROW:
            rows = [format_html_join("", "<td>{}</td>", ((cell,) for cell in block.texts)) for block in found]
            parts.append(
                format_html("<table>{}</table>", format_html_join("", "<tr>{}</tr>", ((row,) for row in rows)))
            )
        elif kind in tags:
            tag = mark_safe(tags[kind])
            parts += [format_html("<{}>{}</{}>", tag, block.texts[0], tag) for block in found]
    return format_html('<article class="paper">{}</article>', format_html_join("\n", "{}", ((part,) for part in parts)))
