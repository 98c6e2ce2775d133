"""Show states as coloured labels in the admin's lists."""

from collections.abc import Callable, Mapping
from typing import Any

from unfold.decorators import display as display_of_theme  # noqa: TID251 - this is where it is wrapped


class Colours(dict[Any, str]):
    """Colours of states; a state that names none has the plain one, where the theme would show its code."""

    def __missing__(self, state: Any) -> str:
        return ""


def display(*, label: Mapping[Any, str] | bool | None = None, **options: Any) -> Callable[[Any], Any]:
    """Describe a column as the theme does; `label`: colours by state, for a column of (state, words)."""
    shown = Colours(label) if isinstance(label, Mapping) else label
    decorated: Callable[[Any], Any] = display_of_theme(label=shown, **options)
    return decorated
