"""Manager screens of notifications and webhooks: to look at, and to send again."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display

from core.errors import DomainError
from core.screens.base import ReadOnlyAdmin
from notifications import services
from notifications.models import (
    Delivery,
    DeliveryState,
    EndpointState,
    Notification,
    Preference,
    Recipient,
    WebhookDelivery,
    WebhookEndpoint,
)
from notifications.providers import mailbox, sms


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    """Messages and their receivers, newest first."""

    list_display = ["created_at", "user_id", "channel", "title", "coloured_delivery", "due_at", "sent_at", "read_at"]
    list_filter = ["delivery", "channel", "kind", "created_at"]
    search_fields = ["user_id__exact"]
    ordering = ["-created_at", "-id"]
    actions = ["send_again"]
    actions_list = ["mailbox"]

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

    list_display = ["user_id", "full_name", "email", "phone", "language", "is_digest_wanted"]
    list_filter = ["language", "is_digest_wanted"]
    search_fields = ["user_id__exact", "email__istartswith"]
    ordering = ["user_id"]


@admin.register(Preference)
class PreferenceAdmin(ReadOnlyAdmin):
    """Preferences of people for how they are told."""

    list_display = ["user_id", "kind", "in_app", "email", "sms"]
    list_filter = ["kind"]
    search_fields = ["user_id__exact"]
    ordering = ["user_id", "kind"]


class _AdminsOnly(ReadOnlyAdmin):
    """Webhooks carry everything that happens here out of the house: as over HTTP, managers have no part in them."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(_AdminsOnly):
    """Receivers of events; secrets are nowhere to be seen."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        return super().get_queryset(request).defer("secret", "previous_secret")

    fields = [
        "url", "events", "description", "owner_id", "state", "disabled_reason", "failing_since",
        "previous_secret_expires_at", "created_at", "updated_at",
    ]  # fmt: skip
    list_display = ["url", "events", "coloured_state", "disabled_reason", "failing_since", "created_at"]
    list_filter = ["state", "disabled_reason"]
    search_fields = ["url"]
    ordering = ["-created_at", "-id"]
    actions = ["enable", "send_test"]

    @display(
        description=_("state"),
        label={EndpointState.ENABLED: "success", EndpointState.DISABLED: "danger"},
        ordering="state",
    )
    def coloured_state(self, webhook: WebhookEndpoint) -> tuple[str, str]:
        return webhook.state, webhook.get_state_display()

    @admin.action(description=_("Switch on again"), permissions=["view"])
    def enable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for webhook in queryset:
            services.change_webhook(
                webhook_id=webhook.pk, changes={"state": EndpointState.ENABLED.value}, now=timezone.now()
            )
        self.message_user(request, _("Switched on."), messages.SUCCESS)

    @admin.action(description=_("Send a test message"), permissions=["view"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for webhook in queryset:
            try:
                services.send_test(webhook_id=webhook.pk, now=timezone.now())
                self.message_user(request, f"{webhook}: {_('queued')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{webhook}: {error.detail}", messages.ERROR)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(_AdminsOnly):
    """Deliveries to receivers, newest first."""

    fields = [
        "endpoint", "event_id", "event_type", "subject", "state", "attempts", "next_attempt_at",
        "created_at", "finished_at",
    ]  # fmt: skip
    list_display = ["created_at", "event_type", "endpoint", "coloured_state", "attempts", "next_attempt_at"]
    list_filter = ["state", "created_at"]
    list_select_related = ["endpoint"]
    search_fields = ["event_id__exact"]
    ordering = ["-created_at", "-id"]
    actions = ["redeliver"]

    @display(
        description=_("state"),
        label={
            DeliveryState.DELIVERED: "success",
            DeliveryState.PENDING: "info",
            DeliveryState.RETRYING: "warning",
            DeliveryState.EXHAUSTED: "danger",
        },
        ordering="state",
    )
    def coloured_state(self, delivery: WebhookDelivery) -> tuple[str, str]:
        return delivery.state, delivery.get_state_display()

    @admin.action(description=_("Send again"), permissions=["view"])
    def redeliver(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        for delivery in queryset:
            try:
                services.redeliver(delivery_id=delivery.pk, now=timezone.now())
                self.message_user(request, f"{delivery}: {_('queued')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{delivery}: {error.detail}", messages.ERROR)
