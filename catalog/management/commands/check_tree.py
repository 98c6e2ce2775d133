"""Check the tree of categories: `manage.py check_tree`; exit 0 when levels, paths and VAT are what the parents say."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from catalog import public


class Command(BaseCommand):
    help = "Check the tree of categories: no cycles; levels, paths and VAT as the parents say."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        found = public.tree_disagreements()
        for item in found:
            self.stdout.write(f"{item.ids['category_id']}: {item.detail}")
        if found:
            raise CommandError(f"{len(found)} categories are not what those above them say.")
        self.stdout.write("The tree of categories is clean.")
