"""Client cards over HTTP, for managers."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response

from clients import services
from clients.api.filters import ActivityFilter, ClientFilter, ContactFilter
from clients.api.serializers import (
    ActivityInput,
    ActivitySerializer,
    ClientInput,
    ClientSerializer,
    ContactInput,
    ContactSerializer,
)
from clients.errors import ClientNotFound
from clients.models import Activity, Client, Contact
from gateway.api import ApiViewSet
from gateway.permissions import IsManager


class _ManagerViewSet(ApiViewSet):
    permission_classes = [IsManager]
    idempotent_on = "clients"


class ClientViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, _ManagerViewSet):
    queryset = Client.objects.present()
    serializer_class = ClientSerializer
    filterset_class = ClientFilter
    ordering = "-created_at"
    ordering_fields = {"created_at": "created_at", "updated_at": "updated_at", "name": "name"}

    @extend_schema(request=ClientInput, responses={201: ClientSerializer})
    def create(self, request: Request) -> HttpResponse:
        return self.once("open_client", self._create)

    def _create(self) -> Response:
        client = services.open_client(fields=self.valid(ClientInput), now=timezone.now())
        return Response(ClientSerializer(client).data, status=201)

    @extend_schema(request=ClientInput, responses=ClientSerializer)
    def update(self, request: Request, pk: str) -> Response:
        return self._update(self.valid(ClientInput))

    @extend_schema(request=ClientInput(partial=True), responses=ClientSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        return self._update(self.valid(ClientInput, partial=True))

    def _update(self, changes: Any) -> Response:
        client_id, expected = self.matched()
        client = services.update_client(
            client_id=client_id, changes=changes, expected_version=expected, now=timezone.now()
        )
        return Response(ClientSerializer(client).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        client_id, expected = self.matched()
        services.delete_client(client_id=client_id, expected_version=expected, now=timezone.now())
        return Response(status=204)


_client_id = OpenApiParameter("client_id", OpenApiTypes.UUID, OpenApiParameter.PATH)


class _OfClientViewSet(mixins.ListModelMixin, _ManagerViewSet):
    """Lists that belong to one card."""

    def _client(self) -> Client:
        try:
            return Client.objects.present().get(pk=UUID(self.kwargs["client_id"]))
        except (ValueError, Client.DoesNotExist) as error:
            raise ClientNotFound from error


@extend_schema(parameters=[_client_id])
class ContactViewSet(_OfClientViewSet):
    queryset = Contact.objects.all()
    serializer_class = ContactSerializer
    filterset_class = ContactFilter
    ordering = "created_at"
    ordering_fields = {"created_at": "created_at"}

    def get_queryset(self) -> QuerySet[Contact]:
        return Contact.objects.filter(client=self._client())

    @extend_schema(request=ContactInput, responses={201: ContactSerializer})
    def create(self, request: Request, client_id: str) -> HttpResponse:
        return self.once("add_contact", self._create)

    def _create(self) -> Response:
        client = self._client()
        contact = services.add_contact(client_id=client.id, **self.valid(ContactInput), now=timezone.now())
        return Response(ContactSerializer(contact).data, status=201)


@extend_schema(parameters=[_client_id])
class ActivityViewSet(_OfClientViewSet):
    queryset = Activity.objects.all()
    serializer_class = ActivitySerializer
    filterset_class = ActivityFilter
    ordering = "-occurred_at"
    ordering_fields = {"occurred_at": "occurred_at"}

    def get_queryset(self) -> QuerySet[Activity]:
        return Activity.objects.filter(customer_id__in=self._client().customer_ids)

    @extend_schema(request=ActivityInput, responses={201: ActivitySerializer})
    def create(self, request: Request, client_id: str) -> HttpResponse:
        return self.once("log_activity", self._create)

    def _create(self) -> Response:
        client = self._client()
        fields = {"occurred_at": timezone.now()} | self.valid(ActivityInput)
        activity = services.log_activity(client_id=client.id, author_id=self.principal.id, **fields)
        return Response(ActivitySerializer(activity).data, status=201)
