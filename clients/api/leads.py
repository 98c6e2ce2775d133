"""Leads over HTTP, for managers."""

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django_filters import rest_framework as filters
from rest_framework import mixins, serializers
from rest_framework.decorators import action

from clients import services
from clients.models import Lead, LeadQuerySet, LeadSource, LeadStage
from gateway.access.permissions import IsManager
from gateway.api import ApiViewSet
from gateway.writes import Call, write


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

    @write(request=LeadInput, responses={201: LeadSerializer}, once="open_lead")
    def create(self, call: Call) -> Lead:
        return services.open_lead(fields=call.body, now=call.now)

    @write(request=LeadChanges(partial=True), responses=LeadSerializer)
    def partial_update(self, call: Call, pk: UUID) -> Lead:
        return services.update_lead(lead_id=pk, changes=call.body, expected_version=call.expected_version, now=call.now)

    @action(detail=True, methods=["post"])
    @write(responses=LeadSerializer, once="reply_to_lead")
    def reply(self, call: Call, pk: UUID) -> Lead:
        """Note that the lead was answered; the first time stops its clock."""
        return services.reply_to_lead(
            lead_id=pk, actor_id=call.actor_id, expected_version=call.expected_version, now=call.now
        )

    @action(detail=True, methods=["post"])
    @write(request=LeadMove, responses=LeadSerializer, once="move_lead")
    def move(self, call: Call, pk: UUID) -> Lead:
        """Go to the next stage."""
        return services.move_lead(lead_id=pk, expected_version=call.expected_version, now=call.now, **call.body)
