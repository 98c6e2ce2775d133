"""Manager screens of imports: a price list is sent, looked at in a dry run, and imported for real."""

from typing import Any

import msgspec
from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from catalog import services
from catalog.admin.screens import Screen, ScreenForm, show
from catalog.importing.columns import SYNONYMS
from catalog.models import Import, ImportStatus, RowError
from catalog.models.imports import OPEN
from catalog.services.imports import ImportOptions, read_rates
from core.admin import ReadOnlyAdmin
from core.errors import DomainError
from core.importing.columns import read_mapping
from core.importing.limits import ENDINGS
from core.money import DEFAULT_CURRENCY
from gateway.tables import csv_file

SHOWN_ERRORS = 100
CURRENCY = RegexValidator(r"\A[A-Z]{3}\Z", gettext_lazy("A currency is three capital letters, as in RUB."))
WARNINGS = {
    "price_low": gettext_lazy("have a price too low for a vehicle: thousands lost?"),
    "vin_check_digit": gettext_lazy("have a VIN with a wrong check digit"),
    "vin_not_whole": gettext_lazy("have a masked or broken VIN, which was left out"),
}


def _pairs(text: str) -> dict[str, str]:
    """Lines of NAME=VALUE. Raises ValidationError."""
    found = {}
    for line in filter(str.strip, text.splitlines()):
        name, is_pair, value = line.partition("=")
        if not is_pair or not name.strip():
            raise ValidationError(_("%(line)s: write NAME=VALUE, one a line.") % {"line": line.strip()[:60]})
        found[name.strip()] = value.strip()
    return found


class UploadForm(ScreenForm):
    """A price list, and how it is to be read."""

    file = forms.FileField(label=gettext_lazy("file"), help_text=gettext_lazy("CSV, CSV.gz or XLSX"))
    is_dry_run = forms.BooleanField(
        label=gettext_lazy("dry run"),
        required=False,
        initial=True,
        help_text=gettext_lazy("Say what would happen, write nothing; it can be imported for real afterwards"),
    )
    currency = forms.CharField(
        label=gettext_lazy("currency of prices without one"), initial=DEFAULT_CURRENCY, validators=[CURRENCY]
    )
    mapping = forms.CharField(
        label=gettext_lazy("mapping"),
        required=False,
        widget=forms.Textarea,
        help_text=gettext_lazy("JSON, for headers that are not known: {column header: field}"),
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
    encoding = forms.CharField(
        label=gettext_lazy("encoding"), required=False, max_length=20, help_text=gettext_lazy("empty: it is found")
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if not (file.name or "").lower().endswith(ENDINGS):
            raise ValidationError(_("Send a CSV, CSV.gz or XLSX file."))
        if file.size > settings.MAX_UPLOAD_BYTES:
            raise ValidationError(_("The file is too large."))
        return file

    def clean_mapping(self) -> dict[str, Any]:
        text = self.cleaned_data["mapping"]
        return self._judged(lambda given: read_mapping(given, SYNONYMS), text) if text else {}

    def clean_rates(self) -> dict[str, str]:
        return self._judged(read_rates, _pairs(self.cleaned_data["rates"]))

    def clean_defaults(self) -> dict[str, str]:
        return _pairs(self.cleaned_data["defaults"])

    def options(self) -> ImportOptions:
        """How a valid form wants the file read."""
        return ImportOptions(
            **{name: value for name, value in self.cleaned_data.items() if name not in ("file", "is_dry_run")}
        )

    def _judged(self, judge: Any, given: Any) -> Any:
        try:
            return judge(given)
        except DomainError as error:
            raise ValidationError(error.detail) from error


@admin.register(Import)
class ImportAdmin(Screen):
    """Imports of price lists, newest first."""

    list_display = [
        "created_at", "filename", "coloured_status", "is_dry_run", "progress", "rows_ok", "rows_failed", "created",
        "updated",
    ]  # fmt: skip
    list_filter = ["status"]
    ordering = ["-id"]

    @display(
        description=gettext_lazy("status"),
        label={
            ImportStatus.PENDING: "info",
            ImportStatus.RUNNING: "info",
            ImportStatus.COMPLETED: "success",
            ImportStatus.COMPLETED_WITH_ERRORS: "warning",
            ImportStatus.FAILED: "danger",
        },
    )
    def coloured_status(self, run: Import) -> tuple[str, str]:
        return run.status, str(ImportStatus(run.status).label)

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own = [
            path("<uuid:import_id>/progress/", wrap(self.progress_view), name="catalog_import_progress"),
            path("<uuid:import_id>/refused-rows/", wrap(self.refused_view), name="catalog_import_refused"),
        ]
        return own + super().get_urls()

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Send a price list."""
        self.require(self.has_add_permission(request))
        form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
        if request.method == "POST" and form.is_valid():
            run = services.start_import(
                file=form.cleaned_data["file"],
                options=form.options(),
                dry_run=form.cleaned_data["is_dry_run"],
                actor=str(request.user.pk),
                now=timezone.now(),
            )
            return self.to(run.pk)
        context = {"title": _("Import a price list"), "form": form, "label": _("Send"), "is_multipart": True}
        return show(self, request, "form", context, status=400 if form.errors else 200)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """How far an import is and what it came to; a dry run that ended well is started for real by a POST."""
        run = self.find(request, object_id)
        if run is None:
            return self.nowhere(request, object_id)
        if request.method == "POST":
            return self._start_for_real(request, run)
        context = {
            "title": run.filename,
            "run": run,
            "is_open": run.status in OPEN,
            "status": ImportStatus(run.status).label,
            "can_start": run.is_dry_run and run.status not in (*OPEN, ImportStatus.FAILED),
            "warnings": [(count, WARNINGS.get(code, code)) for code, count in sorted(run.warnings.items())],
            "errors": RowError.objects.filter(source=run).order_by("row", "id")[:SHOWN_ERRORS],
            "shown_errors": SHOWN_ERRORS,
        }
        return show(self, request, "import", context)

    def _start_for_real(self, request: HttpRequest, run: Import) -> HttpResponse:
        self.require(self.has_add_permission(request))
        try:
            started = services.repeat_import(import_id=run.pk, actor=str(request.user.pk), now=timezone.now())
        except DomainError as error:
            self.refuse(request, error)
            return self.to(run.pk)
        return self.to(started.pk)

    def progress_view(self, request: HttpRequest, import_id: Any) -> HttpResponse:
        """What the page asks for every second."""
        run = self.find(request, import_id)
        if run is None:
            return JsonResponse({}, status=404)
        is_open = run.status in OPEN
        status = str(ImportStatus(run.status).label)
        body = msgspec.json.encode({"is_open": is_open, "status": status, "progress": run.progress})
        return HttpResponse(body, content_type="application/json", headers={"Cache-Control": "no-store"})

    def refused_view(self, request: HttpRequest, import_id: Any) -> HttpResponse | StreamingHttpResponse:
        """The refused rows as they stood in the file, to be mended and imported again."""
        run = self.find(request, import_id)
        if run is None:
            return self.nowhere(request, str(import_id))
        rows = services.refused_rows_of(import_id=import_id)
        return csv_file(request, rows, f"refused-{import_id}.csv")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(RowError)
class RowErrorAdmin(ReadOnlyAdmin):
    """Refused rows of all imports, newest first."""

    list_display = ["source", "row", "line", "field", "code", "detail"]
    list_select_related = ["source"]
    list_filter = ["code"]
    ordering = ["-id"]
