"""What is kept about one account, for its owner and for administrators: its log, its identities and keys."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import serializers
from accounts.api.filters import ActivityFilter
from accounts.errors import UserNotFound
from accounts.models import Activity, ApiKey, Identity, User
from accounts.tokens import as_id
from gateway.api import ApiViewSet


@extend_schema(tags=["users"])
class UserRecordsViewSet(ApiViewSet):
    queryset = Activity.objects.all()
    filterset_class: Any = None
    ordering = "-at"
    ordering_fields = {"at": "at"}

    def _owner(self, pk: str) -> UUID:
        """Whose records: one's own, or anybody's for an administrator. Raises UserNotFound."""
        user_id = as_id(pk)
        if not self.principal.is_admin and user_id != self.principal.id:
            raise UserNotFound
        if not User.objects.filter(pk=user_id).exists():
            raise UserNotFound
        return user_id

    @extend_schema(responses=serializers.ActivitySerializer(many=True))
    @action(detail=True, methods=["get"], filterset_class=ActivityFilter)
    def activity(self, request: Request, pk: str) -> Response:
        rows = self.filter_queryset(Activity.objects.filter(user_id=self._owner(pk)))
        page = self.paginate_queryset(rows) or []
        return self.get_paginated_response(serializers.ActivitySerializer(page, many=True).data)

    @extend_schema(responses=serializers.IntegrationsSerializer)
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=())
    def integrations(self, request: Request, pk: str) -> Response:
        user_id = self._owner(pk)
        identities = Identity.objects.filter(user_id=user_id).order_by("linked_at", "id")
        keys = ApiKey.objects.filter(user_id=user_id).order_by("-created_at", "-id")[:100]
        return Response(serializers.IntegrationsSerializer({"identities": identities, "api_keys": keys}).data)
