"""Show what waits about an object, as a field of its document."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from gateway.approvals.reading import pending_for


class PendingApproval(serializers.Serializer):
    """Requests that wait about an object, as the object shows them."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    amount = serializers.DecimalField(14, 2, allow_null=True)
    currency = serializers.CharField()
    asked_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)


@extend_schema_field(PendingApproval(many=True))
class PendingApprovals(serializers.Field):
    """Requests about the object; for lists `with_pending` reads them with the rows."""

    def __init__(self, alias: str) -> None:
        super().__init__(read_only=True, source="*")
        self.alias = alias

    def to_representation(self, value: Any) -> list[dict[str, object]]:
        """Return what was read with the row, or is read now."""
        found = getattr(value, "pending_approvals", None)
        return pending_for(self.alias, [value.pk]).get(value.pk, []) if found is None else found
