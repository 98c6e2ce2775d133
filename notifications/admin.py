"""Manager screens of notifications: to look at."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from core.admin import ReadOnlyAdmin
from notifications.models import Delivery, Notification, Preference, Recipient


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """What was told to whom, newest first."""

    list_display = ["created_at", "user_id", "channel", "title", "coloured_delivery", "sent_at", "read_at"]
    list_filter = ["channel", "delivery", "kind", "created_at"]
    search_fields = ["user_id__exact"]
    ordering = ["-created_at", "-id"]

    @display(
        description=_("delivery"),
        label={
            Delivery.SENT: "success",
            Delivery.QUEUED: "info",
            Delivery.WAITING: "warning",
            Delivery.FAILED: "danger",
        },
        ordering="delivery",
    )
    def coloured_delivery(self, notification: Notification) -> tuple[str, str]:
        return notification.delivery, notification.get_delivery_display()


@admin.register(Recipient)
class RecipientAdmin(ReadOnlyAdmin):
    """Where people are reached."""

    list_display = ["user_id", "full_name", "email", "language"]
    list_filter = ["language"]
    search_fields = ["user_id__exact", "email__istartswith"]
    ordering = ["user_id"]


@admin.register(Preference)
class PreferenceAdmin(ReadOnlyAdmin):
    """How people want to be told."""

    list_display = ["user_id", "kind", "in_app", "email"]
    list_filter = ["kind"]
    search_fields = ["user_id__exact"]
    ordering = ["user_id", "kind"]
