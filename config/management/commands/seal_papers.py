"""Seal the papers that were kept before papers were sealed, or all of them by today's key."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from core.files.papers import seal_paper, stored_papers
from core.secrecy.sealing import Unopenable


class Command(BaseCommand):
    help = "Seal papers kept before papers were sealed; with --again all, by the newest key. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the command line."""
        parser.add_argument("--again", action="store_true", help="seal by the newest key what is sealed already")

    def handle(self, *args: Any, **options: Any) -> None:
        """Go through all files. Raises CommandError naming those that no known key opens."""
        paths = [path for path in stored_papers() if not path.endswith(".part")]
        sealed, closed = 0, list[str]()
        with Progress(console=Console(file=sys.stderr), transient=True) as progress:
            for path in progress.track(paths, description="papers"):
                try:
                    sealed += seal_paper(path, again=options["again"])
                except Unopenable:
                    closed.append(path)
        self.stdout.write(f"{sealed} of {len(paths)} papers sealed")
        if closed:
            raise CommandError("no known key opens: " + ", ".join(closed))
