"""Manager screens of imports: a file is sent, looked at in a dry run, watched, and imported for real."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, cast
from uuid import UUID

import msgspec
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import DomainError
from core.importing.columns import Synonyms, read_mapping
from core.importing.limits import ENDINGS
from core.importing.runs import ImportRun, ImportStatus
from core.screens.base import ReadOnlyAdmin
from core.screens.forms import Screen, ScreenForm, show
from core.screens.labels import display

SHOWN_ERRORS = 100


def pairs(text: str) -> dict[str, str]:
    """Lines of NAME=VALUE. Raises ValidationError."""
    found = {}
    for line in filter(str.strip, text.splitlines()):
        name, is_pair, value = line.partition("=")
        if not is_pair or not name.strip():
            raise ValidationError(_("%(line)s: write NAME=VALUE, one a line.") % {"line": line.strip()[:60]})
        found[name.strip()] = value.strip()
    return found


class UploadForm(ScreenForm):
    """A file, and how it is to be read; `synonyms` are the headers its fields go by."""

    synonyms: ClassVar[Synonyms] = {}

    file = forms.FileField(label=gettext_lazy("file"), help_text=gettext_lazy("CSV, CSV.gz or XLSX"))
    is_dry_run = forms.BooleanField(
        label=gettext_lazy("dry run"),
        required=False,
        initial=True,
        help_text=gettext_lazy("Say what would happen, write nothing; it can be imported for real afterwards"),
    )
    mapping = forms.CharField(
        label=gettext_lazy("mapping"),
        required=False,
        widget=forms.Textarea,
        help_text=gettext_lazy("JSON, for headers that are not known: {column header: field}"),
    )
    defaults = forms.CharField(label=gettext_lazy("values for missing columns"), required=False, widget=forms.Textarea)
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
        return self.judged(lambda given: read_mapping(given, self.synonyms), text) if text else {}

    def clean_defaults(self) -> dict[str, str]:
        return pairs(self.cleaned_data["defaults"])

    def chosen(self) -> dict[str, Any]:
        """Return how a valid form wants the file read: its fields but the file and whether it is only a trial."""
        return {name: value for name, value in self.cleaned_data.items() if name not in ("file", "is_dry_run")}

    def judged(self, judge: Callable[[Any], Any], given: Any) -> Any:
        """Return what `judge` makes of a field; its refusal is the form's. Raises ValidationError."""
        try:
            return judge(given)
        except DomainError as error:
            raise ValidationError(error.detail) from error


class ImportScreen(Screen):
    """Imports of one kind, newest first; the app says how they are read, started and taken apart."""

    form_class: ClassVar[type[UploadForm]]
    refused_row: ClassVar[Any]
    upload_title: ClassVar[Any]
    warnings: ClassVar[Mapping[str, Any]] = {}
    list_display = [
        "created_at", "filename", "coloured_status", "is_dry_run", "progress", "rows_ok", "rows_failed", "created",
        "updated",
    ]  # fmt: skip
    list_filter = ["status"]
    ordering = ["-id"]

    @abstractmethod
    def start(self, form: UploadForm, actor_id: UUID) -> ImportRun:
        """Have a worker read the file of a valid form."""

    @abstractmethod
    def start_for_real(self, import_id: UUID, actor_id: UUID) -> ImportRun:
        """Import what a dry run looked at. Raises DomainError."""

    @abstractmethod
    def refused_file(self, request: HttpRequest, import_id: UUID) -> StreamingHttpResponse:
        """The refused rows as they stood in the file, to be mended and imported again."""

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
    def coloured_status(self, run: ImportRun) -> tuple[str, str]:
        return run.status, str(ImportStatus(run.status).label)

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        own: list[Any] = [
            path("<uuid:import_id>/progress/", wrap(self.progress_view), name=self._named("progress")),
            path("<uuid:import_id>/refused-rows/", wrap(self.refused_view), name=self._named("refused")),
        ]
        return [*own, *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Send a file."""
        self.require(self.has_add_permission(request))
        form = self.form_class(request.POST, request.FILES) if request.method == "POST" else self.form_class()
        if request.method == "POST" and form.is_valid():
            return self.to(self.start(form, _actor(request)).pk)
        context = {"title": self.upload_title, "form": form, "label": _("Send"), "is_multipart": True}
        return show(self, request, "screens/form", context, status=400 if form.errors else 200)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Show how far an import is and what it came to; a dry run that ended well is started for real by a POST."""
        run = self.find(request, object_id)
        if run is None:
            return self.nowhere(request, object_id)
        if request.method == "POST":
            return self._start_for_real(request, run)
        context = {
            "title": run.filename,
            "run": run,
            "status": ImportStatus(run.status).label,
            "can_start": run.may_be_repeated,
            "columns": sorted(run.columns.items()),
            "warnings": list(self._list_warnings(run)),
            "errors": self.refused_row.objects.filter(source=run).order_by("row", "id")[:SHOWN_ERRORS],
            "shown_errors": SHOWN_ERRORS,
            "progress_url": reverse(f"admin:{self._named('progress')}", args=[run.pk]),
            "refused_url": reverse(f"admin:{self._named('refused')}", args=[run.pk]),
        }
        return show(self, request, "screens/import", context)

    def _list_warnings(self, run: Any) -> Iterator[tuple[int, Any]]:
        for code, count in sorted(getattr(run, "warnings", {}).items()):
            yield count, self.warnings.get(code, code)

    def _start_for_real(self, request: HttpRequest, run: ImportRun) -> HttpResponse:
        self.require(self.has_add_permission(request))
        try:
            return self.to(self.start_for_real(run.pk, _actor(request)).pk)
        except DomainError as error:
            self.refuse(request, error)
            return self.to(run.pk)

    def progress_view(self, request: HttpRequest, import_id: Any) -> HttpResponse:
        """Answer what the page asks for every second."""
        run = self.find(request, import_id)
        if run is None:
            return JsonResponse({}, status=404)
        status = str(ImportStatus(run.status).label)
        body = msgspec.json.encode({"is_open": run.is_open, "status": status, "progress": run.progress})
        return HttpResponse(body, content_type="application/json", headers={"Cache-Control": "no-store"})

    def refused_view(self, request: HttpRequest, import_id: Any) -> HttpResponse | StreamingHttpResponse:
        """The refused rows as a file."""
        if self.find(request, import_id) is None:
            return self.nowhere(request, str(import_id))
        return self.refused_file(request, import_id)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def _named(self, view: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{view}"


def _actor(request: HttpRequest) -> UUID:
    return cast(UUID, request.user.pk)


class RefusedRowScreen(ReadOnlyAdmin):
    """Refused rows of all imports of one kind, newest first."""

    list_display = ["source", "row", "line", "field", "code", "detail"]
    list_select_related = ["source"]
    list_filter = ["code"]
    ordering = ["-id"]
