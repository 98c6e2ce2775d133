"""Read what the insured may change of a policy: who drives, the car's data, and how much is covered."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.screens.numbers import MoneyField, NumberField
from insurance.queries import PolicyView
from insurance.rules.pricing import MAX_DRIVERS
from storefront.forms.insurance import DRIVERS, DriversStep

PROGRAMMES = [
    ("standard", _("standard: repair as the insurer says")),
    ("dealer_repair", _("repair by the dealership")),
    ("theft_and_total", _("theft and total loss only")),
]
_MONEY: dict[str, Any] = {"min_value": 0, "required": False}
KASKO_ONLY = ("coverage_amount", "vehicle_value", "deductible", "programme", "has_gap", "is_pledged_outside")
OSAGO_ONLY = ("engine_power",)


class PolicyChangeForm(DriversStep):
    """A policy as it stands, to be changed from today on; only what differs is a change.

    Named drivers whose dates are taken out may drive no more; without any anybody may.
    """

    vehicle_plate = forms.CharField(label=_("Registration plate"), max_length=15, required=False)
    region = forms.CharField(label=_("Where the car is registered"), max_length=100, required=False)
    city = forms.CharField(label=_("Town"), max_length=100, required=False)
    engine_power = NumberField(label=_("Engine power, hp"), min_value=1, max_digits=6, decimal_places=2, required=False)
    coverage_amount = MoneyField(label=_("Sum insured, ₽"), **_MONEY)
    vehicle_value = MoneyField(label=_("What the car is worth, ₽"), **_MONEY)
    deductible = MoneyField(label=_("Deductible, ₽"), **_MONEY)
    programme = forms.ChoiceField(label=_("Programme"), choices=PROGRAMMES, required=False)
    has_gap = forms.BooleanField(label=_("GAP: the price of the car when it was new"), required=False)
    is_pledged_outside = forms.BooleanField(label=_("Pledged to a bank that is not our partner"), required=False)
    beneficiary = forms.CharField(label=_("Beneficiary (a bank)"), max_length=100, required=False)
    owner_kbm = forms.CharField(label=_("Owner's class (КБМ), if anybody may drive"), max_length=5, required=False)
    anybody = forms.BooleanField(label=_("Anybody may drive"), required=False)

    def __init__(self, policy: PolicyView, data: Any = None) -> None:
        self.policy = policy
        self.numbers = range(1, min(max(len(DRIVERS), len(policy.drivers) + 1), MAX_DRIVERS) + 1)
        super().__init__(data, initial=_as_it_stands(policy))
        for name in OSAGO_ONLY if policy.insurance_type == "kasko" else KASKO_ONLY:
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        is_named = any(given.get(f"birth_date_{number}") for number in self.numbers)
        if not self.errors and is_named == bool(given.get("anybody")):
            self.add_error("anybody", _("Name the drivers, or say that anybody may drive."))
        if not self.errors and not self.changes():
            self.add_error(None, _("Nothing is different."))
        return given

    def blame(self, path: str, detail: str) -> None:
        """Put a refusal beside the field it is about: drivers are named by their place in the list."""
        parts = path.split(".")
        is_driver = parts[0] == "drivers" and len(parts) == 3
        name = f"{parts[2]}_{int(parts[1]) + 1}" if is_driver else parts[-1]
        self.add_error(name if name in self.fields else None, detail)

    def changes(self) -> dict[str, Any]:
        """Return what is different from the policy as it stands, as an endorsement takes it."""
        wanted, insured = self._wanted(), self.policy.insured
        return {name: value for name, value in wanted.items() if not _alike(value, insured.get(name))}

    def _wanted(self) -> dict[str, Any]:
        given = self.cleaned_data
        found: dict[str, Any] = {name: given[name] for name in ("vehicle_plate", "region", "city") if name in given}
        if given.get("beneficiary") != self.policy.beneficiary:
            found["beneficiary"] = given.get("beneficiary", "")
        found["drivers"] = None if given.get("anybody") else self.drivers()
        if given.get("owner_kbm"):
            found["owner_kbm"] = given["owner_kbm"]
        for name in ("coverage_amount", "vehicle_value", "deductible", "engine_power"):
            if given.get(name) is not None:
                found[name] = str(given[name])
        if "has_gap" in self.fields:
            kept = [name for name in self.policy.insured.get("additions", []) if name != "gap"]
            found["additions"] = [*kept, *(["gap"] if given["has_gap"] else [])]
            found["is_pledged_outside"] = given["is_pledged_outside"]
            found["programme"] = given["programme"] or self.policy.insured["programme"]
        return found


def _alike(wanted: Any, known: Any) -> bool:
    if isinstance(wanted, str) and known not in (None, "") and wanted:
        try:
            return Decimal(wanted) == Decimal(str(known))
        except ArithmeticError:
            return wanted == str(known)
    if isinstance(wanted, list) and isinstance(known, list):
        return [_plain(item) for item in wanted] == [_plain(item) for item in known]
    return bool(wanted == known)


def _plain(item: Any) -> Any:
    """A driver without what was not told of them."""
    return {name: str(value) for name, value in item.items() if value is not None} if isinstance(item, dict) else item


def _as_it_stands(policy: PolicyView) -> dict[str, Any]:
    insured = policy.insured
    named = ("region", "city", "engine_power", "coverage_amount", "vehicle_value", "deductible", "programme",
             "is_pledged_outside", "owner_kbm")  # fmt: skip
    found = {name: insured[name] for name in named if insured.get(name) is not None}
    found |= {"vehicle_plate": insured.get("vehicle_plate", ""), "beneficiary": policy.beneficiary}
    found |= {"has_gap": "gap" in insured.get("additions", []), "anybody": not policy.drivers}
    for number, driver in enumerate(policy.drivers, 1):
        found |= {f"{name}_{number}": driver.get(name) for name in ("birth_date", "licence_since", "kbm")}
    return found
