"""Plan what a new dealership offers, so that a first start shows something."""

from datetime import datetime, timedelta

from core.clock import day_begins, dealer_day
from showroom import services
from showroom.models import EventCategory, Happening, HappeningKind
from showroom.services import HappeningFields


def create_demo(now: datetime) -> None:
    """Plan an open day and a test drive from noon on, once: what has the same title already is left alone."""
    open_days = _category("День открытых дверей", now)
    test_drives = _category("Тест-драйв", now)
    noon = day_begins(dealer_day(now)) + timedelta(days=1, hours=12)
    for fields in (
        HappeningFields(
            title="День открытых дверей: новинки сезона",
            description="Знакомство с новыми моделями, кофе и подарки первым гостям.",
            kind=HappeningKind.EVENT,
            category_id=open_days.id,
            location="Шоурум, главный зал",
            starts_at=noon + timedelta(days=6),
            ends_at=noon + timedelta(days=6, hours=6),
            capacity=50,
        ),
        HappeningFields(
            title="Тест-драйв выходного дня",
            description="Двадцать минут за рулём с инструктором. Понадобится водительское удостоверение.",
            kind=HappeningKind.TEST_DRIVE,
            category_id=test_drives.id,
            location="Площадка у шоурума",
            starts_at=noon + timedelta(days=2),
            ends_at=noon + timedelta(days=2, hours=4),
            capacity=8,
        ),
    ):
        if not Happening.objects.filter(title=fields["title"]).exists():
            services.announce_happening(fields=fields, now=now)


def _category(name: str, now: datetime) -> EventCategory:
    return EventCategory.objects.filter(name=name).first() or services.add_category(fields={"name": name}, now=now)
