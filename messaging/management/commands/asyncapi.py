"""Write docs/asyncapi.yml, docs/events.md and each contract's document from the events' declarations."""

from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from messaging.publishing import contract_asyncapi
from messaging.publishing.asyncapi import as_yaml
from messaging.publishing.compatibility import breaking_changes
from messaging.publishing.event_table import as_markdown


class Command(BaseCommand):
    """`manage.py asyncapi [--check]`: refuses a change that breaks readers and brings no new version."""

    help = __doc__
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is not current")
        parser.add_argument("--accept-breaking", action="store_true", help="write even what breaks readers")

    def handle(self, *args: Any, **options: Any) -> None:
        """Compare with the files, then write them."""
        folder = Path(settings.BASE_DIR) / "docs"
        made = {folder / "asyncapi.yml": as_yaml(), folder / "events.md": as_markdown()}
        made |= {
            folder / "contracts" / f"{letter}.asyncapi.yml": contract_asyncapi.as_yaml(letter)
            for letter in contract_asyncapi.letters()
        }
        if not options["accept_breaking"]:
            _refuse_breaking(folder / "asyncapi.yml", made[folder / "asyncapi.yml"])
        stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
        if stale and options["check"]:
            names = ", ".join(str(path.relative_to(settings.BASE_DIR)) for path in stale)
            raise CommandError(f"not current: {names}; run manage.py asyncapi and commit the result")
        for path in stale:
            path.parent.mkdir(exist_ok=True)
            path.write_text(made[path])
            self.stdout.write(f"wrote {path.relative_to(settings.BASE_DIR)}")
        if not stale:
            self.stdout.write("docs/asyncapi.yml and docs/events.md are current")


def _refuse_breaking(path: Path, text: str) -> None:
    if not path.exists():
        return
    found = breaking_changes(yaml.safe_load(path.read_text()), yaml.safe_load(text))
    if found:
        lines = "\n".join(f"  {change}" for change in found)
        raise CommandError(f"readers would break; raise the event's version or keep the field:\n{lines}")
