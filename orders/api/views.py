"""The orders API."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import msgspec
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.public import require_colleague
from core.db import database_now
from core.errors import InvalidInput, NotFound
from core.ids import UUID_PATTERN
from gateway.access.permissions import IsAdmin, IsManager, IsSignedIn, may_see_costs, require_verified_email
from gateway.api import ApiViewSet
from gateway.approvals.views import may_wait
from gateway.document.schema import or_one_of
from gateway.fast_path import Answer, fast_path
from gateway.principal import ADMIN, Principal
from gateway.requests.counted import CountedPagination
from gateway.requests.filtering import StrictFilterBackend, refuse_unknown
from gateway.writes import Call, write
from orders import services
from orders.api.deposits import DepositActions
from orders.api.documents import DocumentActions
from orders.api.filters import OrderFilter
from orders.api.handovers import HandoverActions
from orders.api.inputs import OrderInput, parse_customer, parse_line, parse_terms
from orders.api.marks import MarkActions
from orders.api.messages import MessageActions
from orders.api.papers import PaperActions
from orders.api.registration import RegistrationActions
from orders.api.returns import AskReturn
from orders.api.serializers import (
    AssignInput,
    CancelInput,
    CheckoutSerializer,
    HoldInput,
    OrderEdit,
    PreviewSerializer,
    QuantityInput,
    StatusInput,
    SteeringInput,
    TimelineSerializer,
)
from orders.api.stats import StatsActions
from orders.models import Order, OrderHistory
from orders.queries.cache import find_order
from orders.queries.commissions import with_commissions
from orders.queries.costs import with_costs
from orders.queries.pages import OrderRows
from orders.queries.past import read_order_at
from orders.queries.reading import OrderDocument, OrderPage, read_order, read_orders
from orders.services import Actor, FreeLine, LineChange, ProductLine

POSITIONS = ("id", "created_at", "total_amount")
"""What the place of an order in a list is told by."""


def get_actor(principal: Principal) -> Actor:
    """The caller as the services know it."""
    return Actor(principal.id, principal.roles)


class OrderViewSet(
    StatsActions,
    DocumentActions,
    PaperActions,
    RegistrationActions,
    DepositActions,
    MarkActions,
    AskReturn,
    MessageActions,
    HandoverActions,
    ApiViewSet,
):
    """A client sees its own orders; managers see all."""

    permission_classes = [IsSignedIn]
    filterset_class = OrderFilter
    pagination_class = CountedPagination
    extra_parameters = ("page",)
    ordering = ("-created_at", "-id")
    ordering_fields = {"created_at": "created_at", "total_amount": "total_amount"}
    throttle_scopes = {
        "create": "order_create",
        "document": "files",
        "issue_paper": "files",
        "send_message": "messages",
    }
    queryset = Order.objects.none()
    idempotent_on = "orders"

    def now(self) -> datetime:
        return database_now("orders")

    def get_queryset(self) -> Any:
        orders = Order.objects.filter(deleted_at__isnull=True)
        return orders if self.principal.is_staff else orders.filter(customer_id=self.principal.id)

    @fast_path(request=OrderInput, response=OrderDocument, status=201, scope="order_create", idempotent_on="orders")
    def create(self, request: HttpRequest, principal: Principal, body: OrderInput) -> Answer:
        """Place an order; with `payment` it is paid as soon as its stock is reserved."""
        require_verified_email(principal)
        customer_id = parse_customer(body, principal)
        order = services.place_order(
            customer_id=customer_id,
            actor=get_actor(principal),
            lines=[parse_line(index, item, principal) for index, item in enumerate(body.items)],
            now=database_now("orders"),
            **parse_terms(body, principal, [item.product_id for item in body.items if item.product_id is not None]),
        )
        return answer(order.id, principal, status=201)

    @extend_schema(parameters=[OpenApiParameter("as_of", datetime, description="The order as it stood then.")])
    @fast_path(response=OrderDocument)
    def retrieve(self, request: HttpRequest, principal: Principal, pk: UUID) -> Answer:
        """One order, as it is or as it stood at `as_of`."""
        if "as_of" not in request.GET:
            return answer(pk, principal)
        order = read_order_at(pk, moment(request.GET, "as_of"), viewer_id=principal.id, is_staff=principal.is_staff)
        if order is None:
            raise NotFound
        return Answer(order)

    @fast_path(response=OrderPage)
    def list(self, request: HttpRequest, principal: Principal) -> Answer:
        """Orders, newest first."""
        asked = self.attend(request, principal, {})
        is_filtered = StrictFilterBackend().is_asked(asked, self.queryset, self)
        found = self.filter_queryset(self.get_queryset()).only(*POSITIONS) if is_filtered else None
        orders: Any = self.paginate_queryset(cast(Any, OrderRows(principal.owner_id) if found is None else found))
        if is_filtered:
            orders = read_orders([order.id for order in orders])
        if principal.is_staff:
            bodies = [msgspec.json.encode(order) for order in orders]
            shown = for_staff(bodies, [order.id for order in orders], principal)
            orders = [msgspec.Raw(body) for body in shown]
        return Answer(self.get_paginated_response(orders).data)

    @or_one_of(PreviewSerializer)
    @write(request=OrderEdit, responses=may_wait(OrderDocument))
    def partial_update(self, call: Call, pk: UUID) -> Response:
        """Change the comment or lines: by `id` a new quantity (0 takes it out), otherwise one more line.

        A manager gives lines by `id` a `discount` or a `unit_price`, in a request of its own; a price below cost only
        with `below_cost`, and a second person has to agree.

        `preview` tells what it would come to and changes nothing.
        """
        given = call.body
        if any("discount" in item or ("id" in item and "unit_price" in item) for item in given.get("items", ())):
            return self._bargain(call, pk, given)
        if "items" in given:
            return self._change(call, pk, [_wish(item) for item in given["items"]], given, given.get("comment"))
        if "comment" not in given:
            raise InvalidInput("comment", "required", _("Say what to change: `comment` or `items`."))
        order = services.edit_comment(order_id=pk, comment=given["comment"], **_by(call))
        return self._shown(order)

    @or_one_of(PreviewSerializer)
    @action(detail=True, methods=["patch"], url_path=f"items/(?P<item_id>{UUID_PATTERN})")
    @write(request=QuantityInput, responses=may_wait(OrderDocument))
    def item(self, call: Call, pk: UUID, item_id: UUID) -> Response:
        """Change how many of a line are ordered; the reservation of stock follows."""
        return self._change(call, pk, [LineChange(item_id, call.body["quantity"])], call.body)

    @or_one_of(PreviewSerializer)
    @extend_schema(parameters=[OpenApiParameter("preview", bool)])
    @item.mapping.delete
    @write(responses=may_wait(OrderDocument))
    def remove_item(self, call: Call, pk: UUID, item_id: UUID) -> Response:
        """Take a line out of the order; with `?preview=true` tell what that would come to."""
        refuse_unknown(call.request, {"preview"})
        given = {"preview": call.request.query_params.get("preview") == "true", "expected_total": None}
        return self._change(call, pk, [LineChange(item_id, 0)], given)

    def _change(
        self, call: Call, pk: UUID, wishes: Sequence[Any], given: dict[str, Any], comment: str | None = None
    ) -> Response:
        if given["preview"]:
            actor = get_actor(call.principal)
            preview = services.preview_lines(order_id=pk, wishes=wishes, actor=actor, now=call.now)
            return Response(PreviewSerializer(preview).data)
        order = services.change_lines(
            order_id=pk, wishes=wishes, expected_total=given["expected_total"], comment=comment, **_by(call)
        )
        return self._shown(order)

    def _bargain(self, call: Call, pk: UUID, given: dict[str, Any]) -> Response:
        if given["preview"] or "comment" in given or any("quantity" in item for item in given["items"]):
            detail = _("Agree to prices by themselves: they may need a second person.")
            raise InvalidInput("items", "needs_approval", detail)
        bargains = {item["id"]: _parse_bargain(item) for item in given["items"]}
        order = services.agree_prices(
            order_id=pk,
            bargains=bargains,
            expected_total=given["expected_total"],
            below_cost=given["below_cost"],
            **_by(call),
        )
        return self._shown(order)

    @action(detail=True, methods=["post"])
    @write(request=HoldInput, responses=OrderDocument)
    def hold(self, call: Call, pk: UUID) -> Response:
        """Keep an unpaid order's stock until a later moment; a manager's word, with the reason."""
        return self._shown(services.extend_hold(order_id=pk, **call.body, **_by(call)))

    @action(detail=True, methods=["post"])
    @write(request=AssignInput, responses=OrderDocument)
    def assign(self, call: Call, pk: UUID) -> Response:
        """Name whose sale it is, until it is handed over: a manager of what is theirs or nobody's, admins of any."""
        require_colleague(call.body["manager_id"], "manager_id")
        return self._shown(services.assign_order(order_id=pk, **call.body, **_by(call)))

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        """Hide an order; its rows stay in the books."""
        services.delete_order(order_id=pk, **_by(call))

    @action(detail=True, methods=["put"], url_path="status")
    @write(request=StatusInput, responses=may_wait(OrderDocument))
    def status(self, call: Call, pk: UUID) -> Response:
        """Move an order one step."""
        return self._shown(services.move_order(order_id=pk, **call.body, **_by(call)))

    @action(detail=True, methods=["post"], url_path="cancel")
    @write(request=CancelInput, responses=may_wait(OrderDocument), once="orders.cancel")
    def cancel(self, call: Call, pk: UUID) -> Response:
        """Cancel an order; what was paid comes back."""
        order = services.move_order(order_id=pk, status="cancelled", reason=call.body["reason"], **_by(call))
        return self._shown(order)

    def _shown(self, order: Order) -> Response:
        shown = answer(order.id, self.principal)
        return Response(msgspec.json.decode(shown.body), headers={"ETag": f'"{shown.version}"'})

    @extend_schema(responses=TimelineSerializer(many=True))
    @action(detail=True, methods=["get"], ordering=("id",), ordering_fields={}, filterset_class=None)
    def timeline(self, request: Request, pk: UUID) -> Response:
        """List what happened to the order, oldest first."""
        if read_order(pk, viewer_id=self.principal.id, is_staff=self.principal.is_staff) is None:
            raise NotFound
        refuse_unknown(request, set())
        page = self.paginate_queryset(OrderHistory.objects.filter(order_id=pk))
        return self.get_paginated_response(TimelineSerializer(page, many=True).data)

    @extend_schema(responses=CheckoutSerializer)
    @action(detail=True, methods=["get"], url_path="checkout")
    def checkout(self, request: Request, pk: UUID) -> Response:
        """The saga of an order, leg by leg: attempt, state, error, times, and what may be done with it."""
        return self._checkout(pk)

    @action(detail=True, methods=["post"], url_path=r"checkout/(?P<leg>[a-z_0-9]+)/(?P<steering>[a-z_-]+)")
    @write(request=SteeringInput, responses=may_wait(CheckoutSerializer), once="orders.steer")
    def steer(self, call: Call, pk: UUID, leg: str, steering: str) -> Response:
        """Steer a checkout: `retry`, `take_over`, `cancel`, `skip` (admins), `accept` or `refuse` one of its legs."""
        services.steer_checkout(
            order_id=pk,
            action=steering.replace("-", "_"),
            leg=leg,
            reason=call.body["reason"],
            amount=call.body["amount"],
            actor=get_actor(call.principal),
            now=call.now,
        )
        return self._checkout(pk)

    def _checkout(self, order_id: UUID) -> Response:
        view = services.view_checkout(order_id=order_id, actor=get_actor(self.principal), now=database_now("orders"))
        return Response(CheckoutSerializer(view).data)

    def get_permissions(self) -> Any:
        special: dict[str, Any] = {"destroy": IsAdmin, "deposit_terms": AllowAny} | dict.fromkeys(
            ("assign", "checkout", "hold", "settle_messages", "stats", "steer"), IsManager
        )
        return [special[self.action]()] if self.action in special else super().get_permissions()


