"""Let apps put something above every list of the admin; a screen knows none of them."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from unfold.admin import ModelAdmin

Tell = Callable[[HttpRequest, ModelAdmin], dict[str, Any]]
"""Return what a list's template shows, by the names that it has there."""
_told: list[Tell] = []


def above_lists(tell: Tell) -> Tell:
    """Have what this function returns shown above every list."""
    _told.append(tell)
    return tell


def describe_above(request: HttpRequest, screen: ModelAdmin) -> dict[str, Any]:
    """Return all that stands above a list for whoever looks."""
    return {name: value for tell in _told for name, value in tell(request, screen).items()}
