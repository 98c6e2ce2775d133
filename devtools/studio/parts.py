"""The parts of a car as patches of surface: skin, windows, lamps, wheels, and the lines between panels."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import cos, pi, sin

from devtools.studio import light
from devtools.studio.light import Material, Vector
from devtools.studio.shell import Shell

Grid = list[list[Vector]]
TYRE_WIDTH = 0.23


@dataclass(frozen=True)
class Patch:
    """A piece of surface as a grid of spots. `rank` orders what lies upon what.

    It faces away from `core`; without one, from the nearest spot of the line along the middle of the car.
    """

    grid: Grid
    material: Material
    rank: float
    core: Vector | None = None


@dataclass(frozen=True)
class Looks:
    """What differs from car to car of one body."""

    paint: Material
    spokes: int
    is_dark_rim: bool
    grille: int
    lamp: int


def patch(
    make: Callable[[float, float], Vector],
    material: Material,
    rank: float,
    *,
    across: int = 1,
    along: int = 1,
    core: Vector | None = None,
) -> Patch:
    """A patch of so many pieces: `make` gives its spot for shares of the way across and along."""
    grid = [[make(u / across, v / along) for v in range(along + 1)] for u in range(across + 1)]
    return Patch(grid, material, rank, core)


def mirrored(one: Patch) -> Patch:
    """The same on the other side of the car."""
    core = one.core and (one.core[0], -one.core[1], one.core[2])
    return Patch([[(x, -y, z) for x, y, z in row] for row in one.grid], one.material, one.rank, core)


def make_parts(shell: Shell, looks: Looks) -> list[Patch]:
    """All parts of a car; who looks at it draws what faces them, by rank and from afar to near."""
    halves = [*_skin(shell, looks), *_side_windows(shell), *_side_lines(shell, looks), *_arches(shell, looks)]
    halves += [*_front_half(shell, looks), *_rear_half(shell, looks), *_mirror(shell, looks), *_wheels(shell, looks)]
    return [*halves, *map(mirrored, halves), *_screens(shell), *_middle(shell, looks)]


def _between(a: float, b: float, share: float) -> float:
    return a + (b - a) * share


def _skin(shell: Shell, looks: Looks) -> Iterator[Patch]:
    """The painted skin, without the holes of the wheels; strips of it, so that each is sorted by itself."""
    for x0, x1 in pairwise(shell.stations):
        cuts = [_cut(shell, x) for x in (x0, x1)]
        rows = []
        for x, cut in zip((x0, x1), cuts, strict=True):
            row = [shell.at(x, y, z) for y, z in shell.section(x)]
            rows.append((row, shell.on_side(x, cut, 0.0) if cut else row[0]))
        begin = 1
        while cuts != [0.0, 0.0] and rows[0][0][begin][2] <= max(cuts):
            begin += 1
        yield Patch([[first, *row[begin:]] for row, first in rows], looks.paint, 3)


def _cut(shell: Shell, x: float) -> float:
    """How high the hole of a wheel reaches at a place along the car; 0 where there is none."""
    body = shell.body
    away = min(abs(x - axle) for axle in body.axles)
    return body.wheel + (body.arch**2 - away**2) ** 0.5 if away < body.arch else 0.0


def _window(shell: Shell, begin: tuple[float, float], end: tuple[float, float], gap: float = 0.03) -> Patch:
    """A side window between two slanted edges: each is x at the belt and x at the roof."""

    def spot(u: float, v: float) -> Vector:
        x = _between(_between(begin[0], begin[1], v), _between(end[0], end[1], v), u)
        top, belt = shell.body.top_at(x), shell.body.belt_at(x)
        high = max(top - belt, 0.03)
        return shell.on_side(x, _between(belt + gap, belt + max(0.8 * high - 0.02, gap), v), 0.005)

    return patch(spot, light.GLASS, 5, across=26, along=8)


def _side_windows(shell: Shell) -> Iterator[Patch]:
    """The windows of one side, in a dark frame, and the pillars between them."""
    glass = shell.body.glass
    front = (glass.cowl + 0.22, glass.roof_front + 0.1)
    rear = (glass.side_rear + 0.3, glass.side_rear - 0.12)
    frame = _window(shell, (front[0] - 0.05, front[1] - 0.02), (rear[0] + 0.05, rear[1] + 0.03), 0.012)
    yield Patch(frame.grid, light.PLASTIC, 4)
    edges = [front, *((pillar + 0.05, pillar + 0.02) for pillar in glass.pillars), rear]
    for begin, end in pairwise(edges):
        last = end is rear
        yield _window(shell, begin, end if last else (end[0] - 0.09, end[1] - 0.08))


def _screens(shell: Shell) -> Iterator[Patch]:
    """Windscreen and rear window, each in a dark edge."""
    glass = shell.body.glass
    for low, high in ((glass.cowl, glass.roof_front), (glass.rear_base, glass.roof_rear)):
        for rank, material, inset in ((4, light.PLASTIC, 0.0), (5, light.GLASS, 0.03)):

            def spot(u: float, v: float, low: float = low, high: float = high, inset: float = inset) -> Vector:
                step = 0.03 if high > low else -0.03
                x = _between(low + step * (inset > 0), high - step * (inset > 0), v)
                edge = shell.spot(x, 6.45)[0] - inset
                return shell.on_top(x, _between(-edge, edge, u), 0.006 + inset / 20)

            yield patch(spot, material, rank, across=24, along=14)


def _line(shell: Shell, points: list[tuple[float, float]], wide: float, material: Material, rank: int = 4) -> Patch:
    """A stroke on the side through points (x, z)."""
    rows = []
    for number, (x, z) in enumerate(points):
        (x0, z0), (x1, z1) = points[max(number - 1, 0)], points[min(number + 1, len(points) - 1)]
        size = ((x1 - x0) ** 2 + (z1 - z0) ** 2) ** 0.5 or 1.0
        across = ((z1 - z0) / size * wide / 2, -(x1 - x0) / size * wide / 2)
        rows.append([shell.on_side(x - across[0], z - across[1], 0.003),
                     shell.on_side(x + across[0], z + across[1], 0.003)])  # fmt: skip
    return Patch(rows, material, rank)


def _spread(begin: tuple[float, float], end: tuple[float, float], bulge: float = 0.0) -> list[tuple[float, float]]:
    """Points from one to the other, bent to the rear by `bulge`."""
    steps = [number / 14 for number in range(15)]
    return [(_between(begin[0], end[0], t) + bulge * sin(pi * t), _between(begin[1], end[1], t)) for t in steps]


def _bent(*points: tuple[float, float]) -> list[tuple[float, float]]:
    """A line that is drawn towards its two middle points, and does not touch them (Bézier)."""
    found = []
    for number in range(19):
        t = number / 18
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        x = sum(weight * point[0] for weight, point in zip(weights, points, strict=True))
        found.append((x, sum(weight * point[1] for weight, point in zip(weights, points, strict=True))))
    return found


def _side_lines(shell: Shell, looks: Looks) -> Iterator[Patch]:
    """Gaps of the doors, handles, the sill, and the crease that runs along the side."""
    body, glass = shell.body, shell.body.glass
    low = body.clearance + 0.1
    front = glass.cowl + 0.06
    pillar = glass.pillars[0] + 0.02
    rear_arch = body.axles[1] - body.arch
    doors = [
        _spread((front - 0.02, body.belt_at(front) - 0.01), (front + 0.1, low), -0.03),
        _spread((pillar, body.belt_at(pillar)), (pillar + 0.03, low), 0.02),
        _bent(
            (body.axles[1] + 0.12, body.belt_at(body.axles[1])),
            (body.axles[1], body.wheel + body.arch + 0.1),
            (rear_arch - 0.06, body.wheel + 0.1),
            (rear_arch - 0.1, low),
        ),
        _spread((front + 0.1, low), (rear_arch - 0.1, low)),
    ]
    for points in doors:
        yield _line(shell, points, 0.009, light.DARK)
    for x in (pillar - 0.26, glass.side_rear - 0.14):
        z = body.belt_at(x) - 0.1
        yield _line(shell, [(x + 0.01, z - 0.02), (x + 0.19, z - 0.018)], 0.014, light.DARK)
        yield _line(shell, [(x, z), (x + 0.2, z + 0.004)], 0.034, looks.paint, 5)
    trim = light.PLASTIC if body.is_clad else light.DARK_METAL
    sill = 0.15 if body.is_clad else 0.075
    height = body.clearance + sill / 2
    yield _line(shell, _spread((body.axles[0] + body.arch, height), (rear_arch, height)), sill, trim)
    if body.has_rails:
        yield _rail(shell)


def _rail(shell: Shell) -> Patch:
    """A rail of the roof."""
    glass = shell.body.glass

    def spot(u: float, v: float) -> Vector:
        x = _between(glass.roof_front + 0.15, glass.roof_rear - 0.1, u)
        y, z = shell.spot(x, 6.75)
        rise = 0.035 * min(1.0, 9 * u, 9 * (1 - u))
        return shell.at(x, y - 0.03 * v, z + rise * (1 - abs(2 * v - 1)) + 0.01)

    return patch(spot, light.DARK_METAL, 6, across=24, along=2)


def _arches(shell: Shell, looks: Looks) -> Iterator[Patch]:
    """The dark well behind each wheel and the lip around it."""
    body = shell.body
    lip = 0.06 if body.is_clad else 0.02
    for axle in body.axles:
        floor = body.clearance + 0.01
        begin = -0.16 if body.is_clad else -0.12

        def well(u: float, v: float, axle: float = axle) -> Vector:
            turn = _between(-0.6, pi + 0.6, u)
            radius = (body.arch + 0.03) * v
            return axle - cos(turn) * radius, body.width * 0.47, max(body.wheel + sin(turn) * radius, body.clearance)

        def edge(u: float, v: float, axle: float = axle, begin: float = begin, floor: float = floor) -> Vector:
            turn = _between(begin, pi - begin, u)
            radius = body.arch - 0.012 + lip * v
            z = max(body.wheel + sin(turn) * radius, floor)
            return shell.on_side(axle - cos(turn) * radius, z, 0.006)

        yield patch(well, light.DARK, 0.5, across=20, along=1, core=(axle, 0.0, body.wheel))
        yield patch(edge, light.PLASTIC if body.is_clad else looks.paint, 5, across=40, along=2)


def _on_end(
    shell: Shell, corners: list[tuple[float, float]], material: Material, rank: int, *, is_front: bool
) -> Patch:
    """A four-cornered spot on the front or the rear: corners (y, z), low middle, low side, high side, high middle."""
    (ya, za), (yb, zb), (yc, zc), (yd, zd) = corners

    def spot(u: float, v: float) -> Vector:
        low = _between(ya, yb, u), _between(za, zb, u)
        high = _between(yd, yc, u), _between(zd, zc, u)
        y, z = _between(low[0], high[0], v), _between(low[1], high[1], v)
        return shell.on_end(y, z, is_front=is_front, out=0.004 + rank * 0.001)

    return patch(spot, material, rank, across=16, along=6)


def _front_half(shell: Shell, looks: Looks) -> Iterator[Patch]:
    """A headlamp with its light, half of the grille, of the lower air intake and of the bumper's edge."""
    body, wide = shell.body, shell.body.width / 2
    z = body.top_at(0.06) - 0.07
    slim = (0.11, 0.085, 0.14)[looks.lamp]
    lamp = [(wide * 0.52, z - slim), (wide * 0.965, z - slim + 0.03), (wide * 0.985, z + 0.055), (wide * 0.5, z)]
    yield _on_end(shell, lamp, light.DARK_METAL, 4, is_front=True)
    inner = [(y * 0.99, _between(height, z - slim / 2, 0.12)) for y, height in lamp]
    yield _on_end(shell, inner, light.LAMP, 5, is_front=True)
    for share in ((0.2, 0.42), (0.5, 0.72)):
        left, right = (_between(lamp[0][0], lamp[1][0], one) for one in share)
        low, high = z - slim * 0.62, z - slim * 0.12
        lens = [(left, low), (right, low + 0.015), (right, high + 0.02), (left, high)]
        yield _on_end(shell, lens, light.LENS, 6, is_front=True)
    left, right = _between(lamp[0][0], lamp[1][0], 0.04), _between(lamp[0][0], lamp[1][0], 0.97)
    low = z - slim * 0.9
    strip = [(left, low), (right, low + 0.032), (right, low + 0.048), (left, low + 0.014)]
    yield _on_end(shell, strip, light.LED, 6, is_front=True)
    top, low = z - 0.02, z - (0.2, 0.3, 0.16)[looks.grille]
    side = wide * (0.46, 0.4, 0.48)[looks.grille]
    yield _on_end(shell, [(0, low), (side * 0.85, low), (side, top), (0, top)], light.DARK, 4, is_front=True)
    for number in range(1, 5):
        height = _between(low, top, number / 5)
        yield _on_end(shell, [(0, height - 0.008), (side * 0.93, height - 0.008), (side * 0.94, height), (0, height)],
                      light.CHROME if looks.grille != 2 else light.DARK_METAL, 5, is_front=True)  # fmt: skip
    floor = body.clearance + 0.05
    intake = [(0, floor), (wide * 0.62, floor + 0.02), (wide * 0.7, floor + 0.13), (0, floor + 0.13)]
    yield _on_end(shell, intake, light.DARK, 4, is_front=True)
    fog = [
        (wide * 0.76, floor + 0.05),
        (wide * 0.93, floor + 0.07),
        (wide * 0.95, floor + 0.16),
        (wide * 0.8, floor + 0.14),
    ]
    yield _on_end(shell, fog, light.PLASTIC, 4, is_front=True)


