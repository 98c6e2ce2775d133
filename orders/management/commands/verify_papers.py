"""Prove that the papers kept are those that were issued and signed."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orders.models import IssuedDocument
from orders.queries.papers import verify_paper


class Command(BaseCommand):
    """Compute the hash of every kept paper anew; exit code 1 names those that differ."""

    help = "Compare every issued document with its hashes, and its signatures with both. Changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        count, wrong = 0, list[str]()
        for document in IssuedDocument.objects.exclude(content=b"").order_by("pk").iterator(chunk_size=100):
            found = verify_paper(document)
            count += 1
            if not (found.is_intact and found.signatures_match):
                wrong.append(document.number)
        self.stdout.write(f"{count - len(wrong)} of {count} documents are as they were issued")
        if wrong:
            raise CommandError(f"changed since they were issued: {', '.join(wrong)}")
