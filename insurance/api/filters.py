"""Filters of quotes, policies and claims."""

from django_filters import rest_framework as filters

from insurance.models import ClaimStatus, PolicyStatus
from insurance.models.fields import InsuranceTypes


class QuoteFilter(filters.FilterSet):
    """By kind, order and customer."""

    insurance_type = filters.ChoiceFilter(choices=InsuranceTypes.choices)
    order_id = filters.UUIDFilter()
    customer_id = filters.UUIDFilter()


class PolicyFilter(QuoteFilter):
    """By state too."""

    status = filters.MultipleChoiceFilter(choices=PolicyStatus.choices)


class ClaimFilter(filters.FilterSet):
    """By state, policy and customer."""

    status = filters.MultipleChoiceFilter(choices=ClaimStatus.choices)
    policy_id = filters.UUIDFilter()
    customer_id = filters.UUIDFilter()
