"""Resources, their types and allocations over HTTP, for managers."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.access.permissions import IsManager, ReadByAnyone
from gateway.api import ApiViewSet
from gateway.requests.strict_input import WallClockField, on_the_clock
from gateway.writes import Call, write
from resources import services
from resources.api.filters import AllocationFilter, ResourceFilter, ResourceTypeFilter
from resources.api.serializers import (
    AllocationInput,
    AllocationSerializer,
    AvailabilitySerializer,
    BlackoutInput,
    BlackoutMadeSerializer,
    BlackoutSerializer,
    OutOfServiceSerializer,
    ReasonInput,
    ResourceInput,
    ResourceSerializer,
    ResourceTypeInput,
    ResourceTypeSerializer,
    SlotsQuery,
    SlotsSerializer,
)
from resources.errors import ResourceNotFound
from resources.models import Allocation, Blackout, DriveRole, Resource, ResourceType
from resources.queries.diary import compute_availability, find_slots

DEFAULT_WINDOW = timedelta(days=7)
MAX_WINDOW = timedelta(days=366)
MAX_SLOTS_WINDOW = timedelta(days=31)
_LAST = datetime.max.replace(tzinfo=UTC) - DEFAULT_WINDOW


class _ManagerViewSet(ApiViewSet):
    permission_classes = [IsManager]
    idempotent_on = "resources"


class ResourceTypeViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, _ManagerViewSet):
    """Kinds of what can be booked: rooms, bays, cars for test drives, colleagues."""

    queryset = ResourceType.objects.all()
    serializer_class = ResourceTypeSerializer
    filterset_class = ResourceTypeFilter
    ordering = "name"
    ordering_fields = {"name": "name", "created_at": "created_at"}

    @write(request=ResourceTypeInput, responses={201: ResourceTypeSerializer}, once="add_type")
    def create(self, call: Call) -> ResourceType:
        return services.add_type(fields=call.body, now=call.now)

    @write(request=ResourceTypeInput, responses=ResourceTypeSerializer)
    def update(self, call: Call, pk: UUID) -> ResourceType:
        return services.update_type(type_id=pk, changes=call.body, expected_version=call.expected_version)

    @write(request=ResourceTypeInput(partial=True), responses=ResourceTypeSerializer)
    def partial_update(self, call: Call, pk: UUID) -> ResourceType:
        return services.update_type(type_id=pk, changes=call.body, expected_version=call.expected_version)

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        services.delete_type(type_id=pk, expected_version=call.expected_version)


class ResourceViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, _ManagerViewSet):
    """Resources that can be booked: `quantity` equal units of each at any one time."""

    queryset = Resource.objects.present().prefetch_related("opening_hours")
    serializer_class = ResourceSerializer
    filterset_class = ResourceFilter
    ordering = "name"
    ordering_fields = {"name": "name", "created_at": "created_at"}

    @property
    def extra_parameters(self) -> tuple[str, ...]:
        """Query parameters that an action reads by itself."""
        return {"availability": ("from", "to"), "slots": ("from", "to", "duration", "step")}.get(self.action, ())

    def get_queryset(self) -> QuerySet[Resource]:
        """Everybody may look for a free slot of a test-drive car; the rest is the managers'."""
        found = super().get_queryset()
        principal = self.request.user
        if self.action == "slots" and not getattr(principal, "is_staff", False):
            return found.filter(type__test_drive_role=DriveRole.CAR)
        return found

    @write(request=ResourceInput, responses={201: ResourceSerializer}, once="add_resource")
    def create(self, call: Call) -> Resource:
        return services.add_resource(fields=call.body, now=call.now)

    @write(request=ResourceInput, responses=ResourceSerializer)
    def update(self, call: Call, pk: UUID) -> Resource:
        return self._update(call, pk)

    @write(request=ResourceInput(partial=True), responses=ResourceSerializer)
    def partial_update(self, call: Call, pk: UUID) -> Resource:
        return self._update(call, pk)

    def _update(self, call: Call, pk: UUID) -> Resource:
        return services.update_resource(
            resource_id=pk, changes=call.body, expected_version=call.expected_version, now=call.now
        )

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        services.delete_resource(resource_id=pk, expected_version=call.expected_version, now=call.now)

    @action(detail=True, methods=["post"])
    @write(request=AllocationInput, responses={201: AllocationSerializer}, once="allocate")
    def allocate(self, call: Call, pk: UUID) -> Allocation:
        """Take a quantity over [start_time, end_time); 409 names the bookings in the way."""
        resource = self.get_object()
        given = on_the_clock(call.body, resource.time_zone, "start_time", "end_time")
        return services.allocate(
            resource_id=resource.id,
            start=given["start_time"],
            end=given["end_time"],
            quantity=given["quantity"],
            event_id=given["event_id"],
            allocated_by=call.actor_id,
            now=call.now,
        )

    @extend_schema(
        parameters=[
            OpenApiParameter("from", OpenApiTypes.DATETIME, description="Now, when left out."),
            OpenApiParameter("to", OpenApiTypes.DATETIME, description="A week after `from`, when left out."),
        ],
        responses=AvailabilitySerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"])
    def availability(self, request: Request, pk: UUID) -> Response:
        """Return how much can be had over [from, to), at least and stretch by stretch."""
        resource = self.get_object()
        start, end = self._window(resource, MAX_WINDOW)
        return Response(AvailabilitySerializer(compute_availability(resource, start, end)).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("from", OpenApiTypes.DATETIME, description="Now, when left out."),
            OpenApiParameter("to", OpenApiTypes.DATETIME, description="A week after `from`, when left out."),
            SlotsQuery,
        ],
        responses=SlotsSerializer,
        filters=False,
    )
    @action(detail=True, methods=["get"], permission_classes=[ReadByAnyone])
    def slots(self, request: Request, pk: UUID) -> Response:
        """Free times over [from, to); of a test-drive car those with a place and a colleague free as well."""
        resource = self.get_object()
        start, end = self._window(resource, MAX_SLOTS_WINDOW)
        names = ("duration", "step")
        query = SlotsQuery(data={name: request.query_params[name] for name in names if name in request.query_params})
        query.is_valid(raise_exception=True)
        duration, step = (timedelta(minutes=query.validated_data[name]) for name in names)
        found = find_slots(resource, start, end, duration=duration, step=step, now=timezone.now())
        return Response(SlotsSerializer(found).data)

    @action(detail=True, methods=["post"], url_path="out-of-service")
    @write(request=ReasonInput, responses=OutOfServiceSerializer)
    def out_of_service(self, call: Call, pk: UUID) -> Response:
        """Stop its bookings; those ahead move to an equal resource or are given back."""
        resource, replanned = services.take_out_of_service(
            resource_id=pk, reason=call.body["reason"], expected_version=call.expected_version, now=call.now
        )
        return Response({**ResourceSerializer(resource).data, **_outcome(replanned)})

    @action(detail=True, methods=["post"], url_path="in-service")
    @write(responses=ResourceSerializer)
    def in_service(self, call: Call, pk: UUID) -> Resource:
        """Take bookings again."""
        return services.return_to_service(resource_id=pk, expected_version=call.expected_version, now=call.now)

    def _window(self, resource: Resource, most: timedelta) -> tuple[datetime, datetime]:
        start = self._moment("from", resource) or timezone.now()
        end = self._moment("to", resource) or min(start, _LAST) + DEFAULT_WINDOW
        if not start < end or end - start > most:
            raise serializers.ValidationError(
                {"to": [_("After `from`, by at most %(days)s days.") % {"days": most.days}]}
            )
        return start, end

    def _moment(self, name: str, resource: Resource) -> datetime | None:
        """A moment from the query; a `+` that was not escaped has become a space there."""
        text = self.request.query_params.get(name)
        if text is None:
            return None
        try:
            moment = WallClockField().run_validation(text.replace(" ", "+"))
        except serializers.ValidationError as error:
            raise serializers.ValidationError({name: error.detail}) from error
        found: datetime = on_the_clock({name: moment}, resource.time_zone, name)[name]
        return found


