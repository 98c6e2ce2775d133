"""Filters of one's own notifications."""

from django.db.models import QuerySet
from django_filters import rest_framework as filters

from notifications.models import Kind, Notification


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
