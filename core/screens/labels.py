"""Show states as coloured labels in the admin's lists."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from unfold.decorators import display as display_of_theme  # noqa: TID251 - this is where it is wrapped


class Colours(dict[Any, str]):
    """Colours of states; a state that names none has the plain one, where the theme would show its code."""

    def __missing__(self, state: Any) -> str:
        return ""


class Labelled(tuple[Any, Any]):
    """A state and its words: lists colour it, and the page of one row, which writes values as text, shows the words."""

    __slots__ = ()

    def __str__(self) -> str:
        return str(self[1])


def display(*, label: Mapping[Any, str] | bool | None = None, **options: Any) -> Callable[[Any], Any]:
    """Describe a column as the theme does; `label`: colours by state, for a column of (state, words)."""
    shown = Colours(label) if isinstance(label, Mapping) else label
    described: Callable[[Any], Any] = display_of_theme(label=shown, **options)

    def decorate(column: Callable[..., Any]) -> Any:
        @wraps(column)
        def show(*about: Any) -> Any:
            value = column(*about)
            return Labelled(value) if label and isinstance(value, tuple) else value

        return described(show)

    return decorate
