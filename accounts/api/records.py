"""Serve what is kept about one account, to its owner and to administrators: its log, identities, keys, exports."""

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import queries, services
from accounts.api import serializers
from accounts.api.filters import ActivityFilter
from accounts.errors import ExportNotFound, UserNotFound
from accounts.models import Activity, ApiKey, Identity, PersonalDataExport, User
from core.ids import UUID_PATTERN
from gateway.access.permissions import require_scope
from gateway.access.readings import Papers, hand_over
from gateway.api import ApiViewSet
from gateway.writes import Call, write


@extend_schema(tags=["users"])
class UserRecordsViewSet(ApiViewSet):
    """Serve what is kept about an account, to its owner and to administrators; to others it does not exist."""

    queryset = Activity.objects.all()
    filterset_class: Any = None
    ordering = "-at"
    ordering_fields = {"at": "at"}

    def _owner(self, pk: UUID) -> UUID:
        """Return whose records are read: one's own, or anybody's for an administrator. Raises UserNotFound."""
        if not self.principal.is_admin and pk != self.principal.id:
            raise UserNotFound
        if not User.objects.filter(pk=pk).exists():
            raise UserNotFound
        return pk

    @extend_schema(responses=serializers.ActivitySerializer(many=True))
    @action(detail=True, methods=["get"], filterset_class=ActivityFilter)
    def activity(self, request: Request, pk: UUID) -> Response:
        """The account's log: sign-ins, changes, and who made them."""
        rows = self.filter_queryset(Activity.objects.filter(user_id=self._owner(pk)))
        page = self.paginate_queryset(rows) or []
        return self.get_paginated_response(serializers.ActivitySerializer(page, many=True).data)

    @extend_schema(responses=serializers.ExportSerializer(many=True))
    @action(detail=True, methods=["get"], ordering="-created_at", ordering_fields={"created_at": "created_at"})
    def exports(self, request: Request, pk: UUID) -> Response:
        """Exports of personal data that are kept still."""
        kept = PersonalDataExport.objects.filter(user_id=self._owner(pk), expires_at__gt=timezone.now())
        page = self.paginate_queryset(self.filter_queryset(kept)) or []
        return self.get_paginated_response(serializers.ExportSerializer(page, many=True).data)

    @exports.mapping.post
    @write(responses={202: serializers.ExportSerializer})
    def request_export(self, call: Call, pk: UUID) -> PersonalDataExport:
        """Ask every app for what it keeps about a person; the answers are collected into one file."""
        return services.request_export(user_id=self._owner(pk), requested_by=call.actor_id, now=call.now)

    @extend_schema(responses=serializers.ExportSerializer, filters=False)
    @action(detail=True, methods=["get"], url_path=f"exports/(?P<export_id>{UUID_PATTERN})", filter_backends=())
    def export(self, request: Request, pk: UUID, export_id: UUID) -> Response:
        """Tell how far an export is."""
        kept = PersonalDataExport.objects.filter(user_id=self._owner(pk), expires_at__gt=timezone.now())
        export = kept.filter(pk=export_id).first()
        if export is None:
            raise ExportNotFound
        return Response(serializers.ExportSerializer(export).data)

    @extend_schema(responses={200: OpenApiTypes.OBJECT}, filters=False)
    @action(
        detail=True, methods=["get"], url_path=f"exports/(?P<export_id>{UUID_PATTERN})/download", filter_backends=()
    )
    def download(self, request: Request, pk: UUID, export_id: UUID) -> HttpResponse:
        """The file of an export; no API key may take it."""
        require_scope(self.principal, "accounts:download")  # nobody can give it to an API key
        owner = self._owner(pk)
        document = queries.read_export(export_id=export_id, user_id=owner, now=timezone.now())
        return hand_over(
            request,
            Papers("accounts", "personal_data", export_id, owner),
            document,
            "application/json",
            {"Content-Disposition": f'attachment; filename="personal-data-{owner}.json"'},
        )

    @extend_schema(responses=serializers.IntegrationsSerializer)
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=())
    def integrations(self, request: Request, pk: UUID) -> Response:
        """Sign-ins of other providers that are linked to the account, and its API keys."""
        user_id = self._owner(pk)
        identities = Identity.objects.filter(user_id=user_id).order_by("linked_at", "id")
        keys = ApiKey.objects.filter(user_id=user_id).order_by("-created_at", "-id")[:100]
        return Response(serializers.IntegrationsSerializer({"identities": identities, "api_keys": keys}).data)
