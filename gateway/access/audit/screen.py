"""Show administrators and auditors who did what to which thing when, a page at a time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.ids import find_uuid
from core.postgres.trails import Trail
from core.screens.base import BusinessAdmin
from core.screens.forms import ScreenForm, show
from gateway.access.audit.cursors import read_cursor, write_cursor
from gateway.access.audit.gathering import Found, Wanted, search
from gateway.access.audit.recording import record_search
from gateway.access.audit.searching import Act
from gateway.access.audit.trails import list_trails
from gateway.models import KnownPerson

PAGE = 50
NAMED_BY = "orders"
"""The app whose copies name the people on the page."""
THINGS = {
    "application": gettext_lazy("application"),
    "claim": gettext_lazy("claim"),
    "client": gettext_lazy("client"),
    "lead": gettext_lazy("lead"),
    "legal_entity": gettext_lazy("legal entity"),
    "loan": gettext_lazy("loan"),
    "object": gettext_lazy("object"),
    "offer": gettext_lazy("offer"),
    "order": gettext_lazy("order"),
    "paper": gettext_lazy("document"),
    "payment": gettext_lazy("payment"),
    "payout": gettext_lazy("payout"),
    "person": gettext_lazy("user"),
    "policy": gettext_lazy("policy"),
    "product": gettext_lazy("product"),
    "receipt": gettext_lazy("fiscal receipt"),
    "refund": gettext_lazy("refund"),
}
"""Words for the kinds of things that trails name."""


def _list_choices() -> list[tuple[str, str]]:
    """Every kind of act by its name in words, those of every database under their app."""
    named = [
        (kind, f"{trail.words} ({kind.partition('.')[0]})") for app in settings.APPS for kind, trail in list_trails(app)
    ]
    return [("", _("any")), *sorted(named, key=lambda one: one[1])]


class SearchForm(ScreenForm):
    """Choice of what is looked for; all of it may be left out."""

    person = forms.CharField(label=gettext_lazy("by whom (id, e-mail or user name)"), max_length=254, required=False)
    thing = forms.CharField(
        label=gettext_lazy("to what (id, order or policy number, VIN, SKU)"), max_length=64, required=False
    )
    kind = forms.ChoiceField(label=gettext_lazy("kind"), choices=_list_choices, required=False)
    since = forms.DateTimeField(label=gettext_lazy("since"), required=False)
    until = forms.DateTimeField(label=gettext_lazy("until"), required=False)


@dataclass(frozen=True)
class Line:
    """An act in words."""

    at: datetime
    kind: str
    what: str
    is_code: bool
    by: list[str]
    things: list[tuple[str, str]]
    told: list[tuple[str, str, str]]
    request_id: str


def show_search(screen: BusinessAdmin, request: HttpRequest) -> HttpResponse:
    """A page of what was done, and the way to the next; who looks is written down."""
    form = SearchForm(request.GET or None)
    asked = {} if not form.is_bound else form.cleaned_data if form.is_valid() else None
    found = None if asked is None else _find(asked, request.GET.get("cursor", ""))
    if found is not None:
        record_search(request, found)
    context = {
        "title": _("Who did what"),
        "form": form,
        "lines": _write_lines(found.acts) if found else [],
        "unanswered": ", ".join(found.unanswered) if found else "",
        "following": _address(request, found) if found else "",
    }
    return show(screen, request, "screens/audit", context, status=200 if found else 400)


def _find(asked: dict[str, Any], cursor: str) -> Found | None:
    """The page; None after a place that none of ours is."""
    try:
        before = read_cursor(cursor) if cursor else None
        return search(Wanted(**asked, before=before), size=PAGE)
    except (ValueError, ValidationError):
        return None


def _address(request: HttpRequest, found: Found) -> str:
    if found.following is None:
        return ""
    query = {name: value for name, value in request.GET.items() if name != "cursor"}
    return urlencode(query | {"cursor": write_cursor(found.following)})


def _write_lines(acts: list[Act]) -> list[Line]:
    trails = dict(pair for app in settings.APPS for pair in list_trails(app))
    names = _find_names({one for act in acts for one in act.by})
    return [_write_line(act, trails[act.kind], names) for act in acts]


def _find_names(told: set[str]) -> dict[str, str]:
    ids: list[UUID] = [found for found in map(find_uuid, told) if found is not None]
    if NAMED_BY not in connections:
        return {}
    known = KnownPerson.objects.using(NAMED_BY).filter(pk__in=ids).exclude(name="")
    return {str(person_id): name for person_id, name in known.values_list("pk", "name")}


def _write_line(act: Act, trail: Trail, names: dict[str, str]) -> Line:
    what = _say(trail, trail.what, act.what) if act.what else ""
    return Line(
        at=act.at,
        kind=trail.words,
        what=what,
        is_code=what == act.what,
        by=[names.get(one, one) for one in act.by],
        things=[(str(THINGS[one.kind]), one.id) for one in act.things],
        told=[(_label(trail, path), path, _say(trail, path, value)) for path, value in act.told.items()],
        request_id=act.request_id,
    )


def _label(trail: Trail, path: str) -> str:
    """Name a column as its model does for people; nothing where it names it for nobody."""
    named = getattr(trail.model._meta.get_field(path), "verbose_name", "")
    return str(named) if isinstance(named, Promise) else ""


def _say(trail: Trail, path: str, value: str) -> str:
    """Name a choice as people do; anything else is shown as it stands."""
    try:
        choices = dict(getattr(trail.model._meta.get_field(path), "flatchoices", ()))
    except FieldDoesNotExist:
        return value
    return str(choices.get(value, value))
