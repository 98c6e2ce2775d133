"""What a new dealership has to lend and to meet in, so that a first start shows something."""

from datetime import datetime

from resources import services
from resources.models import Resource, ResourceType

_DEMO = {
    "Автомобиль для тест-драйва": [("LADA Vesta, тест-драйв", 1), ("HAVAL Jolion, тест-драйв", 1)],
    "Помещение": [("Переговорная", 1), ("Парковочные места для гостей", 10)],
}


def create_demo(now: datetime) -> None:
    """Add two types and four resources, once: what has the same name already is left alone."""
    for type_name, resources in _DEMO.items():
        found = ResourceType.objects.filter(name=type_name).first()
        kind = found or services.add_type(fields={"name": type_name}, now=now)
        for name, quantity in resources:
            if not Resource.objects.filter(name=name).exists():
                services.add_resource(fields={"name": name, "type_id": kind.id, "quantity": quantity}, now=now)
