"""Legal entities of the dealer over HTTP: read by managers, written by admins."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.money.vat import Regime
from gateway.access.permissions import IsAdmin, IsManager
from gateway.api import ApiViewSet
from gateway.approvals.views import WaitingAnswer, may_wait
from gateway.writes import Call, write
from payments import services
from payments.models import LegalEntity, LegalEntityRevision

MOST_REVISIONS = 200
REGIMES = [(regime.value, regime.value) for regime in Regime]


class RegimeSerializer(serializers.Serializer):
    """A tax regime from its first day, by the dealer's clock, until the next one begins."""

    since = serializers.DateField()
    regime = serializers.ChoiceField(choices=REGIMES)


class LegalEntityInput(serializers.Serializer):
    """Requisites, bank account and tax regimes."""

    code = serializers.RegexField(r"^[0-9A-ZА-ЯЁ]{1,6}$")
    name = serializers.CharField(max_length=255)
    address = serializers.CharField(max_length=500)
    inn = serializers.CharField(max_length=12)
    kpp = serializers.CharField(max_length=9, allow_blank=True, default="")
    ogrn = serializers.CharField(max_length=15, allow_blank=True, default="")
    director = serializers.CharField(max_length=255, allow_blank=True, default="")
    accountant = serializers.CharField(max_length=255, allow_blank=True, default="")
    bank_name = serializers.CharField(max_length=255, allow_blank=True, default="")
    bik = serializers.CharField(max_length=9, allow_blank=True, default="")
    account = serializers.CharField(max_length=20, allow_blank=True, default="")
    correspondent_account = serializers.CharField(max_length=20, allow_blank=True, default="")
    regimes = RegimeSerializer(many=True, allow_empty=False)
    is_default = serializers.BooleanField(default=False)


class LegalEntitySerializer(serializers.ModelSerializer):
    """A legal entity as managers see it."""

    regimes = serializers.SerializerMethodField()

    class Meta:
        model = LegalEntity
        fields = [
            "id", "code", "name", "address", "inn", "kpp", "ogrn", "director", "accountant", "bank_name", "bik",
            "account", "correspondent_account", "regimes", "is_default", "created_at", "updated_at", "version",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(RegimeSerializer(many=True))
    def get_regimes(self, entity: LegalEntity) -> list[dict[str, Any]]:
        """The regimes, oldest first."""
        return list(entity.regimes)


class RequisitesSerializer(serializers.ModelSerializer):
    """Requisites of a legal entity from `at` until the next row."""

    facts = serializers.DictField()

    class Meta:
        model = LegalEntityRevision
        fields = ["facts", "is_retired", "made_by", "agreed_by", "at"]
        read_only_fields = fields


class LegalEntityViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """Companies and sole traders that the dealership sells through."""

    queryset = LegalEntity.objects.filter(deleted_at=None)
    serializer_class = LegalEntitySerializer
    idempotent_on = "payments"
    ordering = "name"
    ordering_fields = {"name": "name"}

    def get_permissions(self) -> Any:
        return [IsManager()] if self.action in ("list", "retrieve", "history") else [IsAdmin()]

    @write(request=LegalEntityInput, responses={202: WaitingAnswer}, once="add_legal_entity")
    def create(self, call: Call) -> LegalEntity:
        """Add a legal entity once a second person agrees, which it always waits for; the first one sells by default."""
        return services.add_legal_entity(fields=call.body, maker_id=call.actor_id, now=call.now)

    @write(request=LegalEntityInput, responses=may_wait(LegalEntitySerializer))
    def update(self, call: Call, pk: UUID) -> LegalEntity:
        """Change a legal entity, once a second person agrees to what money goes by; what it sold keeps its tax."""
        return self._update(call, pk)

    @write(request=LegalEntityInput(partial=True), responses=may_wait(LegalEntitySerializer))
    def partial_update(self, call: Call, pk: UUID) -> LegalEntity:
        """Change some fields of a legal entity."""
        return self._update(call, pk)

    def _update(self, call: Call, pk: UUID) -> LegalEntity:
        return services.update_legal_entity(
            entity_id=pk,
            changes=call.body,
            maker_id=call.actor_id,
            expected_version=call.expected_version,
            now=call.now,
        )

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        """Retire a legal entity that does not sell by default and has no order open."""
        services.delete_legal_entity(
            entity_id=pk, maker_id=call.actor_id, expected_version=call.expected_version, now=call.now
        )

    @extend_schema(responses=RequisitesSerializer(many=True))
    @action(detail=True, methods=["get"], pagination_class=None)
    def history(self, request: Request, pk: UUID) -> Response:
        """List what money went by, from when on, by whose word and with whose consent; the newest first."""
        rows = self.get_object().revisions.order_by("-id")[:MOST_REVISIONS]
        return Response(RequisitesSerializer(rows, many=True).data)
