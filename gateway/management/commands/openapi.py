"""Write the OpenAPI document to docs/, in every language."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway.document import openapi


class Command(BaseCommand):
    """`manage.py openapi [--check]`."""

    help = __doc__
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not current")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make every file, and write those that differ."""
        try:
            made = openapi.files()
        except openapi.Unsound as error:
            raise CommandError(str(error)) from error
        stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
        if stale and options["check"]:
            names = ", ".join(f"docs/{path.name}" for path in stale)
            raise CommandError(f"not current: {names}; run make schema and commit the result")
        for path in stale:
            path.write_text(made[path])
            self.stdout.write(f"wrote docs/{path.name}")
        if not stale:
            self.stdout.write("docs/openapi.* are current")
