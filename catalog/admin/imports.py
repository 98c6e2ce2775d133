"""Manager screens of imports: a price list is sent, looked at in a dry run, and imported for real."""

from typing import ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.validators import RegexValidator
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy

from catalog import queries, services
from catalog.models import Import, RowError
from catalog.rules.importing.columns import SYNONYMS
from catalog.services.imports import ImportOptions, read_rates
from core.importing.screens import ImportScreen, RefusedRowScreen, UploadForm, pairs
from core.money import DEFAULT_CURRENCY
from gateway.responses.tables import csv_file

CURRENCY = RegexValidator(r"\A[A-Z]{3}\Z", gettext_lazy("A currency is three capital letters, as in RUB."))


class PriceListForm(UploadForm):
    """A price list, and how it is to be read."""

    synonyms = SYNONYMS
    field_order = [
        "file", "is_dry_run", "currency", "mapping", "defaults", "rates", "into", "miles_to_km", "encoding",
    ]  # fmt: skip

    currency = forms.CharField(
        label=gettext_lazy("currency of prices without one"), initial=DEFAULT_CURRENCY, validators=[CURRENCY]
    )
    defaults = forms.CharField(
        label=gettext_lazy("values for missing columns"),
        required=False,
        widget=forms.Textarea,
        help_text=gettext_lazy("one a line, as make=Lada"),
    )
    rates = forms.CharField(
        label=gettext_lazy("rates"),
        required=False,
        widget=forms.Textarea,
        help_text=gettext_lazy("one a line, as USD=92.5: prices in it are converted, others kept"),
    )
    into = forms.CharField(
        label=gettext_lazy("currency that rates convert to"), initial=DEFAULT_CURRENCY, validators=[CURRENCY]
    )
    miles_to_km = forms.BooleanField(label=gettext_lazy("mileages are in miles: convert them"), required=False)

    def clean_rates(self) -> dict[str, str]:
        rates: dict[str, str] = self.judged(read_rates, pairs(self.cleaned_data["rates"]))
        return rates


@admin.register(Import)
class ImportAdmin(ImportScreen):
    """Imports of price lists, newest first."""

    form_class = PriceListForm
    refused_row = RowError
    upload_title = gettext_lazy("Import a price list")
    warnings: ClassVar = {
        "price_low": gettext_lazy("have a price too low for a vehicle: thousands lost?"),
        "vin_check_digit": gettext_lazy("have a VIN with a wrong check digit"),
        "vin_not_whole": gettext_lazy("have a masked or broken VIN, which was left out"),
    }

    def start(self, form: UploadForm, actor_id: UUID) -> Import:
        return services.start_import(
            file=form.cleaned_data["file"],
            options=ImportOptions(**form.chosen()),
            dry_run=form.cleaned_data["is_dry_run"],
            actor=str(actor_id),
            now=timezone.now(),
        )

    def start_for_real(self, import_id: UUID, actor_id: UUID) -> Import:
        return services.repeat_import(import_id=import_id, actor=str(actor_id), now=timezone.now())

    def refused_file(self, request: HttpRequest, import_id: UUID) -> StreamingHttpResponse:
        return csv_file(request, queries.read_refused_rows(import_id=import_id), f"refused-{import_id}.csv")


@admin.register(RowError)
class RowErrorAdmin(RefusedRowScreen):
    """Refused rows of all price lists, newest first."""
