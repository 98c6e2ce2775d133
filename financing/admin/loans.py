"""Loans and their money: how each stands, what a manager may do about it, and all of them by lateness."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from core.clock import dealer_day
from core.screens.base import ReadOnlyAdmin, asking, asking_why
from core.screens.labels import display
from financing import queries, services
from financing.admin.looking import DeskAdmin, LookedAt
from financing.models import (
    RUNNING,
    Loan,
    LoanEntry,
    LoanPayment,
    LoanPaymentStatus,
    LoanRefund,
    LoanScheduleRow,
    LoanStage,
    LoanStatus,
    LoanVersion,
)
from financing.public import debits_for_somebody
from financing.rules.calculations import Strategy
from financing.rules.holidays import MOST_MONTHS, Ground
from financing.services import BY_ACCOUNT
from gateway.people.screens import NamesPeople

COLOURS = {
    LoanStatus.ACTIVE: "success",
    LoanStatus.OVERDUE: "danger",
    LoanStatus.CLOSED: "info",
    LoanStatus.WRITTEN_OFF: "danger",
}


class EarlyForm(BaseDialogForm):
    """Money from the borrower's account at the bank before its time."""

    amount = forms.DecimalField(
        label=_("amount"), min_value=Decimal("0.01"), max_digits=14, decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget(),
    )  # fmt: skip
    day = forms.DateField(label=_("date, today when empty"), required=False, widget=UnfoldAdminSingleDateWidget())
    strategy = forms.ChoiceField(
        label=_("what gets smaller"),
        choices=[(Strategy.REDUCE_PAYMENT.value, _("the payment")), (Strategy.REDUCE_TERM.value, _("the term"))],
        widget=UnfoldAdminSelectWidget(),
    )


