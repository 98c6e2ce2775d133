"""Happenings, their categories and registrations over HTTP."""

from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request

from gateway.access.permissions import IsManager, IsSignedIn, ReadByAnyone
from gateway.api import ApiViewSet
from gateway.approvals.views import may_wait
from gateway.requests.strict_input import on_the_clock
from gateway.responses.calendars import send_calendar
from gateway.writes import Call, write
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

    @write(request=EventCategoryInput, responses={201: EventCategorySerializer}, once="add_category")
    def create(self, call: Call) -> EventCategory:
        return services.add_category(fields=call.body, now=call.now)

    @write(request=EventCategoryInput, responses=EventCategorySerializer)
    def update(self, call: Call, pk: UUID) -> EventCategory:
        return services.update_category(category_id=pk, changes=call.body, expected_version=call.expected_version)

    @write(request=EventCategoryInput(partial=True), responses=EventCategorySerializer)
    def partial_update(self, call: Call, pk: UUID) -> EventCategory:
        return services.update_category(category_id=pk, changes=call.body, expected_version=call.expected_version)

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        services.delete_category(category_id=pk, expected_version=call.expected_version)


class HappeningViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, _ShowroomViewSet):
    """Happenings and test-drive days that clients register for: anyone may read them, managers write them."""

    queryset = Happening.objects.present()
    serializer_class = HappeningSerializer
    filterset_class = HappeningFilter
    ordering = "starts_at"
    ordering_fields = {"start_date": "starts_at", "created_at": "created_at"}

    @write(request=HappeningInput, responses={201: HappeningSerializer}, once="announce_happening")
    def create(self, call: Call) -> Happening:
        zone = call.body.get("time_zone", settings.DEALER_TIME_ZONE)
        return services.announce_happening(fields=on_the_clock(call.body, zone, "starts_at", "ends_at"), now=call.now)

    @write(request=HappeningChange, responses=HappeningSerializer)
    def update(self, call: Call, pk: UUID) -> Happening:
        return self._update(call, pk)

    @write(request=HappeningChange(partial=True), responses=HappeningSerializer)
    def partial_update(self, call: Call, pk: UUID) -> Happening:
        return self._update(call, pk)

    def _update(self, call: Call, pk: UUID) -> Happening:
        changes = dict(call.body)
        status, reason = changes.pop("status", None), changes.pop("reason", "")
        if status == HappeningStatus.CANCELLED:
            return self._cancel(call, pk, reason)
        zone = changes.get("time_zone") or self.get_object().time_zone
        return services.update_happening(
            happening_id=pk,
            changes=on_the_clock(changes, zone, "starts_at", "ends_at"),
            expected_version=call.expected_version,
            now=call.now,
        )

    @action(detail=True, methods=["post"])
    @write(request=CancelInput, responses=HappeningSerializer)
    def cancel(self, call: Call, pk: UUID) -> Happening:
        """Call a happening off; everybody registered is told."""
        return self._cancel(call, pk, call.body["reason"])

    def _cancel(self, call: Call, pk: UUID, reason: str) -> Happening:
        return services.cancel_happening(
            happening_id=pk, reason=reason, expected_version=call.expected_version, now=call.now
        )

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        """Delete a happening; one that has not ended is called off first."""
        services.delete_happening(happening_id=pk, expected_version=call.expected_version, now=call.now)

    @extend_schema(responses={(200, "text/calendar"): OpenApiTypes.STR}, filters=False)
    @action(detail=True, methods=["get"], permission_classes=[ReadByAnyone])
    def calendar(self, request: Request, pk: UUID) -> HttpResponse:
        """The happening as an iCalendar file, on the wall clock of its place."""
        return send_calendar(happening_calendar(self.get_object()))

    @action(detail=True, methods=["post"], url_path="check-in", permission_classes=[IsManager])
    @write(request=CheckInInput, responses=RegistrationSerializer)
    def check_in(self, call: Call, pk: UUID) -> Registration:
        """Let a guest in by the code of their seat."""
        return services.check_in(happening_id=self.get_object().id, code=call.body["code"], now=call.now)

    @action(detail=True, methods=["post"], permission_classes=[IsSignedIn])
    @write(responses={201: RegistrationSerializer}, once="register")
    def register(self, call: Call, pk: UUID) -> Registration:
        """Take a seat, or a place in the waiting list when none is free."""
        return services.register(happening_id=self.get_object().id, user_id=call.actor_id, now=call.now)


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

    @write(responses=may_wait(None, 204))
    def destroy(self, call: Call, event_id: UUID, pk: UUID) -> None:
        """Give up a seat or a place in the waiting list; a paid seat of somebody else's may need a second person."""
        is_own = Registration.objects.filter(pk=pk, user_id=call.actor_id).exists()
        is_guest = is_own or not call.principal.is_staff
        services.cancel_registration(
            happening_id=self._happening_id(),
            registration_id=pk,
            user_id=call.actor_id if is_guest else None,
            maker_id=None if is_guest else call.actor_id,
            now=call.now,
        )

    @action(detail=True, methods=["post"])
    @write(responses=RegistrationSerializer)
    def accept(self, call: Call, event_id: UUID, pk: UUID) -> Registration:
        """Take the seat that is kept for you."""
        return services.accept_offer(
            happening_id=self._happening_id(), registration_id=pk, user_id=call.owner_id, now=call.now
        )

    @action(detail=True, methods=["post"])
    @write(request=PayInput, responses={202: RegistrationSerializer}, once="pay_seat")
    def pay(self, call: Call, event_id: UUID, pk: UUID) -> Registration:
        """Pay for the seat that is kept for you; `payment_state` says how it goes."""
        means = Means(**call.body)
        if means.payment_method_id is not None:
            require_method(
                means.payment_method_id,
                method=means.method,
                caller_id=call.actor_id,
                customer_id=call.actor_id,
                field="payment_method_id",
            )
        return services.pay_seat(
            happening_id=self._happening_id(),
            registration_id=pk,
            user_id=call.actor_id,
            means=means,
            now=call.now,
        )
