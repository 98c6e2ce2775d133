"""Read how a switch stands, and turn it: each turn is a row in the database of the switch's app, never rewritten.

How it stands is kept in Valkey like other answers of the database (`gateway.responses.cache`): a turn voids what was
kept with its own transaction, for every process at once, and while Valkey is away the database answers. Nobody asks
inside its own turn, so what is kept may be read inside a transaction too.
"""

from datetime import datetime
from functools import cache
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from core.db import lock, transaction
from core.errors import DomainError, InvalidInput, NotFound
from core.plugins import plugins
from core.running.switches import Switch
from gateway.models import SwitchTurn
from gateway.responses.cache import Cache

ON, OFF = b"on", b"off"


class SwitchedOff(DomainError):
    """This part of the product is off for now; the words are those of its switch."""

    code = "switched_off"
    detail = _("This is not available at the moment.")


class SwitchUnknown(NotFound):
    """There is no such switch."""

    detail = _("There is no such switch.")


class SwitchStandsSo(DomainError):
    """The switch stands like that already."""

    code = "switch_stands_so"
    detail = _("It stands like that already.")


class _TurnCache(Cache):
    """Entries that are no part of anybody's transaction, and may be read inside one."""

    @property
    def is_on(self) -> bool:
        """Tell whether entries are kept at all."""
        return self.seconds() > 0


@cache
def _cached(app: str) -> Cache:
    return _TurnCache("switches", app, lambda: settings.SWITCH_CACHE_SECONDS)


def list_switches() -> list[Switch]:
    """Every switch of the product, by name."""
    return sorted((one for plugin in plugins().values() for one in plugin.switches), key=lambda one: one.name)


def find_switch(name: str) -> Switch:
    """The switch of a name. Raises SwitchUnknown."""
    found = next((one for one in list_switches() if one.name == name), None)
    if found is None:
        raise SwitchUnknown
    return found


def is_on(switch: Switch) -> bool:
    """Tell whether a part of the product is on, by one look into Valkey."""
    return _cached(switch.app).find(switch.name, lambda: ON if _read(switch) else OFF) == ON


def require_on(switch: Switch) -> None:
    """Refuse to go on while a part of the product is off. Raises SwitchedOff."""
    if not is_on(switch):
        raise SwitchedOff(str(switch.refusal))


def turn_switch(*, name: str, is_on: bool, reason: str, actor_id: UUID | None, now: datetime) -> SwitchTurn:
    """Turn a switch on or off from now on, for every process; `actor_id` None is the operator's terminal.

    Raises SwitchUnknown, SwitchStandsSo, InvalidInput where no reason is given.
    """
    switch = find_switch(name)
    if not reason.strip():
        raise InvalidInput("reason", "required", _("Say why."))
    with transaction(switch.app):
        lock(switch.app, f"switch:{name}")
        if _read(switch) == is_on:
            raise SwitchStandsSo
        turn: SwitchTurn = SwitchTurn.objects.using(switch.app).create(
            name=name, is_on=is_on, reason=reason.strip()[:1000], actor_id=actor_id, at=now
        )
        _cached(switch.app).forget(name)
    return turn


def last_turn(switch: Switch) -> SwitchTurn | None:
    """Return who turned a switch last; None where nobody ever did."""
    return SwitchTurn.objects.using(switch.app).filter(name=switch.name).order_by("-id").first()


def _read(switch: Switch) -> bool:
    turn = last_turn(switch)
    return switch.is_on if turn is None else turn.is_on
