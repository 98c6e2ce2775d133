"""Fill in the wizard of an insurance quote, as a visitor does: a car, then the drivers."""

from typing import Any

NEXT = ".wizard button:not([name])"


def name_car(tab: Any, *, vin: str, power: str) -> None:
    """Tell the car of the first page, and go on to its drivers."""
    for name, value in {"vehicle_vin": vin, "vehicle_year": "2024", "engine_power": power}.items():
        tab.fill(f"[name={name}]", value)
    for name in ("vehicle_make", "vehicle_model"):
        tab.fill(f"[name={name}]", "Lada")
    tab.click(NEXT)
    tab.wait_for_selector("[name=birth_date_1]")
