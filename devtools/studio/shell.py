"""The skin of a car: a smooth surface from its outlines, and the way from drawings of side, top and ends onto it."""

from functools import cached_property

from devtools.studio.bodies import Body, Curve
from devtools.studio.light import Vector

ROUNDS = 54
"""Pieces of half a cross-section."""
END_POWER = 3.2
HALVINGS = 16
_LEVELS = (0.0, 0.6, 2.0, 3.2, 4.0, 4.6, 6.0, 6.6, 7.8, 9.0)

_WIDEST = 3.2
_STEPS = [_LEVELS[-1] * number / ROUNDS for number in range(ROUNDS + 1)]


class Shell:
    """The surface of a body; its left half, that the right one mirrors. x runs to the rear, y to the side, z up."""

    def __init__(self, body: Body) -> None:
        self.body = body
        self._curves: dict[float, tuple[Curve, Curve]] = {}

    @cached_property
    def stations(self) -> list[float]:
        """Places along the car, close together where it curves most."""
        body, found = self.body, [0.0]
        while found[-1] < body.length:
            x = found[-1]
            near_end = min(x / body.nose, (body.length - x) / body.tail)
            found.append(x + (0.002 if near_end < 0.02 else 0.008 if near_end < 0.25 else 0.022))
        found[-1] = body.length
        return found

    def half_width(self, x: float) -> float:
        """Half the width seen from above: round at the front and the rear."""
        body = self.body
        rounded = 1.0
        for way, depth in ((x, body.nose), (body.length - x, body.tail)):
            if way < depth:
                rounded *= max(1 - (1 - way / depth) ** END_POWER, 0.0) ** (1 / END_POWER)
        return body.width / 2 * rounded

    def section(self, x: float) -> list[tuple[float, float]]:
        """Half a cross-section, from the sill to the middle of the roof, as (y, z)."""
        across, up = self.curves(x)
        return [(across(t), up(t)) for t in _STEPS]

    def spot(self, x: float, level: float) -> tuple[float, float]:
        """The (y, z) of a cross-section at a level: 0 the sill, 4.6 the belt, 6 above the windows, 9 the middle."""
        across, up = self.curves(x)
        return across(level), up(level)

    def curves(self, x: float) -> tuple[Curve, Curve]:
        """How y and z of a cross-section change with the level."""
        key = round(x, 4)
        if key not in self._curves:
            self._curves[key] = self._make_curves(key)
        return self._curves[key]

    def _make_curves(self, x: float) -> tuple[Curve, Curve]:
        body, wide = self.body, self.half_width(x)
        way = min(x / body.nose, (body.length - x) / body.tail, 1.0)
        floor = body.clearance + 0.07 * (1 - way) ** 2
        top = body.top_at(x)
        belt = min(body.belt_at(x), top - 0.03)
        high = top - belt
        side = belt - floor
        rail = max(wide * 0.935 - body.tumble * high, wide * 0.3)
        ys = (wide * 0.9, wide * 0.965, wide * 0.988, wide, wide * 0.977, wide * 0.94,
              rail + 0.012, rail - 0.03 * min(high / 0.3, 1), rail * 0.55, 0.0)  # fmt: skip
        zs = (floor, floor + 0.06, floor + 0.42 * side, floor + 0.74 * side, belt - 0.045, belt,
              belt + 0.82 * high, belt + 0.93 * high, top - 0.012 * min(high / 0.3, 1) - 0.004, top)  # fmt: skip
        across = Curve(tuple(zip(_LEVELS, ys, strict=True)))
        up = Curve(tuple(zip(_LEVELS, zs, strict=True)), is_level=True)
        return across, up

    def lean(self, x: float, z: float) -> float:
        """How far a spot near an end stands back: noses and tails are not upright."""
        body = self.body
        front = max(1 - x / 0.6, 0.0) ** 2 * 0.1 * ((z - 0.5) ** 2 * 2.2 + max(0.42 - z, 0) * 0.7)
        rear = max(1 - (body.length - x) / 0.5, 0.0) ** 2 * (0.1 * max(z - 0.75, 0) + 0.12 * max(0.45 - z, 0))
        return front * 2 - rear

    def at(self, x: float, y: float, z: float) -> Vector:
        """A spot of the surface where it stands."""
        return x + self.lean(x, z), y, z

    def on_side(self, x: float, z: float, out: float = 0.004) -> Vector:
        """The spot of the left side that a drawing of the side has at (x, z)."""
        across, up = self.curves(x)
        return self.at(x, across(_find(up, z, 0.0, _LEVELS[-1])) + out, z)

    def on_top(self, x: float, y: float, out: float = 0.004) -> Vector:
        """The spot of hood, glass or roof that a drawing from above has at (x, y)."""
        across, up = self.curves(x)
        return self.at(x, y, up(_find(across, abs(y), _LEVELS[-1], _WIDEST)) + out)

    def on_end(self, y: float, z: float, *, is_front: bool, out: float = 0.008) -> Vector:
        """The spot of the front or the rear that a drawing of it has at (y, z)."""
        body = self.body
        depth = body.nose if is_front else body.tail
        share = min(abs(y) / (body.width / 2) * 1.015, 0.999)
        way = depth * (1 - (1 - share**END_POWER) ** (1 / END_POWER))
        if is_front:
            x = way
            while body.top_at(x) < z and x < depth:
                x += 0.01
            return x + self.lean(x, z) - out, y, z
        x = body.length - way
        while body.top_at(x) < z and x > body.length - depth - 0.5:
            x -= 0.01
        return x + self.lean(x, z) + out, y, z


def _find(curve: Curve, wanted: float, low: float, high: float) -> float:
    """Where a curve that rises from `low` to `high` has the wanted value."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if curve(middle) < wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2
