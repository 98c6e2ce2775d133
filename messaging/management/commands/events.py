"""Show how events move: how far handlers are behind; stop and start them, and check that read copies are true."""

import json
import sys
from dataclasses import asdict
from typing import IO, Any, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error
from rich.console import Console
from rich.table import Table

from messaging.delivery.parked import served
from messaging.peering.peers import is_here, list_variables
from messaging.transport import cursors, restores
from messaging.upkeep.copies import CopyCheck, Difference, copy_checks, diff

SHOWN = 200
PIPED_WIDTH = 160


class Command(BaseCommand):
    """`manage.py events lag | pause | resume | restored | diff`."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        lag = actions.add_parser("lag", help="events and seconds that each handler is behind each source")
        lag.add_argument("--json", action="store_true", help="print JSON only")
        for name, text in (("pause", "stop copying a source for a handler"), ("resume", "go on copying")):
            action = actions.add_parser(name, help=text)
            action.add_argument("--handler", required=True)
            action.add_argument("--source", default="", help="default: every source it reads")
        actions.choices["pause"].add_argument("--reason", required=True, help="shown to whoever wonders")
        actions.choices["resume"].add_argument("--from", type=int, dest="first", help="first position to copy")
        restored = actions.add_parser("restored", help="declare that logs are a backup's; their readers go on")
        which = restored.add_mutually_exclusive_group(required=True)
        which.add_argument("--source", nargs="+", default=[], help="databases that were restored")
        which.add_argument("--all", action="store_true", help="every database that this process serves")
        compare = actions.add_parser("diff", help="rows of read copies that differ from their source; exit 1 if any")
        compare.add_argument("copies", nargs="*", help="default: all")
        compare.add_argument("--wait", type=float, default=2.0, help="seconds in which news under way may arrive")
        compare.add_argument("--json", action="store_true", help="print JSON only")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do one of them."""
        try:
            getattr(self, options["action"])(**options)
        except cursors.NoSuchPair as error:
            raise CommandError(str(error)) from None

    def lag(self, **options: Any) -> None:
        """Show every pair; those behind first."""
        found = sorted(cursors.lags(served()), key=lambda item: -(item.events or 0))
        if options["json"]:
            self.stdout.write(json.dumps([asdict(item) for item in found]))
            return
        table = Table("database", "handler", "source", "events", "seconds", "parked", "")
        for item in found:
            numbers = ("?", "?") if item.events is None else (str(item.events), f"{item.seconds:.1f}")
            note = f"paused: {item.pause_reason}" if item.is_paused else item.pause_reason
            table.add_row(item.alias, item.handler, item.source, *numbers, str(item.parked), note)
        Console(file=cast(IO[str], self.stdout), width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)

    def pause(self, **options: Any) -> None:
        """Stop."""
        count = cursors.pause(options["handler"], options["source"], reason=options["reason"])
        self.stdout.write(f"paused: {count}")

    def resume(self, **options: Any) -> None:
        """Go on."""
        count = cursors.resume(options["handler"], options["source"], first=options["first"])
        self.stdout.write(f"resumed: {count}")

    def restored(self, **options: Any) -> None:
        """Begin a new life of each log and say where its readers go on; exit 1 if that is not known of one."""
        sources = served() if options["all"] else options["source"]
        if unknown := sorted(set(sources) - set(served())):
            raise CommandError(f"not served here: {', '.join(unknown)} (there are {', '.join(served())})")
        lost = []
        for source in sources:
            for onward in self._declare(source):
                if onward.position is None:
                    lost.append(f"manage.py events resume --handler {onward.handler} --source {source} --from POSITION")
                elif onward.position != onward.had_read:
                    note = f"had read up to {onward.had_read}, goes on after {onward.position}"
                    self.stdout.write(f"{onward.handler} <- {source}: {note}")
            self.stdout.write(f"{source}: a new life of the log began")
        for command in lost:
            self.stdout.write(f"stays paused, since nothing shows how far it had read: {command}")
        if lost:
            sys.exit(1)

    def _declare(self, source: str) -> list[restores.Onward]:
        try:
            return restores.declare(source)
        except Error as error:
            reason = " ".join(str(error).split())
            raise CommandError(f"{source} was not declared, try again when all databases answer: {reason}") from None

    def diff(self, **options: Any) -> None:
        """Check read copies against their sources."""
        chosen = self._chosen(options["copies"])
        found = {check.name: diff(check, patience=options["wait"]) for check in chosen}
        if options["json"]:
            shown = {name: [asdict(item) for item in items] for name, items in found.items()}
            self.stdout.write(json.dumps({"clean": not any(found.values()), "differences": shown}, default=str))
        else:
            for check in chosen:
                self._report(check, found[check.name])
        if any(found.values()):
            sys.exit(1)

    def _chosen(self, names: list[str]) -> list[CopyCheck]:
        unknown = set(names) - set(copy_checks())
        if unknown:
            known = ", ".join(sorted(copy_checks()))
            raise CommandError(f"no such copy: {', '.join(sorted(unknown))} (there are {known})")
        chosen = [check for name, check in sorted(copy_checks().items()) if not names or name in names]
        missing = {each.name: list_variables(app for app in sorted(each.apps) if not is_here(app)) for each in chosen}
        for name, variables in missing.items():
            if variables and names:
                raise CommandError(f"{name} needs {variables}")
            if variables:
                self.stderr.write(f"note: {name} is not compared: it needs {variables}")
        return [check for check in chosen if not missing[check.name]]

    def _report(self, check: CopyCheck, found: list[Difference]) -> None:
        self.stdout.write(f"{'BAD' if found else 'ok '}  {check.name}")
        for item in found[:SHOWN]:
            self.stdout.write(f"       {item.id}: source {item.source}, copy {item.copied}")
        if len(found) > SHOWN:
            self.stdout.write(f"       … and {len(found) - SHOWN} more")
        if found:
            replays = [f"replay_events --handler {name}" for name in check.handlers]
            repairs = "; ".join(f"manage.py {name}" for name in ([check.command] if check.command else replays))
            self.stdout.write(f"       to rebuild it: {repairs}")
