"""Show salesmen their commission and administrators everybody's, by month too; write rules and corrections."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from core.clock import dealer_day
from core.db import database_now
from core.errors import InvalidInput
from core.screens.base import BusinessAdmin, ReadOnlyAdmin, asking_as, money_text
from core.screens.forms import show
from core.screens.labels import display
from gateway.access.permissions import may_see_costs
from gateway.people.screens import NamesPeople
from gateway.responses.tables import csv_file
from orders import services
from orders.admin.common import get_actor
from orders.admin.figures import name_managers
from orders.models import Commission, CommissionKind, CommissionRule
from orders.queries.commissions import MonthSum, read_month
from orders.rules.commissions import Basis, Goods, shown_calculation
from orders.services.commission_rules import RuleTerms, check_terms

COLOURS = {CommissionKind.EARNED: "success", CommissionKind.REVERSED: "danger", CommissionKind.CORRECTED: "warning"}
LACKS = {
    "": "",
    "gross_unknown": gettext_lazy("what it leaves over is not known"),
    "cost_by_salesman": gettext_lazy("its cost was said by the salesman"),
    "other_currency": gettext_lazy("the rule is in roubles"),
}


class CorrectionForm(BaseDialogForm):
    """An amount that is added, or below zero taken away, and why."""

    amount = forms.DecimalField(
        label=gettext_lazy("amount, below zero to take away"), max_digits=14, decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
    )  # fmt: skip
    reason = forms.CharField(
        label=gettext_lazy("reason"), max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class MonthForm(forms.Form):
    """The month that is looked at."""

    month = forms.DateField(
        label=gettext_lazy("month"), input_formats=["%Y-%m"],
        widget=UnfoldAdminTextInputWidget(attrs={"type": "month"}),
    )  # fmt: skip


def _correct(request: HttpRequest, entry_id: UUID, filled: dict[str, Any]) -> object:
    entry = Commission.objects.get(pk=entry_id)
    return services.correct_commission(
        order_id=entry.order_id, actor=get_actor(request), now=database_now("orders"), **filled
    )


@admin.register(Commission)
class CommissionAdmin(NamesPeople, ReadOnlyAdmin):
    """Entries, the newest first: a salesman's own, an administrator's all."""

    people: ClassVar = {"owner": "manager_id"}
    fields = readonly_fields = [
        "order", "owner", "coloured_kind", "sum", "day", "calculated", "is_complete", "reason", "actor_id", "agreed_by",
        "at",
    ]  # fmt: skip
    list_display = ["order", "owner", "coloured_kind", "sum", "day", "is_complete"]
    list_filter = ["kind", "is_complete", "day"]
    list_select_related = ["order"]
    search_fields = ["order__number__startswith"]
    ordering = ["-id"]
    actions_list = ["months"]
    actions_detail = ["correct"]
    correct = asking_as(
        "correct",
        gettext_lazy("Correct the commission"),
        CorrectionForm,
        _correct,
        question=gettext_lazy("A second administrator agrees, who is not the salesman."),
        variant=ActionVariant.PRIMARY,
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Commission]:
        found: QuerySet[Commission] = super().get_queryset(request)
        return found if _is_admin(request) else found.filter(manager_id=cast(UUID, request.user.pk))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None:
            obj.shows_bases = may_see_costs(get_actor(request).roles)
        return super().get_readonly_fields(request, obj)

    def has_correct_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Administrators may; whether the sale allows it is for the service to say."""
        return _is_admin(request)

    @action(description=gettext_lazy("By month"), url_path="months", permissions=["view"])
    def months(self, request: HttpRequest) -> HttpResponseBase:
        """Show what each salesman earned in a month; `file=csv` sends the table."""
        usual = {"month": dealer_day(timezone.now()).strftime("%Y-%m")}
        form = MonthForm(usual | {name: value for name, value in request.GET.items() if name in usual})
        context: dict[str, Any] = {"title": _("Commission by month"), "form": form}
        if not form.is_valid():
            return show(self, request, "orders/commissions", context, status=400)
        month: date = form.cleaned_data["month"]
        rows = read_month(month, None if _is_admin(request) else request.user.pk)
        names = name_managers(row.manager_id for row in rows)
        if request.GET.get("file") == "csv":
            return csv_file(request, _write_table(rows, names), f"commission-{month:%Y-%m}.csv")
        shown = [(names[row.manager_id], row, [money_text(one, row.currency) for one in _sums(row)]) for row in rows]
        context |= {
            "month": formats.date_format(month, "YEAR_MONTH_FORMAT"),
            "heads": _heads()[:-2],
            "rows": shown,
            "query": f"month={month:%Y-%m}",
        }
        return show(self, request, "orders/commissions", context)

    @display(description=gettext_lazy("entry"), label=COLOURS, ordering="kind")
    def coloured_kind(self, entry: Commission) -> tuple[str, str]:
        return entry.kind, entry.get_kind_display()

    @display(description=gettext_lazy("amount"), ordering="amount")
    def sum(self, entry: Commission) -> str:
        return money_text(entry.amount, entry.currency)

    @display(description=gettext_lazy("calculation"))
    def calculated(self, entry: Commission) -> str:
        """Each line with what it earned; bases and rules for those who may see what deals leave over."""
        lines = shown_calculation(entry.calculation, with_bases=getattr(entry, "shows_bases", False))
        if not lines:
            return "–"
        rows = (
            (line["name"] or Goods(line["goods"]).label, line["quantity"], _how(line, entry.currency)) for line in lines
        )
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{} × {}: {}</li>", rows))


