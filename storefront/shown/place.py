"""Say where and when the seller is to be found, and draw the way there without anybody else's map."""

import re
from math import cos, floor, hypot, log10, radians
from typing import Any

import msgspec
from django.conf import settings
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.functional import lazystr
from django.utils.text import format_lazy

from storefront.shown.wording import Text

KM_PER_DEGREE = 111.32
WIDTH, HEIGHT, MARGIN = 640, 400, 60
NUMBER = re.compile(r"\+7(\d{3})(\d{3})(\d{2})(\d{2})")


class Place(msgspec.Struct):
    """The seller's place; what the settings do not tell is empty. `hours` are days and hours in words."""

    name: str
    phone: str
    phone_words: str
    email: str
    address: str
    location: str
    hours: list[tuple[Text, str]]


class Spot(msgspec.Struct):
    """A point of the drawing, in its units, with its name."""

    x: str
    y: str
    name: str


class Sketch(msgspec.Struct):
    """A drawing of the surroundings, north upwards: landmarks about the seller, and a circle of `distance` metres."""

    middle: Spot
    landmarks: list[Spot]
    radius: str
    distance: int


def read_place() -> Place:
    """Return what the settings tell of the seller's place."""
    told: dict[str, Any] = settings.DEALER_PLACE
    return Place(
        name=settings.DEALER["name"],
        phone=told["phone"],
        phone_words=NUMBER.sub(r"+7 \1 \2-\3-\4", told["phone"]),
        email=told["email"],
        address=settings.DEALER["address"],
        location=",".join(str(number) for number in _read_point(told["location"])),
        hours=[_read_hours(part.strip()) for part in told["hours"].split(",") if part.strip()],
    )


def draw_surroundings() -> Sketch | None:
    """Draw landmarks about the seller to scale (equirectangular); None where the settings tell of none."""
    told: dict[str, Any] = settings.DEALER_PLACE
    centre = _read_point(told["location"])
    named = [
        (name.strip(), _read_point(point)) for name, _at, point in (row.partition("@") for row in told["landmarks"])
    ]
    if not centre or not named:
        return None
    shifts = [(name, *_measure(centre, point)) for name, point in named]
    farthest = max(max(hypot(east, north) for _name, east, north in shifts), 0.1)
    scale = (HEIGHT / 2 - MARGIN) / farthest
    step = 10 ** floor(log10(farthest))
    return Sketch(
        middle=_spot(0, 0, scale, settings.DEALER["name"]),
        landmarks=[_spot(east, north, scale, name) for name, east, north in shifts],
        radius=f"{step * scale:.1f}",
        distance=round(step * 1000),
    )


def _spot(east: float, north: float, scale: float, name: str) -> Spot:
    return Spot(x=f"{WIDTH / 2 + east * scale:.1f}", y=f"{HEIGHT / 2 - north * scale:.1f}", name=name)


def _measure(centre: tuple[float, ...], point: tuple[float, ...]) -> tuple[float, float]:
    """Return how far east and north of the centre a point lies, in km."""
    north = (point[0] - centre[0]) * KM_PER_DEGREE
    return (point[1] - centre[1]) * KM_PER_DEGREE * cos(radians(centre[0])), north


def _read_point(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in re.findall(r"-?\d+(?:\.\d+)?", text))


def _read_hours(text: str) -> tuple[Text, str]:
    """Return days in words and hours, such as «Mon–Fri» and «09:00–21:00»."""
    days, _space, hours = text.partition(" ")
    first, _dash, last = days.partition("-")
    start = WEEKDAYS_ABBR[int(first) - 1]
    words = format_lazy("{}–{}", start, WEEKDAYS_ABBR[int(last) - 1]) if last else lazystr(start)
    return words, hours.replace("-", "–")
