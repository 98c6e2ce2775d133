"""Happenings, their categories and registrations over HTTP."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.access.permissions import IsManager, IsSignedIn, ReadByAnyone
from gateway.api import ApiViewSet
from gateway.approvals.views import may_wait
from gateway.requests.strict_input import on_the_clock
from payments.commands import Means
from payments.public import require_method
from showroom import services
from showroom.api.filters import EventCategoryFilter, HappeningFilter, RegistrationFilter
from showroom.api.serializers import (
    CancelInput,
    CheckInInput,
    EventCategoryInput,
    EventCategorySerializer,
    HappeningChange,
    HappeningInput,
    HappeningSerializer,
    PayInput,
    RegistrationSerializer,
)
from showroom.errors import HappeningNotFound
from showroom.models import EventCategory, Happening, HappeningStatus, Registration
from showroom.queries.calendars import happening_calendar


class _ShowroomViewSet(ApiViewSet):
    permission_classes = [ReadByAnyone | IsManager]
    idempotent_on = "showroom"


class EventCategoryViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, _ShowroomViewSet):
    """Kinds of happenings: anyone may read them, managers write them."""

    queryset = EventCategory.objects.all()
    serializer_class = EventCategorySerializer
    filterset_class = EventCategoryFilter
    ordering = "name"
    ordering_fields = {"name": "name", "created_at": "created_at"}

    @extend_schema(request=EventCategoryInput, responses={201: EventCategorySerializer})
    def create(self, request: Request) -> HttpResponse:
        return self.once("add_category", self._create)

    def _create(self) -> Response:
        category = services.add_category(fields=self.valid(EventCategoryInput), now=timezone.now())
        return Response(EventCategorySerializer(category).data, status=201)

    @extend_schema(request=EventCategoryInput, responses=EventCategorySerializer)
    def update(self, request: Request, pk: UUID) -> Response:
        return self._update(self.valid(EventCategoryInput))

    @extend_schema(request=EventCategoryInput(partial=True), responses=EventCategorySerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        return self._update(self.valid(EventCategoryInput, partial=True))

    def _update(self, changes: Any) -> Response:
        category_id, expected = self.matched()
        category = services.update_category(category_id=category_id, changes=changes, expected_version=expected)
        return Response(EventCategorySerializer(category).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        category_id, expected = self.matched()
        services.delete_category(category_id=category_id, expected_version=expected)
        return Response(status=204)


class HappeningViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, _ShowroomViewSet):
    """Happenings and test-drive days that clients register for: anyone may read them, managers write them."""

    queryset = Happening.objects.present()
    serializer_class = HappeningSerializer
    filterset_class = HappeningFilter
    ordering = "starts_at"
    ordering_fields = {"start_date": "starts_at", "created_at": "created_at"}

    @extend_schema(request=HappeningInput, responses={201: HappeningSerializer})
    def create(self, request: Request) -> HttpResponse:
        return self.once("announce_happening", self._create)

    def _create(self) -> Response:
        given = self.valid(HappeningInput)
        fields = on_the_clock(given, given.get("time_zone", settings.DEALER_TIME_ZONE), "starts_at", "ends_at")
        happening = services.announce_happening(fields=fields, now=timezone.now())
        return Response(HappeningSerializer(happening).data, status=201)

    @extend_schema(request=HappeningChange, responses=HappeningSerializer)
    def update(self, request: Request, pk: UUID) -> Response:
        return self._update(self.valid(HappeningChange))

    @extend_schema(request=HappeningChange(partial=True), responses=HappeningSerializer)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        return self._update(self.valid(HappeningChange, partial=True))

    def _update(self, changes: Any) -> Response:
        status, reason = changes.pop("status", None), changes.pop("reason", "")
        if status == HappeningStatus.CANCELLED:
            return self._cancel(reason)
        happening_id, expected = self.matched()
        zone = changes.get("time_zone") or self.get_object().time_zone
        happening = services.update_happening(
            happening_id=happening_id,
            changes=on_the_clock(changes, zone, "starts_at", "ends_at"),
            expected_version=expected,
            now=timezone.now(),
        )
        return Response(HappeningSerializer(happening).data)

    @extend_schema(request=CancelInput, responses=HappeningSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Call a happening off; everybody registered is told."""
        return self._cancel(self.valid(CancelInput)["reason"])

    def _cancel(self, reason: str) -> Response:
        happening_id, expected = self.matched()
        happening = services.cancel_happening(
            happening_id=happening_id, reason=reason, expected_version=expected, now=timezone.now()
        )
        return Response(HappeningSerializer(happening).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Delete a happening; one that has not ended is called off first."""
        happening_id, expected = self.matched()
        services.delete_happening(happening_id=happening_id, expected_version=expected, now=timezone.now())
        return Response(status=204)

    @extend_schema(responses={(200, "text/calendar"): OpenApiTypes.STR}, filters=False)
    @action(detail=True, methods=["get"], permission_classes=[ReadByAnyone])
    def calendar(self, request: Request, pk: UUID) -> HttpResponse:
        """The happening as an iCalendar file, on the wall clock of its place."""
        return ics(happening_calendar(self.get_object()))

    @extend_schema(request=CheckInInput, responses=RegistrationSerializer)
    @action(detail=True, methods=["post"], url_path="check-in", permission_classes=[IsManager])
    def check_in(self, request: Request, pk: UUID) -> Response:
        """Let a guest in by the code of their seat."""
        code = self.valid(CheckInInput)["code"]
        registration = services.check_in(happening_id=self.get_object().id, code=code, now=timezone.now())
        return Response(RegistrationSerializer(registration).data)

    @extend_schema(request=None, responses={201: RegistrationSerializer})
    @action(detail=True, methods=["post"], permission_classes=[IsSignedIn])
    def register(self, request: Request, pk: UUID) -> HttpResponse:
        """Take a seat, or a place in the waiting list when none is free."""
        return self.once("register", self._register)

    def _register(self) -> Response:
        registration = services.register(
            happening_id=self.get_object().id, user_id=self.principal.id, now=timezone.now()
        )
        return Response(RegistrationSerializer(registration).data, status=201)


@extend_schema(parameters=[OpenApiParameter("event_id", OpenApiTypes.UUID, OpenApiParameter.PATH)])
class RegistrationViewSet(mixins.ListModelMixin, _ShowroomViewSet):
    """Registrations of one happening: a client's own, or all of them for managers."""

    permission_classes = [IsSignedIn]
    queryset = Registration.objects.all()
    serializer_class = RegistrationSerializer
    filterset_class = RegistrationFilter
    ordering = "created_at"
    ordering_fields = {"created_at": "created_at"}

    def get_queryset(self) -> QuerySet[Registration]:
        registrations = Registration.objects.filter(happening_id=self._happening_id())
        return registrations if self.principal.is_staff else registrations.filter(user_id=self.principal.id)

    def _happening_id(self) -> UUID:
        try:
            return Happening.objects.present().values_list("id", flat=True).get(pk=self.kwargs["event_id"])
        except Happening.DoesNotExist as error:
            raise HappeningNotFound from error

    @extend_schema(responses=may_wait(None, 204))
    def destroy(self, request: Request, event_id: UUID, pk: UUID) -> Response:
        """Give up a seat or a place in the waiting list; a paid seat of somebody else's may need a second person."""
        person_id, registration_id = self.principal.id, pk
        is_own = Registration.objects.filter(pk=registration_id, user_id=person_id).exists()
        is_guest = is_own or not self.principal.is_staff
        services.cancel_registration(
            happening_id=self._happening_id(),
            registration_id=registration_id,
            user_id=person_id if is_guest else None,
            maker_id=None if is_guest else person_id,
            now=timezone.now(),
        )
        return Response(status=204)

    @extend_schema(request=None, responses=RegistrationSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, event_id: UUID, pk: UUID) -> Response:
        """Take the seat that is kept for you."""
        registration = services.accept_offer(
            happening_id=self._happening_id(),
            registration_id=pk,
            user_id=None if self.principal.is_staff else self.principal.id,
            now=timezone.now(),
        )
        return Response(RegistrationSerializer(registration).data)

    @extend_schema(request=PayInput, responses={202: RegistrationSerializer})
    @action(detail=True, methods=["post"])
    def pay(self, request: Request, event_id: UUID, pk: UUID) -> HttpResponse:
        """Pay for the seat that is kept for you; `payment_state` says how it goes."""
        return self.once("pay_seat", lambda: self._pay(pk))

    def _pay(self, registration_id: UUID) -> Response:
        means = Means(**self.valid(PayInput))
        person_id = self.principal.id
        if means.payment_method_id is not None:
            require_method(
                means.payment_method_id,
                method=means.method,
                caller_id=person_id,
                customer_id=person_id,
                field="payment_method_id",
            )
        registration = services.pay_seat(
            happening_id=self._happening_id(),
            registration_id=registration_id,
            user_id=person_id,
            means=means,
            now=timezone.now(),
        )
        return Response(RegistrationSerializer(registration).data, status=202)


def ics(content: bytes) -> HttpResponse:
    """A calendar file to download."""
    answer = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="event.ics"'
    return answer
