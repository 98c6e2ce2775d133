"""Conversations about orders: who waits for an answer, and the buttons that answer on an order's page."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget

from core.db import database_now
from core.screens.base import BusinessAdmin, ReadOnlyAdmin, asking_as
from core.screens.labels import display
from gateway.people import get_told
from gateway.people.screens import NamesPeople
from orders import services
from orders.admin.common import ReadOnlyInline, get_actor
from orders.models import OrderMessage, OrderThread
from orders.models.messages import LONGEST

SHOWN = 50
"""Messages on the page of an order, the newest."""


class WaitingFilter(admin.SimpleListFilter):
    """Those whose buyer waits for an answer."""

    title = gettext_lazy("waits for an answer")
    parameter_name = "waiting"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", gettext_lazy("yes"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[OrderThread]) -> QuerySet[OrderThread]:
        return queryset.filter(waiting_since__isnull=False) if self.value() == "yes" else queryset


class MessageInline(ReadOnlyInline):
    model = OrderMessage
    fields = readonly_fields = ["moment", "who", "what"]
    verbose_name_plural = gettext_lazy("messages")
    ordering = ["-number"]
    tab = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrderMessage]:
        rows = super().get_queryset(request).annotate(told=get_told("author_id"))
        return rows.filter(number__gt=F("order__thread__last_number") - SHOWN)

    @display(description=gettext_lazy("when"))
    def moment(self, message: OrderMessage) -> Any:
        return message.sent_at

    @display(description=gettext_lazy("by whom"))
    def who(self, message: OrderMessage) -> str:
        told: dict[str, str] = getattr(message, "told", None) or {}
        return f"{message.get_side_display()}: {told.get('name') or '–'}"

    @display(description=gettext_lazy("text"))
    def what(self, message: OrderMessage) -> str:
        return message.text or "–"


class MessageForm(BaseDialogForm):
    """Words to the buyer."""

    text = forms.CharField(
        label=gettext_lazy("text"), max_length=LONGEST, widget=UnfoldAdminTextareaWidget(attrs={"rows": 5})
    )


def _write(request: HttpRequest, order_id: UUID, filled: dict[str, Any]) -> object:
    return services.send_message(
        order_id=order_id, actor=get_actor(request), now=database_now("orders"), text=filled["text"]
    )


def _settle(request: HttpRequest, order_id: UUID, filled: dict[str, Any]) -> object:
    return services.settle_thread(order_id=order_id, actor=get_actor(request))


class TalkingScreen(BusinessAdmin):
    """A screen of orders with buttons that answer the buyer."""

    write_message = asking_as("write_message", gettext_lazy("Write to the buyer"), MessageForm, _write)
    settle_messages = asking_as(
        "settle_messages",
        gettext_lazy("No answer is needed"),
        BaseDialogForm,
        _settle,
        question=gettext_lazy("The buyer does not stand among those who wait for an answer any more."),
    )

    def has_write_message_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers may."""
        return self.has_view_permission(request)

    def has_settle_messages_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers may; in whose order is for the service to say."""
        return self.has_view_permission(request)


@admin.register(OrderThread)
class OrderThreadAdmin(NamesPeople, ReadOnlyAdmin):
    """Conversations about orders; who waits longest for an answer comes first."""

    people: ClassVar = {"customer": "order__customer_id", "owner": "order__manager_id"}
    fields = readonly_fields = ["order_page", "customer", "owner", "waits_for", "last_number", "last_at"]
    list_display = ["order", "customer", "owner", "waits_for", "unanswered", "last_number", "last_at"]
    list_filter = [WaitingFilter]
    list_select_related = ["order"]
    search_fields = ["order__number__startswith"]
    ordering = ["waiting_since", "order_id"]

    @display(description=gettext_lazy("waits for an answer"), ordering="waiting_since")
    def waits_for(self, thread: OrderThread) -> str:
        return timesince(thread.waiting_since, depth=1) if thread.waiting_since else "–"

    @display(description=gettext_lazy("order"))
    def order_page(self, thread: OrderThread) -> SafeString:
        page = reverse("admin:orders_order_change", args=[thread.pk])
        return format_html('<a href="{}">{}</a>', page, thread.order.number)
