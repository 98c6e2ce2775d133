"""The queue behind a held car over HTTP: one's own places and offers; managers see all, in their order."""

from datetime import datetime
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.response import Response

from core.db import database_now
from gateway.access.permissions import IsManager, IsSignedIn, require_verified_email
from gateway.api import ApiViewSet
from gateway.writes import Call, write
from orders import services
from orders.models import LIVE, PlaceState, QueuePlace
from orders.queries.reading import OrderDocument, read_order
from orders.services import Actor, ProductLine


class QueueInput(serializers.Serializer):
    """The car to wait for."""

    product_id = serializers.UUIDField()


class SkipInput(serializers.Serializer):
    """Why somebody is taken out of the queue; they are told."""

    reason = serializers.CharField(max_length=1000)


class QueuePlaceSerializer(serializers.ModelSerializer):
    """A place in a queue. `ahead` counts who comes before it, `order_id` is the order that took the offer.

    `customer_id` is for staff: nobody else learns who waits.
    """

    ahead = serializers.SerializerMethodField()
    order_id = serializers.SerializerMethodField()
    customer_id = serializers.SerializerMethodField()

    class Meta:
        model = QueuePlace
        fields = [
            "id", "product_id", "name", "state", "ahead", "joined_at", "offer_expires_at", "order_id", "customer_id",
            "reason", "ended_at", "version",
        ]  # fmt: skip
        read_only_fields = fields

    def get_ahead(self, place: QueuePlace) -> int | None:
        return getattr(place, "ahead", 0) if place.state in LIVE else None

    def get_order_id(self, place: QueuePlace) -> UUID | None:
        return place.offer_id if place.state == PlaceState.TAKEN else None

    def get_customer_id(self, place: QueuePlace) -> UUID | None:
        return place.customer_id if self.context.get("is_staff") else None


class QueueFilter(django_filters.FilterSet):
    """By car and state."""

    product_id = django_filters.UUIDFilter()
    state = django_filters.MultipleChoiceFilter(choices=PlaceState.choices)

    class Meta:
        model = QueuePlace
        fields: list[str] = []


class QueueViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """One's own places in queues; managers see everybody's."""

    permission_classes = [IsSignedIn]
    idempotent_on = "orders"
    serializer_class = QueuePlaceSerializer
    filterset_class = QueueFilter
    queryset = QueuePlace.objects.none()
    ordering = "-joined_at"
    ordering_fields = {"joined_at": "joined_at"}
    throttle_scopes = {"create": "order_create", "accept": "order_create"}

    def get_queryset(self) -> QuerySet[QueuePlace]:
        found = QueuePlace.objects.with_ahead()
        return found if self.principal.is_staff else found.filter(customer_id=self.principal.id)

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "is_staff": self.principal.is_staff}

    def now(self) -> datetime:
        return database_now("orders")

    @write(request=QueueInput, responses={201: QueuePlaceSerializer}, once="orders.queue")
    def create(self, call: Call) -> QueuePlace:
        """Wait for a car that somebody else holds; it is offered in the order of joining."""
        require_verified_email(call.principal)
        return _shown(services.join_queue(customer_id=call.actor_id, now=call.now, **call.body))

    @action(detail=True, methods=["post"])
    @write(responses=QueuePlaceSerializer)
    def leave(self, call: Call, pk: UUID) -> QueuePlace:
        """Give up one's place; an offer is declined by it."""
        return _shown(services.leave_queue(place_id=pk, customer_id=call.actor_id, now=call.now))

    @action(detail=True, methods=["post"])
    @write(responses={201: OrderDocument}, once="orders.queue_accept")
    def accept(self, call: Call, pk: UUID) -> Response:
        """Order the car that is offered; how it is paid is said later. `POST /orders` with it does the same."""
        require_verified_email(call.principal)
        place = services.require_offer(place_id=pk, customer_id=call.actor_id, now=call.now)
        order = services.place_order(
            customer_id=call.actor_id,
            actor=Actor(call.actor_id, call.principal.roles),
            lines=[ProductLine(place.product_id, 1)],
            now=call.now,
        )
        shown = read_order(order.id, viewer_id=call.actor_id, is_staff=call.principal.is_staff)
        return Response(shown, status=201)

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=SkipInput, responses=QueuePlaceSerializer)
    def skip(self, call: Call, pk: UUID) -> QueuePlace:
        """Take somebody out of a queue, with the reason; the next is asked."""
        actor = Actor(call.actor_id, call.principal.roles)
        return _shown(services.skip_place(place_id=pk, actor=actor, now=call.now, **call.body))


def _shown(place: QueuePlace) -> QueuePlace:
    return QueuePlace.objects.with_ahead().get(pk=place.pk)
