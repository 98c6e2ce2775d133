"""Give a handler its past again, so that it rebuilds what it keeps; exit 1 if some of it failed."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from core.outside.asking import PeerAway
from messaging.delivery import replay


class Command(BaseCommand):
    """`manage.py replay_events --handler H [--source S] [--from POSITION]`: only replayable handlers."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--handler", required=True, help="name of the handler, such as orders.copy_products")
        parser.add_argument("--source", default="", help="database whose events are replayed (default: all it reads)")
        parser.add_argument("--from", type=int, default=1, dest="first", help="first position to replay (default: 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Rewind, then catch up."""
        if options["first"] < 1:
            raise CommandError("positions begin at 1")
        try:
            item, sources = replay.find(options["handler"], options["source"])
            for source in sources:
                self._rewind(item, source, options["first"])
            left = self._catch_up(item, sources)
        except (replay.NotReplayable, PeerAway) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(f"replayed {item.name}" if not left else f"{item.name}: {left} deliveries wait")
        if left:
            sys.exit(1)

    def _rewind(self, item: Any, source: str, first: int) -> None:
        if (kept := replay.first_kept(source)) > first:
            self.stderr.write(f"note: {source} keeps events from position {kept} on; earlier ones were purged")
        replay.rewind(item, source, first=first)

    def _catch_up(self, item: Any, sources: list[str]) -> int:
        total = replay.remaining(item, sources)
        with Progress(console=Console(file=sys.stderr), transient=True) as progress:
            task = progress.add_task(item.name, total=total)
            return replay.catch_up(item, sources, lambda left: progress.update(task, completed=max(0, total - left)))
