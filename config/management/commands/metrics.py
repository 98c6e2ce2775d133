"""Tell which metrics there are; docs/metrics.md is made of the same declarations."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from config.urls import urlpatterns  # noqa: F401  (whatever answers, handles or asks has declared what it counts)
from core.postgres.base import DatabaseWrapper  # noqa: F401
from core.running.measures import FAMILIES
from messaging.commanding.calls import INTERRUPTED  # noqa: F401
from messaging.tasks import run_dispatch  # noqa: F401

PAGE = Path(settings.BASE_DIR) / "docs" / "metrics.md"
BEGIN, END = "<!-- metrics: written by `manage.py metrics --write` -->", "<!-- end of metrics -->"


def table() -> str:
    """One row per family, by name."""
    rows = ["| Metric | Kind | Labels | What it tells |", "| --- | --- | --- | --- |"]
    for one in sorted(FAMILIES.values(), key=lambda one: one.name):
        labels = ", ".join(f"`{label}`" for label in one.labels) or "–"
        rows.append(f"| `{one.name}` | {one.kind} | {labels} | {one.text} |")
    return "\n".join(rows)


def shown() -> str:
    """The table as the page has it now."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0].strip()


class Command(BaseCommand):
    """`manage.py metrics`: a table of what /metrics can tell."""

    help = __doc__
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true", help="write the table into docs/metrics.md")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the table, or write it into its page."""
        if options["write"]:
            before, _, rest = PAGE.read_text().partition(BEGIN)
            PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}")
            return
        self.stdout.write(table())
