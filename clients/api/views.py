"""Client cards over HTTP, for managers."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
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
from gateway.access.permissions import IsManager
from gateway.api import ApiViewSet


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

    @extend_schema(request=shapes.ClientInput, responses={201: shapes.ClientSerializer})
    def create(self, request: Request) -> HttpResponse:
        return self.once("open_client", self._create)

    def _create(self) -> Response:
        client = services.open_client(fields=self.valid(shapes.ClientInput), now=timezone.now())
        return Response(shapes.ClientSerializer(client).data, status=201)

    @extend_schema(request=shapes.ClientInput, responses=shapes.ClientSerializer)
    def update(self, request: Request, pk: UUID) -> Response:
        return self._update(self.valid(shapes.ClientInput))

    @extend_schema(request=shapes.ClientInput(partial=True), responses=shapes.ClientSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        return self._update(self.valid(shapes.ClientInput, partial=True))

    def _update(self, changes: Any) -> Response:
        client_id, expected = self.matched()
        client = services.update_client(
            client_id=client_id, changes=changes, expected_version=expected, now=timezone.now()
        )
        return Response(shapes.ClientSerializer(client).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        client_id, expected = self.matched()
        services.delete_client(client_id=client_id, expected_version=expected, now=timezone.now())
        return Response(status=204)

    @extend_schema(request=shapes.MergeInput, responses={201: shapes.MergeSerializer})
    @action(detail=True, methods=["post"])
    def merge(self, request: Request, pk: UUID) -> HttpResponse:
        """Let this card stand for another one too; both ids go on working."""
        return self.once("merge_clients", self._merge)

    def _merge(self) -> Response:
        merge = services.merge_clients(
            client_id=self.get_object().id,
            actor_id=self.principal.id,
            now=timezone.now(),
            **self.valid(shapes.MergeInput),
        )
        return Response(shapes.MergeSerializer(merge).data, status=201)


class MergeViewSet(_ManagerViewSet):
    queryset = Merge.objects.all()
    serializer_class = shapes.MergeSerializer
    filterset_class = None

    @extend_schema(request=None, responses=shapes.MergeSerializer)
    @action(detail=True, methods=["post"])
    def undo(self, request: Request, pk: UUID) -> Response:
        """Part the two cards again, each with what it had."""
        merge = services.undo_merge(merge_id=pk, actor_id=self.principal.id, now=timezone.now())
        return Response(shapes.MergeSerializer(merge).data)


class DuplicateViewSet(mixins.ListModelMixin, _ManagerViewSet):
    """Pairs of cards that share a phone, an e-mail or an ИНН, newest first."""

    queryset = Duplicate.objects.filter(dismissed_at__isnull=True).select_related("first", "second")
    serializer_class = shapes.DuplicateSerializer
    filterset_class = DuplicateFilter
    ordering = "-found_at"
    ordering_fields = {"found_at": "found_at"}

    @extend_schema(request=None, responses=shapes.DuplicateSerializer)
    @action(detail=True, methods=["post"])
    def dismiss(self, request: Request, pk: UUID) -> Response:
        """These are two clients: show the pair no more."""
        pair = services.dismiss_duplicate(duplicate_id=pk, actor_id=self.principal.id, now=timezone.now())
        return Response(shapes.DuplicateSerializer(pair).data)


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

    @extend_schema(request=shapes.ContactInput, responses={201: shapes.ContactSerializer})
    def create(self, request: Request, client_id: UUID) -> HttpResponse:
        return self.once("add_contact", self._create)

    def _create(self) -> Response:
        client = self._client()
        contact = services.add_contact(client_id=client.id, **self.valid(shapes.ContactInput), now=timezone.now())
        return Response(shapes.ContactSerializer(contact).data, status=201)


@extend_schema(parameters=[_client_id])
class ActivityViewSet(_OfClientViewSet):
    """Activity of a client: what managers write down, and what orders, payments, loans and visits tell."""

    queryset = Activity.objects.all()
    serializer_class = shapes.ActivitySerializer
    filterset_class = ActivityFilter
    ordering = "-occurred_at"
    ordering_fields = {"occurred_at": "occurred_at"}

    def get_queryset(self) -> QuerySet[Activity]:
        return Activity.objects.filter(customer_id__in=queries.customer_ids_of(self._client()))

    @extend_schema(request=shapes.ActivityInput, responses={201: shapes.ActivitySerializer})
    def create(self, request: Request, client_id: UUID) -> HttpResponse:
        return self.once("log_activity", self._create)

    def _create(self) -> Response:
        client = self._client()
        fields = {"occurred_at": timezone.now()} | self.valid(shapes.ActivityInput)
        activity = services.log_activity(client_id=client.id, author_id=self.principal.id, **fields)
        return Response(shapes.ActivitySerializer(activity).data, status=201)


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

    @extend_schema(request=shapes.ConsentInput, responses={201: shapes.ConsentSerializer})
    def create(self, request: Request, client_id: UUID) -> HttpResponse:
        return self.once("record_consent", self._create)

    def _create(self) -> Response:
        client, now = self._client(), timezone.now()
        fields = {"at": now} | self.valid(shapes.ConsentInput)
        consent = services.record_consent(client_id=client.id, actor_id=self.principal.id, now=now, **fields)
        return Response(shapes.ConsentSerializer(consent).data, status=201)


@extend_schema(parameters=[_client_id])
class VehicleViewSet(_OfClientViewSet):
    """The client's cars by VIN: bought here, insured here, or entered by hand."""

    queryset = Vehicle.objects.all()
    serializer_class = shapes.VehicleSerializer
    filterset_class = VehicleFilter
    ordering = "-since"
    ordering_fields = {"since": "since"}

    def get_queryset(self) -> QuerySet[Vehicle]:
        return Vehicle.objects.filter(customer_id__in=queries.customer_ids_of(self._client()))

    @extend_schema(request=shapes.VehicleInput, responses={201: shapes.VehicleSerializer})
    def create(self, request: Request, client_id: UUID) -> HttpResponse:
        return self.once("add_vehicle", self._create)

    def _create(self) -> Response:
        client = self._client()
        vehicle = services.add_vehicle(client_id=client.id, now=timezone.now(), **self.valid(shapes.VehicleInput))
        return Response(shapes.VehicleSerializer(vehicle).data, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, client_id: UUID, pk: UUID) -> Response:
        """The client has the car no more; its row stays with `left_at`."""
        services.remove_vehicle(client_id=self._client().id, vehicle_id=pk, now=timezone.now())
        return Response(status=204)
