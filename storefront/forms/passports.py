"""Read a buyer's passport data as they stand in the passport."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from storefront.forms.kit import DayField, PhoneField
from storefront.forms.visitors import AccessibleForm


def _off(**attrs: Any) -> forms.TextInput:
    """A box whose text no browser keeps for the next person at the same desk."""
    return forms.TextInput(attrs={"autocomplete": "off"} | attrs)


class PassportForm(AccessibleForm):
    """Passport data, the registered address, and the phone that codes to sign with are sent to.

    `version` is that of the data which were shown; whoever sends an older one is refused.
    """

    full_name = forms.CharField(label=_("Surname, name, patronymic"), max_length=200, widget=_off())
    birth_date = DayField(label=_("Date of birth"))
    birth_place = forms.CharField(label=_("Place of birth"), max_length=200, required=False, widget=_off())
    passport = forms.CharField(
        label=_("Series and number"), max_length=30, widget=_off(placeholder="45 10 654321", spellcheck="false")
    )
    issued_by = forms.CharField(label=_("Issued by"), max_length=300, widget=_off())
    issued_on = DayField(label=_("Date of issue"))
    department_code = forms.RegexField(
        r"^\d{3}-\d{3}$",
        label=_("Department code"),
        required=False,
        widget=_off(placeholder="770-001"),
        error_messages={"invalid": _("Write the code as it stands in the passport: 770-001.")},
    )
    address = forms.CharField(label=_("Registered address"), max_length=400, widget=_off())
    phone = PhoneField(help_text=_("Codes to sign documents with are sent to this phone, once it was checked."))
    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
