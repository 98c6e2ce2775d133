"""Messages of an order over HTTP: its buyer's and the staff's."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.access.permissions import IsManager
from gateway.api import ApiViewSet
from gateway.requests.filtering import refuse_unknown
from gateway.requests.pagination import CursorPagination
from gateway.writes import Call, write
from orders import services
from orders.models import OrderMessage
from orders.models.messages import LONGEST
from orders.queries.messages import find_visible, is_read, list_messages
from orders.services import Actor


class MessageInput(serializers.Serializer):
    """Plain text for the other side: it is shown as it was typed, and no markup is followed."""

    text = serializers.CharField(max_length=LONGEST)


class ReadInput(serializers.Serializer):
    """Number of the last message that was read."""

    until = serializers.IntegerField(min_value=0, max_value=2_147_483_647)


class MessageSerializer(serializers.ModelSerializer):
    """A message; `is_read` tells whether the side it was written to has read it. Staff alone see who wrote."""

    is_read = serializers.SerializerMethodField()
    author_id = serializers.SerializerMethodField()
    author_name = serializers.SerializerMethodField()

    class Meta:
        model = OrderMessage
        fields = ["id", "number", "side", "text", "sent_at", "is_read", "author_id", "author_name"]
        read_only_fields = fields

    def get_is_read(self, message: OrderMessage) -> bool:
        return is_read(message)

    def get_author_id(self, message: OrderMessage) -> UUID | None:
        return message.author_id if self.context["is_staff"] else None

    def get_author_name(self, message: OrderMessage) -> str | None:
        told: dict[str, str] = getattr(message, "told", None) or {}
        return told.get("name", "") if self.context["is_staff"] else None


class ThreadSerializer(serializers.Serializer):
    """Numbers up to which each side of an order has read, and since when its buyer waits for an answer."""

    last_number = serializers.IntegerField()
    buyer_read = serializers.IntegerField()
    staff_read = serializers.IntegerField()
    waiting_since = serializers.DateTimeField(allow_null=True)


class InTheirOrder(CursorPagination):
    """The newest first."""

    fixed_ordering = "-number"
    ordering = "-number"


class MessageActions(ApiViewSet):
    """Messages between the buyer of an order and the staff."""

    @extend_schema(responses=MessageSerializer(many=True))
    @action(
        detail=True, methods=["get"], filterset_class=None, ordering=("-number",), ordering_fields={},
        pagination_class=InTheirOrder,
    )  # fmt: skip
    def messages(self, request: Request, pk: UUID) -> Response:
        """List what was written about the order, the newest first; a client's own orders, or any for staff."""
        refuse_unknown(request, set())
        order = find_visible(pk, viewer_id=self.principal.id, is_staff=self.principal.is_staff)
        page = self.paginate_queryset(list_messages(order))
        return self.get_paginated_response(MessageSerializer(page, many=True, context=self._seen()).data)

    @messages.mapping.post
    @write(request=MessageInput, responses={201: MessageSerializer}, once="orders.message")
    def send_message(self, call: Call, pk: UUID) -> Response:
        """Write to the other side: a buyer to the staff, staff to the buyer, who is told."""
        sent = services.send_message(order_id=pk, actor=self._by(), now=call.now, **call.body)
        shown = list_messages(sent.order).get(pk=sent.pk)
        return Response(MessageSerializer(shown, context=self._seen()).data, status=201)

    @action(detail=True, methods=["post"], url_path="messages/read")
    @write(request=ReadInput, responses=ThreadSerializer)
    def read_messages(self, call: Call, pk: UUID) -> Any:
        """Mark what the other side wrote as read, up to a number."""
        return services.read_messages(order_id=pk, actor=self._by(), **call.body)

    @action(detail=True, methods=["post"], url_path="messages/settle", permission_classes=[IsManager])
    @write(responses=ThreadSerializer)
    def settle_messages(self, call: Call, pk: UUID) -> Any:
        """Say that nothing needs an answer; the buyer does not stand among those who wait any more."""
        return services.settle_thread(order_id=pk, actor=self._by())

    def _by(self) -> Actor:
        return Actor(self.principal.id, self.principal.roles)

    def _seen(self) -> dict[str, Any]:
        return {"is_staff": self.principal.is_staff}
