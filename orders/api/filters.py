"""Filters of the order list."""

import django_filters
from django.db.models import QuerySet

from orders.models import Order, OrderLine, Status


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
        """Number by its beginning, or a sold line by part of its name or its SKU.

        Each is looked up in its own index; joined by OR, none would be used.
        """
        by_number = Order.objects.filter(number__startswith=value).values("pk")
        by_name = OrderLine.objects.filter(name__icontains=value).order_by().values("order_id")
        by_sku = OrderLine.objects.filter(sku=value).order_by().values("order_id")
        return queryset.filter(pk__in=by_number.union(by_name, by_sku))
