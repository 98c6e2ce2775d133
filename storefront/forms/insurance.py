"""The steps of a quote wizard: the car, who drives it, what is covered. What one step took goes along hidden."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from catalog.public import ProductView
from core.screens.numbers import MoneyField, NumberField, WholeField
from core.vin import VIN_LENGTH, WRONG, is_vin
from storefront.forms.kit import DayField
from storefront.forms.visitors import AccessibleForm

DRIVERS = (1, 2, 3, 4)
KBM_CLASSES = [("", _("not known")), *((name, name) for name in ("M", *map(str, range(14))))]
DEDUCTIBLES = (10_000, 20_000, 30_000)
"""Deductibles of KASKO shown beside the one that was asked for, roubles."""
INSTALMENTS = [("1", _("at once")), ("2", _("in two parts")), ("3", _("in three parts"))]


def _refuse_other_texts(vin: str) -> None:
    if not is_vin(vin):
        raise forms.ValidationError(WRONG)


class CarStep(AccessibleForm):
    """The car to insure."""

    vehicle_vin = forms.CharField(
        label=_("VIN"),
        max_length=VIN_LENGTH,
        validators=[_refuse_other_texts],
        widget=forms.TextInput(attrs={"autocapitalize": "characters", "spellcheck": "false"}),
    )
    vehicle_make = forms.CharField(label=_("Make"), max_length=100)
    vehicle_model = forms.CharField(label=_("Model"), max_length=100)
    vehicle_year = WholeField(label=_("Year"), min_value=1950, max_value=date.max.year)
    engine_power = NumberField(label=_("Engine power, hp"), min_value=1, max_digits=6, decimal_places=1)


class DriversStep(AccessibleForm):
    """Step that asks who drives: up to four people unless told otherwise, or anybody."""

    numbers: Sequence[int] = DRIVERS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for number in self.numbers:
            names = {"number": number}
            born, since = _("Driver %(number)d: birth date") % names, _("Driver %(number)d: licence since") % names
            self.fields[f"birth_date_{number}"] = DayField(label=born, required=False)
            self.fields[f"licence_since_{number}"] = DayField(label=since, required=False)
            self.fields[f"kbm_{number}"] = forms.ChoiceField(
                label=_("Driver %(number)d: class (КБМ)") % names, choices=KBM_CLASSES, required=False
            )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for number in self.numbers:
            birth, licence = f"birth_date_{number}", f"licence_since_{number}"
            if bool(given.get(birth)) != bool(given.get(licence)):
                missing = licence if given.get(birth) else birth
                if missing not in self.errors:
                    self.add_error(missing, _("Of a driver both dates are needed."))
        return given

    @property
    def by_driver(self) -> list[dict[str, Any]]:
        """The boxes of each driver; the first one's are open, and those that hold something."""
        found = []
        for number in self.numbers:
            fields = [self[f"{name}_{number}"] for name in ("birth_date", "licence_since", "kbm")]
            is_open = number == 1 or any(field.value() or field.errors for field in fields)
            found.append({"number": number, "fields": fields, "is_open": is_open})
        return found

    def drivers(self) -> list[dict[str, Any]]:
        """The drivers named."""
        given = self.cleaned_data
        return [
            {
                "birth_date": str(given[f"birth_date_{number}"]),
                "licence_since": str(given[f"licence_since_{number}"]),
                **({"kbm": given[f"kbm_{number}"]} if given[f"kbm_{number}"] else {}),
            }
            for number in self.numbers
            if given[f"birth_date_{number}"]
        ]


class CoverStep(AccessibleForm):
    """Step that asks what is covered, where, and from when: roubles, months."""

    kasko_only = ("coverage_amount", "deductible", "instalments")

    insurance_type = forms.ChoiceField(
        label=_("What to insure"),
        choices=[("osago", _("OSAGO: liability, required by law")), ("kasko", _("KASKO: damage and theft"))],
    )
    region = forms.CharField(label=_("Where the car is registered"), max_length=100, required=False)
    coverage_amount = MoneyField(label=_("What the car is worth (KASKO), ₽"), min_value=1, required=False)
    deductible = MoneyField(label=_("Deductible (KASKO), ₽"), min_value=0, required=False)
    instalments = forms.ChoiceField(label=_("How the premium is paid (KASKO)"), choices=INSTALMENTS, required=False)
    start_date = DayField(label=_("First day of the policy"), required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        is_kasko = given.get("insurance_type") == "kasko"
        if is_kasko and not given.get("coverage_amount") and "coverage_amount" not in self.errors:
            self.add_error("coverage_amount", _("KASKO needs the value of the car."))
        return given

    def cover(self) -> dict[str, Any]:
        """The fields of a quote request that this step says."""
        given = self.cleaned_data
        found: dict[str, Any] = {"insurance_type": given["insurance_type"], "region": given["region"]}
        if given["start_date"]:
            found["start_date"] = str(given["start_date"])
        if given["insurance_type"] == "kasko":
            worth = str(given["coverage_amount"])
            found |= {"coverage_amount": worth, "deductible": str(given["deductible"] or 0)}
            found["instalments"] = int(given["instalments"] or 1)
        return found


STEPS: dict[str, type[AccessibleForm]] = {"car": CarStep, "drivers": DriversStep, "cover": CoverStep}
TITLES = {"car": _("The car"), "drivers": _("Who drives it"), "cover": _("What is covered")}


def begun_with(car: ProductView | None) -> dict[str, Any]:
    """Return what a car on sale says for the wizard."""
    if car is None:
        return {}
    known = {
        "vehicle_vin": car.vin,
        "vehicle_make": car.make,
        "vehicle_model": car.model,
        "vehicle_year": car.year,
        "engine_power": car.power_hp,
        "coverage_amount": car.price,
    }
    return {name: value for name, value in known.items() if value}


def build_request(forms_: Mapping[str, Any]) -> dict[str, Any]:
    """The quote request of three valid steps."""
    car, drivers = forms_["car"].cleaned_data, forms_["drivers"].drivers()
    plain = {name: str(value) if name == "engine_power" else value for name, value in car.items()}
    return plain | forms_["cover"].cover() | ({"drivers": drivers} if drivers else {})
