"""Read phones and days as people write them, besides numbers and money, in whichever language they read the page."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from clients.rules.identifiers import normal_phone
from storefront.shown.wording import Text

DAYS = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%d.%m.%y", "%d %B %Y")
"""How a day may be written: a browser's own picker sends the first; the others are typed, the day before the month."""


class PhoneField(forms.CharField):
    """A number that can be called, kept as E.164 («+79001234567»); without a country's code it is a Russian one."""

    default_error_messages: ClassVar[dict[str, Any]] = {"invalid": _("Write a phone number, such as +7 900 123-45-67.")}

    def __init__(self, *, label: Text = _("Phone"), **options: Any) -> None:
        super().__init__(label=label, **{"max_length": 32} | options)

    def clean(self, value: Any) -> Any:
        typed = super().clean(value)
        if not typed:
            return typed
        number = normal_phone(typed)
        if not number:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return number

    def widget_attrs(self, widget: Any) -> dict[str, Any]:
        hints = {"autocomplete": "tel", "inputmode": "tel", "placeholder": "+7 900 123-45-67"}
        return super().widget_attrs(widget) | hints


class DayField(forms.DateField):
    """A day: the browser's own picker shows it in the reader's order; typed, the day stands before the month."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("widget", forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
        options.setdefault("input_formats", DAYS)
        super().__init__(**options)


def slider(least: int, most: int, step: str) -> forms.TextInput:
    """A box with a slider beside it, which the page's script adds with these bounds."""
    attrs = {"data-slider": "", "data-min": least, "data-max": most, "data-step": step}
    return forms.TextInput(attrs=attrs | {"inputmode": "decimal", "autocomplete": "off"})


def money_slider(least: int, most: int) -> forms.TextInput:
    """A box for roubles with a slider beside it, in steps of ten thousand."""
    found = slider(least, most, "10000")
    found.attrs["data-money"] = ""
    return found
