"""Draw a dashboard as a grid of panels, each a plot of its series over the minutes that were looked at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from devtools.pictures.svg import LIGHT, Sheet, fit

ACROSS, WIDE, HIGH, GAP, TOP = 2, 490, 236, 14, 44
PLOT_TOP, PLOT_HIGH, PLOT_LEFT = 34, 118, 62
LEGENDS = 6
"""Series that a legend has room for, in two columns; the rest are counted."""
NICE = (1, 2, 2.5, 5, 10)
LINES = 4


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a panel: its legend, and its points as seconds since the begin and values."""

    legend: str
    points: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel of a dashboard: `unit` as Grafana calls it, and why it has no series, if it has none."""

    title: str
    unit: str
    series: Sequence[Series]
    why_empty: str = field(default="nothing of the kind happened")


def draw(title: str, panels: Sequence[Panel], seconds: float) -> str:
    """Return a dashboard's picture, as SVG; every panel shows the same so many seconds."""
    rows = -(-len(panels) // ACROSS)
    sheet = Sheet(GAP + ACROSS * (WIDE + GAP), TOP + rows * (HIGH + GAP), title)
    sheet.text(GAP, 27, title, size=15)
    for number, panel in enumerate(panels):
        row, column = divmod(number, ACROSS)
        _draw_panel(sheet, GAP + column * (WIDE + GAP), TOP + row * (HIGH + GAP), panel, seconds)
    return sheet.render()


def _draw_panel(sheet: Sheet, x: float, y: float, panel: Panel, seconds: float) -> None:
    frame = [(x, y), (x + WIDE, y), (x + WIDE, y + HIGH), (x, y + HIGH), (x, y)]
    sheet.line(frame, "grid")
    sheet.text(x + 10, y + 20, panel.title, size=12)
    sheet.text(x + WIDE - 10, y + 20, UNITS[panel.unit][0], "faint", size=10, end=True)
    if not panel.series:
        sheet.text(x + 10, y + 50, f"no series: {panel.why_empty}", "faint")
        return
    step = _choose_step(max(value for each in panel.series for _, value in each.points))
    left, top, width = x + PLOT_LEFT, y + PLOT_TOP, WIDE - PLOT_LEFT - 16
    for number in range(LINES + 1):
        level = top + PLOT_HIGH * (1 - number / LINES)
        sheet.line([(left, level), (left + width, level)], "grid")
        sheet.text(left - 6, level + 4, write(step * number, panel.unit), "faint", size=10, end=True)
    for number in range(5):
        at = seconds * number / 4
        minutes = f"{int(at) // 60}:{int(at) % 60:02}"
        sheet.text(left + width * number / 4 + (12 if number else 0), top + PLOT_HIGH + 14, minutes, "faint", size=10,
                   end=number > 0)  # fmt: skip
    for number, each in enumerate(panel.series):
        points = [
            (left + width * at / seconds, top + PLOT_HIGH * (1 - max(0, value) / (step * LINES)))
            for at, value in each.points
        ]
        sheet.line([*points, (points[0][0] + 1.5, points[0][1])] if len(points) == 1 else points, _line(number))
    _explain(sheet, x, top + PLOT_HIGH + 34, panel)


def _explain(sheet: Sheet, x: float, y: float, panel: Panel) -> None:
    """Name the series with their last values; where there are too many, the first, and how many more there are."""
    most = LEGENDS if len(panel.series) <= LEGENDS else LEGENDS - 1
    for number, each in enumerate(panel.series[:most]):
        row, column = divmod(number, 2)
        at = x + 12 + column * (WIDE - 12) / 2
        last = write(each.points[-1][1], panel.unit)
        sheet.line([(at, y + row * 16 - 4), (at + 14, y + row * 16 - 4)], _line(number))
        sheet.text(at + 19, y + row * 16, fit(f"{each.legend}  {last}", WIDE / 2 - 34, 10), size=10)
    if len(panel.series) > most:
        sheet.text(x + 12 + (WIDE - 12) / 2, y + 32, f"and {len(panel.series) - most} more", "faint", size=10)


def _line(number: int) -> str:
    """Give a series its colour; from the ninth on the colours come again, dashed."""
    return f"s{number % len(LIGHT)}{' later' if number >= len(LIGHT) else ''}"


def _choose_step(most: float) -> float:
    """Return what four round steps of reach over everything shown."""
    if most <= 0:
        return 1 / LINES
    raw, size = most / LINES, 1.0
    while size * 10 <= raw:
        size *= 10
    while size > raw:
        size /= 10
    return next(nice * size for nice in NICE if nice * size >= raw * 0.999)


def write(value: float, unit: str) -> str:
    """Write a value in its unit, three figures long."""
    return UNITS[unit][1](value)


def _plainly(value: float) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _in_time(value: float) -> str:
    if value >= 120:
        return f"{value / 60:.3g} min"
    return f"{value:.3g} s" if value >= 1 or value == 0 else f"{value * 1000:.3g} ms"


def _in_bytes(value: float) -> str:
    return f"{value / 1e6:.0f} MB" if value else "0"


UNITS: dict[str, tuple[str, Callable[[float], str]]] = {
    "short": ("", _plainly),
    "reqps": ("requests a second", _plainly),
    "s": ("time", _in_time),
    "bytes": ("", _in_bytes),
    "currencyRUB": ("roubles", _plainly),
}
"""By Grafana's name of a unit: words for its corner, and how its values are written."""
