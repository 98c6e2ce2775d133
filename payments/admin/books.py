"""Show what moved and what is stuck, with the same guarded steps as everywhere else."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action
from unfold.enums import ActionVariant

from core.files.tables import csv_lines
from core.ids import uuid7
from core.screens.base import ReadOnlyAdmin, TechnicalAdmin, asking_why, money_text
from core.screens.confirming import at_once
from core.screens.labels import display
from gateway.accounting.screen import show_export
from gateway.people.screens import NamesPeople
from payments import queries, services
from payments.admin.refunding import RefundScreen, foresee_rest
from payments.admin.steps import NamesMoney, ReadOnlyInline, each
from payments.models import (
    Dispute,
    LedgerAccount,
    LedgerEntry,
    LedgerLine,
    OrderCopy,
    Payment,
    Payout,
    Reconciliation,
    Refund,
    RefundStatus,
    Status,
    WebhookEvent,
)
from payments.public import silent_payments

COLOURS = {
    Status.PENDING: "info",
    Status.PROCESSING: "info",
    Status.UNKNOWN: "danger",
    Status.REQUIRES_ACTION: "warning",
    Status.COMPLETED: "success",
    Status.FAILED: "danger",
    Status.CANCELLED: "danger",
    Status.DISPUTED: "danger",
}
REFUND_COLOURS = {
    RefundStatus.REQUESTED: "warning",
    RefundStatus.SUBMITTED: "info",
    RefundStatus.SUCCEEDED: "success",
    RefundStatus.FAILED: "danger",
    RefundStatus.REJECTED: "danger",
}


def _refund_rest(payment_id: Any, actor_id: Any) -> Refund:
    return services.request_refund(
        payment_id=payment_id, amount=None, reason=_("by a manager"), actor_id=actor_id, now=timezone.now()
    )


def _with_number(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Rows of orders with the number people know the order by."""
    return rows.annotate(order_number=Subquery(OrderCopy.objects.filter(pk=OuterRef("order_id")).values("number")[:1]))


class RefundInline(ReadOnlyInline):
    model = Refund
    fields = readonly_fields = ["amount", "status", "reason", "attempt", "failure_detail", "created_at"]
    ordering = ["id"]


class LineInline(ReadOnlyInline):
    model = LedgerLine
    fields = ["account", "amount"]


class AttentionFilter(admin.SimpleListFilter):
    """The queue of payments whose end nobody knows."""

    title = gettext_lazy("needs somebody")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", gettext_lazy("unknown, or silent for 15 minutes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() != "yes":
            return queryset
        return queryset.filter(silent_payments(timezone.now()))


def _ask(payment_id: Any, actor_id: Any) -> Payment:
    return services.ask_provider(payment_id=payment_id, reason=str(uuid7()))


def _settle(name: str, label: Any, *, is_taken: bool) -> Any:
    """A button that settles a payment by evidence, which it asks for."""

    def step(payment_id: UUID, actor_id: UUID, evidence: str) -> Payment:
        return services.resolve_payment(
            payment_id=payment_id, is_taken=is_taken, evidence=evidence, actor_id=actor_id, now=timezone.now()
        )

    question = gettext_lazy("What proves it? For example, the number and day of the provider's statement.")
    return asking_why(name, label, step, question=question, variant=ActionVariant.WARNING)


@admin.register(Payment)
class PaymentAdmin(NamesMoney, RefundScreen):
    """Payments, newest first; the state filter shows those whose end nobody knows."""

    people: ClassVar = {"customer": "customer_id"}
    list_display = [
        "created_at", "order_number", "customer", "coloured_status", "money", "refunded", "method",
    ]  # fmt: skip
    list_filter = [AttentionFilter, "status", "method", "provider", "created_at"]
    search_fields = ["id__exact", "order_id__exact", "customer_id__exact", "provider_ref__exact"]
    ordering = ["-created_at", "-id"]
    inlines = [RefundInline]
    actions = [
        each(
            "capture",
            gettext_lazy("The money has arrived (cash, transfer)"),
            lambda pk, who: services.capture_payment(payment_id=pk, actor_id=who, now=timezone.now()),
        ),
        each(
            "cancel",
            gettext_lazy("Call off"),
            lambda pk, who: services.cancel_payment(payment_id=pk, now=timezone.now()),
        ),
        each("refund", gettext_lazy("Refund all that is left"), _refund_rest),
        at_once(each("ask", gettext_lazy("Ask the provider"), _ask)),
    ]
    actions_detail = ["refund_part", "taken", "not_taken"]
    taken = _settle("taken", gettext_lazy("Settle: the provider took the money"), is_taken=True)
    not_taken = _settle("not_taken", gettext_lazy("Settle: the provider took nothing"), is_taken=False)

    def foresee_refund(self, request: HttpRequest, payment: Payment) -> list[str]:
        """Say how much would go back by which means, or why nothing would."""
        return foresee_rest(request, payment)

    def has_taken_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers may; whether the payment's state allows it is for the service to say."""
        return self.has_view_permission(request)

    has_not_taken_permission = has_taken_permission

    def get_queryset(self, request: HttpRequest) -> QuerySet[Payment]:
        """With the number of each payment's order, by the same statement."""
        return _with_number(super().get_queryset(request))

    @display(description=gettext_lazy("order"))
    def order_number(self, payment: Payment) -> str:
        return getattr(payment, "order_number", None) or payment.get_purpose_display()

    @display(description=gettext_lazy("amount"), ordering="amount")
    def money(self, payment: Payment) -> str:
        return money_text(payment.amount, payment.currency)

    @display(description=gettext_lazy("refunded"), ordering="refunded_amount")
    def refunded(self, payment: Payment) -> str:
        return money_text(payment.refunded_amount, payment.currency)

    @display(description=gettext_lazy("status"), label=COLOURS, ordering="status")
    def coloured_status(self, payment: Payment) -> tuple[str, str]:
        return payment.status, str(Status(payment.status).label)


