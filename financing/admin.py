"""Managers' screens for programmes, applications and loans; the underwriter's word goes through a service."""

from collections.abc import Callable
from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from core.admin import BusinessAdmin, ReadOnlyAdmin
from core.errors import DomainError
from financing import services
from financing.models import (
    Application,
    Loan,
    LoanEntry,
    LoanPayment,
    LoanRefund,
    LoanScheduleRow,
    LoanVersion,
    Programme,
    ProgrammeRate,
)
from financing.services import ProgrammeFields


class _LookedAt(TabularInline):
    """Rows to look at: they change by services only."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RateInline(_LookedAt):
    """Rates by term, to look at; they change through the API."""

    model = ProgrammeRate


@admin.register(Programme)
class ProgrammeAdmin(BusinessAdmin):
    """Programmes: each change makes a new version, which decisions name."""

    list_display = ["bank", "name", "financing_type", "base_rate", "valid_from", "valid_to", "version"]
    list_filter = ["financing_type", "valid_from"]
    search_fields = ["bank", "name"]
    readonly_fields = ["currency", "version", "created_at", "updated_at"]
    ordering = ["bank", "id"]
    inlines = [RateInline]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Programme, form: ModelForm, change: bool) -> None:
        names = form.changed_data if change else form.cleaned_data
        fields = cast(ProgrammeFields, {name: form.cleaned_data[name] for name in names})
        if change:
            saved = services.change_programme(programme_id=obj.pk, changes=fields, now=timezone.now())
        else:
            saved = services.open_programme(fields=fields, now=timezone.now())
        obj.__dict__.update(saved.__dict__)


def _each(label: Any, act: Callable[[Application, Any], object]) -> Any:
    """An admin action that decides each chosen application and reports refusals one by one."""

    @admin.action(description=label, permissions=["decide"])
    def run(self: "ApplicationAdmin", request: HttpRequest, queryset: QuerySet[Application]) -> None:
        for application in queryset:
            try:
                act(application, request.user.pk)
                self.message_user(request, f"{application}: {label}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{application}: {error.detail}", messages.ERROR)

    return run


@admin.register(Application)
class ApplicationAdmin(ReadOnlyAdmin):
    """The underwriter's queue: what was asked, what every rule said, and the two answers."""

    list_display = [
        "created_at", "financing_type", "requested_amount", "currency", "term_months", "status", "reasons",
    ]  # fmt: skip
    list_filter = ["status", "financing_type", "created_at"]
    search_fields = ["=id", "=order_id", "=customer_id"]
    ordering = ["-created_at", "-id"]
    approve = _each(
        _("Approve as asked"),
        lambda item, manager_id: services.approve_application(
            application_id=item.pk, manager_id=manager_id, now=timezone.now()
        ),
    )
    reject = _each(
        _("Refuse for the reasons found"),
        lambda item, manager_id: services.reject_application(
            application_id=item.pk, manager_id=manager_id, reason="", now=timezone.now()
        ),
    )
    actions = ["approve", "reject"]

    @admin.display(description=_("amount"))
    def requested_amount(self, application: Application) -> str:
        return f"{application.requested_amount}"

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("financing.change_application")


class ScheduleInline(_LookedAt):
    """The schedules of a loan, version by version."""

    model = LoanScheduleRow


class LoanPaymentInline(_LookedAt):
    """What the borrower paid."""

    model = LoanPayment
    fields = ["value_date", "kind", "method", "status", "amount", "surplus", "spent", "failure_code", "reason"]


class LoanVersionInline(_LookedAt):
    """What made each schedule."""

    model = LoanVersion
    fields = [
        "number", "kind", "from_date", "annual_rate", "principal", "monthly_payment", "psk", "reason", "cancelled_at",
    ]  # fmt: skip


class LoanEntryInline(_LookedAt):
    """The loan's book."""

    model = LoanEntry
    fields = ["day", "kind", "booked"]
    readonly_fields = ["booked"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[LoanEntry]:
        return super().get_queryset(request).prefetch_related("lines")

    @admin.display(description=_("lines"))
    def booked(self, entry: LoanEntry) -> str:
        return "; ".join(f"{line.get_account_display()} {line.amount}" for line in entry.lines.all())


@admin.register(Loan)
class LoanAdmin(ReadOnlyAdmin):
    """Loans paid out."""

    list_display = [
        "disbursed_date", "bank", "principal", "balance", "overdue_amount", "days_past_due", "currency", "annual_rate",
        "next_due_date", "status",
    ]  # fmt: skip
    list_filter = ["status", "bank", "disbursed_date"]
    search_fields = ["=id", "=order_id", "=customer_id"]
    ordering = ["-created_at", "-id"]
    inlines = [LoanPaymentInline, LoanVersionInline, LoanEntryInline, ScheduleInline]


@admin.register(LoanRefund)
class LoanRefundAdmin(ReadOnlyAdmin):
    """Money that goes back to borrowers; a failed one is tried again among the payouts of payments."""

    list_display = ["created_at", "amount", "currency", "status", "reason", "failure_code", "settled_at"]
    list_filter = ["status", "created_at"]
    search_fields = ["=id", "=loan__id"]
    ordering = ["-created_at", "-id"]
