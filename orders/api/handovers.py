"""The hand-over of an order over HTTP: its free times, and the appointment."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.clock import dealer_day
from core.db import database_now
from core.errors import InvalidInput, NotFound
from gateway.api import ApiViewSet
from gateway.requests.filtering import refuse_unknown
from gateway.responses.calendars import send_calendar
from gateway.writes import Call, write
from orders import services
from orders.models import HandoverAppointment
from orders.queries.handovers import MOST_DAYS, find_appointment, find_asked, handover_calendar, list_slots
from orders.queries.messages import find_visible
from orders.services import Actor


class HandoverSlotSerializer(serializers.Serializer):
    """A time one can choose: [start_time, end_time), in the zone of the clock at its place."""

    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    time_zone = serializers.CharField()


class HandoverSlotsSerializer(serializers.Serializer):
    """Free times of some days, the earliest first."""

    slots = HandoverSlotSerializer(many=True)


class HandoverInput(serializers.Serializer):
    """The time that is chosen, one of those that are free."""

    start_time = serializers.DateTimeField()


class HandoverSerializer(serializers.ModelSerializer):
    """The appointment of an order, or what became of the last one; `moves_to` is the time it is being moved to."""

    start_time = serializers.DateTimeField(source="starts_at", read_only=True)
    end_time = serializers.DateTimeField(source="ends_at", read_only=True)
    moves_to = serializers.SerializerMethodField()

    class Meta:
        model = HandoverAppointment
        fields = [
            "id", "order_id", "state", "start_time", "end_time", "time_zone", "location", "reason", "moves_to",
            "created_at", "updated_at", "version",
        ]  # fmt: skip
        read_only_fields = fields

    def get_moves_to(self, found: HandoverAppointment) -> datetime | None:
        asked = find_asked(found.order_id)
        return asked.starts_at if asked is not None and asked.pk != found.pk else None


class HandoverActions(ApiViewSet):
    """Appointment at which the order is handed over."""

    @extend_schema(
        responses=HandoverSlotsSerializer,
        parameters=[
            OpenApiParameter("date", date, description="The first day, by the dealer's calendar; else today."),
            OpenApiParameter("days", int, description=f"How many days, from 1 to {MOST_DAYS}; else 7."),
        ],
    )
    @action(detail=True, methods=["get"], url_path="handover-slots", filterset_class=None)
    def handover_slots(self, request: Request, pk: UUID) -> Response:
        """List the times at which a place of hand-overs is free; the order's own booking is in nobody's way."""
        refuse_unknown(request, {"date", "days"})
        self._visible(pk)
        now = database_now("orders")
        first = _read_day(request.query_params.get("date"), dealer_day(now))
        slots = list_slots(pk, first, _read_days(request.query_params.get("days")), now=now)
        return Response(HandoverSlotsSerializer({"slots": slots}).data)

    @extend_schema(responses=HandoverSerializer)
    @action(detail=True, methods=["get"], url_path="handover-appointment", filterset_class=None)
    def handover_appointment(self, request: Request, pk: UUID) -> Response:
        """The appointment that stands; without one, what became of the last."""
        refuse_unknown(request, set())
        return Response(HandoverSerializer(self._appointment(pk)).data)

    @handover_appointment.mapping.post
    @write(request=HandoverInput, responses={201: HandoverSerializer}, once="orders.handover")
    def ask_handover(self, call: Call, pk: UUID) -> HandoverAppointment:
        """Choose a time, in exchange for the one there is; `state` turns to confirmed or refused within moments.

        Staff may choose it for the buyer, who is told.
        """
        return services.ask_handover(order_id=pk, start=call.body["start_time"], actor=self._by(), now=call.now)

    @handover_appointment.mapping.delete
    @write(responses={204: None})
    def cancel_handover(self, call: Call, pk: UUID) -> None:
        """Call it off: its buyer until some hours before, staff at any time."""
        services.cancel_handover(order_id=pk, actor=self._by(), now=call.now)

    @extend_schema(responses={(200, "text/calendar"): OpenApiTypes.STR}, filters=False)
    @action(detail=True, methods=["get"], url_path="handover-appointment/calendar", filterset_class=None)
    def handover_file(self, request: Request, pk: UUID) -> HttpResponse:
        """The appointment as an iCalendar file."""
        refuse_unknown(request, set())
        found, order = self._appointment(pk), self._visible(pk)
        title = _("Hand-over of order %(number)s") % {"number": order.number}
        return send_calendar(handover_calendar(found, order.number, title))

    def _by(self) -> Actor:
        return Actor(self.principal.id, self.principal.roles)

    def _visible(self, order_id: UUID) -> Any:
        return find_visible(order_id, viewer_id=self.principal.id, is_staff=self.principal.is_staff)

    def _appointment(self, order_id: UUID) -> HandoverAppointment:
        self._visible(order_id)
        found = find_appointment(order_id)
        if found is None:
            raise NotFound
        return found


def _read_day(given: str | None, today: date) -> date:
    if given is None:
        return today
    try:
        day = date.fromisoformat(given)
    except ValueError as error:
        raise InvalidInput("date", "invalid", _("A day such as 2026-01-31.")) from error
    return min(max(day, today), today + timedelta(days=3660))


def _read_days(given: str | None) -> int:
    if given is None:
        return 7
    if not (given.isascii() and given.isdecimal() and 1 <= int(given) <= MOST_DAYS):
        raise InvalidInput("days", "invalid", _("A whole number from 1 to %(most)s.") % {"most": MOST_DAYS})
    return int(given)
