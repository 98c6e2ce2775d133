"""Managers' screens for quotes, policies and claims; decisions go through services."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDateWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextInputWidget,
)

from core.clock import dealer_day
from core.errors import DomainError
from core.screens.base import ReadOnlyAdmin, TechnicalAdmin, asking, asking_why, level
from gateway.people.screens import NamesPeople
from insurance import services
from insurance.models import (
    Claim,
    ClaimConcern,
    ClaimDocument,
    ClaimHistory,
    ClaimKind,
    ClaimStatus,
    MoneyRequest,
    Policy,
    Quote,
    TariffRevision,
    TariffRow,
    VehicleCopy,
)
from insurance.models.claims import UNDECIDED
from insurance.models.policies import ALIVE
from insurance.queries.tariff_changes import in_force_on


def _money(label: Any, *, required: bool = True) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, required=required, max_digits=14, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget
    )


def _each(label: Any, act: Callable[[Any, Any], object]) -> Any:
    """An admin action that runs a service for each chosen row and reports refusals one by one."""

    @admin.action(description=label, permissions=["decide"])
    def run(self: "_DecidedAdmin", request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            try:
                act(row, request.user.pk)
                self.message_user(request, f"{row}: {label}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{row}: {error.detail}", level(error))

    return run


class _DecidedAdmin(ReadOnlyAdmin):
    """A screen whose rows change by actions alone."""

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Tell who may press the buttons; whether the row's state allows it is for the service to say."""
        return request.user.has_perm(f"insurance.change_{self.opts.model_name}")


class AssessmentForm(BaseDialogForm):
    """Findings of an adjuster, roubles and per cent; empty fields are nothing, and figures decide of a total loss."""

    amount = _money(_("the loss"))
    market_value = _money(_("value of the car on the day, where the policy pays by it"), required=False)
    salvage_amount = _money(_("value of remains that the owner keeps"), required=False)
    wear_percent = forms.DecimalField(
        label=_("wear, %"), required=False, max_digits=5, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget
    )
    is_total_loss = forms.TypedChoiceField(
        label=_("total loss"),
        required=False,
        choices=[("", _("as the figures say")), ("yes", _("yes")), ("no", _("no"))],
        coerce="yes".__eq__,
        empty_value=None,
        widget=UnfoldAdminSelectWidget,
    )
    kind = forms.ChoiceField(
        label=_("what happened"),
        required=False,
        choices=[("", _("as reported")), *ClaimKind.choices],
        widget=UnfoldAdminSelectWidget,
    )
    occurred_at = forms.SplitDateTimeField(
        label=_("happened at"), required=False, widget=UnfoldAdminSplitDateTimeWidget
    )
    reason = forms.CharField(label=_("reason"), max_length=1000, required=False, widget=UnfoldAdminTextInputWidget)

    def clean(self) -> dict[str, Any]:
        """Leave out what was left empty."""
        return {name: value for name, value in (super().clean() or {}).items() if value not in (None, "")}


class EndForm(BaseDialogForm):
    """Day and reason of a policy's end; with no day it ends today."""

    reason = forms.CharField(label=_("reason"), max_length=1000, required=False, widget=UnfoldAdminTextInputWidget)
    last_date = forms.DateField(label=_("last day of cover"), required=False, widget=UnfoldAdminDateWidget)
    event_date = forms.DateField(
        label=_("day of the insured's death or the car's loss"), required=False, widget=UnfoldAdminDateWidget
    )


@admin.register(TariffRevision)
class TariffRevisionAdmin(ReadOnlyAdmin):
    """Changes of the tariffs, with their time; rows come by `manage.py import_tariff`."""

    list_display = ["number", "note", "added", "withdrawn", "created_at"]
    search_fields = ["note"]
    ordering = ["-number"]


class _InForceFilter(admin.SimpleListFilter):
    """Rows that count on a day: today, a day on which some begin, or any that `?in_force=2026-01-31` names."""

    title = _("in force on")
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Today and the days on which rows begin, the newest first."""
        today = dealer_day(timezone.now()).isoformat()
        starts = TariffRow.objects.filter(withdrawn_in__isnull=True).order_by("-valid_from")
        days = [day.isoformat() for day in starts.values_list("valid_from", flat=True).distinct()[:20]]
        asked = [request.GET[self.parameter_name]] if _read_day(request.GET.get(self.parameter_name)) else []
        return [(day, day) for day in dict.fromkeys([today, *days, *asked])]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Leave the rows of the day; of a place that has several the newest counts, and the others are left out."""
        day = _read_day(self.value())
        return queryset if day is None else in_force_on(queryset, day)


def _read_day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


