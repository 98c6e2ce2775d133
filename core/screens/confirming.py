"""Ask before an action on chosen rows: show which they are and what becomes of each, and act on the second word."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin

SHOWN = 50
"""Rows whose fate is shown one by one; of more the page says how many there are."""
COUNTED = 1_000
CONFIRMED = "confirmed"
F = TypeVar("F", bound=Callable[..., Any])


def at_once(action: F) -> F:
    """Let an action on the list go without a question: it harms nothing, is taken back as easily, or asks by itself."""
    action.at_once = True  # type: ignore[attr-defined]
    return action


class AsksFirst(ModelAdmin):
    """A list whose actions ask first, all but those declared `at_once`.

    A method `foresee_<action>(request, row)` says in words what becomes of a row; it changes nothing.
    """

    def describe_row(self, row: Any) -> str:
        """Name a row as people know it."""
        return str(row)

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponseBase | None:
        """Show what was chosen; Django's own way goes on once it is confirmed."""
        name = _read_action(request)
        chosen, across = request.POST.getlist(ACTION_CHECKBOX_NAME), request.POST.get("select_across") == "1"
        known = self.get_actions(request).get(name)
        if CONFIRMED in request.POST or known is None or not self.asks_first(request, name) or not (chosen or across):
            answer: HttpResponseBase | None = super().response_action(request, queryset)
            return answer
        rows = queryset if across else queryset.filter(pk__in=chosen)
        return self._ask_first(request, name, known[2], rows, chosen[:1] if across else chosen)

    def asks_first(self, request: HttpRequest, name: str) -> bool:
        """Tell whether an action of the list shows its question before it acts."""
        func = self.get_actions(request)[name][0]
        return name != "delete_selected" and not getattr(func, "at_once", False)

    def _ask_first(
        self, request: HttpRequest, name: str, label: Any, rows: QuerySet[Any], chosen: list[str]
    ) -> HttpResponse:
        number = len(rows.order_by().values_list("pk", flat=True)[: COUNTED + 1])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": label,
            "action": name,
            "chosen": chosen,
            "across": request.POST.get("select_across", "0"),
            "number": number,
            "is_more": number > COUNTED,
            "rows": list(self._foresee_rows(request, name, islice(rows[:SHOWN], SHOWN))),
            "others": number - SHOWN,
        }
        return TemplateResponse(request, "admin/screens/confirm.html", context)

    def _foresee_rows(self, request: HttpRequest, name: str, rows: Iterable[Any]) -> Iterator[tuple[str, list[str]]]:
        foresee = getattr(self, f"foresee_{name}", None)
        for row in rows:
            yield self.describe_row(row), list(foresee(request, row)) if foresee else []


def _read_action(request: HttpRequest) -> str:
    """Return the action whose button was pressed: a page may have several."""
    names, index = request.POST.getlist("action"), request.POST.get("index", "0")
    place = int(index) if index.isdecimal() and len(index) < 4 else 0
    return names[place] if place < len(names) else ""
