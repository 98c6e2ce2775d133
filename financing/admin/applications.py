"""The underwriter's desk: the queue with its age, why an application stands as it does, and what may be decided."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget

from core.errors import DomainError
from core.screens.base import asking, asking_why, level
from core.screens.labels import display
from financing import queries, services
from financing.admin.looking import DeskAdmin, LookedAt, table
from financing.models import (
    Application,
    ApplicationDocument,
    ApplicationStatus,
    BankOffer,
    Override,
    OverrideStatus,
    PaperStatus,
)
from financing.rules.wording import OUTCOMES, REASONS, RULES, name_fact, show_fact
from gateway.people.screens import NamesPeople

OLD = timedelta(days=1)
COLOURS = {
    ApplicationStatus.UNDER_REVIEW: "warning",
    ApplicationStatus.SCORING: "info",
    ApplicationStatus.APPROVED: "success",
    ApplicationStatus.ACCEPTED: "success",
    ApplicationStatus.DISBURSED: "success",
    ApplicationStatus.REJECTED: "danger",
}


class TermsForm(BaseDialogForm):
    """Terms to offer; what is left empty is as the client asked."""

    amount = forms.DecimalField(
        label=_("amount"), min_value=Decimal("0.01"), max_digits=14, decimal_places=2, required=False,
        widget=UnfoldAdminDecimalFieldWidget(),
    )  # fmt: skip
    annual_rate = forms.DecimalField(
        label=_("rate, % a year"), min_value=0, max_value=1000, max_digits=8, decimal_places=4, required=False,
        widget=UnfoldAdminDecimalFieldWidget(),
    )  # fmt: skip


class OverrideForm(TermsForm):
    """Terms to lend on against the rules, and why."""

    term_months = forms.IntegerField(
        label=_("term, months"), min_value=1, max_value=360, required=False, widget=UnfoldAdminIntegerFieldWidget()
    )
    reason = forms.CharField(label=_("reason"), max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


def _terms(said: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: said[name] for name in names}


def _approve(application_id: UUID, manager_id: UUID, said: dict[str, Any]) -> object:
    terms = _terms(said, "amount", "annual_rate")
    return services.approve_application(
        application_id=application_id, manager_id=manager_id, now=timezone.now(), **terms
    )


def _refuse(application_id: UUID, manager_id: UUID, reason: str) -> object:
    return services.reject_application(
        application_id=application_id, manager_id=manager_id, reason=reason, now=timezone.now()
    )


def _counter(application_id: UUID, manager_id: UUID, said: dict[str, Any]) -> object:
    return services.offer_counter(application_id=application_id, manager_id=manager_id, now=timezone.now())


def _override(application_id: UUID, manager_id: UUID, said: dict[str, Any]) -> object:
    terms = _terms(said, "amount", "annual_rate", "term_months", "reason")
    return services.override_decision(application_id=application_id, manager_id=manager_id, now=timezone.now(), **terms)


def _each(label: Any, act: Callable[[Application, Any], object]) -> Any:
    """An action on the list that decides each chosen application and reports refusals one by one."""

    @admin.action(description=label, permissions=["decide"])
    def run(self: "ApplicationAdmin", request: HttpRequest, queryset: QuerySet[Application]) -> None:
        for application in queryset:
            try:
                act(application, request.user.pk)
                self.message_user(request, f"{application}: {label}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{application}: {error.detail}", level(error))

    return run


class QueueFilter(admin.SimpleListFilter):
    """Filter of what waits for a person."""

    title = _("needs somebody")
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("review", _("under review")),
            ("old", _("under review for over a day")),
            ("second", _("waits for a second person")),
            ("papers", _("papers to look at")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Application]) -> QuerySet[Application]:
        waiting = queryset.filter(status=ApplicationStatus.UNDER_REVIEW)
        proposed = Override.objects.filter(application=OuterRef("pk"), status=OverrideStatus.PROPOSED)
        papers = ApplicationDocument.objects.filter(application=OuterRef("pk"), status=PaperStatus.SUBMITTED)
        chosen = {
            "review": waiting,
            "old": waiting.filter(created_at__lt=timezone.now() - OLD),
            "second": queryset.filter(Exists(proposed)),
            "papers": queryset.filter(Exists(papers)),
        }
        return chosen.get(self.value() or "", queryset)


class OfferInline(LookedAt):
    """Answers of the banks."""

    model = BankOffer
    fields = [
        "programme", "status", "amount", "annual_rate", "term_months", "monthly_payment", "psk", "code", "notice",
        "expires_at",
    ]  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[BankOffer]:
        return super().get_queryset(request).select_related("programme")


class OverrideInline(LookedAt):
    """Loans that managers would give against the rules."""

    model = Override
    fields = ["status", "amount", "annual_rate", "term_months", "reason", "note"]
    show_change_link = True


class PaperInline(LookedAt):
    """Papers that the client sent."""

    model = ApplicationDocument
    fields = ["kind", "file", "size", "status", "note", "created_at", "reviewed_at"]
    readonly_fields = ["file"]
    show_change_link = True

    @admin.display(description=_("file"))
    def file(self, paper: ApplicationDocument) -> str:
        path = reverse("admin:financing_applicationdocument_download", args=[paper.pk])
        return format_html('<a href="{}">{}</a>', path, paper.name)


@admin.register(Application)
class ApplicationAdmin(NamesPeople, DeskAdmin):
    """The queue: what was asked, what every rule said, and what may be decided."""

    personal_columns = frozenset({"shown_reasons"})

    people: ClassVar = {"customer": "customer_id"}
    list_display = [
        "created_at", "customer", "age", "financing_type", "requested_amount", "currency", "term_months",
        "coloured_status", "shown_reasons", "waits_for_second",
    ]  # fmt: skip
    list_filter = [QueueFilter, "status", "financing_type", "created_at"]
    search_fields = ["=id", "=order_id", "=customer_id"]
    ordering = ["-created_at", "-id"]
    inlines = [OverrideInline, PaperInline, OfferInline]
    readonly_fields = ["why", "inputs", "nearest", "papers"]
    fieldsets = [
        (None, {"fields": ["status", "why", "nearest", "papers", "note", "decided_by", "decided_at"]}),
        (
            _("asked for"),
            {
                "fields": [
                    "order_id", "customer_id", "programme", "financing_type", "vehicle_price", "down_payment",
                    "financed_premium", "term_months", "employment_status", "monthly_income", "monthly_obligations",
                    "birth_date", "vehicle_year",
                ]
            },
        ),
        (
            _("offer"),
            {
                "fields": [
                    "approved_amount", "financed_fee", "annual_rate", "schedule", "balloon", "monthly_payment", "psk",
                    "expires_at", "debt_load_percent", "counted_in",
                ]
            },
        ),
        (_("decided by"), {"fields": ["inputs", "version", "created_at", "updated_at"]}),
    ]  # fmt: skip
    approve = _each(_("Approve as asked"), lambda item, manager_id: _approve(item.pk, manager_id, _AS_ASKED))
    reject = _each(_("Refuse for the reasons found"), lambda item, manager_id: _refuse(item.pk, manager_id, ""))
    actions = ["approve", "reject"]
    actions_detail = ["approve_one", "counter", "refuse", "override"]
    approve_one = asking(
        "approve_one", _("Approve"), TermsForm, _approve, variant=ActionVariant.SUCCESS,
        question=_("What is left empty is as the client asked."),
    )  # fmt: skip
    counter = asking(
        "counter", _("Offer the nearest terms"), BaseDialogForm, _counter,
        question=_("The nearest terms that the rules approve today are offered to the client."),
    )  # fmt: skip
    refuse = asking_why(
        "refuse", _("Refuse"), _refuse, variant=ActionVariant.DANGER, question=_("The client reads this sentence.")
    )
    override = asking(
        "override", _("Lend against the rules"), OverrideForm, _override, variant=ActionVariant.WARNING,
        question=_("Above a limit another manager has to confirm it."),
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Application]:
        proposed = Override.objects.filter(application=OuterRef("pk"), status=OverrideStatus.PROPOSED)
        return super().get_queryset(request).annotate(is_proposed=Exists(proposed)).select_related("programme")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return self.is_manager(request)

    def _may(self, request: HttpRequest, object_id: Any, *statuses: str) -> bool:
        if not self.is_manager(request):
            return False
        application = self.looked_at(request, object_id) if object_id else None
        return application is None or getattr(application, "status", "") in statuses

    def has_approve_one_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, ApplicationStatus.UNDER_REVIEW)

    has_refuse_permission = has_approve_one_permission

    def has_counter_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, ApplicationStatus.UNDER_REVIEW, ApplicationStatus.REJECTED)

    def has_override_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return self._may(request, object_id, ApplicationStatus.REJECTED)

    @admin.display(description=_("amount"))
    def requested_amount(self, application: Application) -> str:
        return f"{application.requested_amount}"

    @admin.display(description=_("age, hours"), ordering="created_at")
    def age(self, application: Application) -> int | str:
        """Return how long somebody has been waited for."""
        if application.status != ApplicationStatus.UNDER_REVIEW:
            return "–"
        return int((timezone.now() - application.created_at) / timedelta(hours=1))

    @display(description=_("status"), label=COLOURS, ordering="status")
    def coloured_status(self, application: Application) -> tuple[str, str]:
        return application.status, application.get_status_display()

    @admin.display(description=_("reasons"))
    def shown_reasons(self, application: Application) -> str:
        return ", ".join(str(RULES.get(code, code)) for code in application.reasons)

    @admin.display(description=_("second person"), boolean=True)
    def waits_for_second(self, application: Application) -> bool:
        return bool(getattr(application, "is_proposed", False))

    @admin.display(description=_("why"))
    def why(self, application: Application) -> str:
        """Every rule with what was found and the threshold, the failed ones in words."""
        checks = application.decision.get("checks", [])
        rows = (
            (
                RULES.get(check["code"], check["code"]),
                OUTCOMES.get(check["outcome"], check["outcome"]),
                check["value"],
                check["limit"],
                _in_words(check),
            )
            for check in checks
        )
        return table([_now("rule"), _now("verdict"), _now("found"), _now("threshold"), ""], rows)

    @admin.display(description=_("inputs"))
    def inputs(self, application: Application) -> str:
        """The facts the rules looked at, and the programme's version."""
        decision = application.decision
        ceiling = [(f"ceiling_{name}", value) for name, value in (decision.get("ceiling") or {}).items()]
        version = ("programme_version", decision.get("programme_version", ""))
        rows = [version, *decision.get("facts", {}).items(), *ceiling]
        return table([_now("fact"), _now("value")], ((name_fact(name), show_fact(value)) for name, value in rows))

    @admin.display(description=_("nearest terms that would be approved"))
    def nearest(self, application: Application) -> str:
        """The counter-offer found with the decision."""
        terms = application.decision.get("counter_offer")
        return (
            table([_now("term"), _now("value")], ((name_fact(name), show_fact(value)) for name, value in terms.items()))
            if terms
            else "–"
        )

    @admin.display(description=_("papers wanted and not accepted"))
    def papers(self, application: Application) -> str:
        return ", ".join(queries.papers_lacking(application)) or "–"


_AS_ASKED: dict[str, Any] = {"amount": None, "annual_rate": None}


def _in_words(check: dict[str, Any]) -> str:
    return str(REASONS.get(check["code"], "")) if check["outcome"] != "approve" else ""
