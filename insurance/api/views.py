"""The insurance API."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from gateway.api import ApiViewSet
from gateway.permissions import IsManager, IsSignedIn
from insurance import services
from insurance.api.filters import ClaimFilter, PolicyFilter, QuoteFilter
from insurance.api.serializers import (
    ClaimApprovalInput,
    ClaimAssessmentInput,
    ClaimInput,
    ClaimRejectionInput,
    ClaimSerializer,
    InsuranceQuoteInput,
    InsuranceQuoteSerializer,
    PolicyCancelInput,
    PolicySerializer,
)
from insurance.errors import ClaimNotFound, PolicyNotFound
from insurance.models import Claim, Policy, Quote
from insurance.pricing import read_request


class _InsuranceViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """A client sees its own objects; managers see all."""

    permission_classes = [IsSignedIn]
    idempotent_on = "insurance"
    ordering = "-created_at"
    ordering_fields = {"created_at": "created_at"}

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        return rows.all() if self.principal.is_staff else rows.filter(customer_id=self.principal.id)

    @property
    def _owner(self) -> UUID | None:
        """Whose objects the caller may touch; None is everybody's."""
        return None if self.principal.is_staff else self.principal.id


def _uuid(pk: str, missing: type[Exception]) -> UUID:
    try:
        return UUID(pk)
    except ValueError as error:
        raise missing from error


class QuoteViewSet(_InsuranceViewSet):
    queryset = Quote.objects.select_related("policy")
    serializer_class = InsuranceQuoteSerializer
    filterset_class = QuoteFilter

    @extend_schema(request=InsuranceQuoteInput, responses={201: InsuranceQuoteSerializer})
    def create(self, request: Request) -> HttpResponse:
        """The premium of a policy, with every factor; it stands for 30 days."""
        return self.once("make_quote", self._quote)

    def _quote(self) -> Response:
        data = {name: value for name, value in self.valid(InsuranceQuoteInput).items() if value is not None}
        quote = services.make_quote(
            customer_id=self.principal.id,
            order_id=data.pop("order_id", None),
            request=read_request(data),
            is_staff=self.principal.is_staff,
            now=timezone.now(),
        )
        return Response(InsuranceQuoteSerializer(quote).data, status=201)


class PolicyViewSet(_InsuranceViewSet):
    queryset = Policy.objects.all()
    serializer_class = PolicySerializer
    filterset_class = PolicyFilter

    @extend_schema(request=PolicyCancelInput, responses=PolicySerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str) -> HttpResponse:
        """End a policy today; `refund_amount` is the unused part of its premium."""
        return self.once("cancel_policy", self._cancel)

    def _cancel(self) -> Response:
        policy = services.cancel_policy(
            policy_id=_uuid(self.kwargs["pk"], PolicyNotFound),
            customer_id=self._owner,
            reason=self.valid(PolicyCancelInput)["reason"],
            now=timezone.now(),
        )
        return Response(PolicySerializer(policy).data)


class ClaimViewSet(_InsuranceViewSet):
    queryset = Claim.objects.all()
    serializer_class = ClaimSerializer
    filterset_class = ClaimFilter

    @extend_schema(request=ClaimInput, responses={201: ClaimSerializer})
    def create(self, request: Request) -> HttpResponse:
        """Report a loss."""
        return self.once("open_claim", self._open)

    def _open(self) -> Response:
        claim = services.open_claim(**self.valid(ClaimInput), customer_id=self._owner, now=timezone.now())
        return Response(ClaimSerializer(claim).data, status=201)

    @extend_schema(request=ClaimAssessmentInput, responses=ClaimSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def assess(self, request: Request, pk: str) -> Response:
        """Say what the loss is worth; the policy says what it pays for that."""
        amount = self.valid(ClaimAssessmentInput)["amount"]
        claim = services.assess_claim(claim_id=_uuid(pk, ClaimNotFound), amount=amount, now=timezone.now())
        return Response(ClaimSerializer(claim).data)

    @extend_schema(request=ClaimApprovalInput, responses=ClaimSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def approve(self, request: Request, pk: str) -> Response:
        """Grant what the policy pays, or less."""
        claim = services.approve_claim(
            claim_id=_uuid(pk, ClaimNotFound),
            manager_id=self.principal.id,
            amount=self.valid(ClaimApprovalInput).get("amount"),
            now=timezone.now(),
        )
        return Response(ClaimSerializer(claim).data)

    @extend_schema(request=ClaimRejectionInput, responses=ClaimSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def reject(self, request: Request, pk: str) -> Response:
        """Refuse, and tell the insured why."""
        claim = services.reject_claim(
            claim_id=_uuid(pk, ClaimNotFound),
            manager_id=self.principal.id,
            reason=self.valid(ClaimRejectionInput)["reason"],
            now=timezone.now(),
        )
        return Response(ClaimSerializer(claim).data)
