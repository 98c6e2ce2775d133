"""A sheet of SVG: text, boxes and lines in classes, whose colours suit a light page and a dark one."""

from collections.abc import Iterable
from html import escape

LIGHT = ("#1f6feb", "#c2410c", "#15803d", "#7c3aed", "#0e7490", "#be185d", "#57606a", "#854d0e")
DARK = ("#79b8ff", "#ff9e64", "#7ee787", "#c8a6ff", "#67d7e5", "#ff9bce", "#a8b3bf", "#f2cc60")
"""Eight colours of series: each has four and a half to one against its paper, as text of its colour needs."""
_PAPER, _INK, _FAINT, _GRID = (
    ("#ffffff", "#0d1117"),
    ("#1f2328", "#e6edf3"),
    ("#57606a", "#9da7b3"),
    ("#d8dee4", "#30363d"),
)
FONT = "ui-sans-serif, system-ui, 'Segoe UI', 'DejaVu Sans', Arial, sans-serif"
WIDE = 0.56
"""Width of a letter, on average, in heights of the font: enough to say what fits."""


class Sheet:
    """A picture of so many dots, drawn from the top left."""

    def __init__(self, width: int, height: int, title: str) -> None:
        self.width, self.height, self.title = width, height, title
        self._drawn: list[str] = []

    def box(self, x: float, y: float, width: float, height: float, name: str, *, tip: str = "") -> None:
        """Fill a box; `tip` is shown to who points at it."""
        inside = f"<title>{escape(tip)}</title>" if tip else ""
        place = f'x="{_short(x)}" y="{_short(y)}" width="{_short(width)}" height="{_short(height)}" rx="2"'
        self._drawn.append(f'<rect class="{name}" {place}>{inside}</rect>')

    def text(self, x: float, y: float, words: str, name: str = "ink", *, size: int = 11, end: bool = False) -> None:
        """Write words from x on, or up to it; y is the line they stand on."""
        anchor = ' text-anchor="end"' if end else ""
        place = f'x="{_short(x)}" y="{_short(y)}" font-size="{size}"'
        self._drawn.append(f'<text class="{name}" {place}{anchor}>{escape(words)}</text>')

    def line(self, points: Iterable[tuple[float, float]], name: str) -> None:
        """Join points by a line."""
        path = " ".join(f"{_short(x)},{_short(y)}" for x, y in points)
        self._drawn.append(f'<polyline class="{name}" points="{path}"/>')

    def render(self) -> str:
        """Return the file."""
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{FONT}">'
        paper = f'<rect class="paper" width="{self.width}" height="{self.height}"/>'
        return "\n".join([head, f"<title>{escape(self.title)}</title>", _style(), paper, *self._drawn, "</svg>\n"])


def fit(words: str, width: float, size: int = 11) -> str:
    """Cut words short to what so many dots hold."""
    most = max(1, int(width / (size * WIDE)))
    return words if len(words) <= most else f"{words[: most - 1]}…"


def _style() -> str:
    """Write the colours of both papers; a reader's own choice decides between them."""
    return f"<style>{_colours(0)} @media (prefers-color-scheme: dark) {{ {_colours(1)} }}</style>"


def _colours(paper: int) -> str:
    series = [
        f".f{number} {{ fill: {colour} }} .s{number} {{ fill: none; stroke: {colour}; stroke-width: 1.5 }}"
        for number, colour in enumerate((LIGHT, DARK)[paper])
    ]
    plain = [
        f".{name} {{ fill: {colours[paper]} }}"
        for name, colours in (("paper", _PAPER), ("ink", _INK), ("faint", _FAINT), ("field", _GRID))
    ]
    grid = f".grid {{ fill: none; stroke: {_GRID[paper]}; stroke-width: 1 }} .later {{ stroke-dasharray: 5 3 }}"
    return " ".join([*plain, grid, *series])


def _short(number: float) -> str:
    """Write a number of dots in as few letters as a tenth of a dot needs."""
    return f"{number:.1f}".removesuffix(".0")
