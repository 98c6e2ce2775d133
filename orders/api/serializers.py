"""Input of the ordinary endpoints, and the small outputs that are no whole orders."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from orders.models import OrderHistory, Status
from orders.services.lines import MAX_LINES


class StatusInput(serializers.Serializer):
    status = serializers.ChoiceField(choices=Status.choices)
    reason = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class HoldInput(serializers.Serializer):
    until = serializers.DateTimeField()
    reason = serializers.CharField(max_length=1000)


class AssignInput(serializers.Serializer):
    """The manager whose sale it is, and why."""

    manager_id = serializers.UUIDField()
    reason = serializers.CharField(max_length=1000)


class CancelInput(serializers.Serializer):
    reason = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class SteeringInput(serializers.Serializer):
    reason = serializers.CharField(max_length=1000)
    amount = serializers.DecimalField(max_digits=14, decimal_places=2, required=False, default=None)


class LegSerializer(serializers.Serializer):
    leg = serializers.CharField()
    state = serializers.CharField()
    attempt_id = serializers.UUIDField()
    attempts = serializers.IntegerField()
    error = serializers.JSONField(allow_null=True)
    parked_reason = serializers.CharField()
    started_at = serializers.DateTimeField(allow_null=True)
    deadline_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    allowed = serializers.ListField(child=serializers.CharField())


class CheckoutSerializer(serializers.Serializer):
    order_id = serializers.UUIDField()
    number = serializers.CharField()
    status = serializers.CharField()
    state = serializers.CharField()
    step = serializers.CharField()
    failure = serializers.JSONField(allow_null=True)
    owner_id = serializers.UUIDField(allow_null=True)
    started_at = serializers.DateTimeField()
    undo_started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    legs = LegSerializer(many=True)


class QuantityInput(serializers.Serializer):
    quantity = serializers.IntegerField(min_value=1, max_value=1000)
    expected_total = serializers.DecimalField(max_digits=14, decimal_places=2, required=False, default=None)
    preview = serializers.BooleanField(required=False, default=False)


class DiscountWish(serializers.Serializer):
    """A manager's discount: roubles off a piece or per cent of its list price, and why."""

    amount = serializers.DecimalField(max_digits=14, decimal_places=2, required=False)
    percent = serializers.DecimalField(max_digits=14, decimal_places=2, required=False)
    reason = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")


class ItemWish(serializers.Serializer):
    """A line of the order by `id` (another quantity, or a manager's price or discount), a product to add, or a
    manager's own line.
    """

    id = serializers.UUIDField(required=False)
    product_id = serializers.UUIDField(required=False)
    name = serializers.CharField(max_length=255, required=False)
    unit_price = serializers.DecimalField(max_digits=14, decimal_places=2, min_value=0, required=False)
    quantity = serializers.IntegerField(min_value=0, max_value=1000, required=False)
    discount = DiscountWish(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = [name for name in ("id", "product_id", "name") if name in attrs]
        is_priced = named == ["id"] and ("unit_price" in attrs or "discount" in attrs)
        is_own = named == ["name"] and "unit_price" in attrs
        is_plain = named in (["id"], ["product_id"]) and not {"unit_price", "discount"} & set(attrs)
        if not (is_priced or is_plain or is_own) or (is_own and "discount" in attrs):
            raise serializers.ValidationError(_("Name one of: id; product_id; name and unit_price."))
        if is_priced == ("quantity" in attrs):
            raise serializers.ValidationError(_("Say how many, or another price: one of them at a time."))
        return attrs


class OrderEdit(serializers.Serializer):
    comment = serializers.CharField(max_length=2000, allow_blank=True, required=False)
    items = serializers.ListField(child=ItemWish(), required=False, min_length=1, max_length=MAX_LINES)
    expected_total = serializers.DecimalField(max_digits=14, decimal_places=2, required=False, default=None)
    preview = serializers.BooleanField(required=False, default=False)
    below_cost = serializers.BooleanField(required=False, default=False)


class PreviewItem(serializers.Serializer):
    id = serializers.UUIDField()
    product_id = serializers.UUIDField(allow_null=True)
    sku = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField()
    quantity = serializers.IntegerField()
    unit_price = serializers.CharField()
    line_total = serializers.CharField()
    list_price = serializers.CharField(required=False)


class PreviewSerializer(serializers.Serializer):
    """Result that a change would have; nothing is changed."""

    order_id = serializers.UUIDField()
    items = PreviewItem(many=True)
    currency = serializers.CharField()
    total_before = serializers.DecimalField(max_digits=14, decimal_places=2)
    total_amount = serializers.DecimalField(max_digits=14, decimal_places=2)
    difference = serializers.DecimalField(max_digits=14, decimal_places=2)
    amount_paid = serializers.DecimalField(max_digits=14, decimal_places=2)
    amount_due = serializers.DecimalField(max_digits=14, decimal_places=2)
    loan_amount = serializers.DecimalField(max_digits=14, decimal_places=2)
    total_quantity = serializers.IntegerField()


class TimelineSerializer(serializers.ModelSerializer):
    class Meta:
        model = OrderHistory
        fields = [
            "id",
            "kind",
            "event",
            "status",
            "previous",
            "reason",
            "actor_id",
            "actor_role",
            "before",
            "after",
            "data",
            "at",
        ]
