"""Cars taken in exchange, and what is owed for them."""

from typing import ClassVar

from django.contrib import admin
from django.utils.translation import gettext_lazy

from core.screens.base import ReadOnlyAdmin
from core.screens.labels import display
from gateway.people.screens import NamesPeople
from orders.models import TradeIn


@admin.register(TradeIn)
class TradeInAdmin(NamesPeople, ReadOnlyAdmin):
    """Cars that became ours at a handover, newest first; what is owed is paid on the page of the checkout."""

    people: ClassVar = {"customer": "order__customer_id"}
    list_display = ["number", "customer", "state", "amount", "surplus", "paid_amount", "owed", "product_id", "taken_at"]
    list_filter = ["state"]
    list_select_related = ["order"]
    search_fields = ["order__number__startswith"]
    ordering = ["-taken_at"]

    @display(description=gettext_lazy("number"), ordering="order__number")
    def number(self, car: TradeIn) -> str:
        return car.order.number

    @display(description=gettext_lazy("owed for it"), ordering="order__trade_in_owed")
    def owed(self, car: TradeIn) -> str:
        return f"{car.order.trade_in_owed} {car.order.currency}"
