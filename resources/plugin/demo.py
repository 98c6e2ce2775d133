"""Fill a new dealership with things to lend and places to meet in, so that a first start shows something."""

from datetime import datetime, time

from resources import services
from resources.models import DriveRole, Resource, ResourceType
from resources.rules.hours import Hours
from resources.services import ResourceFields

_EVERY_DAY = [Hours(weekday, time(9), time(21)) for weekday in range(1, 8)]
HANDOVERS = "Место выдачи"
_DEMO: dict[str, tuple[str, list[ResourceFields]]] = {
    "Автомобиль для тест-драйва": (
        DriveRole.CAR,
        [
            {"name": "LADA Vesta, тест-драйв", "buffer_after": 15, "opening_hours": _EVERY_DAY},
            {"name": "HAVAL Jolion, тест-драйв", "buffer_after": 15, "opening_hours": _EVERY_DAY},
        ],
    ),
    "Полоса тест-драйва": (DriveRole.PLACE, [{"name": "Выезд у шоурума"}, {"name": "Площадка"}]),
    "Консультант": (
        DriveRole.STAFF,
        [{"name": "Анна Смирнова", "opening_hours": _EVERY_DAY}, {"name": "Иван Петров", "opening_hours": _EVERY_DAY}],
    ),
    HANDOVERS: ("", [{"name": "Зона выдачи", "buffer_after": 30, "opening_hours": _EVERY_DAY}]),
    "Помещение": ("", [{"name": "Переговорная"}, {"name": "Парковочные места для гостей", "quantity": 10}]),
}


def create_demo(now: datetime) -> None:
    """Add the types and their resources, once: what has the same name already is left alone."""
    for type_name, (role, resources) in _DEMO.items():
        found = ResourceType.objects.filter(name=type_name).first()
        terms: services.TypeFields = {
            "name": type_name,
            "test_drive_role": role,
            "is_handover_place": type_name == HANDOVERS,
        }
        kind = found or services.add_type(fields=terms, now=now)
        for fields in resources:
            if not Resource.objects.filter(name=fields["name"]).exists():
                services.add_resource(fields={**fields, "type_id": kind.id}, now=now)
