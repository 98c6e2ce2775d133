"""The orders API."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import InvalidInput, NotFound
from gateway.api import ApiViewSet
from gateway.etags import require_match
from gateway.filtering import refuse_unknown
from gateway.lane import Answer, lane
from gateway.permissions import IsAdmin, IsManager, IsSignedIn
from gateway.principal import Principal
from insurance.public import estimate
from orders import services
from orders.api.filters import OrderFilter
from orders.api.serializers import (
    CancelInput,
    CheckoutSerializer,
    OrderEdit,
    StatusInput,
    SteeringInput,
    TimelineSerializer,
)
from orders.cache import find_order
from orders.models import Order, OrderHistory
from orders.past import read_order_at
from orders.reading import OrderDocument, OrderPage, read_order, read_orders
from orders.services import Actor, FreeLine, ProductLine
from payments.public import looks_like_card_number

Text = Annotated[str, msgspec.Meta(max_length=255)]


class ItemInput(msgspec.Struct, forbid_unknown_fields=True):
    """A product and a quantity, or a manager's line with a name and a price."""

    quantity: int
    product_id: UUID | None = None
    name: Text = ""
    unit_price: Decimal | None = None


class PaymentInput(msgspec.Struct, forbid_unknown_fields=True):
    """How the buyer pays as soon as the stock is reserved."""

    method: str
    token: Text | None = None
    payment_method_id: UUID | None = None
    amount: Decimal | None = None


class OrderInput(msgspec.Struct, forbid_unknown_fields=True):
    """A new order."""

    items: list[ItemInput]
    payment: PaymentInput | None = None
    financing: dict[str, Any] | None = None
    insurance: list[dict[str, Any]] = []
    expected_total: Decimal | None = None
    comment: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    customer_id: UUID | None = None


METHODS = {"card", "sbp", "cash", "bank_transfer"}


def actor_of(principal: Principal) -> Actor:
    """The caller as the services know it."""
    return Actor(principal.id, principal.roles)


class OrderViewSet(ApiViewSet):
    """A client sees its own orders; managers see all."""

    permission_classes = [IsSignedIn]
    filterset_class = OrderFilter
    ordering = ("-created_at", "-id")
    ordering_fields = {"created_at": "created_at", "total_amount": "total_amount"}
    throttle_scopes = {"create": "order_create"}
    queryset = Order.objects.none()
    idempotent_on = "orders"

    def get_queryset(self) -> Any:
        orders = Order.objects.filter(deleted_at__isnull=True)
        return orders if self.principal.is_staff else orders.filter(customer_id=self.principal.id)

    @lane(request=OrderInput, response=OrderDocument, status=201, scope="order_create", idempotent_on="orders")
    def create(self, request: HttpRequest, principal: Principal, body: OrderInput) -> Answer:
        """Place an order; with `payment` it is paid as soon as its stock is reserved."""
        customer_id = _customer(body, principal)
        order = services.place_order(
            customer_id=customer_id,
            actor=actor_of(principal),
            lines=[_line(index, item) for index, item in enumerate(body.items)],
            payment=_payment(body.payment),
            financing=body.financing,
            insurance=body.insurance,
            policies=_policies(body.insurance),
            expected_total=body.expected_total,
            comment=body.comment,
            now=timezone.now(),
        )
        return _answer(order.id, principal, status=201)

    @extend_schema(parameters=[OpenApiParameter("as_of", datetime, description="The order as it stood then.")])
    @lane(response=OrderDocument)
    def retrieve(self, request: HttpRequest, principal: Principal, pk: UUID) -> Answer:
        """One order, as it is or as it stood at `as_of`."""
        if "as_of" not in request.GET:
            return _answer(pk, principal)
        order = read_order_at(pk, moment(request.GET, "as_of"), viewer_id=principal.id, is_staff=principal.is_staff)
        if order is None:
            raise NotFound
        return Answer(order)

    @extend_schema(responses=OrderPage)
    def list(self, request: Request) -> Response:
        """Orders, newest first."""
        ids = self.paginate_queryset(self.filter_queryset(self.get_queryset().only("id", "created_at", "total_amount")))
        return self.get_paginated_response(read_orders([order.id for order in ids or []]))

    @extend_schema(request=OrderEdit, responses=OrderDocument)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the comment."""
        data = OrderEdit(data=request.data)
        data.is_valid(raise_exception=True)
        order = services.edit_comment(
            order_id=_uuid(pk),
            comment=data.validated_data["comment"],
            actor=actor_of(self.principal),
            check=lambda version: require_match(request._request, version),
            now=timezone.now(),
        )
        return self._shown(order)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Hide an order; its rows stay in the books."""
        services.delete_order(
            order_id=_uuid(pk),
            actor=actor_of(self.principal),
            check=lambda version: require_match(request._request, version),
            now=timezone.now(),
        )
        return Response(status=204)

    @extend_schema(request=StatusInput, responses=OrderDocument)
    @action(detail=True, methods=["put"], url_path="status")
    def status(self, request: Request, pk: str) -> Response:
        """Move an order one step."""
        data = StatusInput(data=request.data)
        data.is_valid(raise_exception=True)
        return self._move(request, pk, data.validated_data["status"], data.validated_data["reason"])

    @extend_schema(request=CancelInput, responses=OrderDocument)
    @action(detail=True, methods=["post"], url_path="cancel")
    def cancel(self, request: Request, pk: str) -> Response:
        """Cancel an order; what was paid comes back."""
        data = CancelInput(data=request.data)
        data.is_valid(raise_exception=True)
        return self._move(request, pk, "cancelled", data.validated_data["reason"])

    def _move(self, request: Request, pk: str, status: str, reason: str) -> Response:
        order = services.move_order(
            order_id=_uuid(pk),
            status=status,
            reason=reason,
            actor=actor_of(self.principal),
            check=lambda version: require_match(request._request, version),
            now=timezone.now(),
        )
        return self._shown(order)

    def _shown(self, order: Order) -> Response:
        answer = _answer(order.id, self.principal)
        return Response(msgspec.json.decode(answer.body), headers={"ETag": f'"{answer.version}"'})

    @extend_schema(responses=TimelineSerializer(many=True))
    @action(detail=True, methods=["get"], url_path="timeline", ordering=("id",), filterset_class=None)
    def timeline(self, request: Request, pk: str) -> Response:
        """What happened to the order, oldest first."""
        if read_order(_uuid(pk), viewer_id=self.principal.id, is_staff=self.principal.is_staff) is None:
            raise NotFound
        refuse_unknown(request, set())
        page = self.paginate_queryset(OrderHistory.objects.filter(order_id=pk))
        return self.get_paginated_response(TimelineSerializer(page, many=True).data)

    @extend_schema(responses=CheckoutSerializer)
    @action(detail=True, methods=["get"], url_path="checkout")
    def checkout(self, request: Request, pk: str) -> Response:
        """The saga of an order, leg by leg: attempt, state, error, times, and what may be done with it."""
        return self._checkout(_uuid(pk))

    @extend_schema(request=SteeringInput, responses=CheckoutSerializer)
    @action(detail=True, methods=["post"], url_path=r"checkout/(?P<leg>[a-z_]+)/(?P<steering>[a-z_-]+)")
    def steer(self, request: Request, pk: str, leg: str, steering: str) -> HttpResponse:
        """Steer a checkout: `retry`, `take_over`, `cancel` or `skip` (admins) one of its legs."""
        order_id, reason = _uuid(pk), self.valid(SteeringInput)["reason"]

        def act() -> Response:
            services.steer_checkout(
                order_id=order_id,
                action=steering.replace("-", "_"),
                leg=leg,
                reason=reason,
                actor=actor_of(self.principal),
                now=timezone.now(),
            )
            return self._checkout(order_id)

        return self.once("orders.steer", act)

    def _checkout(self, order_id: UUID) -> Response:
        view = services.view_checkout(order_id=order_id, actor=actor_of(self.principal), now=timezone.now())
        return Response(CheckoutSerializer(view).data)

    def get_permissions(self) -> Any:
        special = {"destroy": IsAdmin, "checkout": IsManager, "steer": IsManager}
        return [special[self.action]()] if self.action in special else super().get_permissions()


