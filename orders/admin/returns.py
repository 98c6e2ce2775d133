"""Returns: looked at, then taken back or refused."""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget

from core.db import database_now
from core.screens.base import ReadOnlyAdmin, asking_as
from core.screens.labels import display
from gateway.people.screens import NamesPeople
from orders import services
from orders.admin.common import get_actor
from orders.models import OrderReturn, ReturnState
from orders.models.returns import MAX_MILEAGE

RETURN_COLOURS = {
    ReturnState.ASKED: "warning",
    ReturnState.INSPECTED: "info",
    ReturnState.ACCEPTED: "info",
    ReturnState.DONE: "success",
    ReturnState.REFUSED: "danger",
}


def _text(label: Any, *, required: bool = True) -> forms.CharField:
    widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})
    return forms.CharField(label=label, max_length=2000, required=required, widget=widget)


class InspectionForm(BaseDialogForm):
    """Findings about the goods; empty fields leave what was said before."""

    result = _text(gettext_lazy("result of the inspection"))
    mileage = forms.IntegerField(
        label=gettext_lazy("mileage, km"),
        min_value=0,
        max_value=MAX_MILEAGE,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget,
    )
    condition = _text(gettext_lazy("condition"), required=False)


class AcceptanceForm(BaseDialogForm):
    """A remark on the decision."""

    reason = _text(gettext_lazy("remark"), required=False)


class RefusalForm(BaseDialogForm):
    """Why the goods stay with their owner."""

    reason = _text(gettext_lazy("reason"))


def _decide(
    name: str, label: Any, form: type[BaseDialogForm], service: Callable[..., object], question: Any, **look: Any
) -> Any:
    """A button on a return's page, by the service that the API calls."""

    def step(request: HttpRequest, return_id: UUID, filled: dict[str, Any]) -> object:
        return service(return_id=return_id, actor=get_actor(request), now=database_now("orders"), **filled)

    return asking_as(name, label, form, step, question=question, **look)


@admin.register(OrderReturn)
class OrderReturnAdmin(NamesPeople, ReadOnlyAdmin):
    """Returns, the newest first: looked at, then taken back or refused."""

    people: ClassVar = {"customer": "order__customer_id"}
    list_display = [
        "order", "customer", "coloured_state", "reason", "mileage", "asked_at", "inspected_at", "decided_at",
    ]  # fmt: skip
    list_filter = ["state", "asked_at"]
    list_select_related = ["order"]
    search_fields = ["order__number__startswith"]
    ordering = ["-asked_at", "-id"]
    actions_detail = ["inspect", "accept", "refuse"]
    inspect = _decide(
        "inspect",
        gettext_lazy("Note the inspection"),
        InspectionForm,
        services.inspect_return,
        gettext_lazy("In what state are the goods?"),
    )
    accept = _decide(
        "accept",
        gettext_lazy("Take the goods back"),
        AcceptanceForm,
        services.accept_return,
        gettext_lazy("Policies, money, loan and trade-in are undone. Above the limit a second person agrees first."),
        variant=ActionVariant.PRIMARY,
    )
    refuse = _decide(
        "refuse",
        gettext_lazy("Refuse the return"),
        RefusalForm,
        services.refuse_return,
        gettext_lazy("The goods stay with their owner, who reads why."),
        variant=ActionVariant.DANGER,
    )

    @display(description=gettext_lazy("state"), label=RETURN_COLOURS, ordering="state")
    def coloured_state(self, found: OrderReturn) -> tuple[str, str]:
        return found.state, str(ReturnState(found.state).label)

    def has_inspect_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers may; whether the return's state allows it, and whose it is, is for the service to say."""
        return self.has_view_permission(request)

    has_accept_permission = has_refuse_permission = has_inspect_permission
