"""Switch a part of the product on or off at once, or list how each stands."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections
from django.utils import timezone

from core.errors import DomainError
from gateway.access.switches import find_switch, is_on, last_turn, list_switches, turn_switch


class Command(BaseCommand):
    """`manage.py switch [NAME on|off --reason WHY]`."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        """Name what is turned, which way and why; nothing lists them all."""
        parser.add_argument("name", nargs="?", default="", help="the switch, such as payments.card")
        parser.add_argument("state", nargs="?", choices=["on", "off"], help="how it is to stand")
        parser.add_argument("--reason", default="", help="why; kept for ever")

    def handle(self, *args: Any, **options: Any) -> None:
        """Turn one, or list them."""
        if not options["name"]:
            self._list()
            return
        if options["state"] is None or not options["reason"]:
            raise CommandError("say on or off, and why: manage.py switch NAME on|off --reason WHY")
        try:
            self._turn(**options)
        except DomainError as error:
            raise CommandError(f"{options['name']}: {error.detail}") from error

    def _turn(self, name: str, state: str, reason: str, **_: Any) -> None:
        app = find_switch(name).app
        if app not in connections:
            raise CommandError(f"{name}: there is no database of {app} here; run this where {app} is served")
        turn_switch(name=name, is_on=state == "on", reason=reason, actor_id=None, now=timezone.now())
        self.stdout.write(f"{name} is {state} from now on, in every process")

    def _list(self) -> None:
        for switch in list_switches():
            if switch.app in connections:
                turn = last_turn(switch)
                told = "" if turn is None else f" since {turn.at.isoformat(timespec='seconds')}: {turn.reason}"
                self.stdout.write(f"{switch.name} {'on' if is_on(switch) else 'off'}{told}")
