"""Write the table of states, actions and roles into the documentation."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from orders.rules.machine import table


class Command(BaseCommand):
    help = "Write docs/order-states.md from the order's state machine."

    def handle(self, *args: Any, **options: Any) -> None:
        path = settings.BASE_DIR / "docs" / "order-states.md"
        path.write_text(table(), encoding="utf-8")
        self.stdout.write(str(path))
