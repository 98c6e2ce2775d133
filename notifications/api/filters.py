"""Filters of one's own notifications, and of webhooks."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from notifications.models import (
    DeliveryState,
    EndpointState,
    Kind,
    Notification,
    WebhookDelivery,
    WebhookEndpoint,
)


class NotificationFilter(filters.FilterSet):
    """By kind, and by whether it was read."""

    kind = filters.ChoiceFilter(choices=Kind.choices)
    is_read = filters.BooleanFilter(method="by_reading")

    class Meta:
        model = Notification
        fields: list[str] = []

    def by_reading(self, queryset: QuerySet[Notification], name: str, value: bool) -> QuerySet[Notification]:
        """Keep what was, or was not, read."""
        return queryset.filter(read_at__isnull=not value)


class WebhookFilter(filters.FilterSet):
    """By state."""

    state = filters.ChoiceFilter(choices=EndpointState.choices)

    class Meta:
        model = WebhookEndpoint
        fields: list[str] = []


class WebhookDeliveryFilter(filters.FilterSet):
    """By state, and by kind of event."""

    state = filters.ChoiceFilter(choices=DeliveryState.choices)
    event_type = filters.CharFilter(max_length=80)

    class Meta:
        model = WebhookDelivery
        fields: list[str] = []
