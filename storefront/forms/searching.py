"""Read the filters of the list of cars, and a search that is kept."""

from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from catalog.public import ProductSearch
from core.screens.numbers import MoneyField, WholeField
from storefront.forms.visitors import AccessibleForm
from storefront.shown import terms, wording
from storefront.shown.wording import Text
from storefront.templatetags.storefront import grouped


def _number(label: Text, placeholder: Text) -> forms.TextInput:
    """A box for a number; text with a numeric keyboard, so that no spinner changes a price by accident."""
    return forms.TextInput(attrs={"inputmode": "numeric", "aria-label": label, "placeholder": placeholder})


_SEARCHED = (
    "q", "make", "model", "body", "year_min", "year_max", "price_min", "price_max", "condition", "fuel", "mileage_max",
    "transmission", "drive", "color", "power_min", "power_max",
)  # fmt: skip
"""Filters of the list that a search takes as they are."""


class FilterForm(AccessibleForm):
    """The list's search box and filters. Unknown makes and bodies are simply not found."""

    q = forms.CharField(
        label=_("Search"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Make, model or VIN")}),
    )
    make = forms.CharField(label=_("Make"), max_length=60, required=False)
    body = forms.CharField(label=_("Body"), max_length=60, required=False)
    year_min = WholeField(required=False, min_value=1900, max_value=2100, widget=_number(_("Year from"), _("from")))
    year_max = WholeField(required=False, min_value=1900, max_value=2100, widget=_number(_("Year to"), _("to")))
    price_min = MoneyField(required=False, min_value=0, widget=_number(_("Price from"), _("from")))
    price_max = MoneyField(required=False, min_value=0, widget=_number(_("Price to"), _("to")))
    monthly_max = MoneyField(
        label=_("A month up to, ₽"),
        required=False,
        min_value=1,
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
        help_text=_("A fifth down, five years, the cheapest bank."),
    )
    model = forms.CharField(label=_("Model"), max_length=120, required=False)
    mileage_max = WholeField(
        label=_("Mileage up to, km"), required=False, min_value=0, max_value=2_000_000, widget=forms.TextInput
    )
    fuel = forms.CharField(label=_("Fuel"), max_length=60, required=False)
    transmission = forms.CharField(label=_("Gearbox"), max_length=60, required=False)
    drive = forms.CharField(label=_("Drive"), max_length=60, required=False)
    color = forms.CharField(label=_("Colour"), max_length=60, required=False)
    power_min = WholeField(required=False, min_value=0, max_value=5000, widget=_number(_("Power from, hp"), _("from")))
    power_max = WholeField(required=False, min_value=0, max_value=5000, widget=_number(_("Power to, hp"), _("to")))
    condition = forms.ChoiceField(
        label=_("Condition"), required=False, choices=[("", _("any")), *wording.CONDITIONS.items()]
    )
    ordering = forms.ChoiceField(label=_("Sort by"), required=False, choices=list(wording.ORDERINGS.items()))
    in_stock = forms.ChoiceField(
        label=_("Availability"),
        required=False,
        choices=[("", _("can be bought now")), ("any", _("reserved and sold too"))],
    )

    def search(self) -> ProductSearch:
        """Return what a valid form looks for."""
        given = {name: value for name, value in self.cleaned_data.items() if name in _SEARCHED}
        return ProductSearch(kind="vehicle", in_stock=None if self.cleaned_data["in_stock"] else True, **given)

    def query(self) -> dict[str, Any]:
        """The same as the parameters of GET /products, which a saved search holds."""
        looked_for = vars(self.search())
        return {
            name: value if isinstance(value, bool | int) else str(value)
            for name, value in looked_for.items()
            if value not in (None, "")
        }

    @property
    def is_by_month(self) -> bool:
        """Tell whether a valid form asks for cars by what they cost a month."""
        return self.cleaned_data.get("monthly_max") is not None

    @property
    def is_detailed(self) -> bool:
        """Tell whether one of the finer filters is on, which are folded away otherwise."""
        finer = ("mileage_max", "fuel", "transmission", "drive", "color", "power_min", "power_max")
        return any(self[name].value() for name in finer)

    def offer(self, name: str, values: list[tuple[str, int]]) -> None:
        """Let a text field be chosen from a list of (value, how many), keeping what was typed."""
        typed = self.data.get(name, "")
        known = {value.casefold() for value, _count in values}
        options = [
            ("", _("any")),
            *((value, format_lazy("{} ({})", terms.term(value), grouped(count))) for value, count in values),
        ]
        if typed and typed.casefold() not in known:
            options.append((typed, typed))
        self.fields[name].widget = forms.Select(choices=options)


class SaveSearchForm(FilterForm):
    """A search to be kept: the list's filters, and a name."""

    name = forms.CharField(label=_("Name"), max_length=120)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in FilterForm.base_fields:
            self.fields[name].widget = forms.HiddenInput()
