"""Client cards over HTTP, for managers."""

from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from clients import queries, services
from clients.api import serializers as shapes
from clients.api.filters import (
    ActivityFilter,
    ClientFilter,
    ConsentFilter,
    ContactFilter,
    DuplicateFilter,
    VehicleFilter,
)
from clients.models import Activity, Client, Consent, Contact, Duplicate, Merge, Vehicle
from gateway.access.permissions import IsManager, IsSignedIn
from gateway.api import ApiViewSet
from gateway.writes import Call, write


class _ManagerViewSet(ApiViewSet):
    permission_classes = [IsManager]
    idempotent_on = "clients"


class ClientViewSet(mixins.ListModelMixin, _ManagerViewSet):
    """The cards of clients, for managers. The id of a card that was merged finds the one it was merged into."""

    queryset = Client.objects.present()
    serializer_class = shapes.ClientSerializer
    filterset_class = ClientFilter
    ordering = "-created_at"
    ordering_fields = {"created_at": "created_at", "updated_at": "updated_at", "name": "name"}

    def get_object(self) -> Client:
        """The card that an id means now: a merged one's is the card it was merged into."""
        return queries.find_client(self.kwargs["pk"])

    @extend_schema(responses=shapes.ClientDetailSerializer)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        return Response(shapes.ClientDetailSerializer(self.get_object()).data)

    @extend_schema(responses=shapes.OwnCardSerializer)
    @action(detail=False, permission_classes=[IsSignedIn])
    def me(self, request: Request) -> Response:
        """Your own card, or the one it was merged into, unless others have that too. 404 until one is opened."""
        return Response(shapes.OwnCardSerializer(queries.find_own_card(self.principal.id)).data)

    @write(request=shapes.ClientInput, responses={201: shapes.ClientSerializer}, once="open_client")
    def create(self, call: Call) -> Client:
        return services.open_client(fields=call.body, now=call.now)

    @write(request=shapes.ClientInput, responses=shapes.ClientSerializer)
    def update(self, call: Call, pk: UUID) -> Client:
        return _update(call, pk)

    @write(request=shapes.ClientInput(partial=True), responses=shapes.ClientSerializer)
    def partial_update(self, call: Call, pk: UUID) -> Client:
        return _update(call, pk)

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        services.delete_client(client_id=pk, expected_version=call.expected_version, now=call.now)

    @action(detail=True, methods=["post"])
    @write(request=shapes.MergeInput, responses={201: shapes.MergeSerializer}, once="merge_clients")
    def merge(self, call: Call, pk: UUID) -> Merge:
        """Let this card stand for another one too; both ids go on working."""
        client_id = self.get_object().id
        return services.merge_clients(client_id=client_id, actor_id=call.actor_id, now=call.now, **call.body)


def _update(call: Call, pk: UUID) -> Client:
    return services.update_client(client_id=pk, changes=call.body, expected_version=call.expected_version, now=call.now)


class MergeViewSet(_ManagerViewSet):
    queryset = Merge.objects.all()
    serializer_class = shapes.MergeSerializer
    filterset_class = None

    @action(detail=True, methods=["post"])
    @write(responses=shapes.MergeSerializer)
    def undo(self, call: Call, pk: UUID) -> Merge:
        """Part the two cards again, each with what it had."""
        return services.undo_merge(merge_id=pk, actor_id=call.actor_id, now=call.now)


class DuplicateViewSet(mixins.ListModelMixin, _ManagerViewSet):
    """Pairs of cards that share a phone, an e-mail or an ИНН, newest first."""

    queryset = Duplicate.objects.filter(dismissed_at__isnull=True).select_related("first", "second")
    serializer_class = shapes.DuplicateSerializer
    filterset_class = DuplicateFilter
    ordering = "-found_at"
    ordering_fields = {"found_at": "found_at"}

    @action(detail=True, methods=["post"])
    @write(responses=shapes.DuplicateSerializer)
    def dismiss(self, call: Call, pk: UUID) -> Duplicate:
        """These are two clients: show the pair no more."""
        return services.dismiss_duplicate(duplicate_id=pk, actor_id=call.actor_id, now=call.now)


_client_id = OpenApiParameter("client_id", OpenApiTypes.UUID, OpenApiParameter.PATH)


