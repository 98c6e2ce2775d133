"""The queue behind a held car over HTTP: one's own places and offers; managers see all, in their order."""

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.db import database_now
from gateway.access.permissions import IsManager, IsSignedIn, require_verified_email
from gateway.api import ApiViewSet
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

    @extend_schema(request=QueueInput, responses={201: QueuePlaceSerializer})
    def create(self, request: Request) -> HttpResponse:
        """Wait for a car that somebody else holds; it is offered in the order of joining."""
        return self.once("orders.queue", self._join)

    def _join(self) -> Response:
        require_verified_email(self.principal)
        place = services.join_queue(customer_id=self.principal.id, now=database_now("orders"), **self.valid(QueueInput))
        return self._shown(place, status=201)

    @extend_schema(request=None, responses=QueuePlaceSerializer)
    @action(detail=True, methods=["post"])
    def leave(self, request: Request, pk: UUID) -> Response:
        """Give up one's place; an offer is declined by it."""
        place = services.leave_queue(place_id=pk, customer_id=self.principal.id, now=database_now("orders"))
        return self._shown(place)

    @extend_schema(request=None, responses={201: OrderDocument})
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: UUID) -> HttpResponse:
        """Order the car that is offered; how it is paid is said later. `POST /orders` with it does the same."""
        return self.once("orders.queue_accept", self._accept)

    def _accept(self) -> Response:
        require_verified_email(self.principal)
        now = database_now("orders")
        place = services.require_offer(place_id=self.kwargs["pk"], customer_id=self.principal.id, now=now)
        order = services.place_order(
            customer_id=self.principal.id,
            actor=Actor(self.principal.id, self.principal.roles),
            lines=[ProductLine(place.product_id, 1)],
            now=now,
        )
        shown = read_order(order.id, viewer_id=self.principal.id, is_staff=self.principal.is_staff)
        return Response(shown, status=201)

    @extend_schema(request=SkipInput, responses=QueuePlaceSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def skip(self, request: Request, pk: UUID) -> Response:
        """Take somebody out of a queue, with the reason; the next is asked."""
        place = services.skip_place(
            place_id=pk,
            actor=Actor(self.principal.id, self.principal.roles),
            now=database_now("orders"),
            **self.valid(SkipInput),
        )
        return self._shown(place)

    def _shown(self, place: QueuePlace, status: int = 200) -> Response:
        found = QueuePlace.objects.with_ahead().get(pk=place.pk)
        return Response(QueuePlaceSerializer(found, context=self.get_serializer_context()).data, status=status)