class RestructuringForm(BaseDialogForm):
    """New terms for what is left, and why."""

    term_months = forms.IntegerField(
        label=_("term, months"), min_value=1, max_value=360, widget=UnfoldAdminIntegerFieldWidget()
    )
    annual_rate = forms.DecimalField(
        label=_("rate, % a year; as it is when empty"), min_value=0, max_value=1000, max_digits=8, decimal_places=4,
        required=False, widget=UnfoldAdminDecimalFieldWidget(),
    )  # fmt: skip
    waive_penalty = forms.BooleanField(
        label=_("forgive the penalties"), required=False, widget=UnfoldBooleanSwitchWidget()
    )
    reason = forms.CharField(label=_("reason"), max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


class HolidaysForm(BaseDialogForm):
    """Credit holidays: for how long, on which ground, and what proves it."""

    months = forms.IntegerField(
        label=_("months"), min_value=1, max_value=MOST_MONTHS, widget=UnfoldAdminIntegerFieldWidget()
    )
    ground = forms.ChoiceField(
        label=_("ground"),
        choices=[
            (Ground.INCOME.value, _("the income fell by a third (by law)")),
            (Ground.EMERGENCY.value, _("an emergency (by law)")),
            (Ground.AGREED.value, _("the lender agrees")),
        ],
        widget=UnfoldAdminSelectWidget(),
    )
    evidence = forms.CharField(
        label=_("evidence"), max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


def _suspend(loan_id: UUID, manager_id: UUID, said: dict[str, Any]) -> object:
    return services.grant_moratorium(
        loan_id=loan_id,
        months=said["months"],
        ground=Ground(said["ground"]),
        evidence=said["evidence"],
        manager_id=manager_id,
        now=timezone.now(),
    )


def _collect(loan_id: UUID, manager_id: UUID, reason: str) -> object:
    return services.start_collection(loan_id=loan_id, manager_id=manager_id, reason=reason, now=timezone.now())


def _stop_collecting(loan_id: UUID, manager_id: UUID, reason: str) -> object:
    return services.end_collection(loan_id=loan_id, manager_id=manager_id, reason=reason, now=timezone.now())


def _repay(loan_id: UUID, manager_id: UUID, said: dict[str, Any]) -> object:
    now = timezone.now()
    day: date = said["day"] or dealer_day(now)
    return services.repay_loan_early(
        loan_id=loan_id,
        amount=said["amount"],
        day=day,
        strategy=Strategy(said["strategy"]),
        means=BY_ACCOUNT,
        actor_id=manager_id,
        now=now,
    )


class PaperForm(BaseDialogForm):
    """Letter of the bank about a debit."""

    reference = forms.CharField(label=_("number at the bank"), max_length=60, widget=UnfoldAdminTextInputWidget())
    day = forms.DateField(label=_("date"), widget=UnfoldAdminSingleDateWidget())
    evidence = forms.CharField(
        label=_("evidence"), max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class WaitsForSomebody(admin.SimpleListFilter):
    """The queue of debits that no bank answers."""

    title = _("needs somebody")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("debits that no bank answers"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(debits_for_somebody(timezone.now())) if self.value() == "yes" else queryset


def _restructure(loan_id: UUID, manager_id: UUID, said: dict[str, Any]) -> object:
    terms = {name: said[name] for name in ("term_months", "annual_rate", "waive_penalty", "reason")}
    return services.restructure_loan(loan_id=loan_id, manager_id=manager_id, now=timezone.now(), **terms)


def _return(loan_id: UUID, manager_id: UUID, said: dict[str, Any]) -> object:
    return services.return_loan(loan_id=loan_id, means=BY_ACCOUNT, actor_id=manager_id, now=timezone.now())


def _write_off(loan_id: UUID, manager_id: UUID, reason: str) -> object:
    return services.write_off_loan(loan_id=loan_id, manager_id=manager_id, reason=reason, now=timezone.now())


class ScheduleInline(LookedAt):
    """The schedules of a loan, version by version."""

    model = LoanScheduleRow


class LoanPaymentInline(LookedAt):
    """Payments of the borrower; its page takes back one that bounced."""

    model = LoanPayment
    fields = ["value_date", "kind", "method", "status", "amount", "surplus", "spent", "failure_code", "reason"]
    show_change_link = True


class LoanVersionInline(LookedAt):
    """Versions of the schedule, with what made each."""

    model = LoanVersion
    fields = [
        "number", "kind", "from_date", "annual_rate", "principal", "monthly_payment", "psk", "reason", "cancelled_at",
    ]  # fmt: skip


class LoanEntryInline(LookedAt):
    """The loan's book."""

    model = LoanEntry
    fields = ["day", "kind", "booked", "reason"]
    readonly_fields = ["booked"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LoanEntry]:
        return super().get_queryset(request).prefetch_related("lines")

    @admin.display(description=_("lines"))
    def booked(self, entry: LoanEntry) -> str:
        return "; ".join(f"{line.get_account_display()} {line.amount}" for line in entry.lines.all())


def _while(*statuses: str, stages: tuple[str, ...] = tuple(LoanStage)) -> Callable[..., bool]:
    """Tell whether a manager may press a button of a loan: while it is in one of these states and stages."""

    def may(self: "LoanAdmin", request: HttpRequest, object_id: Any = None) -> bool:
        if not self.is_manager(request):
            return False
        loan: Any = self.looked_at(request, object_id) if object_id else None
        return loan is None or (loan.status in statuses and loan.stage in stages)

    return may


@admin.register(Loan)
class LoanAdmin(NamesPeople, DeskAdmin):
    """Loans paid out: what a manager does about one goes through the services, with its reason."""

    people: ClassVar = {"customer": "customer_id"}
    list_display = [
        "disbursed_date", "customer", "bank", "principal", "balance", "overdue_amount", "days_past_due", "currency",
        "annual_rate", "next_due_date", "coloured_status", "stage",
    ]  # fmt: skip
    list_filter = ["status", "stage", "bank", "disbursed_date"]
    search_fields = ["=id", "=order_id", "=customer_id"]
    ordering = ["-created_at", "-id"]
    inlines = [LoanPaymentInline, LoanVersionInline, LoanEntryInline, ScheduleInline]
    actions_list = ["portfolio"]
    actions_detail = [
        "repay_early", "give_back", "restructure", "suspend", "collect", "stop_collecting", "write_off",
    ]  # fmt: skip
    repay_early = asking(
        "repay_early", _("Repay early"), EarlyForm, _repay,
        question=_("The bank is told to debit the borrower's account; the money counts when it says that it did."),
    )  # fmt: skip
    give_back = asking(
        "give_back", _("Give back"), BaseDialogForm, _return, variant=ActionVariant.WARNING,
        question=_("In the cooling-off days: the bank is told to debit principal and interest for the days of use."),
    )  # fmt: skip
    restructure = asking(
        "restructure", _("New terms"), RestructuringForm, _restructure, variant=ActionVariant.WARNING,
        question=_("What is left is repaid by a new schedule; unpaid interest joins its first instalment."),
    )  # fmt: skip
    suspend = asking(
        "suspend", _("Credit holidays"), HolidaysForm, _suspend, variant=ActionVariant.WARNING,
        question=_("Payments rest from today and follow in the same size; another person has to agree."),
    )  # fmt: skip
    collect = asking_why(
        "collect", _("Hand to collection"), _collect, variant=ActionVariant.WARNING,
        question=_("The debt is late and is collected from now on."),
    )  # fmt: skip
    stop_collecting = asking_why(
        "stop_collecting", _("Stop collecting"), _stop_collecting, question=_("It is repaid as agreed from now on."),
    )  # fmt: skip
    write_off = asking_why(
        "write_off", _("Write off"), _write_off, variant=ActionVariant.DANGER,
        question=_("The principal still owed becomes the bank's loss. This cannot be undone."),
    )  # fmt: skip
    has_repay_early_permission = has_give_back_permission = has_restructure_permission = _while(*RUNNING)
    has_write_off_permission = _while(LoanStatus.OVERDUE)
    has_suspend_permission = _while(*RUNNING, stages=(LoanStage.NONE, LoanStage.COLLECTION))
    has_collect_permission = _while(LoanStatus.OVERDUE, stages=(LoanStage.NONE,))
    has_stop_collecting_permission = _while(*RUNNING, stages=(LoanStage.COLLECTION,))

    @display(description=_("status"), label=COLOURS, ordering="status")
    def coloured_status(self, loan: Loan) -> tuple[str, str]:
        return loan.status, loan.get_status_display()

    @action(description=_("Portfolio"), url_path="portfolio", permissions=["view"])
    def portfolio(self, request: HttpRequest) -> HttpResponse:
        """All loans by lateness: how much is owed, and how much of it is at risk."""
        found = queries.read_portfolio()
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _("Portfolio"),
            "opts": self.model._meta,
            "portfolio": found,
            "statuses": [(LoanStatus(name).label, count) for name, count in found.by_status.items()],
        }
        return TemplateResponse(request, "admin/financing/portfolio.html", context).render()


@admin.register(LoanPayment)
class LoanPaymentAdmin(NamesPeople, DeskAdmin):
    """Payments of borrowers; one that bounced is taken back, with the schedule it made; debits that nobody answers."""

    people: ClassVar = {"customer": "loan__customer_id"}
    list_display = ["value_date", "customer", "kind", "method", "amount", "currency", "status", "surplus", "loan"]
    list_filter = [WaitsForSomebody, "status", "kind", "method", "value_date"]
    list_select_related = ["loan"]
    search_fields = ["=id", "=loan__id", "=loan__customer_id"]
    ordering = ["-created_at", "-id"]
    actions_detail = ["confirm", "refuse", "reverse"]
    confirm = asking(
        "confirm", _("The bank took it"), PaperForm, lambda payment_id, manager_id, said: _confirm(
            payment_id, manager_id, said
        ),
        question=_("Of a bank without a connection: the money counts once another person agrees."),
    )  # fmt: skip
    refuse = asking_why(
        "refuse", _("The bank refused it"), lambda payment_id, manager_id, reason: _refuse(
            payment_id, manager_id, reason
        ),
        question=_("Of a bank without a connection: nothing was taken."), variant=ActionVariant.WARNING,
    )  # fmt: skip
    reverse = asking_why(
        "reverse", _("Take back"), lambda payment_id, manager_id, reason: _reverse(payment_id, manager_id, reason),
        question=_("It counts as if it had never come; a schedule that it made is taken back with it."),
        variant=ActionVariant.DANGER,
    )  # fmt: skip

    def has_reverse_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers, for money that was received."""
        if not self.is_manager(request):
            return False
        payment = self.looked_at(request, object_id) if object_id else None
        return payment is None or getattr(payment, "status", "") == LoanPaymentStatus.RECEIVED

    def has_confirm_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers, for a debit that its bank has not answered."""
        if not self.is_manager(request):
            return False
        payment: Any = self.looked_at(request, object_id) if object_id else None
        return payment is None or (payment.is_debit and payment.status == LoanPaymentStatus.PENDING)

    has_refuse_permission = has_confirm_permission


def _get_loan_id(payment_id: UUID) -> UUID:
    return LoanPayment.objects.values_list("loan_id", flat=True).get(pk=payment_id)


def _confirm(payment_id: UUID, manager_id: UUID, said: dict[str, Any]) -> object:
    return services.confirm_debit(
        loan_id=_get_loan_id(payment_id), payment_id=payment_id, manager_id=manager_id, now=timezone.now(), **said
    )


def _refuse(payment_id: UUID, manager_id: UUID, reason: str) -> object:
    loan_id, now = _get_loan_id(payment_id), timezone.now()
    return services.refuse_debit(loan_id=loan_id, payment_id=payment_id, manager_id=manager_id, reason=reason, now=now)


def _reverse(payment_id: UUID, manager_id: UUID, reason: str) -> object:
    loan_id, now = _get_loan_id(payment_id), timezone.now()
    return services.reverse_payment(
        loan_id=loan_id, payment_id=payment_id, manager_id=manager_id, reason=reason, now=now
    )


@admin.register(LoanRefund)
class LoanRefundAdmin(NamesPeople, ReadOnlyAdmin):
    """Money that goes back to borrowers; a failed one is tried again among the payouts of payments."""

    people: ClassVar = {"customer": "loan__customer_id"}
    list_display = ["created_at", "customer", "amount", "currency", "status", "reason", "failure_code", "settled_at"]
    list_filter = ["status", "created_at"]
    search_fields = ["=id", "=loan__id"]
    ordering = ["-created_at", "-id"]
