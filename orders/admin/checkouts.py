"""Checkouts leg by leg, and what a manager may do about them."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from core.db import database_now
from core.errors import DomainError, NotFound
from core.screens.base import ReadOnlyAdmin, level
from core.screens.labels import display
from gateway.people.screens import NamesPeople
from orders import services
from orders.admin.common import ReadOnlyInline, get_actor, get_step_name
from orders.models import Checkout, CheckoutLeg, SagaState, SteeringAction

SAGA_COLOURS = {
    SagaState.RUNNING: "info",
    SagaState.WAITING: "info",
    SagaState.COMPENSATING: "warning",
    SagaState.COMPLETED: "success",
    SagaState.PARKED: "danger",
}


class LegInline(ReadOnlyInline):
    model = CheckoutLeg
    fields = readonly_fields = [
        "kind", "state", "parked_reason", "refusal", "attempts", "started_at", "deadline_at", "finished_at",
    ]  # fmt: skip

    @display(description=gettext_lazy("error"))
    def refusal(self, leg: CheckoutLeg) -> str:
        """The sentence of what refused, as the timeline tells it."""
        return str((leg.error or {}).get("detail") or "–")


class AttentionFilter(admin.SimpleListFilter):
    """Checkouts that somebody should look at."""

    title = gettext_lazy("attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("needed", gettext_lazy("Parked, or running too long"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.needing_attention(database_now("orders")) if self.value() == "needed" else queryset


class _SteeringForm(BaseDialogForm):
    """Choice of a leg, and the reason; only legs that allow the action are offered."""

    steering = ""
    leg = forms.ChoiceField(label=gettext_lazy("leg"), widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(
        label=gettext_lazy("reason"), max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )

    def __init__(self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        legs = _view(request, object_id).legs if object_id else []
        offered = [item.leg for item in legs if self.steering in item.allowed]
        self.fields["leg"].choices = [(leg, services.leg_label(leg)) for leg in offered]
        if not offered:
            self.fields["leg"].help_text = _("The checkout's present state does not allow it.")

    @property
    def chosen(self) -> dict[str, Any]:
        """The leg and the reason."""
        return {"leg": self.cleaned_data["leg"], "reason": self.cleaned_data["reason"]}


def _view(request: HttpRequest, object_id: Any) -> services.CheckoutView:
    return services.view_checkout(order_id=UUID(str(object_id)), actor=get_actor(request), now=database_now("orders"))


def _steer(steering: SteeringAction, label: Any, variant: ActionVariant = ActionVariant.DEFAULT) -> Any:
    """A button on the checkout's page that asks for the leg and the reason, then calls the service."""

    def act(self: "CheckoutAdmin", request: HttpRequest, form: _SteeringForm, object_id: str) -> HttpResponse:
        try:
            services.steer_checkout(
                order_id=UUID(object_id),
                action=steering,
                actor=get_actor(request),
                now=database_now("orders"),
                **form.chosen,
            )
            self.message_user(request, f"{form.chosen['leg']}: {steering.label}", messages.SUCCESS)
        except DomainError as error:
            self.message_user(request, error.detail, level(error))
        page = reverse("admin:orders_checkout_change", args=[object_id])
        is_dialog = "HX-Request" in request.headers
        return HttpResponse(headers={"HX-Redirect": page}) if is_dialog else HttpResponseRedirect(page)

    act.__name__ = f"steer_{steering.value}"
    form = type(f"{steering.name.title()}Form", (_SteeringForm,), {"steering": steering.value})
    dialog = {"title": label, "description": "", "form_class": form, "form_submit_text": label}
    return action(description=label, permissions=["steer"], variant=variant, dialog=dialog, url_path=act.__name__)(act)


@admin.register(Checkout)
class CheckoutAdmin(NamesPeople, ReadOnlyAdmin):
    """The saga of each order, leg by leg; unfinished ones first."""

    people: ClassVar = {"customer": "order__customer_id", "owner": "owner_id"}
    fields = readonly_fields = [
        "number", "customer", "owner", "coloured_state", "stands_at", "started_at", "finished_at",
    ]  # fmt: skip
    list_display = ["number", "customer", "coloured_state", "stands_at", "owner", "started_at", "finished_at"]
    list_filter = [AttentionFilter, "state", "step"]
    list_select_related = ["order"]
    search_fields = ["order__number__startswith"]
    ordering = ["-started_at"]
    inlines = [LegInline]
    actions_detail = [
        "steer_retry", "steer_accept", "steer_refuse", "steer_take_over", "steer_cancel", "steer_skip",
        "steer_settle",
    ]  # fmt: skip
    steer_retry = _steer(SteeringAction.RETRY, gettext_lazy("Ask again"), ActionVariant.PRIMARY)
    steer_accept = _steer(SteeringAction.ACCEPT, gettext_lazy("Accept the trade-in"))
    steer_refuse = _steer(SteeringAction.REFUSE, gettext_lazy("Refuse the trade-in"), ActionVariant.WARNING)
    steer_take_over = _steer(SteeringAction.TAKE_OVER, gettext_lazy("Take over"))
    steer_cancel = _steer(SteeringAction.CANCEL, gettext_lazy("Cancel the order"), ActionVariant.DANGER)
    steer_settle = _steer(SteeringAction.SETTLE, gettext_lazy("Pay for the buyer's car, or say that it is back"))
    steer_skip = _steer(SteeringAction.SKIP, gettext_lazy("Go on without this leg"), ActionVariant.WARNING)

    @display(description=gettext_lazy("state"), label=SAGA_COLOURS, ordering="state")
    def coloured_state(self, checkout: Checkout) -> tuple[str, str]:
        return checkout.state, str(SagaState(checkout.state).label)

    @display(description=gettext_lazy("number"), ordering="order__number")
    def number(self, checkout: Checkout) -> str:
        return checkout.order.number

    @display(description=gettext_lazy("step"), ordering="step")
    def stands_at(self, checkout: Checkout) -> str:
        return get_step_name(checkout)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """Offer what a leg allows this manager: a deal that is over asks nothing, and no button covers the title."""
        offered = super().get_actions_detail(request, object_id)
        try:
            legs = _view(request, object_id).legs
        except (NotFound, ValueError):  # the page itself says that there is no such deal
            legs = []
        allowed = {f"steer_{one}" for leg in legs for one in leg.allowed}
        return [each for each in offered if each.action_name.partition("checkout_")[2] in allowed]

    def has_steer_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers may; what they may do is for the service to say."""
        return self.has_view_permission(request)
