"""Filters of client cards and of their timelines."""

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from clients.models import (
    Activity,
    ActivityKind,
    Client,
    ClientType,
    Consent,
    ConsentKind,
    Contact,
    ContactKind,
    Duplicate,
    Vehicle,
)
from clients.rules.identifiers import normal_phone

SHORTEST = 3
"""Digits from which a text may be a piece of a phone number."""


class ClientFilter(filters.FilterSet):
    """`search` looks for a part of the name, e-mail or phone, also of a card merged into the one it finds."""

    type = filters.ChoiceFilter(choices=ClientType.choices)
    industry = filters.CharFilter()
    user_id = filters.UUIDFilter()
    email = filters.CharFilter(lookup_expr="iexact")
    inn = filters.CharFilter()
    phone = filters.CharFilter(method="by_phone", max_length=32)
    search = filters.CharFilter(method="by_text", max_length=100)

    class Meta:
        model = Client
        fields: list[str] = []

    def by_phone(self, queryset: QuerySet[Client], name: str, value: str) -> QuerySet[Client]:
        """Keep cards with this phone, however it is written."""
        return queryset.filter(phone=normal_phone(value) or value)

    def by_text(self, queryset: QuerySet[Client], name: str, value: str) -> QuerySet[Client]:
        """Keep cards with the text in what identifies them."""
        found = Q(name__icontains=value) | Q(email__icontains=value) | Q(phone__icontains=value)
        digits = "".join(letter for letter in value if letter.isdigit())
        if len(digits) >= SHORTEST and not any(letter.isalpha() for letter in value):
            found |= Q(phone__icontains=normal_phone(value) or digits) | Q(inn=digits)
        merged = Client.objects.filter(found, merged_into__isnull=False).values("merged_into")
        return queryset.filter(found | Q(pk__in=merged))


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


class ConsentFilter(filters.FilterSet):
    """By what was agreed to."""

    kind = filters.ChoiceFilter(choices=ConsentKind.choices)

    class Meta:
        model = Consent
        fields: list[str] = []


class VehicleFilter(filters.FilterSet):
    """By VIN; `is_here` leaves out, or shows only, cars that the client has no more."""

    vin = filters.CharFilter(lookup_expr="iexact")
    is_here = filters.BooleanFilter(field_name="left_at", lookup_expr="isnull")

    class Meta:
        model = Vehicle
        fields: list[str] = []


class DuplicateFilter(filters.FilterSet):
    """By reason: phone, email or inn."""

    reason = filters.CharFilter(field_name="reasons", lookup_expr="contains")

    class Meta:
        model = Duplicate
        fields: list[str] = []
