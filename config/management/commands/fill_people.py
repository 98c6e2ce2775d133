"""Fill in how people are called and reached, for the apps that heard of them before they kept it."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

from django.core.management.base import BaseCommand

from accounts.public import people_reached
from clients.public import cards_reached
from core.approvals import KnowPerson
from gateway.people import KNOWING, follow_people

STEP = 500


class Command(BaseCommand):
    help = "Fill in names, phones and e-mails that no event has told an app yet. Twice changes nothing."

    def handle(self, *args: Any, **options: Any) -> None:
        """Read accounts and client cards once, and write what is missing, some hundreds at a time."""
        told, everybody = 0, _read_all()
        while rows := list(islice(everybody, STEP)):
            for app in KNOWING:
                follow_people(app, rows)
            told += len(rows)
        self.stdout.write(f"{told} people told")


def _read_all() -> Iterator[KnowPerson]:
    """Everybody, as of before any version: what an event told is never overwritten."""
    people = ((row, False) for row in people_reached())
    cards = ((row, True) for row in cards_reached())
    for (person_id, (name, phone, email)), is_card in chain(people, cards):
        yield KnowPerson(person_id=person_id, name=name, phone=phone, email=email, version_number=-1, is_card=is_card)
