"""The cart API: a guest's by the token in `X-Cart-Token` (or the body), a client's own."""

from typing import Any
from uuid import UUID

import msgspec
from django.http import HttpRequest
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.ids import UUID_PATTERN
from gateway.access.permissions import IsAnyone, IsSignedIn, require_verified_email
from gateway.api import ApiViewSet
from gateway.fast_path import Answer, fast_path
from gateway.principal import NotAuthenticated, Principal
from gateway.requests.filtering import refuse_unknown
from gateway.writes import Call, write
from orders import services
from orders.api.inputs import OrderTerms, parse_customer, parse_terms
from orders.api.views import answer, get_actor
from orders.models import Cart
from orders.queries.carts import CartDocument, read_cart
from orders.queries.reading import OrderDocument
from orders.services import Holder

HEADER = "X-Cart-Token"
MAX_TOKEN = 128
TOKEN = OpenApiParameter(HEADER, str, OpenApiParameter.HEADER, description="The guest's cart; merged once signed in.")


class TokenInput(serializers.Serializer[Any]):
    """The guest's token, for those who would rather not send a header."""

    token = serializers.CharField(max_length=MAX_TOKEN, required=False, allow_blank=True, default="", write_only=True)


class CartItemInput(TokenInput):
    """A product, and how much more of it."""

    product_id = serializers.UUIDField()
    quantity = serializers.IntegerField(default=1)


class CartQuantityInput(TokenInput):
    """Quantity that there shall be."""

    quantity = serializers.IntegerField()


class CartCouponInput(TokenInput):
    """A coupon's code."""

    coupon = serializers.CharField(max_length=40, allow_blank=True)


class CartViewSet(ApiViewSet):
    """Whoever calls has one cart; a signed-in caller's takes in that of the token sent along, once."""

    permission_classes = [IsAnyone]
    pagination_class = None
    filter_backends = ()
    queryset = Cart.objects.none()

    def get_permissions(self) -> Any:
        return [IsSignedIn()] if self.action == "check_out" else super().get_permissions()

    @extend_schema(responses={200: CartDocument}, parameters=[TOKEN])
    def list(self, request: Request) -> Response:
        """The cart at today's prices; `changed` tells what differs from when it was filled."""
        refuse_unknown(request, set())
        return self._shown(self._holder())

    @extend_schema(parameters=[TOKEN])
    @action(detail=False, methods=["post"], url_path="items")
    @write(request=CartItemInput, responses={201: CartDocument})
    def items(self, call: Call) -> Response:
        """Put a product in; a guest without a cart is told its `token` here, and only here."""
        before = self._holder(call.body["token"])
        product_id, quantity = call.body["product_id"], call.body["quantity"]
        holder = services.add_to_cart(holder=before, product_id=product_id, quantity=quantity, now=call.now)
        return self._shown(holder, status=201, token=holder.token if holder != before else None)

    @extend_schema(parameters=[TOKEN])
    @action(detail=False, methods=["patch"], url_path=f"items/(?P<item_id>{UUID_PATTERN})")
    @write(request=CartQuantityInput, responses=CartDocument)
    def item(self, call: Call, item_id: UUID) -> Response:
        """Give a line another quantity; its price counts as seen."""
        holder = self._holder(call.body["token"])
        services.change_cart_item(holder=holder, item_id=item_id, quantity=call.body["quantity"], now=call.now)
        return self._shown(holder)

    @extend_schema(parameters=[TOKEN])
    @item.mapping.delete
    @write(responses=CartDocument)
    def remove_item(self, call: Call, item_id: UUID) -> Response:
        """Take a line out."""
        holder = self._holder()
        services.remove_cart_item(holder=holder, item_id=item_id, now=call.now)
        return self._shown(holder)

    @extend_schema(parameters=[TOKEN])
    @action(detail=False, methods=["put"], url_path="coupon")
    @write(request=CartCouponInput, responses=CartDocument)
    def coupon(self, call: Call) -> Response:
        """Put a coupon into the cart, or take it out by an empty one."""
        holder = self._holder(call.body.get("token", ""))
        services.set_cart_coupon(holder=holder, coupon=call.body["coupon"], now=call.now)
        return self._shown(holder)

    @extend_schema(parameters=[TOKEN])
    @action(detail=False, methods=["post"], url_path="checkout")
    @fast_path(request=OrderTerms, response=OrderDocument, status=201, scope="order_create", idempotent_on="orders")
    def check_out(self, request: HttpRequest, principal: Principal, body: OrderTerms) -> Answer:
        """Order what is in the cart and empty it; refused, it stays as it was."""
        require_verified_email(principal)
        token = request.headers.get(HEADER, "")
        if token:
            services.merge_cart(token=token, customer_id=principal.id, now=timezone.now())
        now = timezone.now()
        in_cart = read_cart(Holder(principal.id), now=now).items if body.insurance else []
        order = services.check_out_cart(
            customer_id=parse_customer(body, principal),
            actor=get_actor(principal),
            now=now,
            **parse_terms(body, principal, [line.product_id for line in in_cart]),
        )
        return answer(order.id, principal, status=201)

    def check_permissions(self, request: Request) -> None:
        """Refuse whoever names neither themselves nor a cart: they have none whose lines could be changed."""
        super().check_permissions(request)
        if self.action not in ("item", "remove_item", "coupon") or isinstance(request.user, Principal):
            return
        body = request.data if self.action in ("item", "coupon") else {}
        token = body.get("token") if isinstance(body, dict) else None
        if not (request.headers.get(HEADER) or token):
            raise NotAuthenticated

    def _holder(self, token: str = "") -> Holder:
        token = (self.request.headers.get(HEADER, "") or token)[: MAX_TOKEN + 1]
        if not isinstance(self.request.user, Principal):
            return Holder(token=token)
        if token:
            services.merge_cart(token=token, customer_id=self.principal.id, now=timezone.now())
        return Holder(self.principal.id)

    def _shown(self, holder: Holder, *, status: int = 200, token: str | None = None) -> Response:
        shown = read_cart(holder, now=timezone.now(), token=token)
        headers = {HEADER: token} if token else {}
        return Response(msgspec.to_builtins(shown), status=status, headers=headers)
