"""Filters of happenings and registrations."""

from django_filters import rest_framework as filters

from showroom.models import (
    Drive,
    DriveCar,
    DriveStatus,
    EventCategory,
    Happening,
    HappeningKind,
    HappeningStatus,
    Registration,
    RegistrationStatus,
)


class EventCategoryFilter(filters.FilterSet):
    """By name, whatever its case."""

    name = filters.CharFilter(lookup_expr="iexact")

    class Meta:
        model = EventCategory
        fields: list[str] = []


class HappeningFilter(filters.FilterSet):
    """`search` looks for a part of the title; dates bound the start, `start_before` excluded."""

    kind = filters.ChoiceFilter(choices=HappeningKind.choices)
    status = filters.ChoiceFilter(choices=HappeningStatus.choices)
    category_id = filters.UUIDFilter()
    start_after = filters.IsoDateTimeFilter(field_name="starts_at", lookup_expr="gte")
    start_before = filters.IsoDateTimeFilter(field_name="starts_at", lookup_expr="lt")
    search = filters.CharFilter(field_name="title", lookup_expr="icontains", max_length=100)

    class Meta:
        model = Happening
        fields: list[str] = []


class RegistrationFilter(filters.FilterSet):
    """By status and person."""

    status = filters.ChoiceFilter(choices=RegistrationStatus.choices)
    user_id = filters.UUIDFilter()

    class Meta:
        model = Registration
        fields: list[str] = []


class DriveCarFilter(filters.FilterSet):
    """By the vehicle of the catalogue it is."""

    product_id = filters.UUIDFilter()

    class Meta:
        model = DriveCar
        fields: list[str] = []


class DriveFilter(filters.FilterSet):
    """By status, car and person; dates bound the start, `start_before` excluded."""

    status = filters.ChoiceFilter(choices=DriveStatus.choices)
    car_id = filters.UUIDFilter()
    user_id = filters.UUIDFilter()
    start_after = filters.IsoDateTimeFilter(field_name="starts_at", lookup_expr="gte")
    start_before = filters.IsoDateTimeFilter(field_name="starts_at", lookup_expr="lt")

    class Meta:
        model = Drive
        fields: list[str] = []
