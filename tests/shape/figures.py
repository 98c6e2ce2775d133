"""Declare the figures of the house: how each is measured, the limit it never crosses again, and the goal."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.shape.measure import House


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its title, how it is measured, what was reached, what is wanted, and the places behind it."""

    title: str
    measure: Callable[[House], float]
    limit: float
    goal: float
    places: Callable[[House], list[str]] = lambda house: []


FIGURES = (
    Figure(
        "modules inside import cycles (type-checking imports count)",
        lambda house: sum(map(len, house.cycles)),
        limit=0,
        goal=0,
        places=lambda house: [" <-> ".join(group) for group in house.cycles],
    ),
    Figure(
        "pairs of apps that import each other",
        lambda house: len(house.pairs),
        limit=2,
        goal=4,
        places=lambda house: [f"{a} <-> {b}" for a, b in house.pairs],
    ),
    Figure(
        "lines of apps that stand in no room of the plan",
        lambda house: sum(house.roomless.values()),
        limit=0,
        goal=0,
        places=lambda house: [f"{name} {lines}" for name, lines in house.roomless.most_common()],
    ),
    Figure(
        "event classes that are requests by their name",
        lambda house: len(house.requested),
        limit=0,
        goal=0,
        places=lambda house: house.requested,
    ),
    Figure(
        "functions over 40 lines",
        lambda house: len(house.long_functions),
        limit=0,
        goal=0,
        places=lambda house: [f"{each.place} {each.name} {each.lines}" for each in house.long_functions],
    ),
    Figure(
        "functions called x_of(y) instead of get_x(y)",
        lambda house: len(house.in_dialect),
        limit=0,
        goal=0,
        places=lambda house: [f"{each.place} {each.name}" for each in house.in_dialect],
    ),
    Figure(
        "docstrings that open with What, Whether, How …, percent",
        lambda house: house.openers,
        limit=0,
        goal=2,
        places=lambda house: house.opened,
    ),
    Figure(
        "files in the root of the fullest package",
        lambda house: house.fullest[1],
        limit=20,
        goal=20,
        places=lambda house: [house.fullest[0]],
    ),
    Figure(
        "lines of the product without tests, sandboxes and tools",
        lambda house: house.lines,
        limit=140_100,
        goal=75_000,
    ),
)
