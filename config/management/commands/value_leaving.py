"""Writes docs/value-leaving.md from the declarations of every app."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from gateway.approvals.page import render


class Command(BaseCommand):
    help = "Write docs/value-leaving.md: every way that value can leave, who may start it and who must agree."

    def handle(self, *args: Any, **options: Any) -> None:
        page = settings.BASE_DIR / "docs" / "value-leaving.md"
        page.write_text(render())
        self.stdout.write(f"wrote {page.relative_to(settings.BASE_DIR)}")
