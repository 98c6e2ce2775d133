"""Draw a trace as a waterfall: what caused what, when it began and how long it took."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from devtools.pictures.svg import Sheet, fit

KINDS = {"HTTP": 0, "relay": 6, "handler": 2, "provider": 1, "feed": 3}
"""What a span is, by the colour it is drawn in."""
ROW, TOP, LEFT, RIGHT, WIDTH = 17, 58, 330, 64, 1000
INDENT = 9
STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Span:
    """One span of a trace; moments in nanoseconds."""

    id: str
    parent: str
    name: str
    start_ns: int
    end_ns: int

    @property
    def kind(self) -> str:
        """Say by its name what it is."""
        first = self.name.partition(" ")[0]
        return {"relay": "relay", "handle": "handler", "call": "provider", "feed.push": "feed"}.get(first, "HTTP")


def draw(spans: Sequence[Span], title: str) -> str:
    """Return the picture of a trace, as SVG."""
    rows = list(_walk(spans))
    begin_ns, end_ns = min(span.start_ns for span in spans), max(span.end_ns for span in spans)
    sheet = Sheet(WIDTH, TOP + ROW * len(rows) + 14, title)
    sheet.text(12, 20, title, size=14)
    _explain(sheet)
    took_ms = (end_ns - begin_ns) / 1e6
    scale = (WIDTH - LEFT - RIGHT) / took_ms
    _rule(sheet, took_ms, scale)
    for number, (depth, span) in enumerate(rows):
        at, y = (span.start_ns - begin_ns) / 1e6, TOP + ROW * number
        lasted = (span.end_ns - span.start_ns) / 1e6
        inset = 12 + depth * INDENT
        sheet.text(inset, y + 12, fit(span.name, LEFT - inset - 6), size=11)
        width = max(1.5, lasted * scale)
        sheet.box(LEFT + at * scale, y + 3, width, ROW - 6, f"f{KINDS[span.kind]}", tip=f"{span.name}, {lasted:.1f} ms")
        sheet.text(LEFT + at * scale + width + 4, y + 12, f"{lasted:.1f} ms", "faint", size=10)
    return sheet.render()


def _walk(spans: Sequence[Span]) -> Iterator[tuple[int, Span]]:
    """Go through the tree, each cause before its effects and these in the order they began, with their depth."""
    known, below = {span.id for span in spans}, defaultdict[str, list[Span]](list)
    for span in sorted(spans, key=lambda span: span.start_ns):
        below[span.parent if span.parent in known else ""].append(span)
    waiting = [(0, span) for span in reversed(below[""])]
    while waiting:
        depth, span = waiting.pop()
        yield depth, span
        waiting += [(depth + 1, each) for each in reversed(below[span.id])]


def _explain(sheet: Sheet) -> None:
    x = 12.0
    for name, colour in KINDS.items():
        sheet.box(x, 31, 10, 10, f"f{colour}")
        sheet.text(x + 15, 40, name, "faint")
        x += 30 + 7 * len(name)


def _rule(sheet: Sheet, took_ms: float, scale: float) -> None:
    """Draw the axis: at most eight lines, at round numbers of milliseconds."""
    step = next(
        base * 10**power for power in range(9) for base in STEPS if took_ms / (base * 10**power) <= len(KINDS) + 3
    )
    for number in range(int(took_ms / step) + 1):
        x = LEFT + number * step * scale
        sheet.line([(x, TOP - 4), (x, sheet.height - 10)], "grid")
        sheet.text(x, TOP - 8, f"{number * step} ms", "faint", size=10)
