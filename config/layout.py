"""Decide which part of the product a process is: the apps it serves, and the roles it plays besides.

An app's own work needs the app's database. Two roles compose what several apps do, and so hold every database: the
`storefront` (pages for people, which lead to the admin and to every path of the API) and the `admin`. The third,
`contracts`, speaks what clients of other systems speak, asks the API for everything, and needs its own database alone.
None of them moves events or runs handlers: that is done once, by the processes that serve the apps.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from config.databases import APPS

ROLES = ("storefront", "admin", "contracts")


@dataclass(frozen=True)
class Layout:
    """`apps` whose handlers, queues and events are this process's, and its `roles`."""

    apps: tuple[str, ...]
    roles: frozenset[str]

    @property
    def answered(self) -> tuple[str, ...]:
        """Apps whose API is answered here: with the pages comes all of it."""
        return APPS if "storefront" in self.roles else self.apps

    @property
    def databases(self) -> tuple[str, ...]:
        """Apps' databases without which this process does not do what it says."""
        return APPS if self.roles & {"storefront", "admin"} else self.apps

    @property
    def stores(self) -> tuple[str, ...]:
        """Those and the database of `contracts`, where it is spoken."""
        return (*self.databases, *(("contracts",) if "contracts" in self.roles else ()))


def read_layout(names: Sequence[str]) -> Layout:
    """The layout that AUTOSALON_SERVICES names; all apps by themselves are the whole product, and so is nothing."""
    apps = tuple(app for app in APPS if app in names)
    if not names or apps == APPS:
        return Layout(APPS, frozenset(ROLES))
    roles = set(names) & set(ROLES)
    return Layout(apps, frozenset(roles | {"admin"} if "storefront" in roles else roles))