@admin.register(Refund)
class RefundAdmin(NamesMoney, NamesPeople):
    """Refunds, newest first; those that wait for approval and those that failed need somebody."""

    people: ClassVar = {"customer": "payment__customer_id"}
    list_display = ["created_at", "order_number", "customer", "coloured_status", "money", "reason", "attempt"]
    list_filter = ["status", "created_at"]
    search_fields = ["id__exact", "order_id__exact", "payment__id__exact"]
    ordering = ["-created_at", "-id"]
    actions = [
        each(
            "approve",
            gettext_lazy("Approve (cash: handed back)"),
            lambda pk, who: services.approve_refund(refund_id=pk, actor_id=who, now=timezone.now()),
        ),
        each(
            "reject",
            gettext_lazy("Reject"),
            lambda pk, who: services.reject_refund(refund_id=pk, actor_id=who, now=timezone.now()),
        ),
        each(
            "retry",
            gettext_lazy("Try again"),
            lambda pk, who: services.retry_refund(refund_id=pk, now=timezone.now()),
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Refund]:
        """With the number of each refund's order, by the same statement."""
        return _with_number(super().get_queryset(request))

    @display(description=gettext_lazy("order"))
    def order_number(self, refund: Refund) -> str:
        return getattr(refund, "order_number", None) or "–"

    @display(description=gettext_lazy("amount"), ordering="amount")
    def money(self, refund: Refund) -> str:
        return money_text(refund.amount, refund.currency)

    @display(description=gettext_lazy("status"), label=REFUND_COLOURS, ordering="status")
    def coloured_status(self, refund: Refund) -> tuple[str, str]:
        return refund.status, str(RefundStatus(refund.status).label)


@admin.register(Payout)
class PayoutAdmin(NamesMoney):
    """Payouts, newest first; those that failed need somebody."""

    list_display = ["created_at", "purpose", "payee", "status", "amount", "currency", "attempt"]
    list_filter = ["status", "purpose", "created_at"]
    search_fields = ["id__exact", "subject_id__exact", "request_id__exact"]
    ordering = ["-created_at", "-id"]
    actions = [
        each(
            "retry",
            gettext_lazy("Try again"),
            lambda pk, who: services.retry_payout(payout_id=pk, now=timezone.now()),
        )
    ]


@admin.register(Dispute)
class DisputeAdmin(ReadOnlyAdmin):
    """Disputes, newest first; an open one freezes the refunds of its payment."""

    list_display = ["provider_ref", "status", "amount", "opened_at", "closed_at"]
    list_filter = ["status", "provider"]
    search_fields = ["provider_ref__exact", "payment__id__exact"]
    ordering = ["-opened_at", "-id"]


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin):
    """Results of each day's comparison with a provider's statement."""

    list_display = ["day", "provider", "charged_there", "charged_here", "returned_there", "returned_here", "made_at"]
    list_filter = ["provider"]
    ordering = ["-day", "-id"]
    actions = ["download"]

    @at_once
    @admin.action(description=gettext_lazy("Download as CSV"))
    def download(self, request: HttpRequest, queryset: QuerySet[Reconciliation]) -> HttpResponse:
        """The chosen days with their totals, and a row for each difference."""
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="reconciliations.csv"'
        response.writelines(csv_lines(queries.reconciliation_table(queryset.order_by("day", "provider"))))
        return response


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    """The ledger, newest first."""

    list_display = ["created_at", "kind", "order_number", "currency"]
    list_filter = ["kind", "created_at"]
    search_fields = ["order_id__exact", "payment__id__exact", "reference__exact"]
    ordering = ["-created_at"]
    inlines = [LineInline]
    actions_list = ["accounting"]

    @action(description=gettext_lazy("Export to accounting"), url_path="accounting", permissions=["view"])
    def accounting(self, request: HttpRequest) -> HttpResponseBase:
        """Papers of some days for accounting: how many there are, and the file."""
        return show_export(self, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerEntry]:
        return _with_number(super().get_queryset(request))

    @display(description=gettext_lazy("order"))
    def order_number(self, entry: Any) -> str:
        return entry.order_number or "–"


@admin.register(LedgerAccount)
class LedgerAccountAdmin(TechnicalAdmin):
    """Accounts of the ledger."""

    list_display = ["code"]
    ordering = ["code"]


@admin.register(WebhookEvent)
class WebhookEventAdmin(TechnicalAdmin):
    """Messages of providers, and what they came to."""

    list_display = ["event_id", "provider", "type", "payment_id", "outcome", "received_at"]
    list_filter = ["provider", "outcome", "type"]
    search_fields = ["event_id__exact", "payment_id__exact"]
    ordering = ["-received_at", "-id"]


@admin.register(OrderCopy)
class OrderCopyAdmin(TechnicalAdmin):
    """Orders as payments knows them."""

    list_display = ["number", "status", "total_amount", "currency", "version"]
    search_fields = ["number__exact", "order_id__exact"]
    ordering = ["-order_id"]
