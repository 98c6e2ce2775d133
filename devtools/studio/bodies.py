"""Bodies of cars in metres, as outlines and widths from the front to the rear: no make's own."""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise

Point = tuple[float, float]
Outline = tuple[Point, ...]


class Curve:
    """A smooth line through points that never swings beyond them (monotone cubic); level at its end if told so."""

    def __init__(self, points: Outline, *, is_level: bool = False) -> None:
        self.xs = [x for x, _ in points]
        self.ys = [y for _, y in points]
        steps = [b - a for a, b in pairwise(self.xs)]
        slopes = [(b - a) / step for a, b, step in zip(self.ys, self.ys[1:], steps, strict=False)]
        middle = [0.0 if a * b <= 0 else 2 * a * b / (a + b) for a, b in pairwise(slopes)]
        self.tangents = [slopes[0], *middle, 0.0 if is_level else slopes[-1]]

    def __call__(self, x: float) -> float:
        xs, ys = self.xs, self.ys
        if x <= xs[0]:
            return ys[0]
        if x >= xs[-1]:
            return ys[-1]
        at = bisect_right(xs, x) - 1
        step = xs[at + 1] - xs[at]
        t = (x - xs[at]) / step
        left, right = self.tangents[at] * step, self.tangents[at + 1] * step
        rise = ys[at + 1] - ys[at]
        return ys[at] + t * (left + t * (3 * rise - 2 * left - right + t * (left + right - 2 * rise)))


@dataclass(frozen=True)
class Glass:
    """Where the windows are, from the front to the rear along the car."""

    cowl: float
    roof_front: float
    roof_rear: float
    rear_base: float
    pillars: tuple[float, ...]
    side_rear: float


@dataclass(frozen=True)
class Body:
    """One kind of body. `top` is its outline seen from the side, `belt` the lower edge of the windows."""

    name: str
    length: float
    width: float
    axles: Point
    wheel: float
    arch: float
    clearance: float
    top: Outline
    belt: Outline
    glass: Glass
    nose: float = 0.55
    tail: float = 0.42
    tumble: float = 0.3
    is_clad: bool = False
    has_rails: bool = False

    @cached_property
    def top_at(self) -> Curve:
        """The height of the outline, from the front to the rear."""
        return Curve(self.top)

    @cached_property
    def belt_at(self) -> Curve:
        """The lower edge of the windows, from the front to the rear."""
        return Curve(self.belt)


BODIES = {
    "saloon": Body(
        name="saloon", length=4.72, width=1.83, axles=(0.92, 3.68), wheel=0.335, arch=0.385, clearance=0.2,
        top=((0, 0.66), (0.06, 0.74), (0.3, 0.83), (0.8, 0.92), (1.36, 0.99), (1.75, 1.22), (2.12, 1.4), (2.55, 1.465),
             (3.05, 1.455), (3.5, 1.36), (4.0, 1.13), (4.3, 1.08), (4.6, 1.06), (4.69, 1.0), (4.72, 0.86)),
        belt=((0, 0.62), (0.3, 0.78), (0.8, 0.86), (1.36, 0.93), (2.5, 0.955), (3.6, 0.99), (4.3, 1.0), (4.72, 0.84)),
        glass=Glass(1.38, 2.2, 3.12, 3.98, (2.28,), 3.52),
    ),
    "hatchback": Body(
        name="hatchback", length=4.38, width=1.81, axles=(0.88, 3.53), wheel=0.33, arch=0.38, clearance=0.2,
        top=((0, 0.68), (0.06, 0.76), (0.3, 0.85), (0.75, 0.94), (1.22, 1.01), (1.6, 1.24), (1.95, 1.42), (2.4, 1.49),
             (3.0, 1.47), (3.5, 1.38), (3.9, 1.22), (4.2, 1.03), (4.32, 0.98), (4.38, 0.84)),
        belt=((0, 0.64), (0.3, 0.8), (0.8, 0.88), (1.22, 0.94), (2.4, 0.97), (3.4, 1.02), (4.0, 1.04), (4.38, 0.82)),
        glass=Glass(1.24, 2.02, 3.32, 4.1, (2.12,), 3.46), tail=0.45,
    ),
    "suv": Body(
        name="suv", length=4.62, width=1.89, axles=(0.92, 3.62), wheel=0.37, arch=0.435, clearance=0.26,
        top=((0, 0.84), (0.05, 0.93), (0.25, 1.02), (0.75, 1.09), (1.25, 1.14), (1.6, 1.37), (1.98, 1.6), (2.4, 1.68),
             (3.2, 1.67), (3.85, 1.6), (4.2, 1.4), (4.5, 1.12), (4.58, 1.04), (4.62, 0.9)),
        belt=((0, 0.8), (0.25, 0.96), (0.8, 1.03), (1.25, 1.075), (2.4, 1.1), (3.4, 1.14), (4.2, 1.17), (4.62, 0.88)),
        glass=Glass(1.28, 2.06, 3.9, 4.4, (2.18, 3.2), 3.98), tail=0.36, tumble=0.27, is_clad=True, has_rails=True,
    ),
    "minivan": Body(
        name="minivan", length=4.97, width=1.94, axles=(0.98, 4.02), wheel=0.35, arch=0.405, clearance=0.21,
        top=((0, 0.78), (0.06, 0.87), (0.3, 0.97), (0.7, 1.07), (1.02, 1.15), (1.5, 1.48), (1.95, 1.75), (2.5, 1.86),
             (3.6, 1.87), (4.4, 1.82), (4.72, 1.62), (4.88, 1.28), (4.93, 1.1), (4.97, 0.9)),
        belt=((0, 0.74), (0.3, 0.91), (0.7, 0.99), (1.02, 1.05), (2.4, 1.08), (3.6, 1.1), (4.6, 1.12), (4.97, 0.88)),
        glass=Glass(1.06, 2.0, 4.5, 4.85, (2.2, 3.35), 4.48), tail=0.3, tumble=0.22,
    ),
}  # fmt: skip
KINDS = {
    "suv": ("внедорожник", "кроссовер", "suv", "crossover", "пикап", "pickup"),
    "minivan": ("минив", "компактв", "микро", "фургон", "van", "bus"),
    "hatchback": ("хэтч", "хетч", "лифтбек", "универсал", "hatch", "liftback", "estate", "wagon"),
}


@cache
def find_body(text: str) -> Body:
    """The body that a price list's words mean; a saloon when they say nothing we know."""
    folded = text.casefold()
    return BODIES[next((name for name, words in KINDS.items() if any(word in folded for word in words)), "saloon")]
