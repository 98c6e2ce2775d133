"""Test drives over HTTP."""

from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request

from accounts.public import require_person
from core.errors import Forbidden
from gateway.access.permissions import IsManager, IsSignedIn, ReadByAnyone
from gateway.api import ApiViewSet
from gateway.requests.strict_input import on_the_clock
from gateway.responses.calendars import send_calendar
from gateway.writes import Call, write
from showroom import services
from showroom.api.filters import DriveCarFilter, DriveFilter
from showroom.api.serializers import (
    CancelInput,
    DriveCarSerializer,
    DriveInput,
    DriveSerializer,
    HandOverInput,
    TakeBackInput,
)
from showroom.models import Drive, DriveCar
from showroom.queries.calendars import drive_calendar


class DriveCarViewSet(mixins.ListModelMixin, ApiViewSet):
    """Cars one can test."""

    permission_classes = [ReadByAnyone]
    queryset = DriveCar.objects.filter(is_available=True)
    serializer_class = DriveCarSerializer
    filterset_class = DriveCarFilter
    ordering = "name"
    ordering_fields = {"name": "name"}


class DriveViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """Test drives: a client's own, or all of them for managers."""

    permission_classes = [IsSignedIn]
    idempotent_on = "showroom"
    queryset = Drive.objects.all()
    serializer_class = DriveSerializer
    filterset_class = DriveFilter
    ordering = "-starts_at"
    ordering_fields = {"start_time": "starts_at", "created_at": "created_at"}

    def get_queryset(self) -> QuerySet[Drive]:
        drives = Drive.objects.all()
        return drives if self.principal.is_staff else drives.filter(user_id=self.principal.id)

    @write(request=DriveInput, responses={201: DriveSerializer}, once="request_drive")
    def create(self, call: Call) -> Drive:
        """Ask for a car; `status` turns to confirmed or refused within moments."""
        car = DriveCar.objects.filter(pk=call.body["car_id"]).first()
        zone = car.time_zone if car else settings.DEALER_TIME_ZONE
        given = on_the_clock(call.body, zone, "start_time", "end_time")
        customer_id = given.get("customer_id", call.actor_id)
        if customer_id != call.actor_id and not call.principal.is_staff:
            raise Forbidden
        if customer_id != call.actor_id:
            require_person(customer_id, "customer_id")
        return services.request_drive(
            user_id=customer_id,
            car_id=given["car_id"],
            start=given["start_time"],
            end=given["end_time"],
            contact=services.Contact(phone=given["phone"], comment=given["comment"]),
            is_staff=call.principal.is_staff,
            now=call.now,
        )

    @action(detail=True, methods=["post"])
    @write(request=CancelInput, responses=DriveSerializer)
    def cancel(self, call: Call, pk: UUID) -> Drive:
        """Give it up; clients before it begins."""
        return services.cancel_drive(
            drive_id=pk,
            reason=call.body["reason"],
            user_id=call.owner_id,
            expected_version=call.expected_version,
            now=call.now,
        )

    @action(detail=True, methods=["post"], url_path="hand-over", permission_classes=[IsManager])
    @write(request=HandOverInput, responses=DriveSerializer)
    def hand_over(self, call: Call, pk: UUID) -> Drive:
        """Let the car leave: licence checked, waiver signed, odometer read."""
        return services.hand_over(
            drive_id=pk,
            checked=services.HandOver(**call.body),
            by=call.actor_id,
            expected_version=call.expected_version,
            now=call.now,
        )

    @action(detail=True, methods=["post"], url_path="take-back", permission_classes=[IsManager])
    @write(request=TakeBackInput, responses=DriveSerializer)
    def take_back(self, call: Call, pk: UUID) -> Drive:
        """Take the car back."""
        return services.take_back(
            drive_id=pk, seen=services.Return(**call.body), expected_version=call.expected_version, now=call.now
        )

    @action(detail=True, methods=["post"], url_path="no-show", permission_classes=[IsManager])
    @write(responses=DriveSerializer)
    def no_show(self, call: Call, pk: UUID) -> Drive:
        """Note that nobody came."""
        return services.record_no_show(drive_id=pk, expected_version=call.expected_version, now=call.now)

    @extend_schema(responses={(200, "text/calendar"): OpenApiTypes.STR}, filters=False)
    @action(detail=True, methods=["get"])
    def calendar(self, request: Request, pk: UUID) -> HttpResponse:
        """The test drive as an iCalendar file."""
        return send_calendar(drive_calendar(self.get_object()))
