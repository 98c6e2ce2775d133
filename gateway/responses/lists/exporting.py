"""Send the rows of a list of the admin, as it is filtered, searched and ordered, as a CSV file."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.admin import ModelAdmin

from core.clock import dealer_day
from core.errors import InvalidInput, UnfitListQuery
from core.screens.above import above_lists
from core.screens.base import BusinessAdmin
from core.screens.forms import ScreenForm, show
from core.screens.lists import find_screen, open_list
from gateway.access.readings import Papers, record_reading
from gateway.responses.lists.columns import Column, list_columns
from gateway.responses.tables import csv_file

MOST_ROWS = 50_000
"""Rows of one file; a longer list is narrowed first, since a file that ends early looks whole."""
CHUNK = 500
PASSING = ("p", "all", "e", "_facets")


class TooManyRows(InvalidInput):
    """The list is longer than a file may be."""

    def __init__(self) -> None:
        told = _("The list has more than %(most)s rows: narrow it by filters or a search first.")
        super().__init__("query", "too_many_rows", told % {"most": MOST_ROWS})


class ListForm(ScreenForm):
    """Choices of the list, and whether people are told in full; only administrators may have that."""

    is_clear = forms.BooleanField(
        label=gettext_lazy("in full"),
        required=False,
        help_text=gettext_lazy("With phones, e-mails, numbers and notes; otherwise they are masked"),
    )
    query = forms.CharField(widget=forms.HiddenInput, required=False, max_length=4_000)

    def __init__(self, *args: Any, may_be_clear: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_be_clear:
            del self.fields["is_clear"]


@above_lists
def describe_export(request: HttpRequest, screen: ModelAdmin) -> dict[str, Any]:
    """Return the address of the page that sends what a list shows now."""
    if not getattr(screen, "exports_rows", False):
        return {}
    chosen = request.GET.copy()
    for name in PASSING:
        chosen.pop(name, None)
    page = reverse("export-list", args=[screen.opts.label_lower])
    return {"export_page": f"{page}?{chosen.urlencode()}" if chosen else page}


def export_list(request: HttpRequest, listing: str) -> HttpResponseBase:
    """Ask before a list goes out: how many rows, and what is masked; then send it. Raises Http404, PermissionDenied."""
    screen = find_screen(request, listing)
    if not screen.exports_rows:
        raise Http404
    columns = list_columns(screen, [str(name) for name in screen.get_list_display(request)])
    has_people = any(column.is_personal for column in columns)
    given = request.POST if request.method == "POST" else {"query": request.GET.urlencode()}
    form = ListForm(given, may_be_clear=has_people and bool(getattr(request.user, "is_superuser", False)))
    keys: list[Any] = []
    if form.is_valid():
        try:
            rows = open_list(request, screen, form.cleaned_data["query"]).queryset
            keys = read_keys(rows)
        except (UnfitListQuery, TooManyRows) as error:
            form.add_error(None, error.detail)
        else:
            if request.method == "POST":
                return _send(request, screen, rows, keys, columns, is_clear=form.cleaned_data.get("is_clear", False))
    return _ask(screen, request, form, columns, len(keys))


def read_keys(rows: QuerySet[Any]) -> list[Any]:
    """Keys of a list's rows in its order, read at once: what comes meanwhile moves nothing. Raises TooManyRows."""
    keys = list(rows.values_list("pk", flat=True)[: MOST_ROWS + 1])
    if len(keys) > MOST_ROWS:
        raise TooManyRows
    return keys


def read_rows(
    rows: QuerySet[Any], keys: list[Any], columns: list[Column], *, is_clear: bool, language: str
) -> Iterator[list[Any]]:
    """The heading and a line for each row, some hundreds at a time; a row that went meanwhile is left out."""
    yield [column.title for column in columns]
    for start in range(0, len(keys), CHUNK):
        piece = keys[start : start + CHUNK]
        with translation.override(language):  # the file is written after the request's own language has gone
            found = {row.pk: row for row in rows.filter(pk__in=piece)}
            told = [
                [column.write(found[key], is_clear=is_clear) for column in columns] for key in piece if key in found
            ]
        yield from told


def _send(
    request: HttpRequest,
    screen: BusinessAdmin,
    rows: QuerySet[Any],
    keys: list[Any],
    columns: list[Column],
    *,
    is_clear: bool,
) -> HttpResponseBase:
    name = str(screen.opts.model_name)
    if any(column.is_personal for column in columns):
        kind = f"{name}_list_in_full" if is_clear else f"{name}_list"
        record_reading(request, Papers(str(screen.opts.app_label), kind, None, None))
    lines = read_rows(rows, keys, columns, is_clear=is_clear, language=translation.get_language())
    return csv_file(request, lines, f"{name}-{dealer_day(timezone.now())}.csv")


def _ask(
    screen: BusinessAdmin, request: HttpRequest, form: ListForm, columns: list[Column], number: int
) -> HttpResponseBase:
    told = [ngettext("%(count)d row.", "%(count)d rows.", number) % {"count": number}] if not form.errors else []
    personal = [column.title for column in columns if column.is_personal]
    if personal:
        told += [
            _("Masked or left out: %(columns)s.") % {"columns": ", ".join(personal)},
            _("The taking is written down."),
        ]
    context = {
        "title": _("Export: %(list)s") % {"list": screen.opts.verbose_name_plural},
        "form": form,
        "label": _("Download"),
        "intro": " ".join(told),
    }
    return show(screen, request, "screens/form", context, status=400 if form.errors else 200)
