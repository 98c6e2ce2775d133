"""Judge how a new app and what it keeps are to be called, before anything is written."""

import keyword
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

LONGEST = 18
"""Letters of a name: names of indexes and constraints begin with it, and Django takes 30 characters of an index."""
_WORD = re.compile(rf"[a-z]{{2,{LONGEST}}}")


class BadName(ValueError):
    """The name cannot be an app's, or what it keeps cannot be called so; the message says why."""


@dataclass(frozen=True, slots=True)
class Names:
    """Names of an app and of one thing that it keeps, as its files spell them, and in Russian where they were given."""

    app: str
    thing: str
    russian: tuple[str, str] | None = None

    def fill(self, template: str) -> str:
        """Put the names into a template."""
        spelled = {"app": self.app, "App": self.app.title(), "thing": self.thing, "Thing": self.thing.title()}
        return re.sub(r"@(\w+)@", lambda found: spelled[found[1]], template)


def guess_thing(app: str) -> str:
    """Name one of what an app in the plural keeps: `warranties` keep a `warranty`."""
    if app.endswith("ies"):
        return app.removesuffix("ies") + "y"
    return app if app.endswith("ss") else app.removesuffix("s")


def require_free(names: Names, root: Path, *, taken: Collection[str], things: Collection[str]) -> None:
    """Refuse what is no plain word, means something to Python, or is taken: by apps, roles, models or messages.

    Raises BadName.
    """
    for word in (names.app, names.thing):
        if not _WORD.fullmatch(word):
            raise BadName(
                f"{word!r} is not one word of 2 to {LONGEST} small Latin letters, as databases and queues are called"
            )
        if keyword.iskeyword(word) or keyword.issoftkeyword(word):
            raise BadName(f"{word!r} is a word of Python's own")
    if names.app in taken or (root / names.app).exists():
        raise BadName(f"{names.app!r} is taken: an app, a role, a database or a folder is called so")
    if names.app in sys.stdlib_module_names or find_spec(names.app) is not None:
        raise BadName(f"{names.app!r} is a package that is installed: it would be hidden")
    if names.thing in things:
        raise BadName(f"{names.thing!r} is taken by a model or by messages of another app: say --thing")
