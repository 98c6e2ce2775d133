"""Keep a small read copy of people in an app's database, fed by their own news, and find them in it."""

import re
from collections.abc import Collection, Iterator, Sequence
from uuid import UUID

from django.db import connections
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import JSONObject

from core.approvals import KnowPerson
from core.db import transaction
from gateway.models import KnownPerson

KNOWING = ("orders", "payments", "financing", "insurance", "clients", "showroom")
"""Apps whose staff see rows of people, and which know them by name therefore."""
SHORTEST = 3
"""Letters or digits of a word that is looked for: an index of trigrams knows no shorter one."""
MOST_FOUND = 200
CHUNK = 2_000
_NUMBER = re.compile(r"[\d\s()+.-]+")
_UPSERT = """
INSERT INTO gateway_known_person AS c (person_id, name, phone, email, search_text, version, is_card)
SELECT t.* FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bool[])
    AS t(person_id, name, phone, email, search_text, version, is_card)
WHERE NOT EXISTS (SELECT FROM messaging_departure AS d WHERE d.user_id = t.person_id AND d.left_at IS NOT NULL)
ON CONFLICT (person_id) DO UPDATE SET
    name = excluded.name, phone = excluded.phone, email = excluded.email, search_text = excluded.search_text,
    version = excluded.version, is_card = excluded.is_card
WHERE excluded.version >= c.version
"""


def follow_people(alias: str, commands: Sequence[KnowPerson]) -> None:
    """Keep the newest of what is told of each person; nothing of those whom the app has erased."""
    newest = {one.person_id: one for one in sorted(commands, key=lambda one: one.version_number)}
    rows = [newest[person_id] for person_id in sorted(newest)]
    with transaction(alias), connections[alias].cursor() as cursor:
        cursor.execute(
            _UPSERT,
            [
                [row.person_id for row in rows],
                [row.name[:255] for row in rows],
                [row.phone for row in rows],
                [row.email for row in rows],
                [build_search_text(row.name, row.email, row.phone) for row in rows],
                [row.version_number for row in rows],
                [row.is_card for row in rows],
            ],
        )


def forget_people(alias: str, person_ids: Collection[UUID]) -> None:
    """Forget how people are called and reached."""
    KnownPerson.objects.using(alias).filter(pk__in=person_ids).delete()


def build_search_text(name: str, email: str, phone: str) -> str:
    """Write in one spelling what a person is found by: small letters, е for ё, a phone as digits with its 7."""
    return f"{fold(name)} {fold(email)} {fold_number(phone)}".strip()


def fold(text: str) -> str:
    """Spell letters as they are looked for."""
    return text.lower().replace("ё", "е")


def fold_number(text: str) -> str:
    """Spell a phone as it is looked for: its digits, with 7 for the 8 that is dialled inside Russia."""
    digits = re.sub(r"\D", "", text)
    return f"7{digits[1:]}" if len(digits) == 11 and digits.startswith("8") else digits


def find_people(alias: str, term: str, *, most: int = MOST_FOUND) -> list[UUID]:
    """Ids of people and cards whose name, phone and e-mail hold every word of the term; none for a term too short."""
    return list(search_people(alias, term).values_list("pk", flat=True)[:most])


def search_people(alias: str, term: str) -> QuerySet[KnownPerson]:
    """People and cards whose name, phone and e-mail hold every word of the term; none for a term too short."""
    words = [fold_number(term)] if _NUMBER.fullmatch(term) else fold(term).split()
    words = [word for word in words if len(word) >= SHORTEST]
    found = KnownPerson.objects.using(alias)
    for word in words:
        found = found.filter(search_text__contains=word)
    return found if words else found.none()


def get_told(path: str) -> Subquery:
    """Expression for rows of the same database: name, phone and e-mail of the person whose id stands at `path`."""
    told = JSONObject(name="name", phone="phone", email="email")
    return Subquery(KnownPerson.objects.filter(pk=OuterRef(path)).values(told=told))


def list_known(alias: str, *, is_card: bool) -> Iterator[tuple[UUID, tuple[str, str, str]]]:
    """Every account (or card) that an app knows: id, and name, phone and e-mail; by id, some thousands at a time."""
    reached = UUID(int=0)
    known: QuerySet[KnownPerson] = KnownPerson.objects.using(alias).filter(is_card=is_card).order_by("pk")
    while rows := list(known.filter(pk__gt=reached).values_list("pk", "name", "phone", "email")[:CHUNK]):
        reached = rows[-1][0]
        yield from ((pk, (name, phone, email)) for pk, name, phone, email in rows)
