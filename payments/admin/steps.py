"""Give screens of payments what they share: steps for each chosen row, and tables that nobody edits."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from core.errors import DomainError
from core.screens.base import ReadOnlyAdmin, level, money_text
from payments.models import Payment, Payout, Receipt, Refund

Step = Callable[[Any, Any], Payment | Refund | Payout | Receipt]
"""One service call for one row: takes the row's id and the manager's."""


def each(name: str, label: Any, step: Step) -> Any:
    """An admin action that makes the step for each chosen row, and says of each what came of it."""

    @admin.action(description=label)
    def act(self: ReadOnlyAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row in queryset:
            try:
                done = step(row.pk, request.user.pk)
                self.message_user(request, f"{name_money(row)}: {_stage(done)}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{name_money(row)}: {error.detail}", level(error))

    act.__name__ = name
    return act


def name_money(row: Any) -> str:
    """Name a payment, a refund or a payout as people do: the order's number, whose money it is, and how much."""
    told = getattr(row, "known_customer", None) or {}
    sums = money_text(row.amount, row.currency) if hasattr(row, "currency") and hasattr(row, "amount") else str(row)
    parts = (getattr(row, "order_number", None), told.get("name"), getattr(row, "payee", None), sums)
    return ", ".join(part for part in parts if part)


class NamesMoney(ReadOnlyAdmin):
    """A screen of money whose rows are called as people call them."""

    def describe_row(self, row: Any) -> str:
        return name_money(row)


def _stage(done: Payment | Refund | Payout | Receipt) -> str:
    return done.get_state_display() if isinstance(done, Receipt) else done.get_status_display()


class ReadOnlyInline(TabularInline):
    """Rows beside their object, to look at."""

    hide_title = True
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
