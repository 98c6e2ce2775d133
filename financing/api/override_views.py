"""The API of overrides: what managers would lend against the rules, and the second person's answer."""

from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from financing import services
from financing.api.desk_serializers import OverrideAnswerInput, OverrideSerializer
from financing.api.filters import OverrideFilter
from financing.api.loan_serializers import ReasonInput
from financing.api.views import FinancingViewSet
from financing.models import Override
from gateway.access.permissions import IsManager


class OverrideViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, FinancingViewSet):
    """Managers see all; the one who proposed terms does not answer."""

    permission_classes = [IsManager]
    serializer_class = OverrideSerializer
    filterset_class = OverrideFilter
    queryset = Override.objects.none()
    ordering = "-proposed_at"
    ordering_fields = {"proposed_at": "proposed_at"}

    def get_queryset(self) -> QuerySet[Override]:
        return Override.objects.select_related("application")

    @extend_schema(request=OverrideAnswerInput, responses=OverrideSerializer)
    @action(detail=True, methods=["post"])
    def confirm(self, request: Request, pk: UUID) -> HttpResponse:
        """Agree: the application is approved on the proposed terms."""
        return self.once("confirm_override", self._confirm)

    def _confirm(self) -> Response:
        override = services.confirm_override(
            override_id=self.kwargs["pk"],
            manager_id=self.principal.id,
            note=self.valid(OverrideAnswerInput)["note"],
            now=timezone.now(),
        )
        return Response(OverrideSerializer(override).data)

    @extend_schema(request=ReasonInput, responses=OverrideSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: UUID) -> Response:
        """Disagree, and say why: the refusal stands."""
        override = services.reject_override(
            override_id=pk,
            manager_id=self.principal.id,
            reason=self.valid(ReasonInput)["reason"],
            now=timezone.now(),
        )
        return Response(OverrideSerializer(override).data)