def _by(call: Call) -> dict[str, Any]:
    """Return who changes an order, when, and what they have seen of it."""
    return {"actor": get_actor(call.principal), "now": call.now, "expected_version": call.expected_version}


def answer(order_id: UUID, principal: Principal, status: int = 200) -> Answer:
    """One order as this caller sees it. Raises NotFound."""
    found = find_order(order_id, viewer_id=principal.id, is_staff=principal.is_staff)
    if found is None:
        raise NotFound
    body = found.body
    if principal.is_staff:
        [body] = for_staff([body], [order_id], principal)
    return Answer(body, status=status, version=found.version)


def for_staff(bodies: Sequence[bytes], ids: Sequence[UUID], principal: Principal) -> Sequence[bytes]:
    """Return the documents of orders as staff see them: with costs, and the commissions that are theirs."""
    if may_see_costs(principal.roles):
        bodies = with_costs(bodies, ids)
    return with_commissions(bodies, ids, None if ADMIN in principal.roles else principal.id)


def _parse_bargain(item: dict[str, Any]) -> services.Bargain:
    return services.Bargain(unit_price=item.get("unit_price"), **item.get("discount", {}))


def _wish(item: dict[str, Any]) -> LineChange | ProductLine | FreeLine:
    if "id" in item:
        return LineChange(item["id"], item["quantity"])
    if "product_id" in item:
        return ProductLine(item["product_id"], item["quantity"])
    return FreeLine(item["name"], item["unit_price"], item["quantity"])


def moment(given: Mapping[str, str], name: str) -> datetime:
    """A moment with its offset, from the query. Raises InvalidInput."""
    text = given.get(name, "")
    try:
        found = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        code = "invalid" if found is None else "no_offset"
        raise InvalidInput(name, code, _("A date and time with its offset, such as 2026-05-31T12:00:00Z."))
    return found
