"""Show managers how much there is for accounting in some days, section by section, and send the file they choose."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSingleDateWidget

from core.clock import dealer_day
from core.errors import DomainError
from core.files.accounting import Section, Span, read_span
from core.screens.base import BusinessAdmin
from core.screens.forms import show
from gateway.accounting.gathering import contributions, list_missing
from gateway.accounting.sending import send_exchange, send_section

EXCHANGE = "commerceml"
NAMES = {
    Section.JOURNAL: gettext_lazy("journal of the books"),
    Section.SALES: gettext_lazy("goods handed over and come back"),
    Section.MONEY: gettext_lazy("money by account"),
    Section.STOCK: gettext_lazy("movements of stock"),
}


class ExportForm(forms.Form):
    """Days and kind of an export."""

    since = forms.DateField(label=gettext_lazy("first day"), widget=UnfoldAdminSingleDateWidget())
    until = forms.DateField(label=gettext_lazy("last day"), widget=UnfoldAdminSingleDateWidget())
    kind = forms.ChoiceField(
        label=gettext_lazy("file"),
        choices=[*((section.value, name) for section, name in NAMES.items()), (EXCHANGE, "CommerceML 2.05 (1С)")],
        required=False, widget=UnfoldAdminSelectWidget(),
    )  # fmt: skip


def show_export(screen: BusinessAdmin, request: HttpRequest) -> HttpResponseBase:
    """Show the form; with days the papers of each section, and with `file` in the query the file itself."""
    form = ExportForm(request.GET or _this_month())
    counted: list[tuple[Any, int]] = []
    refusal = ""
    if form.is_valid():
        try:
            span = read_span(form.cleaned_data["since"], form.cleaned_data["until"])
            if "file" in request.GET:
                return _send(request, form.cleaned_data["kind"] or EXCHANGE, span)
            counted = [(NAMES[section], item.count(span)) for section, (_app, item) in contributions().items()]
        except DomainError as error:
            refusal = str(error.detail)
    context = {
        "title": _("Export to accounting"),
        "form": form,
        "counted": counted,
        "total": sum(number for _name, number in counted),
        "missing": list_missing(),
        "refusal": refusal,
    }
    return show(screen, request, "screens/accounting", context, status=400 if form.errors or refusal else 200)


def _send(request: HttpRequest, kind: str, span: Span) -> HttpResponseBase:
    return send_exchange(request, span) if kind == EXCHANGE else send_section(request, Section(kind), span)


def _this_month() -> dict[str, Any]:
    today = dealer_day(timezone.now())
    return {"since": today.replace(day=1), "until": today, "kind": EXCHANGE}
