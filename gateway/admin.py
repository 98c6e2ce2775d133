"""Show who read whose papers and who did what, of every database on one screen; let administrators turn switches."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import connections
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import DomainError
from core.running.switches import Switch
from core.screens.base import ReadOnlyAdmin, TechnicalAdmin, level
from core.screens.forms import ScreenForm, show
from gateway.access import readings
from gateway.access.audit.screen import show_search
from gateway.access.permissions import may_audit
from gateway.access.switches import is_on, last_turn, list_switches, turn_switch
from gateway.models import KnownPerson, Reading, SwitchTurn
from gateway.responses.lists import exporting

__all__ = ["exporting"]
PAGE = 100


class PersonForm(ScreenForm):
    """Choice of the person whose papers were read, or who read."""

    person = forms.UUIDField(label=gettext_lazy("person (id)"), required=False)
    before = forms.DateTimeField(label=gettext_lazy("before"), required=False, widget=forms.HiddenInput)


@admin.register(Reading)
class ReadingAdmin(ReadOnlyAdmin):
    """Readings of all databases that are at hand, newest first."""

    exports_rows = False

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


class TurnForm(ScreenForm):
    """Way in which one switch is turned, and why."""

    name = forms.CharField(widget=forms.HiddenInput)
    is_on = forms.TypedChoiceField(
        choices=[("on", "on"), ("off", "off")], coerce=lambda value: value == "on", widget=forms.HiddenInput
    )
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=1000)


@admin.register(SwitchTurn)
class SwitchAdmin(TechnicalAdmin):
    """Switches of the apps whose databases are at hand: how each stands, since when, why; administrators turn them."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show every switch with its last turn; a POST turns one."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = TurnForm(request.POST) if request.method == "POST" else None
        if form is not None and form.is_valid():
            self._turn(request, form.cleaned_data)
            return HttpResponseRedirect(request.path)
        found = [(switch, is_on(switch), last_turn(switch)) for switch in list_switches() if switch.app in connections]
        rows = _name_people(found)
        context = {
            "title": _("Switches"),
            "rows": rows,
            "is_refused": form is not None,
        }
        return show(self, request, "screens/switches", context, status=400 if form is not None else 200)

    def _turn(self, request: HttpRequest, said: dict[str, Any]) -> None:
        actor_id: Any = request.user.pk
        try:
            turn_switch(**said, actor_id=actor_id, now=timezone.now())
            self.message_user(request, _("Done; every process knows."), messages.SUCCESS)
        except DomainError as error:
            self.message_user(request, str(error.detail), level(error))

    def _nowhere(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """There is nothing but the list."""
        raise PermissionDenied

    changeform_view = delete_view = history_view = _nowhere


def _name_people(found: list[tuple[Switch, bool, SwitchTurn | None]]) -> list[tuple[Any, ...]]:
    """Add to each switch who turned it last: the name, the id of somebody unknown, or nothing."""
    ids = [turn.actor_id for _switch, _state, turn in found if turn is not None and turn.actor_id is not None]
    names: dict[Any, Any] = dict(
        KnownPerson.objects.using("orders").filter(pk__in=ids).exclude(name="").values_list("pk", "name")
    )
    return [(*one, names.get(one[2].actor_id, one[2].actor_id) if one[2] else None) for one in found]
