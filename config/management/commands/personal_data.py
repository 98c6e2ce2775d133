"""Write docs/personal-data.md: what tells of a person, and what erasure leaves of it."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from messaging.people.classified import render


class Command(BaseCommand):
    """`manage.py personal_data`."""

    help = __doc__
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Render the declarations."""
        (settings.BASE_DIR / "docs" / "personal-data.md").write_text(render())
        self.stdout.write("wrote docs/personal-data.md")
