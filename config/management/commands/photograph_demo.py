"""Take photographs of the demo's cars: `manage.py photograph_demo`; twice takes none anew."""

import os
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.progress import Progress

from catalog import services
from catalog.errors import UnknownProduct
from catalog.models import Product
from catalog.plugin.demo import list_demo_cars
from devtools.studio import Sitter, View, photograph

BEHIND_OTHERS = 10
SIDES = {View.FRONT: "спереди сбоку", View.SIDE: "сбоку", View.REAR: "сзади сбоку", View.FACE: "спереди"}


class Command(BaseCommand):
    help = "Draw photographs of the demo's cars that have no picture, and send them as a manager would; in debug only."

    def handle(self, *args: Any, **options: Any) -> None:
        """Photograph one car after the other, behind whoever uses the shop; once all are done, never again here."""
        if not settings.DEBUG:
            raise CommandError("photographs of made-up cars are for the demonstration only")
        mark = settings.DATA_DIR / "demo-photographed"
        if mark.exists():
            return
        os.nice(BEHIND_OTHERS)
        cars = list(Product.objects.present().filter(sku__in=list_demo_cars(), images__isnull=True).order_by("-id"))
        with Progress(transient=True) as progress:
            for car in progress.track(cars, description="photographs"):
                _photograph(car)
        mark.touch()
        self.stdout.write(f"{len(cars)} cars photographed")


def _photograph(car: Product) -> None:
    """Take all pictures of a car before the first is sent: a car that has one has all."""
    sitter = Sitter(car.body, car.color, f"{car.make} {car.model}", car.vin or car.sku)
    taken = {view: photograph(sitter, view) for view in View}
    for view, data in taken.items():
        try:
            services.add_image(
                product_id=car.pk, file=BytesIO(data), alt=f"{car.name}, {SIDES[view]}", now=timezone.now()
            )
        except UnknownProduct:  # it left the catalogue meanwhile
            return