@admin.register(TariffRow)
class TariffRowAdmin(ReadOnlyAdmin):
    """Every row that ever counted, with its source; one that was corrected names the revision that withdrew it."""

    list_display = ["table", "insurer", "key", "valid_from", "valid_to", "value", "source", "added_in", "withdrawn_in"]
    list_filter = [_InForceFilter, "table", "insurer", "is_secondary", ("withdrawn_in", admin.EmptyFieldListFilter)]
    list_select_related = ["added_in", "withdrawn_in"]
    search_fields = ["key", "source", "insurer"]
    ordering = ["table", "insurer", "key", "-valid_from"]


@admin.register(Quote)
class QuoteAdmin(NamesPeople, ReadOnlyAdmin):
    """Quotes, and what they were made from."""

    people: ClassVar = {"customer": "customer_id"}
    list_display = [
        "created_at", "customer", "insurance_type", "insurer", "premium", "currency", "tariff", "tariff_revision",
        "valid_until",
    ]  # fmt: skip
    list_filter = ["insurance_type", "insurer", "created_at"]
    search_fields = ["=id", "=order_id", "=customer_id"]
    ordering = ["-created_at", "-id"]


@admin.register(VehicleCopy)
class VehicleCopyAdmin(TechnicalAdmin):
    """Cars of the dealership as insurance knows them; they come from the catalogue, and are corrected there."""

    list_display = ["vin", "make", "year", "power_hp", "price", "currency", "is_active", "version"]
    list_filter = ["is_active", "make", ("power_hp", admin.EmptyFieldListFilter)]
    search_fields = ["=vin", "=product_id"]
    ordering = ["-product_id"]


class ConfirmationForm(BaseDialogForm):
    """Evidence seen of car and drivers; by the API one says what it says otherwise."""

    evidence = forms.CharField(label=_("evidence"), max_length=1000, widget=UnfoldAdminTextInputWidget)


