"""Erase again whom a restored backup brought back."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from accounts import services


class Command(BaseCommand):
    """`manage.py replay_erasures`: after a restore and its migrations, before any process is started."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--list", type=Path, help="a copy of the list, where the data folder's own was lost")
        parser.add_argument("--again", action="store_true", help="tell every app of all the others once more, too")
        parser.add_argument("--dry-run", action="store_true", help="count whom a backup brought back")

    def handle(self, *args: Any, **options: Any) -> None:
        """Erase, and say how many."""
        if options["dry_run"]:
            self.stdout.write(f"{len(services.brought_back(options['list']))} people are back who were erased")
            return
        done = services.replay_erasures(now=timezone.now(), folder=options["list"], is_again=options["again"])
        self.stdout.write(f"{done.erased} people erased again, {done.told} told of again, {done.refused} refused")
        if done.refused:
            self.stdout.write("refused is the last administrator: make another one, then repeat this")
