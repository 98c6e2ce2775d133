"""Orders, and what they know of the catalogue."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.db import database_now
from core.errors import DomainError
from core.money import DEFAULT_CURRENCY
from core.screens.base import ReadOnlyAdmin, TechnicalAdmin, level, money_text
from core.screens.confirming import at_once
from core.screens.labels import display
from gateway.people.screens import NamesPeople
from orders import services
from orders.admin.common import ReadOnlyInline, get_actor, get_step_name
from orders.admin.dealing import DealScreen
from orders.admin.figures import FiguresScreen
from orders.admin.handovers import HandoverScreen
from orders.admin.marking import MarksScreen
from orders.admin.talking import MessageInline, TalkingScreen
from orders.models import Order, OrderHistory, OrderLine, ProductCopy, Status

COLOURS = {
    Status.CREATED: "info",
    Status.AWAITING_PAYMENT: "warning",
    Status.PAID: "success",
    Status.COMPLETED: "success",
    Status.CANCELLED: "danger",
    Status.REFUNDED: "danger",
    Status.RETURNING: "warning",
    Status.RETURNED: "danger",
}


ROLES = {
    "admin": gettext_lazy("administrator"),
    "manager": gettext_lazy("manager"),
    "client": gettext_lazy("buyer"),
    "system": gettext_lazy("the shop itself"),
}
"""Names of those who take steps of an order."""


class LineInline(ReadOnlyInline):
    model = OrderLine
    fields = readonly_fields = ["article", "goods", "pieces", "price", "sum"]
    verbose_name_plural = gettext_lazy("goods")
    tab = True

    @display(description=gettext_lazy("SKU"))
    def article(self, line: OrderLine) -> str:
        return line.sku

    @display(description=gettext_lazy("name"))
    def goods(self, line: OrderLine) -> str:
        return line.name

    @display(description=gettext_lazy("quantity"))
    def pieces(self, line: OrderLine) -> int:
        return line.quantity

    @display(description=gettext_lazy("price"))
    def price(self, line: OrderLine) -> str:
        return money_text(line.unit_price, DEFAULT_CURRENCY)

    @display(description=gettext_lazy("sum"))
    def sum(self, line: OrderLine) -> str:
        return money_text(line.line_total, DEFAULT_CURRENCY)


class HistoryInline(ReadOnlyInline):
    model = OrderHistory
    fields = readonly_fields = ["moment", "stands", "why", "who"]
    verbose_name_plural = gettext_lazy("history")
    ordering = ["id"]
    tab = True

    @display(description=gettext_lazy("when"))
    def moment(self, step: OrderHistory) -> Any:
        return step.at

    @display(description=gettext_lazy("status"))
    def stands(self, step: OrderHistory) -> str:
        return str(Status(step.status).label)

    @display(description=gettext_lazy("reason"))
    def why(self, step: OrderHistory) -> str:
        return step.reason or "–"

    @display(description=gettext_lazy("by whom"))
    def who(self, step: OrderHistory) -> str:
        return str(ROLES.get(step.actor_role, step.actor_role))


def _move(status: str, label: Any) -> Any:
    @admin.action(description=label)
    def act(self: "OrderAdmin", request: HttpRequest, queryset: QuerySet[Order]) -> None:
        actor = get_actor(request)
        for order_id, number in queryset.values_list("pk", "number"):
            try:
                services.move_order(
                    order_id=order_id, status=status, actor=actor, now=database_now("orders"), reason=_("by a manager")
                )
                self.message_user(request, f"{number}: {Status(status).label}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{number}: {error.detail}", level(error))

    act.__name__ = f"move_to_{status}"
    return act


@admin.register(Order)
class OrderAdmin(DealScreen, FiguresScreen, MarksScreen, TalkingScreen, HandoverScreen, NamesPeople, ReadOnlyAdmin):
    """Orders, newest first."""

    people: ClassVar = {"customer": "customer_id", "owner": "checkout__owner_id"}
    fields = readonly_fields = [
        "number", "customer", "owner", "coloured_status", "saga", "total", "discounts", "paid", "on_credit",
        "held_until", "placed_date", "comment", "created_at", "updated_at",
    ]  # fmt: skip
    list_display = [
        "number", "customer", "coloured_status", "total", "paid", "saga", "held_until", "owner", "created_at",
    ]  # fmt: skip
    list_filter = ["status", "created_at"]
    list_select_related = ["checkout"]
    search_fields = ["number__startswith"]
    ordering = ["-created_at", "-id"]
    inlines = [LineInline, MessageInline, HistoryInline]
    actions_detail = ["marks", "write_message", "settle_messages", "arrange_handover"]
    actions_list = ["sales_figures"]
    actions = [
        at_once(_move(Status.IN_PROGRESS, gettext_lazy("Start preparing"))),
        at_once(_move(Status.READY, gettext_lazy("Ready for handover"))),
        _move(Status.COMPLETED, gettext_lazy("Handed over")),
        _move(Status.CANCELLED, gettext_lazy("Cancel, and refund what was paid")),
    ]

    @display(description=gettext_lazy("status"), label=COLOURS, ordering="status")
    def coloured_status(self, order: Order) -> tuple[str, str]:
        return order.status, str(Status(order.status).label)

    @display(description=gettext_lazy("total"), ordering="total_amount")
    def total(self, order: Order) -> str:
        return money_text(order.total_amount, order.currency)

    @display(description=gettext_lazy("paid"))
    def paid(self, order: Order) -> str:
        return money_text(order.amount_paid, order.currency)

    @display(description=gettext_lazy("discounts"))
    def discounts(self, order: Order) -> str:
        return money_text(order.discount_total, order.currency)

    @display(description=gettext_lazy("on credit"))
    def on_credit(self, order: Order) -> str:
        return money_text(order.loan_amount, order.currency)

    @display(description=gettext_lazy("checkout"))
    def saga(self, order: Order) -> str:
        return f"{order.checkout.get_state_display()} · {get_step_name(order.checkout)}"

    @display(description=gettext_lazy("held until"), ordering="reservation_expires_at")
    def held_until(self, order: Order) -> Any:
        return order.reservation_expires_at


@admin.register(ProductCopy)
class ProductCopyAdmin(TechnicalAdmin):
    """Products as orders knows them from the catalogue."""

    list_display = ["sku", "name", "price", "available", "is_active", "version"]
    search_fields = ["sku"]
