"""Find clients for staff by what a caller knows, and read how all of them are reached."""

from collections.abc import Iterator
from uuid import UUID

from clients.models import Client, Lead, Vehicle
from clients.models.cards import ERASED_NAME
from clients.models.holdings import FOLDED_PLATE
from clients.rules.identifiers import normal_phone
from core.screens.found import MOST, Found
from core.vin import fold_vin, spell_plate
from gateway.people import search_people

CHUNK = 2_000


def cards_reached() -> Iterator[tuple[UUID, tuple[str, str, str]]]:
    """Every client card, by id, some thousands at a time: name, phone and e-mail; an erased one has a dash alone."""
    reached, cards = UUID(int=0), Client.objects.order_by("pk").values_list("pk", "name", "phone", "email")
    while rows := list(cards.filter(pk__gt=reached)[:CHUNK]):
        reached = rows[-1][0]
        yield from ((pk, (name, phone, email)) for pk, name, phone, email in rows)


def find_clients(term: str) -> list[Found]:
    """Client cards whose name, phone or e-mail hold every word of the term."""
    cards = search_people("clients", term).filter(is_card=True).exclude(name=ERASED_NAME)[:MOST]
    return [Found(card.pk, card.name, ", ".join(filter(None, [card.phone, card.email]))) for card in cards]


def find_owners(term: str) -> list[Found]:
    """Find whose car has this VIN or plate, by the id that their deals name; a plate as people type it."""
    cars = Vehicle.objects.filter(left_at__isnull=True)
    found = [
        *cars.filter(vin=fold_vin(term))[:MOST],
        *cars.exclude(plate="").alias(folded=FOLDED_PLATE).filter(folded__in=spell_plate(term))[:MOST],
    ]
    return [Found(car.customer_id, car.name or car.vin, f"{car.plate} {car.vin}".strip()) for car in found[:MOST]]


def find_leads(term: str) -> list[Found]:
    """Enquiries of whoever has this phone or e-mail."""
    number = normal_phone(term)
    leads = Lead.objects.filter(phone=number) if number else Lead.objects.filter(email=term.strip().lower())
    return [Found(lead.pk, lead.name, lead.get_stage_display()) for lead in leads.order_by("-id")[:MOST]]
