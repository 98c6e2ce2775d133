"""Light of the studio: a bright ceiling, two strips, a pale floor; and what paint, glass and metal make of it."""

from dataclasses import dataclass
from math import exp

Vector = tuple[float, float, float]
Colour = tuple[int, int, int]
PAINTS: dict[str, tuple[tuple[str, ...], Vector]] = {
    "black": (("чёрн", "черн", "black"), (0.012, 0.013, 0.016)),
    "white": (("бел", "white"), (0.74, 0.75, 0.76)),
    "silver": (("серебр", "silver"), (0.42, 0.44, 0.46)),
    "grey": (("сер", "grey", "gray"), (0.13, 0.14, 0.155)),
    "sky": (("голуб", "light blue"), (0.2, 0.4, 0.6)),
    "blue": (("син", "blue"), (0.01, 0.05, 0.22)),
    "red": (("красн", "red", "бордов"), (0.33, 0.006, 0.012)),
    "brown": (("корич", "brown"), (0.11, 0.055, 0.03)),
    "green": (("зел", "green"), (0.02, 0.12, 0.07)),
    "beige": (("беж", "beige", "золот", "gold"), (0.5, 0.42, 0.29)),
    "yellow": (("жёлт", "желт", "yellow"), (0.75, 0.5, 0.02)),
    "orange": (("оранж", "orange"), (0.7, 0.2, 0.015)),
    "purple": (("пурпур", "фиолет", "purple"), (0.12, 0.03, 0.22)),
}


@dataclass(frozen=True)
class Material:
    """A surface: its own colour (linear light), how much it mirrors when looked at straight, how far flakes scatter."""

    colour: Vector
    mirror: float
    flake: float = 0.0


GLASS = Material((0.005, 0.008, 0.01), 0.08)
PLASTIC = Material((0.02, 0.021, 0.023), 0.02)
RUBBER = Material((0.014, 0.014, 0.015), 0.01)
METAL = Material((0.3, 0.31, 0.33), 0.35, 0.4)
DARK_METAL = Material((0.045, 0.047, 0.05), 0.2, 0.2)
CHROME = Material((0.18, 0.18, 0.19), 0.75)
DARK = Material((0.004, 0.004, 0.005), 0.0)
LAMP = Material((0.07, 0.075, 0.08), 0.3)
LENS = Material((0.5, 0.53, 0.56), 0.5)
LED = Material((1.6, 1.65, 1.7), 0.0)
TAIL_LAMP = Material((0.34, 0.004, 0.008), 0.06)
TAIL_LED = Material((1.0, 0.05, 0.04), 0.05)
PLATE = Material((0.75, 0.76, 0.77), 0.02)


def find_paint(text: str) -> Material:
    """The paint that a price list's words mean; silver when they say nothing we know."""
    folded = text.casefold()
    found = next((tone for words, tone in PAINTS.values() if any(word in folded for word in words)), None)
    return Material(found or PAINTS["silver"][1], 0.055, 0.22)


def shade(material: Material, normal: Vector, eye: Vector, height: float) -> Colour:
    """The colour of a spot that looks along `normal`, seen from the direction of `eye`, so high above the floor."""
    nx, ny, nz = normal
    ex, ey, ez = eye
    cosine = max(nx * ex + ny * ey + nz * ez, 0.0)
    rx, ry, rz = 2 * cosine * nx - ex, 2 * cosine * ny - ey, 2 * cosine * nz - ez
    mirrored = _surroundings(rx, ry, rz, height)
    fresnel = material.mirror + (1 - material.mirror) * (1 - cosine) ** 5 * 0.85 if material.mirror else 0.0
    soft = 0.5 + 0.34 * nz + 0.1 * abs(ny) - 0.08 * nx
    occluded = 1 - 0.5 * exp(-5 * max(height - 0.08, 0)) * (0.6 - 0.4 * nz)
    sheen = material.flake * mirrored * (0.35 + 0.65 * cosine)
    light = (soft + sheen * 1.4) * occluded
    gleam = fresnel * mirrored
    red, green, blue = material.colour
    return _shown(red * light + gleam), _shown(green * light + gleam), _shown(blue * light + gleam * 1.02)


def _surroundings(x: float, y: float, z: float, height: float) -> float:
    """How bright the studio is in a direction: ceiling light above, a strip along each side, the floor below."""
    if z < 0:
        near = exp(z * 3.2)
        shadow = 1 - 0.8 * exp(-height * 2.0) * (1 - near)
        return (0.42 - 0.3 * near) * shadow
    wall = 0.1 + 0.12 * _rise(z, 0.42, 0.62)
    ceiling = 1.9 * _rise(z, 0.55, 0.82) * (1 - 0.6 * _rise(abs(x), 0.3, 0.7))
    strip = 1.5 * _rise(z, 0.2, 0.24) * (1 - _rise(z, 0.33, 0.4)) * (1 - _rise(abs(x), 0.6, 0.85))
    end = 0.9 * _rise(abs(x), 0.72, 0.85) * _rise(z, 0.12, 0.2) * (1 - _rise(z, 0.5, 0.6))
    return wall + ceiling + strip + end


def _rise(value: float, begin: float, end: float) -> float:
    t = min(max((value - begin) / (end - begin), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def _shown(light: float) -> int:
    """Light as a screen shows it: bright spots run softly into white."""
    mapped = light / (1 + max(light - 0.6, 0) * 0.7)
    return round(255 * float(min(max(mapped, 0.0), 1.0) ** (1 / 2.2)))
