"""Manager screens of happenings: plans are written by services, seats are only looked at or given up."""

from datetime import datetime
from typing import Any, ClassVar, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from core.screens.base import BusinessAdmin, ReadOnlyAdmin, level
from core.screens.calendar import MAX_ENTRIES, CalendarAdmin, Entry
from core.screens.labels import display
from gateway.people.screens import NamesPeople
from showroom import services
from showroom.admin import drives
from showroom.admin.door import DoorScreen
from showroom.models import (
    EventCategory,
    Happening,
    HappeningStatus,
    Registration,
    RegistrationStatus,
)

__all__ = ["drives"]


class _ShowroomAdmin(BusinessAdmin):
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(EventCategory)
class EventCategoryAdmin(_ShowroomAdmin):
    """Categories of happenings."""

    fields = ["name", "description", "created_at"]
    readonly_fields = ["created_at"]
    list_display = ["name", "created_at"]
    search_fields = ["name"]
    ordering = ["name", "id"]

    def save_model(self, request: HttpRequest, obj: EventCategory, form: forms.ModelForm, change: bool) -> None:
        fields = cast(services.CategoryFields, form.cleaned_data)
        if change:
            services.update_category(category_id=obj.pk, changes=fields)
        else:
            obj.__dict__.update(services.add_category(fields=fields, now=timezone.now()).__dict__)


@admin.register(Happening)
class HappeningAdmin(DoorScreen, CalendarAdmin, _ShowroomAdmin):
    """Happenings, the latest first."""

    fields = [
        "title", "description", "kind", "category", "location", "starts_at", "ends_at", "time_zone",
        "capacity", "price", "offer_hours", "status", "cancel_reason", "taken", "waiting", "created_at", "updated_at",
    ]  # fmt: skip
    readonly_fields = ["status", "cancel_reason", "taken", "waiting", "created_at", "updated_at"]
    list_display = ["title", "kind", "starts_at", "location", "seats", "waiting", "coloured_status"]
    list_filter = ["kind", "status", "category", "starts_at"]
    search_fields = ["title"]
    ordering = ["-starts_at", "-id"]
    actions = ["call_off"]
    actions_detail = ["door"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Happening]:
        return Happening.objects.present()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"offer_hours": settings.SEAT_OFFER_HOURS, **super().get_changeform_initial_data(request)}

    def calendar_entries(self, request: HttpRequest, start: datetime, end: datetime) -> list[Entry]:
        """Happenings and how full they are."""
        found = Happening.objects.present().filter(ends_at__gt=start, starts_at__lt=end).order_by("starts_at")
        return [
            Entry(
                item.starts_at,
                item.ends_at,
                f"{item.title} {item.taken}/{item.capacity}",
                reverse("admin:showroom_happening_change", args=[item.pk]),
                "bad" if item.status == HappeningStatus.CANCELLED else "",
            )
            for item in found[: MAX_ENTRIES + 1]
        ]

    @display(description=_("seats"))
    def seats(self, happening: Happening) -> str:
        return f"{happening.taken} / {happening.capacity}"

    @display(description=_("status"), label={HappeningStatus.CANCELLED: "danger"}, ordering="status")
    def coloured_status(self, happening: Happening) -> tuple[str, str]:
        return happening.status, happening.get_status_display()

    @admin.action(description=_("Cancel and tell everyone"), permissions=["change"])
    def call_off(self, request: HttpRequest, queryset: QuerySet[Happening]) -> None:
        for happening in queryset:
            try:
                services.cancel_happening(happening_id=happening.pk, reason="", now=timezone.now())
                self.message_user(request, f"{happening}: {_('cancelled')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{happening}: {error.detail}", level(error))

    def save_model(self, request: HttpRequest, obj: Happening, form: forms.ModelForm, change: bool) -> None:
        given = dict(form.cleaned_data)
        category = given.pop("category")
        given["category_id"] = category.pk if category else None
        fields = cast(services.HappeningFields, given)
        if change:
            services.update_happening(happening_id=obj.pk, changes=fields, now=timezone.now())
        else:
            obj.__dict__.update(services.announce_happening(fields=fields, now=timezone.now()).__dict__)


@admin.register(Registration)
class RegistrationAdmin(NamesPeople, ReadOnlyAdmin):
    """Guests who come, newest first."""

    people: ClassVar = {"guest": "user_id"}
    fields = [
        "happening", "guest", "status", "position", "offer_expires_at", "price", "payment_state", "payment_failure",
        "check_in_code", "checked_in_at", "created_at", "updated_at",
    ]  # fmt: skip
    list_display = [
        "created_at", "happening", "guest", "coloured_status", "position", "payment_state", "checked_in_at",
    ]  # fmt: skip
    list_filter = ["status", "payment_state", "created_at"]
    list_select_related = ["happening"]
    search_fields = ["user_id__exact"]
    ordering = ["-created_at", "-id"]
    actions = ["give_up"]

    @display(
        description=_("status"),
        label={RegistrationStatus.CONFIRMED: "success", RegistrationStatus.WAITLISTED: "warning"},
        ordering="status",
    )
    def coloured_status(self, registration: Registration) -> tuple[str, str]:
        return registration.status, registration.get_status_display()

    @admin.action(description=_("Cancel registrations"))
    def give_up(self, request: HttpRequest, queryset: QuerySet[Registration]) -> None:
        for happening_id, registration_id in queryset.values_list("happening_id", "pk"):
            try:
                services.cancel_registration(
                    happening_id=happening_id,
                    registration_id=registration_id,
                    maker_id=request.user.pk,
                    now=timezone.now(),
                )
                self.message_user(request, f"{registration_id}: {_('cancelled')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{registration_id}: {error.detail}", level(error))
