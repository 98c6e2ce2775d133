"""Bring the words of papers that are shipped with the program into the contract desk."""

from typing import Any

from django.core.management.base import BaseCommand

from core.db import database_now
from orders.services.templates import install_templates


class Command(BaseCommand):
    """Install what is shipped: the first words of a kind come in force, newer ones as drafts for managers to read."""

    help = "Install the document templates that are shipped. Words of your own stay; run again, it changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        in_force, drafts = install_templates(now=database_now("orders"))
        self.stdout.write(f"{in_force} templates put in force, {drafts} kept as drafts")
