"""The live feed over plain HTTP: the log of changes page by page, and in slices for readers of event streams."""

from typing import Any
from uuid import UUID

import msgspec
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import InvalidInput, NotFound
from core.ids import find_uuid
from gateway.access.permissions import IsSignedIn
from gateway.api import ApiViewSet
from gateway.requests.filtering import refuse_unknown
from gateway.requests.pagination import MAX_PAGE_SIZE, PAGE_SIZE, PAGE_SIZE_SCHEMA
from gateway.responses.rendering import JSONRenderer
from messaging.feeds.feed import is_kept, read_head
from messaging.feeds.server_events import RETRY_MS, frame
from messaging.feeds.sockets import as_position
from orders.errors import ResyncRequired
from orders.queries.feed import (
    FeedItem,
    ManyOrders,
    OneOrderByPosition,
    StatusMessage,
    may_see,
    parse_rows,
    read_log,
    read_log_of_order,
)


class OrderEventPage(msgspec.Struct):
    """Changes after `after`, oldest first; everything up to `position` has been told, so go on from there."""

    next: str | None
    previous: str | None
    results: list[StatusMessage]
    position: int


class EventStreamRenderer(BaseRenderer):
    """`text/event-stream`: the view has written it already."""

    media_type = "text/event-stream"
    format = "events"
    charset = "utf-8"
    render_style = "text"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """Encode the text."""
        return str(data).encode()


class OrderEventsViewSet(ApiViewSet):
    """A client reads the changes of its own orders; managers those of all."""

    permission_classes = [IsSignedIn]
    renderer_classes = [JSONRenderer, EventStreamRenderer]

    @extend_schema(
        responses={200: OrderEventPage, (200, "text/event-stream"): str},
        parameters=[
            OpenApiParameter("after", int, description="Position after which to begin; 0 for the beginning."),
            OpenApiParameter("page_size", PAGE_SIZE_SCHEMA),
            OpenApiParameter("order_id", UUID, description="Changes of one order only."),
            OpenApiParameter("Last-Event-ID", int, OpenApiParameter.HEADER, description="The same as `after`."),
        ],
    )
    def list(self, request: Request) -> Response:
        """Changes of orders after a position, oldest first; with `Accept: text/event-stream` as a stream."""
        refuse_unknown(request, {"after", "order_id"})
        order_id = _order_id(request)
        if order_id is not None and not may_see(order_id, self.principal):
            raise NotFound
        since = _position(request)
        if request.accepted_renderer.media_type == EventStreamRenderer.media_type:
            return Response(self._slice(order_id, since))
        return Response(self._page(request, order_id, since or 0))

    def _page(self, request: Request, order_id: UUID | None, after: int) -> OrderEventPage:
        size = _page_size(request)
        head = read_head("orders")
        if not is_kept("orders", after):
            raise ResyncRequired(current=head)
        rows = (
            read_log(self.principal, after, size + 1)
            if order_id is None
            else read_log_of_order(order_id, after, size + 1)
        )
        shown = parse_rows(rows[:size])
        is_full = len(rows) > size
        reached = _last(shown) if is_full else max(head, _last(shown))
        link = request._request.build_absolute_uri(_query(request, after=reached)) if is_full else None
        results = [item.message for item in shown if isinstance(item.message, StatusMessage)]
        return OrderEventPage(next=link, previous=None, results=results, position=reached)

    def _slice(self, order_id: UUID | None, since: int | None) -> str:
        """Return what the client does not know yet; it comes back in a second for what happens meanwhile."""
        view = ManyOrders(self.principal) if order_id is None else OneOrderByPosition(self.principal, order_id)
        missed = view.read_missed(since) if since is not None else None
        lines = [f"retry: {RETRY_MS}\n\n"]
        if missed is None:
            lines += [frame('{"type":"resync_required"}')] if since is not None else []
            text = view.read_snapshot()
            lines.append(frame(text, view.position))
        return "".join([*lines, *(frame(item.text, item.position) for item in missed or ())])


def _last(shown: list[FeedItem]) -> int:
    return (shown[-1].position or 0) if shown else 0


def _query(request: Request, **changes: Any) -> str:
    query = request.query_params.copy()
    for name, value in changes.items():
        query[name] = str(value)
    return f"?{query.urlencode()}"


def _position(request: Request) -> int | None:
    given = request.headers.get("Last-Event-ID") or request.query_params.get("after")
    if given is None:
        return None
    position = as_position(given)
    if position is None:
        raise InvalidInput("after", "invalid", _("A whole number, 0 or above."))
    return position


def _page_size(request: Request) -> int:
    given = request.query_params.get("page_size", str(PAGE_SIZE))
    if not given.isdecimal() or not given.isascii() or len(given) > 3 or not 1 <= int(given) <= MAX_PAGE_SIZE:
        raise InvalidInput("page_size", "invalid", _("A whole number from 1 to %(most)s.") % {"most": MAX_PAGE_SIZE})
    return int(given)


def _order_id(request: Request) -> UUID | None:
    given = request.query_params.get("order_id")
    found = find_uuid(given) if given is not None else None
    if given is not None and found is None:
        raise InvalidInput("order_id", "invalid", _("An order's id."))
    return found
