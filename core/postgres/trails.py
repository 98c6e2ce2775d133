"""Declare which tables tell who did what to which thing when: an app's histories, as the audit search reads them.

An app names them in its `plugin`. Every table that is only added to is a trail, or a part of what another table tells.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Model
from django.utils.functional import Promise


@dataclass(frozen=True, kw_only=True)
class Trail:
    """A table of history. All names are paths from its model, each of which has an index that begins with it.

    `at` is the moment, `by` are who did it, `things` tells of what kind the thing at each path is. `what` says what
    happened, and `tells` is what is shown besides. With `is_first_by`, the first of `by` that is there did it, and the
    others only where none before them is. `title` says in words what a row is, where the model's own name does not.
    """

    model: type[Model]
    at: str
    name: str = ""
    title: Promise | str = ""
    by: tuple[str, ...] = ()
    is_first_by: bool = False
    things: Mapping[str, str] = field(default_factory=dict)
    what: str = ""
    tells: tuple[str, ...] = ()

    @property
    def called(self) -> str:
        """Name of the trail within an app's database: the model's, where one table is one trail."""
        return self.name or str(self.model._meta.model_name)

    @property
    def words(self) -> str:
        """Name a row in the reader's language."""
        return str(self.title or self.model._meta.verbose_name)


def _find_nothing(text: str) -> Iterable[UUID]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Audit:
    """All trails of an app; `parts` are histories whose rows are told by those of another, by their models.

    `find_things` and `find_people` return the ids that a number, VIN or address stands for, a few at most.
    """

    trails: tuple[Trail, ...] = ()
    parts: Mapping[type[Model], type[Model]] = field(default_factory=dict)
    find_things: Callable[[str], Iterable[UUID]] = _find_nothing
    find_people: Callable[[str], Iterable[UUID]] = _find_nothing
