"""Manager screens of notifications: to look at, and to send again; webhooks stand in their own module."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action

from core.errors import DomainError
from core.screens.base import ReadOnlyAdmin
from core.screens.confirming import at_once
from core.screens.labels import display
from notifications import services
from notifications.admin import webhooks
from notifications.models import Delivery, Notification, Preference, Recipient
from notifications.providers import mailbox, sms

__all__ = ["webhooks"]


class _NamesReceiver(ReadOnlyAdmin):
    """A list whose rows are somebody's, by the names that messages are written to."""

    personal_columns = frozenset({"receiver"})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        named = Recipient.objects.filter(user_id=OuterRef("user_id")).values("full_name")[:1]
        return super().get_queryset(request).annotate(receiver_name=Subquery(named))

    @display(description=_("receiver"))
    def receiver(self, row: Any) -> str:
        return row.receiver_name or str(_("name unknown"))


@admin.register(Notification)
class NotificationAdmin(_NamesReceiver):
    """Messages and their receivers, newest first."""

    list_display = ["created_at", "receiver", "channel", "title", "coloured_delivery", "due_at", "sent_at", "read_at"]
    list_filter = ["delivery", "channel", "kind", "created_at"]
    search_fields = ["user_id__exact"]
    ordering = ["-created_at", "-id"]
    actions = ["send_again"]
    actions_list = ["mailbox"]

    @at_once
    @admin.action(description=_("Send again what failed"), permissions=["view"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Notification]) -> None:
        for notification in queryset:
            try:
                services.send_again(notification_id=notification.pk)
                self.message_user(request, f"{notification}: {_('queued')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{notification}: {error.detail}", messages.ERROR)

    @action(description=_("Mailbox"), url_path="mailbox", permissions=["read_mailbox"])
    def mailbox(self, request: HttpRequest) -> HttpResponse:
        """Show what was mailed and texted from this machine, newest first; it may hold anybody's links and codes."""
        context = self.admin_site.each_context(request) | {
            "title": _("Mailbox"),
            "mails": mailbox.newest(),
            "texts": sms.newest(),
        }
        return render(request, "admin/notifications/mailbox.html", context)

    def has_read_mailbox_permission(self, request: HttpRequest) -> bool:
        """In development, for administrators."""
        return settings.DEBUG and bool(request.user.is_superuser)

    @display(
        description=_("delivery"),
        label={
            Delivery.SENT: "success",
            Delivery.QUEUED: "info",
            Delivery.WAITING: "warning",
            Delivery.DEFERRED: "warning",
            Delivery.FAILED: "danger",
            Delivery.DROPPED: "info",
        },
        ordering="delivery",
    )
    def coloured_delivery(self, notification: Notification) -> tuple[str, str]:
        return notification.delivery, notification.get_delivery_display()


@admin.register(Recipient)
class RecipientAdmin(ReadOnlyAdmin):
    """Addresses at which people are reached."""

    list_display = ["full_name", "email", "phone", "language", "is_digest_wanted"]
    list_filter = ["language", "is_digest_wanted"]
    search_fields = ["user_id__exact", "email__istartswith"]
    ordering = ["user_id"]


@admin.register(Preference)
class PreferenceAdmin(_NamesReceiver):
    """Preferences of people for how they are told."""

    list_display = ["receiver", "kind", "in_app", "email", "sms"]
    list_filter = ["kind"]
    search_fields = ["user_id__exact"]
    ordering = ["user_id", "kind"]
