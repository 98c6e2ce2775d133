"""A photographer's studio made of arithmetic: pictures of cars for demonstrations, of no make and nobody's rights."""

import random
from dataclasses import dataclass
from enum import Enum
from io import BytesIO
from typing import Any

from devtools.studio.bodies import find_body
from devtools.studio.camera import DISTANCE, Camera, Facet, Polygon, facets, footprint, reflected
from devtools.studio.light import find_paint
from devtools.studio.parts import Looks, Patch, make_parts
from devtools.studio.shell import Shell

WIDTH, HEIGHT = 1500, 1000
FINER = 2
"""Drawn so many times larger, and made smaller at the end: edges are smooth."""


class View(Enum):
    """Where the camera stands: degrees around the car, its height, and the share of the picture that the car takes."""

    FRONT = (38.0, 1.4, 0.84)
    SIDE = (90.0, 1.05, 0.88)
    REAR = (142.0, 1.5, 0.84)
    FACE = (6.0, 1.1, 0.66)


@dataclass(frozen=True)
class Sitter:
    """The car that is photographed: its kind and colour in a price list's words; one VIN looks the same each time."""

    body: str
    colour: str
    model: str
    vin: str


def photograph(sitter: Sitter, view: View) -> bytes:
    """Take a picture as a JPEG of 1,500 × 1,000 pixels; the same for the same car."""
    body = find_body(sitter.body)
    own = random.Random(sitter.vin)
    make = random.Random(sitter.model)
    looks = Looks(
        paint=find_paint(sitter.colour),
        spokes=own.choice((5, 6, 9, 12)),
        is_dark_rim=own.random() < 0.3,
        grille=make.randrange(3),
        lamp=make.randrange(3),
    )
    shell = Shell(body)
    turn, height, share = view.value
    stretch = 1 + make.uniform(-0.03, 0.03)
    camera = Camera(
        turn + (own.uniform(-3, 3) if view is not View.SIDE else 0), height,
        target=(body.length * stretch / 2, 0.0, 0.6),
    )  # fmt: skip
    patches = [_stretched(one, stretch) for one in make_parts(shell, looks)]
    drawn = facets(patches, camera)
    ground = footprint(body.length * stretch, body.width, camera)
    return _develop(drawn, reflected(patches, camera), ground, share, own.uniform(-6, 6))


def _stretched(one: Patch, factor: float) -> Patch:
    core = one.core and (one.core[0] * factor, one.core[1], one.core[2])
    return Patch([[(x * factor, y, z) for x, y, z in row] for row in one.grid], one.material, one.rank, core)


def _develop(drawn: list[Facet], below: list[Facet], ground: Polygon, share: float, tone: float) -> bytes:
    from PIL import Image, ImageDraw, ImageEnhance

    width, height = WIDTH * FINER, HEIGHT * FINER
    xs = [x for _, polygon, _ in drawn for x, _ in polygon]
    ys = [y for _, polygon, _ in drawn for _, y in polygon]
    scale = min(width * share / (max(xs) - min(xs)), height * 0.66 / (max(ys) - min(ys)))
    left = width / 2 - scale * (max(xs) + min(xs)) / 2
    top = height * 0.82 - scale * max(ys)
    picture = _backdrop(width, height, tone)
    place = _Placing(left, top, scale)
    _mirror_in_floor(picture, below, place)
    _cast_shadow(picture, place(ground), scale / DISTANCE)
    pen = ImageDraw.Draw(picture)
    for _, polygon, colour in drawn:
        spots = place(polygon)
        pen.polygon(spots, fill=colour, outline=colour)
    output = BytesIO()
    smooth = picture.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    ImageEnhance.Contrast(smooth).enhance(1.16).save(output, "JPEG", quality=88)
    return output.getvalue()


@dataclass(frozen=True)
class _Placing:
    """Where in the picture things stand, in pixels."""

    left: float
    top: float
    scale: float

    def __call__(self, polygon: Polygon, share: float = 1.0) -> Polygon:
        return [((self.left + x * self.scale) * share, (self.top + y * self.scale) * share) for x, y in polygon]


def _mirror_in_floor(picture: Any, below: list[Facet], place: _Placing) -> None:
    """Let the polished floor show the car faintly, less the farther down."""
    from PIL import Image, ImageDraw, ImageFilter

    part = 4
    layer = Image.new("RGBA", (picture.width // part, picture.height // part))
    pen = ImageDraw.Draw(layer)
    for _, polygon, colour in below:
        pen.polygon(place(polygon, 1 / part), fill=(*colour, 255))
    if not below:
        return
    layer = layer.filter(ImageFilter.GaussianBlur(2.5))
    fading = Image.linear_gradient("L").resize(layer.size)
    mask = Image.composite(
        fading.point(lambda v: max(0, min(110, 330 - round(v * 1.3)))),
        Image.new("L", layer.size),
        layer.getchannel("A"),
    )
    picture.paste(layer.convert("RGB").resize(picture.size), (0, 0), mask.resize(picture.size))


def _backdrop(width: int, height: int, tone: float) -> Any:
    """A seamless wall that runs into the floor, darker towards the corners."""
    from PIL import Image, ImageChops, ImageFilter, ImageOps

    column = Image.new("L", (1, 100))
    wall = [round(165 + 60 * (y / 62) ** 1.4 + tone) for y in range(62)]
    floor = [round(225 - 40 * ((y - 62) / 38) ** 0.8 + tone) for y in range(62, 100)]
    column.putdata([*wall, *floor])
    plain = column.filter(ImageFilter.BoxBlur(0)).resize((width // 8, height // 8), Image.Resampling.BICUBIC)
    glow = ImageOps.invert(Image.radial_gradient("L")).resize(plain.size).point(lambda v: 196 + v * 59 // 255)
    grey = (
        ImageChops.multiply(plain, glow)
        .filter(ImageFilter.GaussianBlur(6))
        .resize((width, height), Image.Resampling.BICUBIC)
    )
    return Image.merge("RGB", (grey, grey.point(lambda v: min(v + 1, 255)), grey.point(lambda v: min(v + 4, 255))))


def _cast_shadow(picture: Any, ground: Polygon, metre: float) -> None:
    """Darken the floor: softly around the car, and deep under it."""
    from PIL import Image, ImageDraw, ImageFilter

    small = (picture.width // 8, picture.height // 8)
    for grow, blur, depth in ((1.04, 0.22, 150), (0.97, 0.05, 235)):
        mask = Image.new("L", small)
        cx, cy = (sum(part) / len(ground) for part in zip(*ground, strict=True))
        spots = [((cx + (x - cx) * grow) / 8, (cy + (y - cy) * grow) / 8) for x, y in ground]
        ImageDraw.Draw(mask).polygon(spots, fill=depth)
        mask = mask.filter(ImageFilter.GaussianBlur(metre * blur / 8)).resize(picture.size, Image.Resampling.BICUBIC)
        picture.paste((18, 19, 22), (0, 0), mask)