def _is_admin(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def _how(line: dict[str, Any], currency: str) -> str:
    amount = money_text(Decimal(line["amount"]), currency)
    if line["lacks"]:
        return f"{amount} ({LACKS.get(line['lacks'], '')})"
    if line.get("base") is None or line.get("basis") == Basis.FIXED:
        return amount
    told = {"percent": line["value"], "base": money_text(Decimal(line["base"]), currency), "amount": amount}
    return _("%(percent)s %% of %(base)s: %(amount)s") % told


def _sums(row: MonthSum) -> tuple[Decimal, ...]:
    return row.earned, row.reversed, row.corrected, row.total


def _heads() -> list[str]:
    return [
        _("salesman"), _("handed over"), _("earned"), _("taken back"), _("corrected"), _("all in all"),
        _("currency"), _("not reckoned in full"),
    ]  # fmt: skip


def _write_table(rows: list[MonthSum], names: dict[UUID, str]) -> Iterator[list[Any]]:
    yield _heads()
    for row in rows:
        yield [names[row.manager_id], row.sales, *_sums(row), row.currency, row.incomplete]


class RuleForm(forms.ModelForm):
    """Terms of a rule, judged beside the boxes that hold them."""

    class Meta:
        model = CommissionRule
        fields = ["goods", "basis", "value", "least", "most", "valid_from", "reason"]

    def clean(self) -> dict[str, Any]:
        filled = super().clean() or {}
        if not self.errors:
            try:
                check_terms(RuleTerms(**filled), dealer_day(timezone.now()))
            except InvalidInput as error:
                self.add_error(error.errors[0]["field"], error.errors[0]["detail"])
        return filled

    def _post_clean(self) -> None:
        """Judge nothing a second time: the service writes the row."""


@admin.register(CommissionRule)
class CommissionRuleAdmin(BusinessAdmin):
    """Rules of commission, for administrators alone; written, they are never changed."""

    form = RuleForm
    fields = ["goods", "basis", "value", "least", "most", "valid_from", "reason"]
    list_display = ["shown_goods", "basis", "value", "least", "most", "valid_from", "at"]
    list_filter = ["goods", "basis"]
    ordering = ["-id"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _is_admin(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return _is_admin(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_admin(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: CommissionRule, form: forms.ModelForm, change: bool) -> None:
        terms, maker_id = RuleTerms(**form.cleaned_data), cast(UUID, request.user.pk)
        saved = services.add_commission_rule(terms=terms, maker_id=maker_id, now=database_now("orders"))
        obj.__dict__.update(saved.__dict__)

    @display(description=gettext_lazy("kind of goods"), ordering="goods")
    def shown_goods(self, rule: CommissionRule) -> str:
        return str(Goods(rule.goods).label)
