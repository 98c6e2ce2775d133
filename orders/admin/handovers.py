"""Hand-over appointments: which day, whose, where; arranged on the order's page, called off with a reason."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from core.db import database_now
from core.screens.base import BusinessAdmin, ReadOnlyAdmin, asking_as
from core.screens.labels import display
from gateway.people.screens import NamesPeople
from orders import services
from orders.admin.common import get_actor
from orders.models import HandoverAppointment, HandoverState

COLOURS = {
    HandoverState.ASKED: "info",
    HandoverState.CONFIRMED: "success",
    HandoverState.DONE: "success",
    HandoverState.REFUSED: "danger",
    HandoverState.LOST: "danger",
}


class CallOffForm(BaseDialogForm):
    """Why the hand-over does not take place then."""

    reason = forms.CharField(
        label=gettext_lazy("reason"), max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class ArrangeForm(BaseDialogForm):
    """Beginning of the hand-over, on the dealer's clock."""

    start = forms.DateTimeField(
        label=gettext_lazy("beginning"), widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"})
    )


def _arrange(request: HttpRequest, order_id: UUID, filled: dict[str, Any]) -> object:
    return services.ask_handover(
        order_id=order_id, start=filled["start"], actor=get_actor(request), now=database_now("orders")
    )


class HandoverScreen(BusinessAdmin):
    """A screen of orders with a button that arranges the hand-over for the buyer."""

    arrange_handover = asking_as(
        "arrange_handover",
        gettext_lazy("Arrange the hand-over"),
        ArrangeForm,
        _arrange,
        question=gettext_lazy("A free place is booked within moments, and the buyer is told."),
    )

    def has_arrange_handover_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers may; whether it is time for it is for the service to say."""
        return self.has_view_permission(request)


def _call_off(request: HttpRequest, appointment_id: UUID, filled: dict[str, Any]) -> object:
    order_id = HandoverAppointment.objects.values_list("order_id", flat=True).get(pk=appointment_id)
    return services.cancel_handover(
        order_id=order_id, actor=get_actor(request), now=database_now("orders"), reason=filled["reason"]
    )


@admin.register(HandoverAppointment)
class HandoverAppointmentAdmin(NamesPeople, ReadOnlyAdmin):
    """Hand-over appointments, the latest first."""

    people: ClassVar = {"customer": "order__customer_id", "owner": "order__manager_id"}
    fields = readonly_fields = [
        "order_page", "customer", "owner", "coloured_state", "starts_at", "ends_at", "location", "reason",
    ]  # fmt: skip
    list_display = ["starts_at", "order", "customer", "owner", "coloured_state", "location", "reason"]
    list_filter = ["state", "starts_at"]
    list_select_related = ["order"]
    search_fields = ["order__number__startswith"]
    ordering = ["-starts_at", "-id"]
    actions_detail = ["call_off"]
    call_off = asking_as(
        "call_off",
        gettext_lazy("Call the hand-over off"),
        CallOffForm,
        _call_off,
        question=gettext_lazy("The buyer is told, and can choose another time."),
        variant=ActionVariant.WARNING,
    )

    def has_call_off_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers may; whether anything is arranged is for the service to say."""
        return self.has_view_permission(request)

    @display(description=gettext_lazy("state"), label=COLOURS, ordering="state")
    def coloured_state(self, found: HandoverAppointment) -> tuple[str, str]:
        return found.state, found.get_state_display()

    @display(description=gettext_lazy("order"))
    def order_page(self, found: HandoverAppointment) -> SafeString:
        page = reverse("admin:orders_order_change", args=[found.order_id])
        return format_html('<a href="{}">{}</a>', page, found.order.number)
