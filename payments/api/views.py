"""Payments, refunds and stored methods over HTTP; and the door for providers' webhooks."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpResponse
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

    @extend_schema(request=PaymentMethodInput, responses={201: PaymentMethodSerializer})
    def create(self, request: Request) -> HttpResponse:
        """Keep a provider's token for later; a card number is refused."""
        data = self.valid(PaymentMethodInput)

        def act() -> Response:
            stored = services.store_method(customer_id=self.principal.id, now=timezone.now(), **data)
            return Response(PaymentMethodSerializer(stored).data, status=201)

        return self.once("POST /payment-methods", act)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Forget a stored method."""
        services.forget_method(method_id=self.get_object().id, customer_id=self.principal.id)
        return Response(status=204)


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

    @extend_schema(request=PaymentInput, responses={201: PaymentSerializer})
    def create(self, request: Request) -> HttpResponse:
        """Pay for an order, all that is due unless `amount` says less; `capture: manual` only authorises."""
        data = self.valid(PaymentInput)

        def act() -> Response:
            payment = services.create_payment(
                order_id=data["order_id"],
                means=Means(data["method"], data.get("token", ""), data.get("payment_method_id")),
                actor_id=self.principal.id,
                is_staff=self.principal.is_staff,
                amount=data.get("amount"),
                currency=data.get("currency", ""),
                description=data.get("description", ""),
                is_hold=data["capture"] == "manual",
                now=timezone.now(),
            )
            return Response(PaymentSerializer(payment).data, status=201)

        return self.once("POST /payments", act)

    @extend_schema(request=RefundInput, responses={201: RefundSerializer})
    @action(detail=True, methods=["post"])
    def refund(self, request: Request, pk: UUID) -> HttpResponse:
        """Give money back, all that is left unless `amount` says less; a large refund waits for a second person."""
        data, payment = self.valid(RefundInput), self.get_object()

        def act() -> Response:
            refund = services.request_refund(
                payment_id=payment.id,
                amount=data.get("amount"),
                reason=data["reason"],
                actor_id=self.principal.id,
                now=timezone.now(),
            )
            return Response(RefundSerializer(refund).data, status=201)

        return self.once("POST /payments/{id}/refund", act)

    @extend_schema(request=None, responses=may_wait(PaymentSerializer))
    @action(detail=True, methods=["post"])
    def capture(self, request: Request, pk: UUID) -> HttpResponse:
        """Confirm that cash or a bank transfer has arrived, or take what was authorised."""
        payment = self.get_object()

        def act() -> Response:
            done = services.capture_payment(payment_id=payment.id, actor_id=self.principal.id, now=timezone.now())
            return Response(PaymentSerializer(done).data)

        return self.once("POST /payments/{id}/capture", act)

    @extend_schema(request=None, responses=PaymentSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> HttpResponse:
        """Call off a payment that has not ended; a provider that is involved has the last word."""
        payment = self.get_object()

        def act() -> Response:
            return Response(PaymentSerializer(services.cancel_payment(payment_id=payment.id, now=timezone.now())).data)

        return self.once("POST /payments/{id}/cancel", act)


class RefundViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, MoneyViewSet):
    """Money that goes back, for managers: asked for, approved, on its way, returned."""

    permission_classes = [IsManager]
    queryset = Refund.objects.all()
    serializer_class = RefundSerializer
    filterset_class = RefundFilter
    ordering = ("-created_at", "-id")
    ordering_fields = {"created_at": "created_at"}

    @extend_schema(request=None, responses=RefundSerializer)
    @action(detail=True, methods=["post"])
    def approve(self, request: Request, pk: UUID) -> HttpResponse:
        """Let a refund go out; a large one never by the one who asked for it."""
        return self._decide("approve", services.approve_refund, actor_id=self.principal.id)

    @extend_schema(request=None, responses=RefundSerializer)
    @action(detail=True, methods=["post"])
    def reject(self, request: Request, pk: UUID) -> HttpResponse:
        """Turn a refund down; its amount is free again."""
        return self._decide("reject", services.reject_refund, actor_id=self.principal.id)

    @extend_schema(request=None, responses=RefundSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: UUID) -> HttpResponse:
        """Try a failed refund again."""
        return self._decide("retry", services.retry_refund)

    def _decide(self, name: str, service: Callable[..., Refund], **options: Any) -> HttpResponse:
        refund_id = self.get_object().id

        def act() -> Response:
            return Response(RefundSerializer(service(refund_id=refund_id, now=timezone.now(), **options)).data)

        return self.once(f"POST /refunds/{{id}}/{name}", act)


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
