"""Filters of programmes, applications, overrides and loans."""

from django_filters import rest_framework as filters

from financing.models import ApplicationStatus, FinancingType, LoanStatus, OverrideStatus


class ProgrammeFilter(filters.FilterSet):
    """By kind and bank."""

    financing_type = filters.ChoiceFilter(choices=FinancingType.choices)
    bank = filters.CharFilter(max_length=120)


class ApplicationFilter(filters.FilterSet):
    """By state, kind, order, customer and age."""

    status = filters.MultipleChoiceFilter(choices=ApplicationStatus.choices)
    financing_type = filters.ChoiceFilter(choices=FinancingType.choices)
    order_id = filters.UUIDFilter()
    customer_id = filters.UUIDFilter()
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")


class OverrideFilter(filters.FilterSet):
    """By state and application."""

    status = filters.MultipleChoiceFilter(choices=OverrideStatus.choices)
    application_id = filters.UUIDFilter()


class LoanFilter(filters.FilterSet):
    """By state, order and customer."""

    status = filters.MultipleChoiceFilter(choices=LoanStatus.choices)
    order_id = filters.UUIDFilter()
    customer_id = filters.UUIDFilter()
