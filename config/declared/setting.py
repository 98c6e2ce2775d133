"""One declaration per setting; what reads, checks and documents settings is made from these.

A setting is an attribute of a group, and reading the attribute gives the value of this process:

    class Orders(Group):
        \"""Orders\"""

        RESERVATION_MINUTES = number(30, "Minutes an unpaid order holds its stock.", least=1, unit="minutes")

    settings.RESERVATION_MINUTES = Orders.RESERVATION_MINUTES  # AUTOSALON_RESERVATION_MINUTES, or 30

After a change run `make settings`: it writes .env.example, docs/settings.md and the environment in docker-compose.yml.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from config.declared import kinds
from config.declared.kinds import Kind, Reason
from config.environment import FILE, PREFIX, given

T = TypeVar("T")
ROLES = ("web", "live", "relay", "worker", "external", "beat", "migrate")
"""What a container does: pages and API, sockets, the relay, workers of the apps, the worker that calls providers, the
clock, and the run that brings the databases up to date."""
NOWHERE: tuple[str, ...] = ()
"""Not for containers: of this machine, or settled by the image."""


class WrongSetting(Exception):
    """One plain line that names a variable and says what would be right."""


@dataclass(frozen=True)
class Need:
    """Need for a setting to be given: in words, and for this process."""

    words: str
    applies: Callable[[], bool]


class Setting(Generic[T]):
    """A name in the environment, what it may hold, its default, and what an operator should know of it.

    A default that follows from other settings is a function, and `shown` says it in words. A secret may also be given
    as a file, by its name with `_FILE`; its value is never shown. `roles` are the containers that need it.
    """

    name: str
    group: "type[Group]"

    def __init__(
        self,
        kind: Kind[T],
        default: T | Callable[[], T],
        help: str,
        *,
        shown: str = "",
        example: str = "",
        secret: bool = False,
        roles: tuple[str, ...] | None = None,
        need: Need | None = None,
    ) -> None:
        self.kind, self.help, self.shown, self.example = kind, help, shown, example
        self.is_secret, self.need, self._default = secret, need, default
        self.roles = ROLES if roles is None else roles

    def __set_name__(self, owner: "type[Group]", name: str) -> None:
        self.name, self.group = name, owner
        ALL[name] = self

    def __get__(self, instance: object, owner: type) -> T:
        return self.value()

    @property
    def variable(self) -> str:
        """Its whole name in the environment."""
        return PREFIX + self.name

    def text(self) -> str:
        """Return what the environment or a file gives, or nothing. Raises WrongSetting."""
        direct, file = given(self.name), given(self.name + FILE) if self.is_secret else ""
        if direct and file:
            raise WrongSetting(f"{self.variable} and {self.variable}{FILE} are both given: keep one")
        return self._read_file(Path(file)) if file else direct

    def value(self) -> T:
        """The value of this process. Raises WrongSetting."""
        text = self.text()
        if not text:
            return self.default()
        try:
            return self.kind.read(text)
        except ValueError as error:
            raise WrongSetting(self._complaint(text, error)) from None

    def default(self) -> T:
        """Return what it is when nobody gives it."""
        return self._default() if callable(self._default) else self._default

    def shown_default(self) -> str:
        """The default in words, or as it would be written."""
        if self.shown or callable(self._default):
            return self.shown
        return "" if self._default in ("", [], None) else self.kind.show(self._default)

    def is_missing(self) -> bool:
        """Tell whether it has to be given and is not. Raises WrongSetting."""
        return self.need is not None and self.need.applies() and not self.text()

    def _read_file(self, path: Path) -> str:
        try:
            content = path.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise WrongSetting(f"{self.variable}{FILE}={path}: the file cannot be read: {reason}") from None
        if not content:
            raise WrongSetting(f"{self.variable}{FILE}={path}: the file is empty")
        return content

    def _complaint(self, text: str, error: ValueError) -> str:
        what = self.variable if self.is_secret else f"{self.variable}={text}"
        reason = f"{error}; " if isinstance(error, Reason) else ""
        return f"{what}: {reason}expected {self.kind.expects}"


ALL: dict[str, Setting[Any]] = {}
"""Every declared setting, by its name without the prefix, in the order of the declarations."""


class Group:
    """Settings of one subject; the first line of a group's docstring is its heading."""

    every: ClassVar[list["type[Group]"]] = []
    is_hidden: ClassVar[bool] = False
    """Switches of the test run, the image's build and the supervisor: nobody sets them in .env."""

    def __init_subclass__(cls) -> None:
        Group.every.append(cls)

    @classmethod
    def settings(cls) -> list[Setting[Any]]:
        """Those declared in this group."""
        return [setting for setting in ALL.values() if setting.group is cls]


def declare(group: type[Group], name: str, setting: Setting[Any]) -> None:
    """Declare a setting whose name is made, such as one of every app."""
    setattr(group, name, setting)
    setting.__set_name__(group, name)


def number(
    default: int | Callable[[], int], help: str, *, least: int = 0, most: int | None = None, unit: str, **more: Any
) -> Setting[int]:
    """A whole number of `unit`."""
    return Setting(kinds.whole(least, most, unit), default, help, **more)


def seconds(default: int, help: str, *, least: int = 0, **more: Any) -> Setting[int]:
    """A span of time in seconds."""
    return number(default, help, least=least, unit="seconds", **more)


def roubles(default: int, help: str, **more: Any) -> Setting[int]:
    """A sum of money in whole roubles."""
    return number(default, help, unit="roubles", **more)


def port(default: int | Callable[[], int], help: str, **more: Any) -> Setting[int]:
    """A TCP port."""
    return Setting(kinds.PORT, default, help, **more)


def flag(default: bool | Callable[[], bool], help: str, **more: Any) -> Setting[bool]:
    """A switch."""
    return Setting(kinds.FLAG, default, help, **more)


def text(default: str | Callable[[], str], help: str, **more: Any) -> Setting[str]:
    """Any text."""
    return Setting(kinds.text(), default, help, **more)


def listed(
    kind: Kind[T], help: str, *, default: list[T] | None = None, known: tuple[T, ...] = (), **more: Any
) -> Setting[list[T]]:
    """Several values of one kind."""
    return Setting(kinds.listed(kind, known=known), default or [], help, **more)