def _rear_half(shell: Shell, looks: Looks) -> Iterator[Patch]:
    """A tail lamp with its light, half of the diffuser."""
    body, wide = shell.body, shell.body.width / 2
    z = body.belt_at(body.length) - 0.02
    tall = 0.3 if body.name == "minivan" else (0.15, 0.12, 0.18)[looks.lamp]
    inner = wide * (0.72 if body.name == "minivan" else 0.5)
    lamp = [(inner, z - tall * 0.75), (wide * 0.985, z - tall), (wide * 0.985, z + 0.06), (inner, z + 0.03)]
    yield _on_end(shell, lamp, light.TAIL_LAMP, 5, is_front=False)
    low, high = z - tall * 0.45, z - tall * 0.3
    yield _on_end(shell, [(inner * 1.04, low), (wide * 0.96, low), (wide * 0.96, high), (inner * 1.04, high)],
                  light.TAIL_LED, 6, is_front=False)  # fmt: skip
    floor = body.clearance + 0.04
    diffuser = [(0, floor), (wide * 0.8, floor + 0.02), (wide * 0.86, floor + 0.14), (0, floor + 0.12)]
    yield _on_end(shell, diffuser, light.PLASTIC, 4, is_front=False)
    pipe = [
        (wide * 0.52, floor + 0.03),
        (wide * 0.68, floor + 0.03),
        (wide * 0.68, floor + 0.07),
        (wide * 0.52, floor + 0.07),
    ]
    yield _on_end(shell, pipe, light.CHROME, 5, is_front=False)


