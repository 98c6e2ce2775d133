"""Show administrators and auditors who read whose papers, and who did what, of every database on one screen."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.screens.base import ReadOnlyAdmin
from core.screens.forms import ScreenForm, show
from gateway.access import readings
from gateway.access.audit.screen import show_search
from gateway.access.permissions import may_audit
from gateway.models import Reading

PAGE = 100


class PersonForm(ScreenForm):
    """Choice of the person whose papers were read, or who read."""

    person = forms.UUIDField(label=gettext_lazy("person (id)"), required=False)
    before = forms.DateTimeField(label=gettext_lazy("before"), required=False, widget=forms.HiddenInput)


@admin.register(Reading)
class ReadingAdmin(ReadOnlyAdmin):
    """Readings of all databases that are at hand, newest first."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        visitor: Any = request.user
        return bool(visitor.is_active) and may_audit(visitor.pk, frozenset(visitor.effective_roles))

    def get_urls(self) -> list[URLPattern]:
        """The search over all histories stands beside the readings."""
        search = path("search/", self.admin_site.admin_view(self.search_view), name="gateway_reading_search")
        return [search, *super().get_urls()]

    def search_view(self, request: HttpRequest) -> HttpResponse:
        """Show who did what to which thing when."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return show_search(self, request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """A page of them; `person` leaves those of one owner or reader, `before` those that are older."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = PersonForm(request.GET or None)
        person: UUID | None = None
        before: datetime | None = None
        if form.is_valid():
            person, before = form.cleaned_data["person"], form.cleaned_data["before"]
        aliases = [alias for alias in settings.LAYOUT.databases if alias in connections]
        found = readings.newest(aliases, person_id=person, before=before, limit=PAGE)
        context = {
            "title": _("Who read whose papers"),
            "form": form,
            "readings": found,
            "person": person or "",
            "older_than": found[-1][1].at.isoformat() if len(found) == PAGE else "",
        }
        return show(self, request, "screens/readings", context, status=400 if form.errors else 200)

    def _nowhere(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """There is nothing but the list: a reading alone has no database that the admin would know."""
        raise PermissionDenied

    changeform_view = delete_view = history_view = _nowhere
