"""Fill in what insurance knows of the dealership's cars from the catalogue as it is now."""

from django.core.management.base import BaseCommand

from insurance.services import fill_vehicles
from messaging.upkeep.copies import copy_checks


class Command(BaseCommand):
    help = "Fill in what no event has told yet of cars in stock: the power above all. Twice changes nothing."

    def handle(self, *args: object, **options: object) -> None:
        """Read the catalogue, and write what is missing."""
        filled = fill_vehicles(states=copy_checks()["insurance.VehicleCopy"].source())
        self.stdout.write(f"{filled} cars filled in")
