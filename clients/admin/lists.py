"""Manager screens of lists of clients: sent and watched, taken out, and who took them."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clients import queries, services
from clients.models import Client, ClientExport, ClientImport, ClientRowError, ClientType
from clients.rules.importing.columns import SYNONYMS
from core.importing.screens import ImportScreen, RefusedRowScreen, UploadForm
from core.screens.forms import Screen, ScreenForm, show
from gateway.access.readings import Papers, record_reading
from gateway.responses.tables import csv_file, table_file


class ListForm(UploadForm):
    """A list of clients, and how it is to be read."""

    synonyms = SYNONYMS
    field_order = ["file", "is_dry_run", "overwrite", "mapping", "defaults", "encoding"]

    overwrite = forms.BooleanField(
        label=gettext_lazy("replace what cards say"),
        required=False,
        help_text=gettext_lazy("Values of the list replace those of the cards; else they fill what is blank"),
    )
    defaults = forms.CharField(
        label=gettext_lazy("values for missing columns"),
        required=False,
        widget=forms.Textarea,
        help_text=gettext_lazy("one a line, as type=person"),
    )


@admin.register(ClientImport)
class ClientImportAdmin(ImportScreen):
    """Imports of lists of clients, newest first."""

    form_class = ListForm
    refused_row = ClientRowError
    upload_title = gettext_lazy("Import a list of clients")

    def start(self, form: UploadForm, actor_id: UUID) -> ClientImport:
        return services.start_import(
            file=form.cleaned_data["file"],
            options=services.ImportOptions(**form.chosen()),
            dry_run=form.cleaned_data["is_dry_run"],
            actor_id=actor_id,
            now=timezone.now(),
        )

    def start_for_real(self, import_id: UUID, actor_id: UUID) -> ClientImport:
        return services.repeat_import(import_id=import_id, actor_id=actor_id, now=timezone.now())

    def refused_file(self, request: HttpRequest, import_id: UUID) -> StreamingHttpResponse:
        rows = queries.read_refused_rows(import_id=import_id)
        record_reading(request, Papers("clients", "refused_rows", import_id, None))
        return csv_file(request, rows, f"refused-{import_id}.csv")


@admin.register(ClientRowError)
class ClientRowErrorAdmin(RefusedRowScreen):
    """Refused rows of all lists, newest first."""


class TakeOutForm(ScreenForm):
    """Choice of clients, and of the way to take them out; only administrators take them in full."""

    kind = forms.ChoiceField(
        label=gettext_lazy("format"),
        choices=[("xlsx", "XLSX"), ("csv", "CSV"), ("csv-gz", "CSV.gz")],
    )
    type = forms.ChoiceField(
        label=gettext_lazy("type"), required=False, choices=[("", gettext_lazy("all")), *ClientType.choices]
    )
    is_clear = forms.BooleanField(
        label=gettext_lazy("in full"),
        required=False,
        help_text=gettext_lazy("With phones, e-mails, numbers and notes; otherwise they are masked"),
    )

    def __init__(self, *args: Any, may_be_clear: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_be_clear:
            del self.fields["is_clear"]


@admin.register(ClientExport)
class ClientExportAdmin(Screen):
    """Exports of clients with their authors, newest first; adding one is taking a list."""

    list_display = ["at", "actor", "format", "is_clear", "rows", "filters"]
    list_filter = ["is_clear", "at"]
    search_fields = ["actor__exact"]
    ordering = ["-at", "-id"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponseBase:
        """Ask what is wanted, and answer with the file."""
        self.require(self.has_add_permission(request))
        may_be_clear = bool(request.user.is_superuser)
        form = TakeOutForm(request.POST or None, may_be_clear=may_be_clear)
        if request.method == "POST" and form.is_valid():
            return self._file(request, form.cleaned_data)
        context = {
            "title": _("Export clients"),
            "form": form,
            "label": _("Download"),
            "intro": _("Each taking is written down: who, when, which clients, masked or in full."),
        }
        return show(self, request, "screens/form", context, status=400 if form.errors else 200)

    def _file(self, request: HttpRequest, wanted: dict[str, Any]) -> StreamingHttpResponse:
        filters = {"type": wanted["type"]} if wanted["type"] else {}
        rows = services.export_clients(
            clients=Client.objects.present().filter(**filters),
            actor=str(request.user.pk),
            is_clear=wanted.get("is_clear", False),
            kind=wanted["kind"],
            filters=filters,
            now=timezone.now(),
        )
        record_reading(request, Papers("clients", "client_list", None, None))
        return table_file(request, rows, "clients", wanted["kind"])
