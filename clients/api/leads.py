"""Leads over HTTP, for managers."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from clients import services
from clients.models import Lead, LeadQuerySet, LeadSource, LeadStage
from gateway.access.permissions import IsManager
from gateway.api import ApiViewSet


class LeadSerializer(serializers.ModelSerializer):
    """A lead; `is_overdue` when its first reply, or else its next action, should have happened by now."""

    is_overdue = serializers.SerializerMethodField()
    email = serializers.CharField(read_only=True, help_text="Empty when there is none.")

    class Meta:
        model = Lead
        fields = [
            "id", "client_id", "name", "phone", "email", "source", "note", "stage", "owner_id", "reply_due_at",
            "first_replied_at", "next_action", "next_action_at", "is_overdue", "lost_reason", "created_at",
            "updated_at", "version",
        ]  # fmt: skip
        read_only_fields = fields

    def get_is_overdue(self, lead: Lead) -> bool:
        """Compared with the moment of the answer."""
        return lead.is_overdue(timezone.now())


class LeadChanges(serializers.Serializer):
    """Fields that a manager writes of a lead: whose it is and what is next, too."""

    name = serializers.CharField(max_length=255)
    phone = serializers.CharField(max_length=32, allow_blank=True, default="")
    email = serializers.EmailField(max_length=254, allow_blank=True, default="")
    source = serializers.ChoiceField(LeadSource.choices, default=LeadSource.OTHER)  # type: ignore[assignment]
    note = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    owner_id = serializers.UUIDField(allow_null=True, default=None)
    next_action = serializers.CharField(max_length=255, allow_blank=True, default="")
    next_action_at = serializers.DateTimeField(allow_null=True, default=None)


class LeadInput(LeadChanges):
    """A new lead; of a client, if it is known to be theirs."""

    client_id = serializers.UUIDField(allow_null=True, default=None)


class LeadMove(serializers.Serializer):
    """The stage to go to: lost with its reason, won with the client it is (found or opened when left out)."""

    stage = serializers.ChoiceField(LeadStage.choices)
    lost_reason = serializers.CharField(max_length=255, required=False)
    client_id = serializers.UUIDField(required=False)


class LeadFilter(filters.FilterSet):
    """By stage, owner, source; `overdue=true` keeps those that somebody should have seen to by now."""

    stage = filters.ChoiceFilter(choices=LeadStage.choices)
    owner_id = filters.UUIDFilter()
    source = filters.ChoiceFilter(choices=LeadSource.choices)
    overdue = filters.BooleanFilter(method="by_overdue")

    class Meta:
        model = Lead
        fields: list[str] = []

    def by_overdue(self, queryset: LeadQuerySet, name: str, value: bool) -> QuerySet[Lead]:
        """Compare with now."""
        now = timezone.now()
        return queryset.overdue(now) if value else queryset.on_time(now)


class LeadViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """The pipeline."""

    queryset = Lead.objects.all()
    serializer_class = LeadSerializer
    permission_classes = [IsManager]
    filterset_class = LeadFilter
    idempotent_on = "clients"
    ordering = "-created_at"
    ordering_fields = {"created_at": "created_at", "reply_due_at": "reply_due_at"}

    @extend_schema(request=LeadInput, responses={201: LeadSerializer})
    def create(self, request: Request) -> HttpResponse:
        return self.once("open_lead", self._create)

    def _create(self) -> Response:
        lead = services.open_lead(fields=self.valid(LeadInput), now=timezone.now())
        return Response(LeadSerializer(lead).data, status=201)

    @extend_schema(request=LeadChanges(partial=True), responses=LeadSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        return self._write(services.update_lead, changes=self.valid(LeadChanges, partial=True))

    @extend_schema(request=None, responses=LeadSerializer)
    @action(detail=True, methods=["post"])
    def reply(self, request: Request, pk: UUID) -> HttpResponse:
        """Note that the lead was answered; the first time stops its clock."""
        return self.once("reply_to_lead", lambda: self._write(services.reply_to_lead, actor_id=self.principal.id))

    @extend_schema(request=LeadMove, responses=LeadSerializer)
    @action(detail=True, methods=["post"])
    def move(self, request: Request, pk: UUID) -> HttpResponse:
        """Go to the next stage."""
        return self.once("move_lead", lambda: self._write(services.move_lead, **self.valid(LeadMove)))

    def _write(self, service: Any, **given: Any) -> Response:
        lead_id, expected = self.matched()
        lead = service(lead_id=lead_id, expected_version=expected, now=timezone.now(), **given)
        return Response(LeadSerializer(lead).data)
