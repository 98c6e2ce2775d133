"""Filters of client cards and of their timelines."""

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from clients.models import Activity, ActivityKind, Client, ClientType, Contact, ContactKind


class ClientFilter(filters.FilterSet):
    """`search` looks for a part of the name, e-mail or phone."""

    type = filters.ChoiceFilter(choices=ClientType.choices)
    industry = filters.CharFilter()
    user_id = filters.UUIDFilter()
    email = filters.CharFilter(lookup_expr="iexact")
    search = filters.CharFilter(method="by_text", max_length=100)

    class Meta:
        model = Client
        fields: list[str] = []

    def by_text(self, queryset: QuerySet[Client], name: str, value: str) -> QuerySet[Client]:
        """Keep cards with the text in what identifies them."""
        return queryset.filter(Q(name__icontains=value) | Q(email__icontains=value) | Q(phone__icontains=value))


class ContactFilter(filters.FilterSet):
    """By kind of contact."""

    kind = filters.ChoiceFilter(choices=ContactKind.choices)

    class Meta:
        model = Contact
        fields: list[str] = []


class ActivityFilter(filters.FilterSet):
    """By kind of activity."""

    kind = filters.ChoiceFilter(choices=ActivityKind.choices)

    class Meta:
        model = Activity
        fields: list[str] = []
