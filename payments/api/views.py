"""Payments, refunds and stored methods over HTTP; and the door for providers' webhooks."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from core.secrecy.cards import refuse_card_numbers
from gateway.access.permissions import IsManager, IsSignedIn
from gateway.api import ApiViewSet
from gateway.approvals.reading import with_pending
from gateway.approvals.views import may_wait
from gateway.fast_path import refuse_deep
from gateway.guards.address import exact_address
from gateway.writes import Call, write
from payments import services
from payments.api.filters import PaymentFilter, RefundFilter
from payments.api.serializers import (
    PaymentInput,
    PaymentMethodInput,
    PaymentMethodSerializer,
    PaymentSerializer,
    RefundInput,
    RefundSerializer,
    WebhookAnswer,
)
from payments.commands import Means
from payments.models import Payment, PaymentMethod, Refund
from payments.providers import provider as provider_named


class MoneyViewSet(ApiViewSet):
    """Base of what shows or moves money: managers' own actions, and bodies that may hold no card number."""

    permission_classes = [IsSignedIn]
    idempotent_on = "payments"
    manager_actions: frozenset[str] = frozenset()

    def get_permissions(self) -> Any:
        return [IsManager()] if self.action in self.manager_actions else super().get_permissions()

    def valid(self, serializer_class: type[Serializer], **options: Any) -> dict[str, Any]:
        """The validated body; a card number is refused before anything could repeat it."""
        refuse_card_numbers(self.request.data)
        return super().valid(serializer_class, **options)


class PaymentMethodViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, MoneyViewSet):
    """One's own stored ways to pay: a provider's token and what a card shows of itself, never its number."""

    queryset = PaymentMethod.objects.none()
    serializer_class = PaymentMethodSerializer
    ordering = ("-created_at", "-id")
    ordering_fields = {"created_at": "created_at"}

    def get_queryset(self) -> Any:
        return PaymentMethod.objects.filter(customer_id=self.principal.id)

    @write(request=PaymentMethodInput, responses={201: PaymentMethodSerializer}, once="POST /payment-methods")
    def create(self, call: Call) -> PaymentMethod:
        """Keep a provider's token for later; a card number is refused."""
        return services.store_method(customer_id=call.actor_id, now=call.now, **call.body)

    @write(responses={204: None})
    def destroy(self, call: Call, pk: UUID) -> None:
        """Forget a stored method."""
        services.forget_method(method_id=self.get_object().id, customer_id=call.actor_id)


class PaymentViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, MoneyViewSet):
    """Payments and where their money stands. Clients see their own, staff everybody's."""

    queryset = Payment.objects.none()
    serializer_class = PaymentSerializer
    filterset_class = PaymentFilter
    ordering = ("-created_at", "-id")
    ordering_fields = {"created_at": "created_at", "amount": "amount"}
    manager_actions = frozenset({"refund", "capture", "cancel"})

    def get_queryset(self) -> Any:
        payments = with_pending(Payment.objects.all())
        return payments if self.principal.is_staff else payments.filter(customer_id=self.principal.id)

    @write(request=PaymentInput, responses={201: PaymentSerializer}, once="POST /payments")
    def create(self, call: Call) -> Payment:
        """Pay for an order, all that is due unless `amount` says less; `capture: manual` only authorises.

        A card that neither `token` nor `payment_method_id` names is asked for on the provider's own page: the payment
        becomes `requires_action`, and `action_url` is that page's address. It takes this one payment, once.
        """
        data = call.body
        return services.create_payment(
            order_id=data["order_id"],
            means=Means(data["method"], data.get("token", ""), data.get("payment_method_id")),
            actor_id=call.actor_id,
            is_staff=call.principal.is_staff,
            amount=data.get("amount"),
            currency=data.get("currency", ""),
            description=data.get("description", ""),
            is_hold=data["capture"] == "manual",
            now=call.now,
        )

    @action(detail=True, methods=["post"])
    @write(request=RefundInput, responses={201: RefundSerializer}, once="POST /payments/{id}/refund")
    def refund(self, call: Call, pk: UUID) -> Refund:
        """Give money back, all that is left unless `amount` says less; a large refund waits for a second person."""
        return services.request_refund(
            payment_id=self.get_object().id,
            amount=call.body.get("amount"),
            reason=call.body["reason"],
            actor_id=call.actor_id,
            now=call.now,
        )

    @action(detail=True, methods=["post"])
    @write(responses=may_wait(PaymentSerializer), once="POST /payments/{id}/capture")
    def capture(self, call: Call, pk: UUID) -> Payment:
        """Confirm that cash or a bank transfer has arrived, or take what was authorised."""
        return services.capture_payment(payment_id=self.get_object().id, actor_id=call.actor_id, now=call.now)

    @action(detail=True, methods=["post"])
    @write(responses=PaymentSerializer, once="POST /payments/{id}/cancel")
    def cancel(self, call: Call, pk: UUID) -> Payment:
        """Call off a payment that has not ended; a provider that is involved has the last word."""
        return services.cancel_payment(payment_id=self.get_object().id, now=call.now)


class RefundViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, MoneyViewSet):
    """Money that goes back, for managers: asked for, approved, on its way, returned."""

    permission_classes = [IsManager]
    queryset = Refund.objects.all()
    serializer_class = RefundSerializer
    filterset_class = RefundFilter
    ordering = ("-created_at", "-id")
    ordering_fields = {"created_at": "created_at"}

    @action(detail=True, methods=["post"])
    @write(responses=RefundSerializer, once="POST /refunds/{id}/approve")
    def approve(self, call: Call, pk: UUID) -> Refund:
        """Let a refund go out; a large one never by the one who asked for it."""
        return services.approve_refund(refund_id=self.get_object().id, actor_id=call.actor_id, now=call.now)

    @action(detail=True, methods=["post"])
    @write(responses=RefundSerializer, once="POST /refunds/{id}/reject")
    def reject(self, call: Call, pk: UUID) -> Refund:
        """Turn a refund down; its amount is free again."""
        return services.reject_refund(refund_id=self.get_object().id, actor_id=call.actor_id, now=call.now)

    @action(detail=True, methods=["post"])
    @write(responses=RefundSerializer, once="POST /refunds/{id}/retry")
    def retry(self, call: Call, pk: UUID) -> Refund:
        """Try a failed refund again."""
        return services.retry_refund(refund_id=self.get_object().id, now=call.now)


class WebhookView(APIView):
    """Messages of payment providers. The signature over the raw body is the only credential."""

    authentication_classes: list[Any] = []
    permission_classes = [AllowAny]
    throttle_classes: list[Any] = []

    @extend_schema(request=OpenApiTypes.OBJECT, responses=WebhookAnswer)
    def post(self, request: Request, provider: str) -> Response:
        """Keep a message, to be applied in a moment; the same one again changes nothing."""
        bank = provider_named(provider)
        refuse_deep(request._request.body)
        notice = bank.parse_webhook(request._request.body, request.headers, exact_address(request.META))
        event = services.receive_webhook(
            provider=provider, notice=notice, is_trusted=bank.capabilities.signs_webhooks, now=timezone.now()
        )
        return Response({"outcome": event.outcome})
