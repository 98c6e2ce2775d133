"""Manager screens of orders: everything to see, and the same guarded steps as everywhere else."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import TabularInline
from unfold.decorators import action, display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from core.admin import ReadOnlyAdmin, asking_as, level, money_text
from core.db import database_now
from core.errors import DomainError, NotFound
from orders import services
from orders.models import (
    Checkout,
    CheckoutLeg,
    DepositAgreement,
    LegKind,
    Order,
    OrderHistory,
    OrderLine,
    OrderReturn,
    PlaceState,
    ProductCopy,
    QueuePlace,
    ReturnState,
    SagaState,
    Status,
    SteeringAction,
)
from orders.models.returns import MAX_MILEAGE
from orders.services import Actor

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


SAGA_COLOURS = {
    SagaState.RUNNING: "info",
    SagaState.WAITING: "info",
    SagaState.COMPENSATING: "warning",
    SagaState.COMPLETED: "success",
    SagaState.PARKED: "danger",
}


def _step(checkout: Checkout) -> str:
    """The leg a checkout stands at, by its name."""
    return str(LegKind(checkout.step).label) if checkout.step in LegKind.values else checkout.step


def _actor(request: HttpRequest) -> Actor:
    if request.user.pk is None:
        raise NotFound
    return Actor(request.user.pk, frozenset({"admin"} if request.user.is_superuser else {"manager"}))


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
        actor = _actor(request)
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
class OrderAdmin(ReadOnlyAdmin):
    """Orders, newest first."""

    list_display = ["number", "coloured_status", "total", "paid", "saga", "held_until", "created_at"]
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

    @display(description=gettext_lazy("total"), ordering="total_amount")
    def total(self, order: Order) -> str:
        return money_text(order.total_amount, order.currency)

    @display(description=gettext_lazy("paid"))
    def paid(self, order: Order) -> str:
        return money_text(order.amount_paid, order.currency)

    @display(description=gettext_lazy("checkout"))
    def saga(self, order: Order) -> str:
        return f"{order.checkout.get_state_display()} · {_step(order.checkout)}"

    @display(description=gettext_lazy("held until"), ordering="reservation_expires_at")
    def held_until(self, order: Order) -> Any:
        return order.reservation_expires_at


class LegInline(_ReadOnlyInline):
    model = CheckoutLeg
    fields = [
        "kind", "state", "parked_reason", "error", "attempts", "attempt_id", "started_at", "deadline_at", "finished_at",
    ]  # fmt: skip


class AttentionFilter(admin.SimpleListFilter):
    """Checkouts that somebody should look at."""

    title = gettext_lazy("attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("needed", gettext_lazy("Parked, or running too long"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.needing_attention(database_now("orders")) if self.value() == "needed" else queryset


class _SteeringForm(BaseDialogForm):
    """Which leg, and why; only legs that allow the action are offered."""

    steering = ""
    leg = forms.ChoiceField(label=gettext_lazy("leg"), widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(
        label=gettext_lazy("reason"), max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )

    def __init__(self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, object_id, *args, **kwargs)
        legs = _view(request, object_id).legs if object_id else []
        offered = [item.leg for item in legs if self.steering in item.allowed]
        self.fields["leg"].choices = [(leg, LegKind(leg).label) for leg in offered]
        if not offered:
            self.fields["leg"].help_text = _("The checkout's present state does not allow it.")

    @property
    def chosen(self) -> dict[str, Any]:
        """The leg and the reason."""
        return {"leg": self.cleaned_data["leg"], "reason": self.cleaned_data["reason"]}


def _view(request: HttpRequest, object_id: Any) -> services.CheckoutView:
    return services.view_checkout(order_id=UUID(str(object_id)), actor=_actor(request), now=database_now("orders"))


def _steer(steering: SteeringAction, label: Any, variant: ActionVariant = ActionVariant.DEFAULT) -> Any:
    """A button on the checkout's page that asks for the leg and the reason, then calls the service."""

    def act(self: "CheckoutAdmin", request: HttpRequest, form: _SteeringForm, object_id: str) -> HttpResponse:
        try:
            services.steer_checkout(
                order_id=UUID(object_id),
                action=steering,
                actor=_actor(request),
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
class CheckoutAdmin(ReadOnlyAdmin):
    """The saga of each order, leg by leg; unfinished ones first."""

    list_display = ["number", "coloured_state", "stands_at", "owner_id", "started_at", "finished_at"]
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
    steer_settle = _steer(SteeringAction.SETTLE, gettext_lazy("The buyer's car is back or paid for"))
    steer_skip = _steer(SteeringAction.SKIP, gettext_lazy("Go on without this leg"), ActionVariant.WARNING)

    @display(description=gettext_lazy("state"), label=SAGA_COLOURS, ordering="state")
    def coloured_state(self, checkout: Checkout) -> tuple[str, str]:
        return checkout.state, str(SagaState(checkout.state).label)

    @display(description=gettext_lazy("number"), ordering="order__number")
    def number(self, checkout: Checkout) -> str:
        return checkout.order.number

    @display(description=gettext_lazy("step"), ordering="step")
    def stands_at(self, checkout: Checkout) -> str:
        return _step(checkout)

    def has_steer_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers may; what they may do is for the service to say."""
        return self.has_view_permission(request)


@admin.register(ProductCopy)
class ProductCopyAdmin(ReadOnlyAdmin):
    """What orders knows of the catalogue."""

    list_display = ["sku", "name", "price", "available", "is_active", "version"]
    search_fields = ["sku"]


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
    """What was found of the goods; empty fields leave what was said before."""

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
        return service(return_id=return_id, actor=_actor(request), now=database_now("orders"), **filled)

    return asking_as(name, label, form, step, question=question, **look)


@admin.register(OrderReturn)
class OrderReturnAdmin(ReadOnlyAdmin):
    """Returns, the newest first: looked at, then taken back or refused."""

    list_display = ["order", "coloured_state", "reason", "mileage", "asked_at", "inspected_at", "decided_at"]
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


@admin.register(DepositAgreement)
class DepositAgreementAdmin(ReadOnlyAdmin):
    """Deposits, the newest first; what becomes of them follows from their orders."""

    list_display = ["order", "kind", "state", "amount", "until", "terms_version", "agreed_at", "paid_at", "ended_at"]
    list_filter = ["state", "agreed_at"]
    list_select_related = ["order"]
    search_fields = ["order__number__startswith"]
    ordering = ["-agreed_at", "-id"]


class _SkipForm(BaseDialogForm):
    """Why somebody is taken out of a queue."""

    reason = forms.CharField(
        label=gettext_lazy("reason"), max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


PLACE_COLOURS = {PlaceState.WAITING: "info", PlaceState.OFFERED: "success", PlaceState.TAKEN: "success"}
_SKIP = gettext_lazy("Take out of the queue")


@admin.register(QueuePlace)
class QueuePlaceAdmin(ReadOnlyAdmin):
    """Queues behind held cars, car by car in their order."""

    list_display = ["name", "coloured_state", "ahead", "customer_id", "joined_at", "offer_expires_at", "reason"]
    list_filter = ["state", "joined_at"]
    search_fields = ["name__startswith"]
    ordering = ["product_id", "joined_at", "id"]
    actions_detail = ["skip"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[QueuePlace]:
        return QueuePlace.objects.with_ahead().order_by("product_id", "joined_at", "id")

    @display(description=gettext_lazy("state"), label=PLACE_COLOURS, ordering="state")
    def coloured_state(self, place: QueuePlace) -> tuple[str, str]:
        return place.state, place.get_state_display()

    @display(description=gettext_lazy("ahead"))
    def ahead(self, place: QueuePlace) -> Any:
        return getattr(place, "ahead", None) if place.is_live else None

    @action(
        description=_SKIP,
        permissions=["skip"],
        variant=ActionVariant.WARNING,
        dialog={"title": _SKIP, "description": "", "form_class": _SkipForm, "form_submit_text": _SKIP},
        url_path="skip",
    )
    def skip(self, request: HttpRequest, form: _SkipForm, object_id: str) -> HttpResponse:
        try:
            services.skip_place(
                place_id=UUID(object_id),
                reason=form.cleaned_data["reason"],
                actor=_actor(request),
                now=database_now("orders"),
            )
            self.message_user(request, str(PlaceState.SKIPPED.label), messages.SUCCESS)
        except DomainError as error:
            self.message_user(request, error.detail, level(error))
        page = reverse("admin:orders_queueplace_change", args=[object_id])
        is_dialog = "HX-Request" in request.headers
        return HttpResponse(headers={"HX-Redirect": page}) if is_dialog else HttpResponseRedirect(page)

    def has_skip_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers may; whom they may is for the service to say."""
        return self.has_view_permission(request)