class _ProvisionalFilter(admin.SimpleListFilter):
    """Policies whose premium waits to be confirmed."""

    title = _("premium")
    parameter_name = "premium_is"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("waiting", _("waiting to be confirmed")),
            ("provisional", _("provisional")),
            ("confirmed", _("confirmed")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "waiting":
            return queryset.exclude(unconfirmed=[]).filter(status__in=ALIVE)
        if self.value() == "provisional":
            return queryset.exclude(unconfirmed=[])
        return queryset.filter(confirmed_at__isnull=False) if self.value() == "confirmed" else queryset


@admin.register(Policy)
class PolicyAdmin(NamesPeople, _DecidedAdmin):
    """Policies in force and ended."""

    people: ClassVar = {"customer": "customer_id"}
    list_display = [
        "number", "customer", "insurance_type", "insurer", "status", "premium", "currency", "start_date", "end_date",
        "beneficiary", "is_confirmed",
    ]  # fmt: skip
    list_filter = ["status", _ProvisionalFilter, "insurance_type", "insurer", "created_at"]
    search_fields = ["number", "vehicle_vin", "=id", "=order_id", "=customer_id"]
    ordering = ["-created_at", "-id"]

    @admin.display(description=_("all is confirmed"), boolean=True)
    def is_confirmed(self, policy: Policy) -> bool:
        return not policy.unconfirmed

    cancel = _each(
        _("Cancel with a refund of the unused part"),
        lambda policy, manager_id: services.cancel_policy(policy_id=policy.pk, maker_id=manager_id, now=timezone.now()),
    )
    reinstate = _each(
        _("Put back in force, where nothing was given back"),
        lambda policy, manager_id: services.reinstate_policy(policy_id=policy.pk, now=timezone.now()),
    )
    keep = _each(
        _("Forget the cancellation set for a day to come"),
        lambda policy, manager_id: services.keep_policy(policy_id=policy.pk, now=timezone.now()),
    )
    actions = ["cancel", "keep", "reinstate"]
    actions_detail = ["confirm", "end"]
    confirm = asking(
        "confirm",
        _("Confirm what the premium rests on"),
        ConfirmationForm,
        lambda policy_id, manager_id, filled: services.confirm_policy(
            policy_id=policy_id, manager_id=manager_id, now=timezone.now(), **filled
        ),
        variant=ActionVariant.PRIMARY,
    )
    has_confirm_permission = _DecidedAdmin.has_decide_permission
    end = asking(
        "end",
        _("End the policy"),
        EndForm,
        lambda policy_id, manager_id, filled: services.cancel_policy(
            policy_id=policy_id, maker_id=manager_id, now=timezone.now(), **filled
        ),
        variant=ActionVariant.WARNING,
    )
    has_end_permission = _DecidedAdmin.has_decide_permission


@admin.register(MoneyRequest)
class MoneyRequestAdmin(NamesPeople, ReadOnlyAdmin):
    """Money asked of payments, with its answers."""

    people: ClassVar = {"customer": "policy__customer_id"}
    list_display = [
        "created_at", "customer", "kind", "state", "policy", "amount", "currency", "payee", "code", "settled_at",
    ]  # fmt: skip
    list_filter = ["kind", "state", "created_at"]
    list_select_related = ["policy"]
    search_fields = ["=id", "policy__number"]
    ordering = ["-created_at", "-id"]


class _LookedAt(TabularInline):
    hide_title = True
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class _PapersInline(_LookedAt):
    model = ClaimDocument
    fields = ["kind", "name", "content_type", "size", "created_at"]
    readonly_fields = fields


class _HistoryInline(_LookedAt):
    model = ClaimHistory
    fields = ["at", "status", "changes", "reason", "decided_by"]
    readonly_fields = fields


class _AgeFilter(admin.SimpleListFilter):
    """The queue's urgent end first."""

    title = _("deadline")
    parameter_name = "deadline"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("late", _("over")), ("week", _("within a week"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        today = dealer_day(timezone.now())
        waiting = queryset.filter(status__in=[*UNDECIDED, ClaimStatus.APPROVED, ClaimStatus.PARTIAL])
        if self.value() == "late":
            return waiting.filter(due_date__lt=today)
        if self.value() == "week":
            return waiting.filter(due_date__range=(today, today + timedelta(days=7)))
        return queryset


@admin.register(Claim)
class ClaimAdmin(NamesPeople, _DecidedAdmin):
    """The claims queue, with its age and deadline."""

    people: ClassVar = {"customer": "customer_id"}
    personal_columns = frozenset({"look_at"})
    list_display = [
        "created_at", "customer", "status", "age", "deadline", "policy", "kind", "amount", "assessed_amount",
        "payable_amount", "proposed_amount", "approved_amount", "paid_amount", "look_at",
    ]  # fmt: skip
    list_filter = ["status", _AgeFilter, "kind", "created_at"]
    list_select_related = ["policy"]
    search_fields = ["policy__number", "=id", "=customer_id"]
    ordering = ["-created_at", "-id"]
    inlines = [_PapersInline, _HistoryInline]
    ask = _each(
        _("Ask for the missing papers"),
        lambda claim, manager_id: services.request_documents(claim_id=claim.pk, now=timezone.now()),
    )
    approve = _each(
        _("Grant what the policy pays"),
        lambda claim, manager_id: services.approve_claim(claim_id=claim.pk, manager_id=manager_id, now=timezone.now()),
    )
    pay = _each(
        _("Pay"),
        lambda claim, manager_id: services.pay_claim(claim_id=claim.pk, maker_id=manager_id, now=timezone.now()),
    )
    close = _each(_("Put away"), lambda claim, manager_id: services.close_claim(claim_id=claim.pk, now=timezone.now()))
    actions = ["ask", "approve", "pay", "close"]
    actions_detail = ["assess", "reject", "reopen"]
    assess = asking(
        "assess",
        _("Assess the loss"),
        AssessmentForm,
        lambda claim_id, manager_id, filled: services.assess_claim(
            claim_id=claim_id, maker_id=manager_id, found=services.Assessment(**filled), now=timezone.now()
        ),
        variant=ActionVariant.PRIMARY,
    )
    reject = asking_why(
        "reject",
        _("Reject"),
        lambda claim_id, manager_id, reason: services.reject_claim(
            claim_id=claim_id, manager_id=manager_id, reason=reason, now=timezone.now()
        ),
        question=_("The insured is told this reason."),
        variant=ActionVariant.DANGER,
    )
    reopen = asking_why(
        "reopen",
        _("Look at it again"),
        lambda claim_id, manager_id, reason: services.reopen_claim(
            claim_id=claim_id, reason=reason, now=timezone.now()
        ),
    )
    has_assess_permission = has_reject_permission = has_reopen_permission = _DecidedAdmin.has_decide_permission

    @admin.display(description=_("age, days"), ordering="created_at")
    def age(self, claim: Claim) -> int:
        return (dealer_day(timezone.now()) - dealer_day(claim.created_at)).days

    @admin.display(description=_("to be looked at"))
    def look_at(self, claim: Claim) -> str:
        return "; ".join(str(ClaimConcern(code).label) for code in claim.concerns) or "–"

    @admin.display(description=_("to be settled by"), ordering="due_date")
    def deadline(self, claim: Claim) -> str:
        if claim.due_date is None:
            return "–"
        return f"{claim.due_date} !" if claim.is_late_on(dealer_day(timezone.now())) else str(claim.due_date)
