"""Manager screens of orders: everything to see, and the same guarded steps as everywhere else."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline
from unfold.decorators import display

from core.admin import ReadOnlyAdmin
from core.errors import DomainError
from orders import services
from orders.models import Checkout, CheckoutLeg, Order, OrderHistory, OrderLine, ProductCopy, Status
from orders.services import Actor

COLOURS = {
    Status.CREATED: "info",
    Status.AWAITING_PAYMENT: "warning",
    Status.PAID: "success",
    Status.COMPLETED: "success",
    Status.CANCELLED: "danger",
    Status.REFUNDED: "danger",
}


class _ReadOnlyInline(TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LineInline(_ReadOnlyInline):
    model = OrderLine
    fields = ["position", "sku", "name", "quantity", "unit_price", "line_total"]
    tab = True


class HistoryInline(_ReadOnlyInline):
    model = OrderHistory
    fields = ["at", "event", "status", "reason", "actor_role", "data"]
    ordering = ["id"]
    tab = True


def _move(status: str, label: Any) -> Any:
    @admin.action(description=label)
    def act(self: "OrderAdmin", request: HttpRequest, queryset: QuerySet[Order]) -> None:
        roles = frozenset({"admin"} if request.user.is_superuser else {"manager"})
        actor = Actor(request.user.pk, roles)
        for order_id, number in queryset.values_list("pk", "number"):
            try:
                services.move_order(
                    order_id=order_id, status=status, actor=actor, now=timezone.now(), reason=_("by a manager")
                )
                self.message_user(request, f"{number}: {Status(status).label}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{number}: {error.detail}", messages.ERROR)

    act.__name__ = f"move_to_{status}"
    return act


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    """Orders, newest first."""

    list_display = ["number", "coloured_status", "total_amount", "amount_paid", "saga", "held_until", "created_at"]
    list_filter = ["status", "created_at"]
    list_select_related = ["checkout"]
    search_fields = ["number__startswith"]
    ordering = ["-created_at", "-id"]
    inlines = [LineInline, HistoryInline]
    actions = [
        _move(Status.IN_PROGRESS, gettext_lazy("Start preparing")),
        _move(Status.READY, gettext_lazy("Ready for handover")),
        _move(Status.COMPLETED, gettext_lazy("Handed over")),
        _move(Status.CANCELLED, gettext_lazy("Cancel, and refund what was paid")),
    ]

    @display(description=gettext_lazy("status"), label=COLOURS, ordering="status")
    def coloured_status(self, order: Order) -> tuple[str, str]:
        return order.status, str(Status(order.status).label)

    @display(description=gettext_lazy("checkout"))
    def saga(self, order: Order) -> str:
        return f"{order.checkout.get_state_display()} · {order.checkout.step}"

    @display(description=gettext_lazy("held until"), ordering="reservation_expires_at")
    def held_until(self, order: Order) -> Any:
        return order.reservation_expires_at


class LegInline(_ReadOnlyInline):
    model = CheckoutLeg
    fields = ["kind", "state", "attempt_id", "error", "started_at", "finished_at"]


@admin.register(Checkout)
class CheckoutAdmin(ReadOnlyAdmin):
    """The saga of each order, leg by leg; unfinished ones first."""

    list_display = ["order", "state", "step", "started_at", "finished_at"]
    list_filter = ["state", "step"]
    list_select_related = ["order"]
    search_fields = ["order__number__startswith"]
    ordering = ["-started_at"]
    inlines = [LegInline]


@admin.register(ProductCopy)
class ProductCopyAdmin(ReadOnlyAdmin):
    """What orders knows of the catalogue."""

    list_display = ["sku", "name", "price", "available", "is_active", "version"]
    search_fields = ["sku"]
