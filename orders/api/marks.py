"""Codes of marked goods over HTTP: staff scan them before the handover."""

from uuid import UUID

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import NotFound
from core.ids import UUID_PATTERN
from gateway.access.permissions import IsManager
from gateway.api import ApiViewSet
from gateway.requests.filtering import refuse_unknown
from gateway.writes import Call, write
from orders import services
from orders.queries.marks import OrderMarks, read_marks
from orders.services import Actor
from orders.services.marking import MOST


class MarksInput(serializers.Serializer):
    """Codes of pieces of one line, as a scanner types them, with their separators (U+001D)."""

    line_id = serializers.UUIDField()
    codes = serializers.ListField(
        child=serializers.CharField(max_length=300, trim_whitespace=False), min_length=1, max_length=MOST
    )


class MarkActions(ApiViewSet):
    """Codes of marked goods under an order's own path."""

    @extend_schema(responses=OrderMarks)
    @action(detail=True, methods=["get"], permission_classes=[IsManager], filterset_class=None)
    def marks(self, request: Request, pk: UUID) -> Response:
        """List the marked lines with the codes of their pieces, and how many have none yet."""
        refuse_unknown(request, set())
        if not self.get_queryset().filter(pk=pk).exists():
            raise NotFound
        return _show(pk)

    @marks.mapping.post
    @write(request=MarksInput, responses=OrderMarks)
    def enter_marks(self, call: Call, pk: UUID) -> Response:
        """Give pieces of a line their codes; those that it has already change nothing."""
        services.enter_marks(
            order_id=pk,
            actor=Actor(call.actor_id, call.principal.roles),
            expected_version=call.expected_version,
            now=call.now,
            **call.body,
        )
        return _show(pk)

    @action(
        detail=True,
        methods=["delete"],
        url_path=f"marks/(?P<mark_id>{UUID_PATTERN})",
        url_name="mark",
        permission_classes=[IsManager],
    )
    @write(responses=OrderMarks)
    def remove_mark(self, call: Call, pk: UUID, mark_id: UUID) -> Response:
        """Take a code off its piece; another may be entered then, and it may be sold with another order."""
        services.remove_mark(
            order_id=pk,
            mark_id=mark_id,
            actor=Actor(call.actor_id, call.principal.roles),
            expected_version=call.expected_version,
            now=call.now,
        )
        return _show(pk)


def _show(order_id: UUID) -> Response:
    return Response(msgspec.to_builtins(read_marks(order_id)))