class _OfClientViewSet(mixins.ListModelMixin, _ManagerViewSet):
    """Lists that belong to one card."""

    def _client(self) -> Client:
        return queries.find_client(self.kwargs["client_id"])

    def _cards(self) -> QuerySet[Client]:
        return Client.objects.group(self._client().id)


@extend_schema(parameters=[_client_id])
class ContactViewSet(_OfClientViewSet):
    """Further ways to reach a client, beside the phone and the e-mail of the card."""

    queryset = Contact.objects.all()
    serializer_class = shapes.ContactSerializer
    filterset_class = ContactFilter
    ordering = "created_at"
    ordering_fields = {"created_at": "created_at"}

    def get_queryset(self) -> QuerySet[Contact]:
        return Contact.objects.filter(client__in=self._cards())

    @write(request=shapes.ContactInput, responses={201: shapes.ContactSerializer}, once="add_contact")
    def create(self, call: Call, client_id: UUID) -> Contact:
        return services.add_contact(client_id=client_id, contact=call.body, now=call.now)

    @action(detail=False, methods=["post"])
    @write(request=shapes.ContactsInput, responses={201: shapes.ContactsSerializer}, once="add_contacts")
    def batch(self, call: Call, client_id: UUID) -> dict[str, list[Contact]]:
        """Add several ways to reach a client at once: all or none."""
        return {"contacts": services.add_contacts(client_id=client_id, **call.body, now=call.now)}


@extend_schema(parameters=[_client_id])
class ActivityViewSet(_OfClientViewSet):
    """Activity of a client: what managers write down, and what orders, payments, loans and visits tell."""

    queryset = Activity.objects.all()
    serializer_class = shapes.ActivitySerializer
    filterset_class = ActivityFilter
    ordering = "-occurred_at"
    ordering_fields = {"occurred_at": "occurred_at"}

    def get_queryset(self) -> QuerySet[Activity]:
        return Activity.objects.filter(customer_id__in=queries.list_customer_ids(self._client()))

    @write(request=shapes.ActivityInput, responses={201: shapes.ActivitySerializer}, once="log_activity")
    def create(self, call: Call, client_id: UUID) -> Activity:
        fields = {"occurred_at": call.now} | call.body
        return services.log_activity(client_id=client_id, author_id=call.actor_id, **fields)


@extend_schema(parameters=[_client_id])
class ConsentViewSet(_OfClientViewSet):
    """Consents that the client gave and withdrew; rows are only added."""

    queryset = Consent.objects.all()
    serializer_class = shapes.ConsentSerializer
    filterset_class = ConsentFilter
    ordering = "-at"
    ordering_fields = {"at": "at"}

    def get_queryset(self) -> QuerySet[Consent]:
        return Consent.objects.filter(client__in=self._cards())

    @write(request=shapes.ConsentInput, responses={201: shapes.ConsentSerializer}, once="record_consent")
    def create(self, call: Call, client_id: UUID) -> Consent:
        fields = {"at": call.now} | call.body
        return services.record_consent(client_id=client_id, actor_id=call.actor_id, now=call.now, **fields)


@extend_schema(parameters=[_client_id])
class VehicleViewSet(_OfClientViewSet):
    """The client's cars by VIN: bought here, insured here, or entered by hand."""

    queryset = Vehicle.objects.all()
    serializer_class = shapes.VehicleSerializer
    filterset_class = VehicleFilter
    ordering = "-since"
    ordering_fields = {"since": "since"}

    def get_queryset(self) -> QuerySet[Vehicle]:
        return Vehicle.objects.filter(customer_id__in=queries.list_customer_ids(self._client()))

    @write(request=shapes.VehicleInput, responses={201: shapes.VehicleSerializer}, once="add_vehicle")
    def create(self, call: Call, client_id: UUID) -> Vehicle:
        return services.add_vehicle(client_id=client_id, now=call.now, **call.body)

    @write(responses={204: None})
    def destroy(self, call: Call, client_id: UUID, pk: UUID) -> None:
        """The client has the car no more; its row stays with `left_at`."""
        services.remove_vehicle(client_id=self._client().id, vehicle_id=pk, now=call.now)
