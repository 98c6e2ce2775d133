"""Manager screens of resources: everything that changes goes through a service."""

from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline

from core.clock import dealer_zone
from core.errors import DomainError
from core.screens.base import BusinessAdmin, ReadOnlyAdmin
from core.screens.calendar import MAX_ENTRIES, CalendarAdmin, Entry
from core.screens.confirming import at_once
from resources import services
from resources.models import Allocation, Blackout, OpeningHours, Resource, ResourceType
from resources.rules.hours import Hours


class _ResourcesAdmin(BusinessAdmin):
    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ResourceType)
class ResourceTypeAdmin(_ResourcesAdmin):
    """Types of resources."""

    fields = ["name", "description", "test_drive_role", "is_handover_place", "created_at"]
    readonly_fields = ["created_at"]
    list_display = ["name", "test_drive_role", "is_handover_place", "created_at"]
    search_fields = ["name"]
    ordering = ["name", "id"]

    def save_model(self, request: HttpRequest, obj: ResourceType, form: forms.ModelForm, change: bool) -> None:
        fields = cast(services.TypeFields, form.cleaned_data)
        if change:
            services.update_type(type_id=obj.pk, changes=fields)
        else:
            obj.__dict__.update(services.add_type(fields=fields, now=timezone.now()).__dict__)


class OpeningHoursInline(TabularInline):
    """Hours when the resource is open; without rows it always is."""

    model = OpeningHours
    fields = ["weekday", "opens_at", "closes_at"]
    extra = 0


