"""Dump every app's database as it was at one moment, while the shop goes on."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.management.commands.migrate_all import aliases
from config.servers import backup


class Command(BaseCommand):
    """`manage.py backup FOLDER`: needs pg_dump of the servers' version (AUTOSALON_POSTGRES_BIN names its folder)."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, help="is made, and must not exist")

    def handle(self, *args: Any, **options: Any) -> None:
        """Take the moment, dump it, say what came of it."""
        try:
            dumps = backup.back_up(aliases(), options["folder"], self.stdout.write)
        except backup.BackupError as error:
            raise CommandError(str(error)) from None
        for alias, dump in dumps.items():
            self.stdout.write(f"{alias:14} {dump.bytes / 1e6:.1f} MB, log up to {dump.position}")
