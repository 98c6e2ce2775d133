"""Fill every app's empty database from one backup."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.management.commands.migrate_all import aliases
from config.servers import backup


class Command(BaseCommand):
    """`manage.py restore FOLDER`: into empty databases, before any process is started."""

    help = __doc__
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="what `manage.py backup` made")

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore, and say what comes next."""
        try:
            dumps = backup.restore(aliases(), options["folder"])
        except backup.BackupError as error:
            raise CommandError(str(error)) from None
        for alias, dump in dumps.items():
            self.stdout.write(f"{alias:14} log up to {dump.position}")
        self.stdout.write("next: `manage.py migrate_all`, `manage.py replay_erasures`, an empty Valkey, all processes,")
        self.stdout.write("then `manage.py check_books`")
