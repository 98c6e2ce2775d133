"""Show sales of some days: by day, manager, make and kind, as a plot and a table, and as a file."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from core.clock import dealer_day
from core.money import DEFAULT_CURRENCY, ZERO
from core.screens.base import BusinessAdmin, money_text
from core.screens.forms import show
from gateway.models import KnownPerson
from gateway.responses.tables import csv_file
from messaging.upkeep.replicas import reading_from_replica
from orders.models import SOLD
from orders.queries.goods_sold import read_goods_sold
from orders.queries.stats import shop_figures

DAYS = 30
LONGEST = 366
"""Days that are shown at once."""
GROUPS = {
    "day": gettext_lazy("by day"),
    "manager": gettext_lazy("by manager"),
    "make": gettext_lazy("by make"),
    "kind": gettext_lazy("by kind of goods"),
}
KINDS = {
    "vehicle": gettext_lazy("Cars"),
    "accessory": gettext_lazy("Accessories"),
    "service": gettext_lazy("Services"),
    "policy": gettext_lazy("Policies"),
    "free": gettext_lazy("Free lines"),
}


_read_whole = reading_from_replica("orders")(shop_figures)


@dataclass(frozen=True)
class Row:
    """One row of the table: orders placed (none where goods are counted), what was sold, and for how much."""

    name: str
    placed: int | None
    sold: int
    amount: Decimal


class PeriodForm(forms.Form):
    """Days that are looked at, and what they are grouped by."""

    start = forms.DateField(label=gettext_lazy("first day"), widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}))
    end = forms.DateField(label=gettext_lazy("last day"), widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}))
    by = forms.ChoiceField(label=gettext_lazy("figures"), choices=list(GROUPS.items()), widget=UnfoldAdminSelectWidget)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        start, end = cleaned.get("start"), cleaned.get("end")
        if start and end and not start <= end < start + timedelta(days=LONGEST):
            raise forms.ValidationError(_("Choose at most a year, the first day before the last."))
        return cleaned


class FiguresScreen(BusinessAdmin):
    """A screen of orders with a page of sales figures."""

    @action(description=gettext_lazy("Sales figures"), url_path="sales-figures", permissions=["view"])
    def sales_figures(self, request: HttpRequest) -> HttpResponseBase:
        """Show them for the last thirty days or those that are asked for; `file=csv` sends the table."""
        today = dealer_day(timezone.now())
        usual = {"start": (today - timedelta(days=DAYS - 1)).isoformat(), "end": today.isoformat(), "by": "day"}
        form = PeriodForm(usual | {name: value for name, value in request.GET.items() if name in usual})
        if not form.is_valid():
            context = {"title": _("Sales figures"), "form": form}
            return show(self, request, "orders/figures", context, status=400)
        given = form.cleaned_data
        rows = read_rows(**given)
        if request.GET.get("file") == "csv":
            return csv_file(request, _write_table(rows, given["by"]), f"sales-{given['start']}-{given['end']}.csv")
        return self._show_figures(request, form, rows)

    def _show_figures(self, request: HttpRequest, form: PeriodForm, rows: list[Row]) -> HttpResponse:
        given = form.cleaned_data
        whole = _read_whole(start=given["start"], end=given["end"])
        facts = [
            (_("orders placed"), str(whole.count)),
            (_("sold"), str(whole.sold_count)),
            (_("sold for"), money_text(whole.sold_amount, whole.currency)),
            (_("average order"), money_text(whole.average, whole.currency)),
        ]
        longest = max((row.amount for row in rows), default=ZERO) or Decimal(1)
        context = {
            "title": _("Sales figures"),
            "form": form,
            "facts": facts,
            "heads": _read_heads(given["by"]),
            "is_by_day": given["by"] == "day",
            "rows": [
                (row, money_text(row.amount, DEFAULT_CURRENCY), round(100 * max(row.amount, ZERO) / longest))
                for row in rows
            ],
            "plot": _draw(rows) if given["by"] == "day" else "",
            "query": f"start={given['start']}&end={given['end']}&by={given['by']}",
        }
        return show(self, request, "orders/figures", context)


@reading_from_replica("orders")
def read_rows(*, start: date, end: date, by: str) -> list[Row]:
    """Read the table: every day, or the managers, makes or kinds with the largest sales first."""
    if by in ("make", "kind"):
        found = read_goods_sold(start=start, end=end, group_by=by)
        return [Row(_name_goods(one.name, by), None, one.pieces, one.amount) for one in found]
    groups = shop_figures(start=start, end=end, group_by=[by, "status"]).groups
    sums: dict[Any, list[Any]] = {}
    for group in groups:
        held = sums.setdefault(group["day" if by == "day" else "manager_id"], [0, 0, ZERO])
        is_sold = group["status"] in SOLD
        held[0] += group["count"]
        held[1] += group["count"] * is_sold
        held[2] += group["total_amount"] * is_sold
    if by == "day":
        days = [start + timedelta(days=number) for number in range((end - start).days + 1)]
        return [Row(formats.date_format(day, "DATE_FORMAT"), *sums.get(day, (0, 0, ZERO))) for day in days]
    names = name_managers(one for one in sums if one is not None)
    rows = [Row(names.get(one) or _("no manager"), *held) for one, held in sums.items()]
    return sorted(rows, key=lambda row: (-row.amount, row.name))


def _name_goods(name: str, by: str) -> str:
    return str(KINDS.get(name, name)) if by == "kind" else name or _("no make")


def name_managers(ids: Iterable[UUID]) -> dict[UUID, str]:
    """Return the names of managers by their ids, of those who left too."""
    wanted = list(ids)
    known = dict(KnownPerson.objects.using("orders").filter(pk__in=wanted).values_list("pk", "name"))
    return {one: known.get(one) or _("a manager who left") for one in wanted}


def _read_heads(by: str) -> list[str]:
    if by in ("make", "kind"):
        return [str(GROUPS[by]), _("pieces sold"), _("sold for")]
    return [str(GROUPS[by]), _("orders placed"), _("sold"), _("sold for")]


def _write_table(rows: list[Row], by: str) -> Iterator[list[Any]]:
    yield _read_heads(by)
    for row in rows:
        counted = [row.sold] if row.placed is None else [row.placed, row.sold]
        yield [row.name, *counted, row.amount]


def _draw(rows: list[Row]) -> str:
    drawn = {"label": _("sold for"), "data": [float(row.amount) for row in rows]}
    return json.dumps(
        {
            "labels": [row.name for row in rows],
            "datasets": [drawn | {"backgroundColor": "var(--color-primary-600)"}],
        }
    )
