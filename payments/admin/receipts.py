"""Show fiscal receipts; those that were refused need somebody, and what was said wrongly is said anew."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from core.screens.base import asking, column, money_text
from core.screens.labels import display
from gateway.people.screens import NamesPeople
from payments import services
from payments.admin.steps import NamesMoney, ReadOnlyInline, each
from payments.models import Receipt, ReceiptLine, ReceiptState, ReceiptStep
from payments.rules.corrections import Basis, read_lines

RECEIPT_COLOURS = {
    ReceiptState.WAITING: "info",
    ReceiptState.SENT: "info",
    ReceiptState.REGISTERED: "success",
    ReceiptState.REFUSED: "danger",
}


class CorrectionForm(BaseDialogForm):
    """Lines as they should have been, why, and by which document."""

    lines = forms.CharField(
        label=gettext_lazy("lines: name; quantity; price of one; subject; kind of tax"), max_length=10_000,
        help_text=gettext_lazy("One a row, such as: Floor mats; 4; 25000.00; commodity; standard"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )  # fmt: skip
    reason = forms.CharField(
        label=gettext_lazy("reason"), max_length=255, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )
    basis_number = forms.CharField(
        label=gettext_lazy("number of the document"), max_length=32, widget=UnfoldAdminTextInputWidget()
    )
    basis_date = forms.DateField(label=gettext_lazy("date of the document"), widget=UnfoldAdminSingleDateWidget())
    is_ordered = forms.BooleanField(
        label=gettext_lazy("the tax office ordered it"), required=False, widget=UnfoldBooleanSwitchWidget()
    )


def _correct(receipt_id: UUID, manager_id: UUID, said: dict[str, Any]) -> Receipt:
    return services.correct_receipt(
        receipt_id=receipt_id,
        items=read_lines(said["lines"]),
        reason=said["reason"],
        basis=Basis(number=said["basis_number"], day=said["basis_date"], is_ordered=said["is_ordered"]),
        actor_id=manager_id,
        now=timezone.now(),
    )


class ReceiptLineInline(ReadOnlyInline):
    model = ReceiptLine
    fields = readonly_fields = [
        "what", "pieces", "price", "amount", "vat", "subject", "method", "marking", "supplier", "supplier_number",
    ]  # fmt: skip
    ordering = ["position"]
    what = column("name", gettext_lazy("name"))
    pieces = column("quantity", gettext_lazy("quantity"))
    price = column("unit_price", gettext_lazy("price"))
    vat = column("vat_amount", gettext_lazy("VAT"))
    marking = column("marking_code", gettext_lazy("marking"))
    supplier = column("supplier_name", gettext_lazy("supplier"))
    supplier_number = column("supplier_inn", gettext_lazy("INN of the supplier"))


class ReceiptStepInline(ReadOnlyInline):
    model = ReceiptStep
    fields = ["at", "state", "attempt", "code"]
    ordering = ["id"]


@admin.register(Receipt)
class ReceiptAdmin(NamesMoney, NamesPeople):
    """Fiscal receipts, newest first; those that were refused need somebody."""

    people: ClassVar = {"customer": "payment__customer_id"}
    list_display = [
        "created_at", "customer", "kind", "coloured_state", "money", "fiscal_number", "failure_code",
    ]  # fmt: skip
    list_filter = ["state", "kind", "operator", "created_at"]
    search_fields = ["id__exact", "order_id__exact", "payment__id__exact", "fiscal_number__exact"]
    ordering = ["-created_at", "-id"]
    inlines = [ReceiptLineInline, ReceiptStepInline]
    actions = [
        each(
            "retry",
            gettext_lazy("Send again"),
            lambda pk, who: services.retry_receipt(receipt_id=pk, actor_id=who, now=timezone.now()),
        )
    ]
    actions_detail = ["correct"]
    correct = asking(
        "correct", gettext_lazy("Correct"), CorrectionForm, _correct, variant=ActionVariant.WARNING,
        question=gettext_lazy(
            "One that was registered is undone by a correction, and the money is named anew by another. No money moves."
        ),
    )  # fmt: skip

    def has_correct_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers may; whether the receipt's state allows it is for the service to say."""
        return self.has_view_permission(request)

    @display(description=gettext_lazy("amount"), ordering="amount")
    def money(self, receipt: Receipt) -> str:
        return money_text(receipt.amount, receipt.currency)

    @display(description=gettext_lazy("state"), label=RECEIPT_COLOURS, ordering="state")
    def coloured_state(self, receipt: Receipt) -> tuple[str, str]:
        return receipt.state, str(ReceiptState(receipt.state).label)