@extend_schema(parameters=[OpenApiParameter("resource_id", OpenApiTypes.UUID, OpenApiParameter.PATH)])
class BlackoutViewSet(mixins.ListModelMixin, _ManagerViewSet):
    """Closures of one resource."""

    queryset = Blackout.objects.all()
    serializer_class = BlackoutSerializer
    ordering = "starts_at"
    ordering_fields = {"start_time": "starts_at"}

    def get_queryset(self) -> QuerySet[Blackout]:
        return Blackout.objects.filter(resource_id=self._resource_id())

    @write(request=BlackoutInput, responses={201: BlackoutMadeSerializer}, once="close")
    def create(self, call: Call, resource_id: UUID) -> Response:
        """Close the resource; bookings in the way answer 409 unless `replan` is true."""
        zone = Resource.objects.values_list("time_zone", flat=True).get(pk=self._resource_id())
        given = on_the_clock(call.body, zone, "start_time", "end_time")
        blackout, replanned = services.close(
            resource_id=resource_id,
            start=given["start_time"],
            end=given["end_time"],
            reason=given["reason"],
            replan=given["replan"],
            now=call.now,
        )
        return Response({**BlackoutSerializer(blackout).data, **_outcome(replanned)}, status=201)

    @write(responses={204: None})
    def destroy(self, call: Call, resource_id: UUID, pk: UUID) -> None:
        """Open it again."""
        services.reopen(resource_id=self._resource_id(), blackout_id=pk)

    def _resource_id(self) -> UUID:
        try:
            return Resource.objects.present().values_list("id", flat=True).get(pk=self.kwargs["resource_id"])
        except Resource.DoesNotExist as error:
            raise ResourceNotFound from error


class AllocationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, _ManagerViewSet):
    """Times of resources that are taken, and by what."""

    queryset = Allocation.objects.all()
    serializer_class = AllocationSerializer
    filterset_class = AllocationFilter
    ordering = "starts_at"
    ordering_fields = {"start_time": "starts_at", "created_at": "created_at"}

    @action(detail=True, methods=["post"])
    @write(responses=AllocationSerializer)
    def release(self, call: Call, pk: UUID) -> Allocation:
        """Give an allocation back."""
        return services.release(allocation_id=self.get_object().id, now=call.now)


def _outcome(replanned: services.Replanned) -> dict[str, Any]:
    return {
        "moved": [{"allocation_id": str(old), "replaced_by_id": str(new)} for old, new in replanned.moved.items()],
        "released": [str(allocation_id) for allocation_id in replanned.released],
    }