@admin.register(Resource)
class ResourceAdmin(_ResourcesAdmin):
    """Resources by name."""

    fields = [
        "name", "type", "description", "quantity", "time_zone", "buffer_before", "buffer_after", "product_id",
        "is_in_service", "out_of_service_reason", "is_sold", "created_at", "updated_at",
    ]  # fmt: skip
    readonly_fields = ["is_in_service", "out_of_service_reason", "is_sold", "created_at", "updated_at"]
    inlines = [OpeningHoursInline]
    list_display = ["name", "type", "quantity", "is_in_service", "is_sold", "updated_at"]
    list_filter = ["type", "is_in_service", "is_sold"]
    list_select_related = ["type"]
    search_fields = ["name"]
    ordering = ["name", "id"]
    actions = ["hide", "break_down", "repair"]

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

    def save_related(self, request: HttpRequest, form: forms.ModelForm, formsets: Any, change: bool) -> None:
        """Opening hours are replaced by the service, as a whole."""
        rows = [row.cleaned_data for formset in formsets for row in formset.forms if row.cleaned_data]
        hours = [
            Hours(row["weekday"], row["opens_at"], row["closes_at"]) for row in rows if not row.get("DELETE", False)
        ]
        services.update_resource(resource_id=form.instance.pk, changes={"opening_hours": hours}, now=timezone.now())

    def construct_change_message(
        self, request: HttpRequest, form: forms.ModelForm, formsets: Any, add: bool = False
    ) -> Any:
        """The rows were not saved by their formset, which therefore cannot name them."""
        return super().construct_change_message(request, form, None, add)

    @admin.action(description=_("Broken down: re-plan the bookings ahead"), permissions=["change"])
    def break_down(self, request: HttpRequest, queryset: QuerySet[Resource]) -> None:
        for resource in queryset:
            try:
                _found, outcome = services.take_out_of_service(
                    resource_id=resource.pk, reason=gettext("broken down"), now=timezone.now()
                )
                text = gettext("%(resource)s: %(moved)d bookings moved, %(released)d given back") % {
                    "resource": resource,
                    "moved": len(outcome.moved),
                    "released": len(outcome.released),
                }
                self.message_user(request, text, messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{resource}: {error.detail}", messages.ERROR)

    def foresee_break_down(self, request: HttpRequest, resource: Resource) -> list[str]:
        """Say where each booking ahead would go."""
        try:
            found = services.foresee_breakdown(resource_id=resource.pk, now=timezone.now())
        except DomainError as error:
            return [str(error.detail)]
        lines = []
        for booking in found:
            day = formats.date_format(timezone.localtime(booking.starts_at, dealer_zone()), "SHORT_DATETIME_FORMAT")
            if booking.moves_to:
                lines.append(gettext("%(day)s: moves to %(resource)s") % {"day": day, "resource": booking.moves_to})
            else:
                lines.append(gettext("%(day)s: nothing equal is free, so it is given back and told of") % {"day": day})
        return lines or [gettext("No bookings ahead.")]

    @at_once
    @admin.action(description=_("Repaired: take bookings again"), permissions=["change"])
    def repair(self, request: HttpRequest, queryset: QuerySet[Resource]) -> None:
        for resource in queryset:
            try:
                services.return_to_service(resource_id=resource.pk, now=timezone.now())
                self.message_user(request, f"{resource}: {_('in service')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{resource}: {error.detail}", messages.ERROR)


@admin.register(Blackout)
class BlackoutAdmin(_ResourcesAdmin):
    """Closures, the latest first; bookings in the way stop one."""

    fields = ["resource", "starts_at", "ends_at", "reason"]
    list_display = ["resource", "starts_at", "ends_at", "reason"]
    list_filter = ["resource__type", "starts_at"]
    list_select_related = ["resource"]
    ordering = ["-starts_at", "-id"]
    actions = ["open_again"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description=_("Open again"), permissions=["add"])
    def open_again(self, request: HttpRequest, queryset: QuerySet[Blackout]) -> None:
        for blackout in queryset:
            services.reopen(resource_id=blackout.resource_id, blackout_id=blackout.pk)
            self.message_user(request, f"{blackout}: {_('open')}", messages.SUCCESS)

    def save_model(self, request: HttpRequest, obj: Blackout, form: forms.ModelForm, change: bool) -> None:
        made, _outcome = services.close(
            resource_id=obj.resource_id, start=obj.starts_at, end=obj.ends_at, reason=obj.reason, now=timezone.now()
        )
        obj.__dict__.update(made.__dict__)


@admin.register(Allocation)
class AllocationAdmin(CalendarAdmin, ReadOnlyAdmin):
    """Bookings, the latest first."""

    list_display = ["starts_at", "ends_at", "resource", "quantity", "event_id", "order_id", "released_at"]
    list_filter = ["resource__type", "starts_at", "released_at"]
    list_select_related = ["resource"]
    search_fields = ["event_id__exact", "booking_id__exact"]
    ordering = ["-starts_at", "-id"]
    actions = ["give_back"]

    def calendar_entries(self, request: HttpRequest, start: datetime, end: datetime) -> list[Entry]:
        """Bookings and closures."""
        taken = Allocation.objects.active().overlapping(start, end).select_related("resource").order_by("starts_at")
        closed = Blackout.objects.filter(ends_at__gt=start, starts_at__lt=end).select_related("resource")
        return [
            Entry(
                item.starts_at,
                item.ends_at,
                _name_booking(item),
                reverse("admin:resources_allocation_change", args=[item.pk]),
                "good" if item.booking_id else "",
            )
            for item in taken[: MAX_ENTRIES + 1]
        ] + [
            Entry(
                item.starts_at,
                item.ends_at,
                f"{item.resource}: {item.reason or _('closed')}",
                reverse("admin:resources_blackout_change", args=[item.pk]),
                "muted",
            )
            for item in closed.order_by("starts_at")[: MAX_ENTRIES + 1]
        ]

    @admin.action(description=_("Release"))
    def give_back(self, request: HttpRequest, queryset: QuerySet[Allocation]) -> None:
        for allocation in queryset:
            try:
                services.release(allocation_id=allocation.pk, now=timezone.now())
                self.message_user(request, f"{allocation}: {_('released')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{allocation}: {error.detail}", messages.ERROR)


def _name_booking(taken: Allocation) -> str:
    name = str(taken.resource)
    if taken.order_id:
        name = gettext("%(place)s: hand-over") % {"place": name}
    return f"{name} ×\u00a0{taken.quantity}" if taken.quantity > 1 else name
