"""The legs of a checkout: every module beside this one declares one, and the saga walks over all of them."""

from importlib import import_module
from pkgutil import iter_modules

from django.utils.functional import Promise

from core.events import Event
from orders.services.legs.base import Answer, Leg

for _module in iter_modules(__path__, f"{__name__}."):
    import_module(_module.name)

LEGS: dict[str, Leg] = {leg.kind: leg() for leg in sorted(Leg.__subclasses__(), key=lambda leg: leg.place)}
"""Every leg by its name, in the order in which they run."""
ANSWERS: dict[type[Event], tuple[Leg, Answer]] = {
    event: (leg, answer) for leg in LEGS.values() for event, answer in leg.answers.items()
}
"""Which leg takes which event, and how."""


def leg_title(kind: str) -> str | Promise:
    """Return what buyers and managers call a leg, in their language; an unknown one by its name."""
    return LEGS[kind].title if kind in LEGS else kind


def leg_label(kind: str) -> str | Promise:
    """Return what the admin calls a leg, or the end of a checkout."""
    return LEGS[kind].label if kind in LEGS else kind
