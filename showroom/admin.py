"""Manager screens of happenings: plans are written by services, seats are only looked at or given up."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin import BusinessAdmin, ReadOnlyAdmin
from core.errors import DomainError
from showroom import services
from showroom.models import EventCategory, Happening, HappeningStatus, Registration, RegistrationStatus


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
class HappeningAdmin(_ShowroomAdmin):
    """Happenings, the latest first."""

    fields = [
        "title", "description", "kind", "category", "location", "starts_at", "ends_at", "capacity",
        "status", "cancel_reason", "taken", "waiting", "created_at", "updated_at",
    ]  # fmt: skip
    readonly_fields = ["status", "cancel_reason", "taken", "waiting", "created_at", "updated_at"]
    list_display = ["title", "kind", "starts_at", "location", "seats", "waiting", "coloured_status"]
    list_filter = ["kind", "status", "category", "starts_at"]
    search_fields = ["title"]
    ordering = ["-starts_at", "-id"]
    actions = ["call_off"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Happening]:
        return Happening.objects.present()

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
                self.message_user(request, f"{happening}: {error.detail}", messages.ERROR)

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
class RegistrationAdmin(ReadOnlyAdmin):
    """Who comes, newest first."""

    list_display = ["created_at", "happening", "user_id", "coloured_status", "position"]
    list_filter = ["status", "created_at"]
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
                    happening_id=happening_id, registration_id=registration_id, now=timezone.now()
                )
                self.message_user(request, f"{registration_id}: {_('cancelled')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{registration_id}: {error.detail}", messages.ERROR)
