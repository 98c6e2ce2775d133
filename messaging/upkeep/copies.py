"""Check read copies against their sources: which rows differ, and which handlers would repair them."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

Row = tuple[UUID, Any]
Reader = Callable[[], Iterator[Row]]


@dataclass(frozen=True)
class CopyCheck:
    """A check of a read copy that one app keeps of another's rows. Both readers yield (id, what must be equal), by id.

    The copy is repaired by a replay of its `handlers`, or by a `command` where that would do more than copy.
    """

    name: str
    source: Reader
    copy: Reader
    handlers: tuple[str, ...]
    command: str = ""

    @property
    def apps(self) -> set[str]:
        """Apps whose databases hold the two sides."""
        return {self.name.partition(".")[0], self.source.__module__.partition(".")[0]}


@dataclass(frozen=True)
class Difference:
    """A row that is not the same in both; one side is None where the row is missing."""

    copy: str
    id: UUID
    source: Any
    copied: Any


_registry: dict[str, CopyCheck] = {}


def declare_check(name: str, *, source: Reader, copy: Reader, handlers: Sequence[str], command: str = "") -> None:
    """Declare how a read copy is checked; a replay of `handlers`, which keep it, rebuilds it, or `command` does."""
    _registry[name] = CopyCheck(name, source, copy, tuple(handlers), command)


def copy_checks() -> dict[str, CopyCheck]:
    """All registered checks by the names of their copies."""
    return _registry


def diff(check: CopyCheck, *, patience: float = 0.0) -> list[Difference]:
    """Rows that differ now, and still differ `patience` seconds later: news under way is no difference."""
    found = {item.id: item for item in _differences(check)}
    if not found or not patience:
        return list(found.values())
    time.sleep(patience)
    return [item for item in _differences(check) if item.id in found]


def _differences(check: CopyCheck) -> Iterator[Difference]:
    """Both sides side by side, in memory one row each."""
    theirs, ours = check.source(), check.copy()
    source, copied = next(theirs, None), next(ours, None)
    while source is not None or copied is not None:
        if copied is None or (source is not None and source[0] < copied[0]):
            assert source is not None
            yield Difference(check.name, source[0], source[1], None)
            source = next(theirs, None)
        elif source is None or copied[0] < source[0]:
            yield Difference(check.name, copied[0], None, copied[1])
            copied = next(ours, None)
        else:
            if source[1] != copied[1]:
                yield Difference(check.name, source[0], source[1], copied[1])
            source, copied = next(theirs, None), next(ours, None)