def _answer(order_id: UUID, principal: Principal, status: int = 200) -> Answer:
    found = find_order(order_id, viewer_id=principal.id, is_staff=principal.is_staff)
    if found is None:
        raise NotFound
    return Answer(found.body, status=status, version=found.version)


def moment(given: Mapping[str, str], name: str) -> datetime:
    """A moment with its offset, from the query. Raises InvalidInput."""
    text = given.get(name, "")
    try:
        found = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise InvalidInput(name, "invalid", "A date and time with its offset, such as 2026-05-31T12:00:00Z.")
    return found


def _uuid(pk: str) -> UUID:
    try:
        return UUID(pk)
    except ValueError as error:
        raise NotFound from error


def _customer(body: OrderInput, principal: Principal) -> UUID:
    if body.customer_id is None or body.customer_id == principal.id:
        return principal.id
    if not principal.is_staff:
        raise InvalidInput("customer_id", "not_allowed", "Only managers order for somebody else.")
    return body.customer_id


def _line(index: int, item: ItemInput) -> ProductLine | FreeLine:
    if item.product_id is not None:
        if item.unit_price is not None or item.name:
            raise InvalidInput(f"items.{index}.unit_price", "not_allowed", "Prices and names come from the catalogue.")
        return ProductLine(item.product_id, item.quantity)
    if item.unit_price is None or not item.name:
        raise InvalidInput(f"items.{index}.product_id", "required", "Name a product.")
    _check_amount(item.unit_price, f"items.{index}.unit_price")
    return FreeLine(item.name, item.unit_price, item.quantity)


def _check_amount(value: Decimal, field: str) -> None:
    exponent = value.as_tuple().exponent
    if not value.is_finite() or not isinstance(exponent, int) or exponent < -2 or value < 0 or value >= 10**12:
        raise InvalidInput(field, "invalid", "An amount has at most two places and twelve digits before them.")


def _payment(given: PaymentInput | None) -> dict[str, Any] | None:
    if given is None:
        return None
    if given.method not in METHODS:
        raise InvalidInput("payment.method", "invalid", f"One of: {', '.join(sorted(METHODS))}.")
    if given.token and looks_like_card_number(given.token):
        raise InvalidInput("payment.token", "card_number_refused", "Send a token, never a card number.")
    if given.method == "card" and not (given.token or given.payment_method_id):
        raise InvalidInput("payment.token", "required", "A card payment needs `token` or `payment_method_id`.")
    if given.amount is not None:
        _check_amount(given.amount, "payment.amount")
        if given.amount <= 0:
            raise InvalidInput("payment.amount", "invalid", "An amount above zero.")
    plain: dict[str, Any] = msgspec.to_builtins(given)
    return {name: value for name, value in plain.items() if value is not None}


def _policies(requests: list[dict[str, Any]]) -> list[tuple[str, Decimal]]:
    """Names and premiums of the chosen policies, asked of insurance before any transaction is open."""
    return [(f"{str(request.get('insurance_type', '')).upper()}", estimate(request)) for request in requests]
