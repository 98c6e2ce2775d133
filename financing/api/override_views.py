"""The API of overrides: what managers would lend against the rules, and the second person's answer."""

from uuid import UUID

from django.db.models import QuerySet
from rest_framework import mixins
from rest_framework.decorators import action

from financing import services
from financing.api.desk_serializers import OverrideAnswerInput, OverrideSerializer
from financing.api.filters import OverrideFilter
from financing.api.loan_serializers import ReasonInput
from financing.api.views import FinancingViewSet
from financing.models import Override
from gateway.access.permissions import IsManager
from gateway.writes import Call, write


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

    @action(detail=True, methods=["post"])
    @write(request=OverrideAnswerInput, responses=OverrideSerializer, once="confirm_override")
    def confirm(self, call: Call, pk: UUID) -> Override:
        """Agree: the application is approved on the proposed terms."""
        return services.confirm_override(override_id=pk, manager_id=call.actor_id, note=call.body["note"], now=call.now)

    @action(detail=True, methods=["post"])
    @write(request=ReasonInput, responses=OverrideSerializer)
    def reject(self, call: Call, pk: UUID) -> Override:
        """Disagree, and say why: the refusal stands."""
        return services.reject_override(
            override_id=pk, manager_id=call.actor_id, reason=call.body["reason"], now=call.now
        )