def _middle(shell: Shell, looks: Looks) -> Iterator[Patch]:
    """What lies in the middle of both ends: plates, badges, the gap of the boot."""
    body = shell.body
    front, rear = body.clearance + 0.25, body.belt_at(body.length) - (0.16 if body.name == "saloon" else 0.3)
    for is_front, z in ((True, front), (False, rear)):
        for rank, material, grow in ((6, light.DARK, 0.012), (7, light.PLATE, 0.0)):
            y, low, high = 0.26 + grow, z - grow, z + 0.112 + grow
            yield _on_end(shell, [(-y, low), (y, low), (y, high), (-y, high)], material, rank, is_front=is_front)
    z = body.top_at(0.06) - 0.12
    yield _on_end(
        shell, [(-0.045, z), (0.045, z), (0.04, z + 0.055), (-0.04, z + 0.055)], light.DARK_METAL, 7, is_front=True
    )
    z = body.belt_at(body.length) - 0.02
    yield _on_end(
        shell, [(-0.05, z), (0.05, z), (0.04, z + 0.04), (-0.04, z + 0.04)], light.DARK_METAL, 7, is_front=False
    )
    gap, side = body.clearance + 0.36, body.width * 0.36
    yield _on_end(shell, [(-side, gap), (side, gap), (side, gap + 0.008), (-side, gap + 0.008)], light.DARK, 4,
                  is_front=False)  # fmt: skip


