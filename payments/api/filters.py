"""Filters of the payments API."""

from django_filters import rest_framework as filters

from payments.models import EntryKind, LedgerLine, Method, Payment, Reconciliation, Refund, RefundStatus, Status


class _ByAge(filters.FilterSet):
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")


class PaymentFilter(_ByAge):
    """By order, state, method, age."""

    order_id = filters.UUIDFilter()
    customer_id = filters.UUIDFilter()
    status = filters.MultipleChoiceFilter(choices=Status.choices)
    method = filters.ChoiceFilter(choices=Method.choices)

    class Meta:
        model = Payment
        fields: list[str] = []


class RefundFilter(_ByAge):
    """By order, payment, state, age."""

    order_id = filters.UUIDFilter()
    payment_id = filters.UUIDFilter()
    status = filters.MultipleChoiceFilter(choices=RefundStatus.choices)

    class Meta:
        model = Refund
        fields: list[str] = []


class TransactionFilter(filters.FilterSet):
    """By order, payment, account, kind, age."""

    order_id = filters.UUIDFilter(field_name="entry__order_id")
    payment_id = filters.UUIDFilter(field_name="entry__payment_id")
    account = filters.CharFilter(field_name="account_id", max_length=40)
    kind = filters.ChoiceFilter(field_name="entry__kind", choices=EntryKind.choices)
    created_after = filters.IsoDateTimeFilter(field_name="entry__created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="entry__created_at", lookup_expr="lt")

    class Meta:
        model = LedgerLine
        fields: list[str] = []


class ReconciliationFilter(filters.FilterSet):
    """By provider and day."""

    provider = filters.CharFilter(max_length=20)
    day = filters.DateFilter()
    day_from = filters.DateFilter(field_name="day", lookup_expr="gte")
    day_to = filters.DateFilter(field_name="day", lookup_expr="lte")

    class Meta:
        model = Reconciliation
        fields: list[str] = []
