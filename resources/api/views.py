"""Resources, their types and allocations over HTTP, for managers."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.api import ApiViewSet
from gateway.permissions import IsManager
from resources import services
from resources.api.filters import AllocationFilter, ResourceFilter, ResourceTypeFilter
from resources.api.serializers import (
    AllocationInput,
    AllocationSerializer,
    AvailabilitySerializer,
    ResourceInput,
    ResourceSerializer,
    ResourceTypeInput,
    ResourceTypeSerializer,
)
from resources.models import Allocation, Resource, ResourceType
from resources.occupancy import spans

DEFAULT_WINDOW = timedelta(days=7)
MAX_WINDOW = timedelta(days=366)
_LAST = datetime.max.replace(tzinfo=UTC) - DEFAULT_WINDOW


class _ManagerViewSet(ApiViewSet):
    permission_classes = [IsManager]
    idempotent_on = "resources"


class ResourceTypeViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, _ManagerViewSet):
    queryset = ResourceType.objects.all()
    serializer_class = ResourceTypeSerializer
    filterset_class = ResourceTypeFilter
    ordering = "name"
    ordering_fields = {"name": "name", "created_at": "created_at"}

    @extend_schema(request=ResourceTypeInput, responses={201: ResourceTypeSerializer})
    def create(self, request: Request) -> HttpResponse:
        return self.once("add_type", self._create)

    def _create(self) -> Response:
        found = services.add_type(fields=self.valid(ResourceTypeInput), now=timezone.now())
        return Response(ResourceTypeSerializer(found).data, status=201)

    @extend_schema(request=ResourceTypeInput, responses=ResourceTypeSerializer)
    def update(self, request: Request, pk: str) -> Response:
        return self._update(self.valid(ResourceTypeInput))

    @extend_schema(request=ResourceTypeInput(partial=True), responses=ResourceTypeSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        return self._update(self.valid(ResourceTypeInput, partial=True))

    def _update(self, changes: Any) -> Response:
        type_id, expected = self.matched()
        found = services.update_type(type_id=type_id, changes=changes, expected_version=expected)
        return Response(ResourceTypeSerializer(found).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        type_id, expected = self.matched()
        services.delete_type(type_id=type_id, expected_version=expected)
        return Response(status=204)


class ResourceViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, _ManagerViewSet):
    queryset = Resource.objects.present()
    serializer_class = ResourceSerializer
    filterset_class = ResourceFilter
    ordering = "name"
    ordering_fields = {"name": "name", "created_at": "created_at"}

    @property
    def extra_parameters(self) -> tuple[str, ...]:
        """Query parameters that an action reads by itself."""
        return ("from", "to") if self.action == "availability" else ()

    @extend_schema(request=ResourceInput, responses={201: ResourceSerializer})
    def create(self, request: Request) -> HttpResponse:
        return self.once("add_resource", self._create)

    def _create(self) -> Response:
        resource = services.add_resource(fields=self.valid(ResourceInput), now=timezone.now())
        return Response(ResourceSerializer(resource).data, status=201)

    @extend_schema(request=ResourceInput, responses=ResourceSerializer)
    def update(self, request: Request, pk: str) -> Response:
        return self._update(self.valid(ResourceInput))

    @extend_schema(request=ResourceInput(partial=True), responses=ResourceSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        return self._update(self.valid(ResourceInput, partial=True))

    def _update(self, changes: Any) -> Response:
        resource_id, expected = self.matched()
        resource = services.update_resource(
            resource_id=resource_id, changes=changes, expected_version=expected, now=timezone.now()
        )
        return Response(ResourceSerializer(resource).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        resource_id, expected = self.matched()
        services.delete_resource(resource_id=resource_id, expected_version=expected, now=timezone.now())
        return Response(status=204)

    @extend_schema(request=AllocationInput, responses={201: AllocationSerializer})
    @action(detail=True, methods=["post"])
    def allocate(self, request: Request, pk: str) -> HttpResponse:
        """Take a quantity over [start_time, end_time); 409 names the bookings in the way."""
        return self.once("allocate", self._allocate)

    def _allocate(self) -> Response:
        resource, given = self.get_object(), self.valid(AllocationInput)
        allocation = services.allocate(
            resource_id=resource.id,
            start=given["start_time"],
            end=given["end_time"],
            quantity=given["quantity"],
            event_id=given["event_id"],
            allocated_by=self.principal.id,
            now=timezone.now(),
        )
        return Response(AllocationSerializer(allocation).data, status=201)

    @extend_schema(
        parameters=[
            OpenApiParameter("from", OpenApiTypes.DATETIME, description="Now, when left out."),
            OpenApiParameter("to", OpenApiTypes.DATETIME, description="A week after `from`, when left out."),
        ],
        responses=AvailabilitySerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def availability(self, request: Request, pk: str) -> Response:
        """How much is free over [from, to), at least and stretch by stretch."""
        resource = self.get_object()
        start, end = self._window()
        bookings = resource.allocations.active().overlapping(start, end)
        found = [
            {
                "start": span.start,
                "end": span.end,
                "allocated": span.taken,
                "available": max(0, resource.quantity - span.taken),
            }
            for span in spans(bookings, start, end)
        ]
        answer = {
            "resource_id": resource.id,
            "start_time": start,
            "end_time": end,
            "quantity": resource.quantity,
            "available": min(span["available"] for span in found),
            "spans": found,
        }
        return Response(AvailabilitySerializer(answer).data)

    def _window(self) -> tuple[datetime, datetime]:
        start = self._moment("from") or timezone.now()
        end = self._moment("to") or min(start, _LAST) + DEFAULT_WINDOW
        if not start < end or end - start > MAX_WINDOW:
            raise serializers.ValidationError({"to": [f"After `from`, by at most {MAX_WINDOW.days} days."]})
        return start, end

    def _moment(self, name: str) -> datetime | None:
        """A moment from the query; a `+` that was not escaped has become a space there."""
        text = self.request.query_params.get(name)
        if text is None:
            return None
        try:
            return serializers.DateTimeField().run_validation(text.replace(" ", "+"))
        except serializers.ValidationError as error:
            raise serializers.ValidationError({name: error.detail}) from error


class AllocationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, _ManagerViewSet):
    queryset = Allocation.objects.all()
    serializer_class = AllocationSerializer
    filterset_class = AllocationFilter
    ordering = "starts_at"
    ordering_fields = {"start_time": "starts_at", "created_at": "created_at"}

    @extend_schema(request=None, responses=AllocationSerializer)
    @action(detail=True, methods=["post"])
    def release(self, request: Request, pk: str) -> Response:
        """Give an allocation back."""
        allocation = services.release(allocation_id=self.get_object().id, now=timezone.now())
        return Response(AllocationSerializer(allocation).data)
