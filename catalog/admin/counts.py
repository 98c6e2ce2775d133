"""Manager screens of stock-taking: a sheet is listed, counted, looked at, and settled."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import Greatest
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog import services
from catalog.models import CountOutcome, CountStatus, Product, StockCount, StockCountLine
from core.errors import DomainError
from core.screens.forms import Screen, ScreenForm, show
from core.screens.labels import display

LINES = 100
"""Lines of a sheet on one page."""
PLACES = 100


class StartForm(ScreenForm):
    """Choice of the place that is counted."""

    location = forms.CharField(
        label=gettext_lazy("location"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("as it stands on the products; empty: the whole stock"),
    )


class FoundForm(ScreenForm):
    """Something that stands there and is not on the sheet."""

    number = forms.CharField(label=gettext_lazy("SKU, VIN or plate"), max_length=64)
    quantity = forms.IntegerField(label=gettext_lazy("counted"), min_value=0, max_value=1_000_000, initial=1)


class SettleForm(ScreenForm):
    """Why the books are corrected."""

    reason = forms.CharField(label=gettext_lazy("reason"), max_length=200)


class SheetForm(forms.Form):
    """The numbers of a page of a sheet: `counted-<line>` beside `was-<line>`, so that only what was typed is saved."""

    def clean(self) -> dict[str, Any]:
        return {"counted": dict(self._typed())}

    def _typed(self) -> Any:
        for name, text in self.data.items():
            key, _dash, number = name.partition("-")
            if key != "counted" or not number.isdecimal() or text.strip() == self.data.get(f"was-{number}", "").strip():
                continue
            if text.strip() and not (text.strip().isdecimal() and len(text.strip()) < 8):
                raise forms.ValidationError(_("%(text)s is no count: write a whole number.") % {"text": text[:20]})
            yield int(number), int(text) if text.strip() else None


@admin.register(StockCount)
class StockCountAdmin(Screen):
    """Stock-takings, newest first."""

    list_display = ["created_at", "place", "coloured_status", "actor", "closed_by", "closed_at", "reason"]
    list_filter = ["status"]
    ordering = ["-id"]

    @display(description=gettext_lazy("location"))
    def place(self, sheet: StockCount) -> str:
        return sheet.location or _("the whole stock")

    @display(
        description=gettext_lazy("status"),
        label={
            CountStatus.OPEN: "info",
            CountStatus.CONFIRMING: "warning",
            CountStatus.CONFIRMED: "success",
            CountStatus.CANCELLED: "danger",
        },
    )
    def coloured_status(self, sheet: StockCount) -> tuple[str, str]:
        return sheet.status, str(CountStatus(sheet.status).label)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Start a sheet."""
        self.require(self.has_add_permission(request))
        form = StartForm(request.POST) if request.method == "POST" else StartForm()
        if request.method == "POST" and form.is_valid():
            try:
                sheet = services.start_count(
                    location=form.cleaned_data["location"], actor=str(request.user.pk), now=timezone.now()
                )
            except DomainError as error:
                form.add_error(None, str(error.detail))
            else:
                return self.to(sheet.pk)
        context = {"title": _("Count the stock"), "form": form, "label": _("List what should be there")}
        places = Product.objects.present().filter(on_hand__gt=0).exclude(location="")
        context["places"] = places.order_by("location").values_list("location", flat=True).distinct()[:PLACES]
        return show(self, request, "screens/form", context, status=400 if form.errors else 200)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The sheet: numbers are typed in, differences shown, and settled with a reason."""
        sheet = self.find(request, object_id)
        if sheet is None:
            return self.nowhere(request, object_id)
        if request.method == "POST":
            self.require(self.has_add_permission(request))
            return self._act(request, sheet)
        return self._sheet(request, sheet, FoundForm(), SettleForm())

    def _act(self, request: HttpRequest, sheet: StockCount) -> HttpResponse:
        """Do what one of the page's forms asks for; what it refuses stands on the same page."""
        asked = request.POST.get("do", "")
        found = FoundForm(request.POST if asked == "add" else None)
        settle = SettleForm(request.POST if asked == "confirm" else None)
        numbers = SheetForm(request.POST)
        sent: forms.Form = {"add": found, "confirm": settle}.get(asked, numbers)
        if sent.is_valid():
            try:
                self._do(request, sheet, asked, sent.cleaned_data)
            except DomainError as error:
                self.refuse(request, error)
            return HttpResponseRedirect(request.get_full_path())
        if sent is numbers:
            self.message_user(request, " ".join(str(error) for error in numbers.non_field_errors()), messages.ERROR)
        return self._sheet(request, sheet, found, settle, typed=request.POST, status=400)

    def _do(self, request: HttpRequest, sheet: StockCount, asked: str, given: dict[str, Any]) -> None:
        who: dict[str, Any] = {"actor": str(request.user.pk), "now": timezone.now()}
        match asked:
            case "add":
                services.add_found(count_id=sheet.pk, number=given["number"], quantity=given["quantity"])
                said = _("It is on the sheet.")
            case "confirm":
                services.confirm_count(count_id=sheet.pk, reason=given["reason"], **who)
                said = _("The books are corrected.")
            case "cancel":
                services.cancel_count(count_id=sheet.pk, **who)
                said = _("The sheet is given up; the stock is as it was.")
            case _:
                services.record_counts(count_id=sheet.pk, counted=given["counted"])
                said = _("Saved.")
        self.message_user(request, said, messages.SUCCESS)

    def _sheet(
        self,
        request: HttpRequest,
        sheet: StockCount,
        found: FoundForm,
        settle: SettleForm,
        *,
        typed: Any = None,
        status: int = 200,
    ) -> HttpResponse:
        only = request.GET.get("only", "")
        after = request.GET.get("after", "")
        lines = sheet.lines.filter(_ONLY.get(only, Q())).select_related("product").order_by("id")
        start = int(after) if after.isdecimal() and len(after) < 19 else 0
        page = list(lines.filter(id__gt=start)[: LINES + 1])
        context = {
            "title": str(sheet),
            "sheet": sheet,
            "status": CountStatus(sheet.status).label,
            "is_open": sheet.status == CountStatus.OPEN,
            "is_confirming": sheet.status == CountStatus.CONFIRMING,
            "only": only if only in _ONLY else "",
            "totals": _totals(sheet),
            "outcomes": _outcomes(sheet),
            "lines": [(line, _shown(line, typed)) for line in page[:LINES]],
            "next": page[LINES - 1].pk if len(page) > LINES else "",
            "found": found,
            "settle": settle,
        }
        return show(self, request, "catalog/stock_count", context, status=status)


_DIFFERS = Q(counted__isnull=False) & ~Q(counted=F("expected"))
_ONLY = {"differences": _DIFFERS, "uncounted": Q(counted__isnull=True)}


def _shown(line: StockCountLine, typed: Any) -> str:
    """Return the contents of a line's box: what was typed and refused, else what was counted."""
    counted = "" if line.counted is None else str(line.counted)
    return str(typed.get(f"counted-{line.pk}", counted)) if typed else counted


def _totals(sheet: StockCount) -> dict[str, Any]:
    more = F("counted") - F("expected")
    return sheet.lines.aggregate(
        number=Count("id"),
        noted=Count("counted"),
        differing=Count("id", filter=_DIFFERS),
        found=Sum(Greatest(more, 0)),
        missing=Sum(Greatest(-more, 0)),
    )


def _outcomes(sheet: StockCount) -> list[tuple[Any, int]]:
    rows = sheet.lines.exclude(outcome="").values("outcome").annotate(number=Count("id")).order_by("outcome")
    return [(CountOutcome(row["outcome"]).label, row["number"]) for row in rows]