def _mirror(shell: Shell, looks: Looks) -> Iterator[Patch]:
    """A mirror on its foot, as a rounded block."""
    x = shell.body.glass.cowl + 0.42
    z = shell.body.belt_at(x) + 0.1
    y = shell.spot(x, 4.6)[0]

    def spot(u: float, v: float) -> Vector:
        turn, tilt = 2 * pi * u, _between(-pi / 2, pi / 2, v)
        ring = cos(tilt)
        return x - 0.02 + 0.085 * cos(turn) * ring, y + 0.14 + 0.115 * sin(tilt), z + 0.07 * sin(turn) * ring

    def foot(u: float, v: float) -> Vector:
        return x - 0.02 + 0.05 * u, y - 0.04 + 0.12 * v, z - 0.075 + 0.05 * v

    core = (x - 0.02, y + 0.15, z)
    yield patch(foot, light.PLASTIC, 6, core=core)
    yield patch(spot, looks.paint, 7, across=22, along=14, core=core)


def _wheels(shell: Shell, looks: Looks) -> Iterator[Patch]:
    body = shell.body
    outer = body.width / 2 - 0.03
    for axle in body.axles:
        yield from _wheel((axle, outer, body.wheel), body.wheel, looks)


def _ring(
    centre: Vector, radii: tuple[float, float], depths: tuple[float, float], material: Material, rank: float
) -> Patch:
    """A ring around an axle, from one radius and depth to another."""
    cx, cy, cz = centre

    def spot(u: float, v: float) -> Vector:
        turn, radius = 2 * pi * u, _between(radii[0], radii[1], v)
        return cx + cos(turn) * radius, cy + _between(depths[0], depths[1], v), cz + sin(turn) * radius

    return patch(spot, material, rank, across=48, along=1, core=(cx, 0.0, cz))


