"""Administrators' screens of webhooks: receivers added, changed, tried and watched, and what was sent to them."""

from typing import Any, ClassVar, cast
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.db import database_now
from core.errors import DomainError, NotFound
from core.screens.base import ReadOnlyAdmin
from core.screens.confirming import at_once
from core.screens.forms import Screen, ScreenForm, show
from core.screens.labels import display
from notifications import services
from notifications.models import (
    DeliveryState,
    EndpointState,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from notifications.queries.webhooks import list_families

NEWEST = 20
"""Deliveries that a receiver's page shows."""
TONES = {
    DeliveryState.DELIVERED: "success",
    DeliveryState.PENDING: "info",
    DeliveryState.RETRYING: "warning",
    DeliveryState.EXHAUSTED: "danger",
}


class WebhookForm(ScreenForm):
    """A receiver: its address, and which facts it wants."""

    url = forms.CharField(
        label=_("address"), max_length=2048, help_text=_("begins with https:// and is open to the internet")
    )
    families = forms.MultipleChoiceField(label=_("events"), required=False)
    single = forms.CharField(
        label=_("single events"),
        required=False,
        widget=forms.Textarea,
        help_text=_("one a line, as order.paid; all are listed in the documentation of the API"),
    )
    description = forms.CharField(label=_("description"), max_length=500, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        families: Any = self.fields["families"]
        families.choices = [("*", _("everything")), *((one, one) for one in list_families())]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned["events"] = [*cleaned.get("families", ()), *cleaned.get("single", "").split()]
        if not cleaned["events"]:
            self.add_error("families", gettext("Choose at least one event."))
        return cleaned

    def chosen(self) -> services.WebhookFields:
        """Return the fields that a valid form holds."""
        given = self.cleaned_data
        return {"url": given["url"], "events": given["events"], "description": given["description"]}


class _AdminsOnly(ReadOnlyAdmin):
    """Webhooks carry everything that happens here out of the house: as over HTTP, managers have no part in them."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(_AdminsOnly, Screen):
    """Receivers of events; a secret is shown once, as it is made."""

    said: ClassVar = {
        "change": _("Saved."),
        "test": _("A test message is on its way: look at the deliveries in a moment."),
        "enable": _("Switched on."),
        "disable": _("Switched off: nothing is sent, and what happens meanwhile is not sent later."),
        "remove": _("The receiver is removed, with the log of its deliveries."),
    }
    list_display = ["url", "events", "coloured_state", "disabled_reason", "failing_since", "created_at"]
    list_filter = ["state", "disabled_reason"]
    search_fields = ["url"]
    ordering = ["-created_at", "-id"]
    actions = ["enable", "send_test"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        return super().get_queryset(request).defer("secret", "previous_secret")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)

    has_change_permission = has_add_permission

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Register a receiver; the answer shows its secret, which no other page does."""
        self.require(self.has_add_permission(request))
        form = WebhookForm(request.POST) if request.method == "POST" else WebhookForm(initial={"families": ["*"]})
        if request.method == "POST" and form.is_valid():
            try:
                made = services.register_webhook(
                    owner_id=cast(UUID, request.user.pk), fields=form.chosen(), now=timezone.now()
                )
            except DomainError as error:
                form.add_error(None, str(error.detail))
            else:
                return self._page(request, made, secret=made.secret)
        context = {"title": gettext("Add a receiver"), "form": form, "label": gettext("Add the receiver")}
        return show(self, request, "screens/form", context, status=400 if form.errors else 200)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """One receiver: changed, tried, given a new secret, switched, removed; and what it was sent of late."""
        webhook = self.find(request, object_id)
        if webhook is None:
            return self.nowhere(request, object_id)
        if request.method != "POST":
            return self._page(request, webhook)
        asked = request.POST.get("do", "")
        form = WebhookForm(request.POST) if asked == "change" else None
        if form is not None and not form.is_valid():
            return self._page(request, webhook, form=form)
        try:
            if asked == "rotate":
                made = services.rotate_secret(webhook_id=webhook.pk, now=timezone.now())
                return self._page(request, made, secret=made.secret)
            self._act(webhook, asked, form)
        except DomainError as error:
            self.refuse(request, error)
        else:
            self.message_user(request, str(self.said[asked]), messages.SUCCESS)
        if asked == "remove":
            return HttpResponseRedirect(reverse("admin:notifications_webhookendpoint_changelist"))
        return HttpResponseRedirect(request.path)

    def _act(self, webhook: WebhookEndpoint, asked: str, form: WebhookForm | None) -> None:
        """Do what one of the page's buttons asks for. Raises DomainError."""
        match asked:
            case "change" if form is not None:
                services.change_webhook(webhook_id=webhook.pk, changes=form.chosen(), now=timezone.now())
            case "enable" | "disable":
                state = EndpointState.ENABLED if asked == "enable" else EndpointState.DISABLED
                services.change_webhook(webhook_id=webhook.pk, changes={"state": state.value}, now=timezone.now())
            case "test":
                services.send_test(webhook_id=webhook.pk, now=timezone.now())
            case "remove":
                services.remove_webhook(webhook_id=webhook.pk)
            case _:
                raise NotFound

    def _page(
        self, request: HttpRequest, webhook: WebhookEndpoint, *, form: WebhookForm | None = None, secret: str = ""
    ) -> HttpResponse:
        now = database_now("notifications")
        until = webhook.previous_secret_expires_at
        context = {
            "title": webhook.url,
            "webhook": webhook,
            "secret": secret,
            "both_until": until if until and now < until else None,
            "form": form or WebhookForm(initial=_read_webhook(webhook)),
            "asks": request.GET.get("ask", "") if request.method == "GET" else "",
            "deliveries": _read_deliveries(webhook),
            "all_of_it": reverse("admin:notifications_webhookdelivery_changelist")
            + f"?endpoint__id__exact={webhook.pk}",
        }
        return show(self, request, "notifications/webhook", context, status=400 if form else 200)

    @display(
        description=_("state"),
        label={EndpointState.ENABLED: "success", EndpointState.DISABLED: "danger"},
        ordering="state",
    )
    def coloured_state(self, webhook: WebhookEndpoint) -> tuple[str, str]:
        return webhook.state, webhook.get_state_display()

    @at_once
    @admin.action(description=_("Switch on again"), permissions=["view"])
    def enable(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for webhook in queryset:
            services.change_webhook(
                webhook_id=webhook.pk, changes={"state": EndpointState.ENABLED.value}, now=timezone.now()
            )
        self.message_user(request, _("Switched on."), messages.SUCCESS)

    @at_once
    @admin.action(description=_("Send a test message"), permissions=["view"])
    def send_test(self, request: HttpRequest, queryset: QuerySet[WebhookEndpoint]) -> None:
        for webhook in queryset:
            try:
                services.send_test(webhook_id=webhook.pk, now=timezone.now())
                self.message_user(request, f"{webhook}: {_('queued')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{webhook}: {error.detail}", messages.ERROR)


def _read_webhook(webhook: WebhookEndpoint) -> dict[str, Any]:
    """Return what the form shows of a receiver: families as ticks, single events as lines."""
    families = {"*", *list_families()}
    return {
        "url": webhook.url,
        "families": [one for one in webhook.events if one in families],
        "single": "\n".join(one for one in webhook.events if one not in families),
        "description": webhook.description,
    }


def _read_deliveries(webhook: WebhookEndpoint) -> list[tuple[WebhookDelivery, WebhookAttempt | None]]:
    """Return the newest deliveries, each with the last try at it; by two statements."""
    tries = Prefetch("log", WebhookAttempt.objects.order_by("number"), to_attr="tries_so_far")
    newest = WebhookDelivery.objects.filter(endpoint=webhook).defer("body").order_by("-created_at", "-id")
    found: list[Any] = list(newest.prefetch_related(tries)[:NEWEST])
    return [(one, one.tries_so_far[-1] if one.tries_so_far else None) for one in found]


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
    search_fields = ["event_id__exact", "event_type__startswith"]
    ordering = ["-created_at", "-id"]
    actions = ["redeliver"]

    @display(
        description=_("state"),
        label=TONES,
        ordering="state",
    )
    def coloured_state(self, delivery: WebhookDelivery) -> tuple[str, str]:
        return delivery.state, delivery.get_state_display()

    @at_once
    @admin.action(description=_("Send again"), permissions=["view"])
    def redeliver(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        for delivery in queryset:
            try:
                services.redeliver(delivery_id=delivery.pk, now=timezone.now())
                self.message_user(request, f"{delivery}: {_('queued')}", messages.SUCCESS)
            except DomainError as error:
                self.message_user(request, f"{delivery}: {error.detail}", messages.ERROR)
