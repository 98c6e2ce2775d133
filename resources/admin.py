"""Manager screens of resources: everything that changes goes through a service."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.admin import BusinessAdmin, ReadOnlyAdmin
from core.errors import DomainError
from resources import services
from resources.models import Allocation, Resource, ResourceType


class _ResourcesAdmin(BusinessAdmin):
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ResourceType)
class ResourceTypeAdmin(_ResourcesAdmin):
    """Types of resources."""

    fields = ["name", "description", "created_at"]
    readonly_fields = ["created_at"]
    list_display = ["name", "created_at"]
    search_fields = ["name"]
    ordering = ["name", "id"]

    def save_model(self, request: HttpRequest, obj: ResourceType, form: forms.ModelForm, change: bool) -> None:
        fields = cast(services.TypeFields, form.cleaned_data)
        if change:
            services.update_type(type_id=obj.pk, changes=fields)
        else:
            obj.__dict__.update(services.add_type(fields=fields, now=timezone.now()).__dict__)


@admin.register(Resource)
class ResourceAdmin(_ResourcesAdmin):
    """Resources by name."""

    fields = ["name", "type", "description", "quantity", "created_at", "updated_at"]
    readonly_fields = ["created_at", "updated_at"]
    list_display = ["name", "type", "quantity", "updated_at"]
    list_filter = ["type"]
    list_select_related = ["type"]
    search_fields = ["name"]
    ordering = ["name", "id"]
    actions = ["hide"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Resource]:
        return Resource.objects.present()

    @admin.action(description=_("Delete resources without bookings ahead"), permissions=["change"])
    def hide(self, request: HttpRequest, queryset: QuerySet[Resource]) -> None:
        for resource in queryset:
            try:
                services.delete_resource(resource_id=resource.pk, now=timezone.now())
                self.message_user(request, f"{resource}: {_('deleted')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{resource}: {error.detail}", messages.ERROR)

    def save_model(self, request: HttpRequest, obj: Resource, form: forms.ModelForm, change: bool) -> None:
        given = dict(form.cleaned_data)
        given["type_id"] = given.pop("type").pk
        fields = cast(services.ResourceFields, given)
        if change:
            services.update_resource(resource_id=obj.pk, changes=fields, now=timezone.now())
        else:
            obj.__dict__.update(services.add_resource(fields=fields, now=timezone.now()).__dict__)


@admin.register(Allocation)
class AllocationAdmin(ReadOnlyAdmin):
    """Bookings, the latest first."""

    list_display = ["starts_at", "ends_at", "resource", "quantity", "event_id", "released_at"]
    list_filter = ["resource__type", "starts_at", "released_at"]
    list_select_related = ["resource"]
    search_fields = ["event_id__exact"]
    ordering = ["-starts_at", "-id"]
    actions = ["give_back"]

    @admin.action(description=_("Release"))
    def give_back(self, request: HttpRequest, queryset: QuerySet[Allocation]) -> None:
        for allocation in queryset:
            try:
                services.release(allocation_id=allocation.pk, now=timezone.now())
                self.message_user(request, f"{allocation}: {_('released')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{allocation}: {error.detail}", messages.ERROR)