def _wheel(centre: Vector, radius: float, looks: Looks) -> Iterator[Patch]:
    """Tyre, rim, brake and spokes, from the inside out."""
    metal = light.DARK_METAL if looks.is_dark_rim else light.METAL
    rim = radius * 0.72
    yield _ring(centre, (radius, radius), (-TYRE_WIDTH, -0.03), light.RUBBER, 1.0)
    yield _ring(centre, (radius, radius * 0.97), (-0.03, -0.005), light.RUBBER, 1.1)
    yield _ring(centre, (radius * 0.97, radius * 0.78), (-0.005, 0.004), light.RUBBER, 1.1)
    yield _ring(centre, (radius * 0.78, rim), (0.004, -0.01), light.RUBBER, 1.1)
    yield _ring(centre, (rim, 0.0), (-0.09, -0.09), light.DARK, 1.1)
    yield _ring(centre, (rim * 0.74, rim * 0.3), (-0.085, -0.085), light.DARK_METAL, 1.2)
    yield _ring(centre, (rim * 1.02, rim * 0.93), (0.0, -0.012), metal, 1.3)
    yield _ring(centre, (rim * 0.93, rim * 0.9), (-0.012, -0.06), light.DARK_METAL, 1.25)
    for number in range(looks.spokes):
        turn = 2 * pi * number / looks.spokes + pi / 2
        for offset in (-0.14, 0.14) if looks.spokes <= 6 else (0.0,):
            yield _spoke(centre, rim, turn + offset, 1.5 / looks.spokes if looks.spokes > 6 else 0.13, metal)
    yield _ring(centre, (rim * 0.2, 0.0), (-0.006, -0.002), metal, 1.5)
    yield _ring(centre, (rim * 0.11, 0.0), (0.0, 0.002), light.DARK_METAL, 1.6)


def _spoke(centre: Vector, rim: float, turn: float, wide: float, metal: Material) -> Patch:
    cx, cy, cz = centre

    def spot(u: float, v: float) -> Vector:
        radius = _between(rim * 0.12, rim * 0.95, u)
        half = wide * rim * _between(0.55, 0.8, u) / 2
        along, across = (cos(turn), sin(turn)), (-sin(turn), cos(turn))
        side = _between(-half, half, v)
        depth = -0.008 - 0.03 * u - 0.012 * abs(2 * v - 1)
        return cx + along[0] * radius + across[0] * side, cy + depth, cz + along[1] * radius + across[1] * side

    return patch(spot, metal, 1.4, across=4, along=2, core=(cx, 0.0, cz))
