"""Manager screens of test drives: booked, handed out with licence and signature, taken back."""

from datetime import datetime

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from core.screens.base import level
from core.screens.calendar import MAX_ENTRIES, CalendarAdmin, Entry
from core.screens.labels import display
from showroom import services
from showroom.admin.keys import KeysScreen
from showroom.models import Drive, DriveStatus

_DRIVE_TONES = {
    DriveStatus.CONFIRMED: "good",
    DriveStatus.OUT: "good",
    DriveStatus.RETURNED: "muted",
    DriveStatus.REFUSED: "bad",
    DriveStatus.CANCELLED: "bad",
    DriveStatus.NO_SHOW: "bad",
}


@admin.register(Drive)
class DriveAdmin(KeysScreen, CalendarAdmin):
    """Test drives, the latest first."""

    fields = [
        "car_name", "guest", "phone", "starts_at", "ends_at", "status", "reason", "comment", "licence_last4",
        "licence_valid_until", "odometer_out", "fuel_out", "waiver_signed_at", "handler", "handed_over_at",
        "odometer_in", "fuel_in", "returned_at", "damage", "return_note", "created_at", "updated_at",
    ]  # fmt: skip
    list_display = ["starts_at", "car_name", "guest", "phone", "coloured_status", "reason"]
    list_filter = ["status", "starts_at"]
    search_fields = ["car_name", "user_id__exact", "car_id__exact"]
    ordering = ["-starts_at", "-id"]
    actions = ["give_up", "not_come"]
    actions_detail = ["hand_out", "take_back", "signature"]

    @display(
        description=_("status"),
        label={
            DriveStatus.CONFIRMED: "success",
            DriveStatus.OUT: "info",
            DriveStatus.REQUESTED: "warning",
            DriveStatus.REFUSED: "danger",
        },
        ordering="status",
    )
    def coloured_status(self, drive: Drive) -> tuple[str, str]:
        return drive.status, drive.get_status_display()

    @admin.action(description=_("Cancel test drives"))
    def give_up(self, request: HttpRequest, queryset: QuerySet[Drive]) -> None:
        for drive in queryset:
            try:
                services.cancel_drive(drive_id=drive.pk, reason="", now=timezone.now())
                self.message_user(request, f"{drive}: {_('cancelled')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{drive}: {error.detail}", level(error))

    @admin.action(description=_("Nobody came"))
    def not_come(self, request: HttpRequest, queryset: QuerySet[Drive]) -> None:
        for drive in queryset:
            try:
                services.record_no_show(drive_id=drive.pk, now=timezone.now())
                self.message_user(request, f"{drive}: {_('noted')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{drive}: {error.detail}", level(error))

    def calendar_entries(self, request: HttpRequest, start: datetime, end: datetime) -> list[Entry]:
        """Test drives and how they stand."""
        found = Drive.objects.filter(ends_at__gt=start, starts_at__lt=end).order_by("starts_at")
        return [
            Entry(
                item.starts_at,
                item.ends_at,
                f"{item.car_name}: {item.get_status_display()}",
                reverse("admin:showroom_drive_change", args=[item.pk]),
                _DRIVE_TONES.get(DriveStatus(item.status), ""),
            )
            for item in found[: MAX_ENTRIES + 1]
        ]
