"""Deposits, and the queues behind held cars."""

from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from core.db import database_now
from core.errors import DomainError
from core.screens.base import ReadOnlyAdmin, asking_as, level
from core.screens.labels import display
from gateway.people.screens import NamesPeople
from orders import services
from orders.admin.common import get_actor
from orders.models import DepositAgreement, Fault, PlaceState, QueuePlace


class FaultForm(BaseDialogForm):
    """Ask whose fault it is that the sale failed, and why."""

    fault = forms.ChoiceField(label=gettext_lazy("whose fault"), choices=Fault.choices, widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(
        label=gettext_lazy("why it is theirs"), max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


def _state_fault(request: HttpRequest, deposit_id: UUID, filled: dict[str, Any]) -> object:
    order_id = DepositAgreement.objects.values_list("order_id", flat=True).get(pk=deposit_id)
    return services.state_fault(order_id=order_id, actor=get_actor(request), now=database_now("orders"), **filled)


@admin.register(DepositAgreement)
class DepositAgreementAdmin(NamesPeople, ReadOnlyAdmin):
    """Deposits, the newest first; what becomes of them follows from their orders, but for earnest money that waits."""

    people: ClassVar = {"customer": "order__customer_id"}
    list_display = [
        "order", "customer", "kind", "state", "amount", "until", "terms_version", "agreed_at", "paid_at",
        "waiting_since", "fault", "ended_at",
    ]  # fmt: skip
    list_filter = ["kind", "state", "agreed_at"]
    list_select_related = ["order"]
    search_fields = ["order__number__startswith"]
    ordering = ["-agreed_at", "-id"]
    actions_detail = ["state_fault"]
    state_fault = asking_as(
        "state_fault",
        gettext_lazy("Whose fault was it that the sale failed?"),
        FaultForm,
        _state_fault,
        question=gettext_lazy("A second person agrees before anything moves."),
        variant=ActionVariant.WARNING,
    )

    def has_state_fault_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Managers may; whether it waits for a word, and whose it is, is for the service to say."""
        return self.has_view_permission(request)


class _SkipForm(BaseDialogForm):
    """Why somebody is taken out of a queue."""

    reason = forms.CharField(
        label=gettext_lazy("reason"), max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


PLACE_COLOURS = {PlaceState.WAITING: "info", PlaceState.OFFERED: "success", PlaceState.TAKEN: "success"}
_SKIP = gettext_lazy("Take out of the queue")


@admin.register(QueuePlace)
class QueuePlaceAdmin(NamesPeople, ReadOnlyAdmin):
    """Queues behind held cars, car by car in their order."""

    people: ClassVar = {"customer": "customer_id"}
    fields = ["name", "coloured_state", "customer", "joined_at", "offer_expires_at", "reason"]
    readonly_fields = ["coloured_state"]
    list_display = ["name", "coloured_state", "ahead", "customer", "joined_at", "offer_expires_at", "reason"]
    list_filter = ["state", "joined_at"]
    search_fields = ["name__startswith"]
    ordering = ["product_id", "joined_at", "id"]
    actions_detail = ["skip"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[QueuePlace]:
        return self.with_names(QueuePlace.objects.with_ahead().order_by("product_id", "joined_at", "id"))

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
                actor=get_actor(request),
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
