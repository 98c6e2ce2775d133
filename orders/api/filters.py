"""Filters of the order list."""

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet

from orders.models import Order, OrderLine, Status

DENSE = 1000
"""A word that so many have is found soonest by reading the list until its page is full."""


class OrderFilter(django_filters.FilterSet):
    """By status, age, amount, customer; `search` looks at the number and the names of what was sold."""

    status = django_filters.MultipleChoiceFilter(choices=Status.choices)
    created_after = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")
    min_total = django_filters.NumberFilter(field_name="total_amount", lookup_expr="gte")
    max_total = django_filters.NumberFilter(field_name="total_amount", lookup_expr="lte")
    customer_id = django_filters.UUIDFilter()
    search = django_filters.CharFilter(method="find")

    class Meta:
        model = Order
        fields: list[str] = []

    def find(self, queryset: QuerySet[Order], name: str, value: str) -> QuerySet[Order]:
        """Find by the beginning of the number, or by a sold line's SKU or part of its name.

        What few have is looked up in the index of each; joined by OR, none would be used. What many have is not
        gathered: a list that is read from its newest end has a page of it soon. Orders of one customer are read.
        """
        in_number = Q(number__startswith=value)
        in_line = Q(name__icontains=value) | Q(sku=value)
        either = in_number | Exists(OrderLine.objects.filter(in_line, order_id=OuterRef("pk")))
        if not (self.request and self.request.user.is_staff) or self.form.cleaned_data.get("customer_id"):
            return queryset.filter(either)
        numbers = list(Order.objects.filter(in_number).order_by("-number").values_list("pk", flat=True)[:DENSE])
        lines = OrderLine.objects.order_by("-id").values_list("order_id", flat=True)
        sold = [*lines.filter(name__icontains=value)[:DENSE], *lines.filter(sku=value)[:DENSE]]
        if len(numbers) < DENSE and len(sold) < DENSE:
            return queryset.filter(pk__in={*numbers, *sold})
        return queryset.filter(either if sold else in_number)
