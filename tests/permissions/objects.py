"""One object of each kind, owned by a given user: what the rows of the table are called on.

Each app says in its `tests/objects.py` how its own are made.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from uuid import UUID

from config.databases import APPS
from core.ids import uuid7

Ids = list[str]
_makers: dict[str, Callable[[UUID], Ids]] = {}


def made_by(*collections: str) -> Callable[[Callable[[UUID], Ids]], Callable[[UUID], Ids]]:
    """Declare how an object of a collection (`/orders`) is made; returns the ids that its path needs, in order."""

    def declare(maker: Callable[[UUID], Ids]) -> Callable[[UUID], Ids]:
        _makers.update(dict.fromkeys(collections, maker))
        return maker

    return declare


def ids_for(path: str, owner: UUID) -> Ids | None:
    """Make what a path or its collection is about; None for a collection nobody declared.

    What stands below it and is not declared itself gets an id of nothing.
    """
    _read_apps()
    wanted = path.partition("/{}")[0]
    deeper = next((name for name in _makers if "{}" in name and path.startswith(name)), "")
    maker = _makers.get(deeper or wanted)
    if maker is None:
        return None
    made = maker(owner)
    return made + [str(uuid7()) for _ in range(path.count("{}") - len(made))]


@cache
def _read_apps() -> None:
    for app in APPS:
        import_module(f"{app}.tests.objects")
