"""Give screens of payments what they share: steps for each chosen row, and tables that nobody edits."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from core.errors import DomainError
from core.screens.base import ReadOnlyAdmin, level
from payments.models import Payment, Payout, Receipt, Refund

Step = Callable[[Any, Any], Payment | Refund | Payout | Receipt]
"""One service call for one row: takes the row's id and the manager's."""


def each(name: str, label: Any, step: Step) -> Any:
    """An admin action that makes the step for each chosen row, and says of each what came of it."""

    @admin.action(description=label)
    def act(self: ReadOnlyAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for row_id in queryset.values_list("pk", flat=True):
            try:
                done = step(row_id, request.user.pk)
                self.message_user(
                    request,
                    f"{row_id}: {_stage(done)}",
                    messages.SUCCESS,
                )
            except DomainError as error:
                self.message_user(request, f"{row_id}: {error.detail}", level(error))

    act.__name__ = name
    return act


def _stage(done: Payment | Refund | Payout | Receipt) -> str:
    return done.get_state_display() if isinstance(done, Receipt) else done.get_status_display()


class ReadOnlyInline(TabularInline):
    """Rows beside their object, to look at."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
