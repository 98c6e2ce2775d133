"""Test drives over HTTP."""

from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.public import require_person
from core.errors import Forbidden
from gateway.access.permissions import IsManager, IsSignedIn, ReadByAnyone
from gateway.api import ApiViewSet
from gateway.requests.strict_input import on_the_clock
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
from showroom.api.views import ics
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

    @extend_schema(request=DriveInput, responses={201: DriveSerializer})
    def create(self, request: Request) -> HttpResponse:
        """Ask for a car; `status` turns to confirmed or refused within moments."""
        return self.once("request_drive", self._create)

    def _create(self) -> Response:
        given = self.valid(DriveInput)
        car = DriveCar.objects.filter(pk=given["car_id"]).first()
        given = on_the_clock(given, car.time_zone if car else settings.DEALER_TIME_ZONE, "start_time", "end_time")
        customer_id = given.get("customer_id", self.principal.id)
        if customer_id != self.principal.id and not self.principal.is_staff:
            raise Forbidden
        if customer_id != self.principal.id:
            require_person(customer_id, "customer_id")
        drive = services.request_drive(
            user_id=customer_id,
            car_id=given["car_id"],
            start=given["start_time"],
            end=given["end_time"],
            contact=services.Contact(phone=given["phone"], comment=given["comment"]),
            is_staff=self.principal.is_staff,
            now=timezone.now(),
        )
        return Response(DriveSerializer(drive).data, status=201)

    @extend_schema(request=CancelInput, responses=DriveSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Give it up; clients before it begins."""
        drive_id, expected = self.matched()
        drive = services.cancel_drive(
            drive_id=drive_id,
            reason=self.valid(CancelInput)["reason"],
            user_id=None if self.principal.is_staff else self.principal.id,
            expected_version=expected,
            now=timezone.now(),
        )
        return Response(DriveSerializer(drive).data)

    @extend_schema(request=HandOverInput, responses=DriveSerializer)
    @action(detail=True, methods=["post"], url_path="hand-over", permission_classes=[IsManager])
    def hand_over(self, request: Request, pk: UUID) -> Response:
        """Let the car leave: licence checked, waiver signed, odometer read."""
        drive_id, expected = self.matched()
        drive = services.hand_over(
            drive_id=drive_id,
            checked=services.HandOver(**self.valid(HandOverInput)),
            by=self.principal.id,
            expected_version=expected,
            now=timezone.now(),
        )
        return Response(DriveSerializer(drive).data)

    @extend_schema(request=TakeBackInput, responses=DriveSerializer)
    @action(detail=True, methods=["post"], url_path="take-back", permission_classes=[IsManager])
    def take_back(self, request: Request, pk: UUID) -> Response:
        """Take the car back."""
        drive_id, expected = self.matched()
        drive = services.take_back(
            drive_id=drive_id, **self.valid(TakeBackInput), expected_version=expected, now=timezone.now()
        )
        return Response(DriveSerializer(drive).data)

    @extend_schema(request=None, responses=DriveSerializer)
    @action(detail=True, methods=["post"], url_path="no-show", permission_classes=[IsManager])
    def no_show(self, request: Request, pk: UUID) -> Response:
        """Note that nobody came."""
        drive_id, expected = self.matched()
        drive = services.note_no_show(drive_id=drive_id, expected_version=expected, now=timezone.now())
        return Response(DriveSerializer(drive).data)

    @extend_schema(responses={(200, "text/calendar"): OpenApiTypes.STR}, filters=False)
    @action(detail=True, methods=["get"])
    def calendar(self, request: Request, pk: UUID) -> HttpResponse:
        """The test drive as an iCalendar file."""
        return ics(drive_calendar(self.get_object()))
