"""The camera: patches of surface become polygons of a picture, those that lie behind others drawn before them."""

from dataclasses import dataclass
from math import cos, pi, radians, sin

from devtools.studio.light import Colour, Vector, shade
from devtools.studio.parts import Patch

Polygon = list[tuple[float, float]]
SPINE = (0.9, 3.4, 0.7)
"""A line along the middle of every car, that its skin lies around: from x to x, at a height."""
REFLECTED_TO = 0.75
DISTANCE = 9.0
Facet = tuple[tuple[float, float], Polygon, Colour]


@dataclass(frozen=True)
class Camera:
    """Where one looks from: degrees around the car (0 before it, 90 at its side), height and distance in metres."""

    turn: float
    height: float = 1.35
    distance: float = DISTANCE
    target: Vector = (2.3, 0.0, 0.62)

    @property
    def place(self) -> Vector:
        """Where it stands."""
        angle = radians(self.turn)
        x, y, _ = self.target
        return x - cos(angle) * self.distance, y + sin(angle) * self.distance, self.height

    def axes(self) -> tuple[Vector, Vector, Vector]:
        """The directions ahead, to the right and up."""
        ahead = _unit(_minus(self.target, self.place))
        right = _unit((ahead[1], -ahead[0], 0.0))
        return ahead, right, _cross(right, ahead)


class Projection:
    """The way from the studio into the picture."""

    def __init__(self, camera: Camera) -> None:
        self.place = camera.place
        self.axes = camera.axes()

    def __call__(self, spot: Vector) -> tuple[float, float]:
        px, py, pz = self.place
        dx, dy, dz = spot[0] - px, spot[1] - py, spot[2] - pz
        (ax, ay, az), (rx, ry, _), (ux, uy, uz) = self.axes
        depth = dx * ax + dy * ay + dz * az
        return (dx * rx + dy * ry) / depth, -(dx * ux + dy * uy + dz * uz) / depth


def facets(patches: list[Patch], camera: Camera) -> list[Facet]:
    """Everything that faces the camera, in the order in which it is drawn; positions are not yet those of pixels."""
    found: list[Facet] = []
    project, eye = Projection(camera), camera.place
    for one in patches:
        found += _seen(one, project, eye)
    found.sort(key=lambda facet: facet[0])
    return found


def reflected(patches: list[Patch], camera: Camera) -> list[Facet]:
    """What a polished floor shows of the lower half of the car."""
    found: list[Facet] = []
    project, (x, y, z) = Projection(camera), camera.place
    for one in patches:
        if min(spot[2] for row in one.grid for spot in row) < REFLECTED_TO:
            low = [[spot for spot in row if spot[2] < REFLECTED_TO * 1.2] for row in one.grid]
            size = min(len(row) for row in low)
            if size > 1:
                grid = [row[:size] for row in low]
                found += _seen(Patch(grid, one.material, one.rank, one.core), project, (x, y, -z), is_below=True)
    found.sort(key=lambda facet: facet[0])
    return found


def _seen(one: Patch, project: Projection, eye: Vector, *, is_below: bool = False) -> list[Facet]:
    found = []
    side = -1 if is_below else 1
    spots = [[project((x, y, z * side)) for x, y, z in row] for row in one.grid]
    ex, ey, ez = eye
    is_beyond = one.core is not None and one.grid[0][0][1] * ey < 0
    rank = one.rank / 10 if is_beyond else one.rank  # what stands out on the far side, the skin hides
    for i in range(len(one.grid) - 1):
        row, after = one.grid[i], one.grid[i + 1]
        for j in range(len(row) - 1):
            a, b, c, d = row[j], row[j + 1], after[j + 1], after[j]
            normal = _normal(a, b, c, d)
            if normal is None:
                continue
            mx, my, mz = (a[0] + c[0]) / 2, (a[1] + c[1]) / 2, (a[2] + c[2]) / 2
            normal = _outward(normal, (mx, my, mz), one.core)
            dx, dy, dz = ex - mx, ey - my, ez - mz
            far = (dx * dx + dy * dy + dz * dz) ** 0.5
            to_eye = (dx / far, dy / far, dz / far)
            if normal[0] * to_eye[0] + normal[1] * to_eye[1] + normal[2] * to_eye[2] <= 0:
                continue
            polygon = [spots[i][j], spots[i][j + 1], spots[i + 1][j + 1], spots[i + 1][j]]
            found.append(((rank, -far), polygon, shade(one.material, normal, to_eye, mz)))
    return found


def footprint(length: float, width: float, camera: Camera) -> Polygon:
    """The floor under a car as the camera sees it, round at its corners."""
    project = Projection(camera)
    found = []
    for number in range(48):
        turn = 2 * pi * number / 48
        c, s = cos(turn), sin(turn)
        x = length / 2 + length * 0.47 * abs(c) ** 0.35 * (1 if c > 0 else -1)
        y = width * 0.46 * abs(s) ** 0.35 * (1 if s > 0 else -1)
        found.append(project((x, y, 0.0)))
    return found


def _outward(normal: Vector, spot: Vector, core: Vector | None) -> Vector:
    """The normal, turned away from the core of its part."""
    x, y, z = core or (min(max(spot[0], SPINE[0]), SPINE[1]), 0.0, SPINE[2])
    away = normal[0] * (spot[0] - x) + normal[1] * (spot[1] - y) + normal[2] * (spot[2] - z)
    return normal if away >= 0 else (-normal[0], -normal[1], -normal[2])


def _minus(a: Vector, b: Vector) -> Vector:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _unit(a: Vector) -> Vector:
    size = (a[0] ** 2 + a[1] ** 2 + a[2] ** 2) ** 0.5
    return a[0] / size, a[1] / size, a[2] / size


def _normal(a: Vector, b: Vector, c: Vector, d: Vector) -> Vector | None:
    """The direction that a four-cornered facet looks in; None where it has no size."""
    px, py, pz = c[0] - a[0], c[1] - a[1], c[2] - a[2]
    qx, qy, qz = d[0] - b[0], d[1] - b[1], d[2] - b[2]
    x, y, z = py * qz - pz * qy, pz * qx - px * qz, px * qy - py * qx
    size = (x * x + y * y + z * z) ** 0.5
    return (x / size, y / size, z / size) if size > 1e-12 else None
