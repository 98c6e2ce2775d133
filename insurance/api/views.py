"""The insurance API."""

from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import InvalidInput, NotFound
from core.files.papers import KINDS, check_size
from core.ids import UUID_PATTERN
from gateway.access.permissions import IsManager, IsSignedIn
from gateway.access.readings import Papers, hand_over
from gateway.api import ApiViewSet
from gateway.approvals.views import may_wait
from gateway.writes import Call, write
from insurance import queries, services
from insurance.api.claim_serializers import (
    ClaimApprovalInput,
    ClaimAssessmentInput,
    ClaimDocumentInput,
    ClaimDocumentSerializer,
    ClaimInput,
    ClaimPapersInput,
    ClaimReasonInput,
    ClaimSerializer,
)
from insurance.api.filters import ClaimFilter, PolicyFilter, QuoteFilter
from insurance.api.serializers import (
    EndorsementPriceInput,
    EndorsementPriceSerializer,
    EndorsementSerializer,
    InstalmentPaymentInput,
    InsuranceQuoteInput,
    InsuranceQuoteSerializer,
    PolicyAutopayInput,
    PolicyCancelInput,
    PolicyConfirmationInput,
    PolicyEndorsementInput,
    PolicyReinstateInput,
    PolicySerializer,
    QuotePurchaseInput,
)
from insurance.models import Claim, ClaimDocument, Endorsement, Policy, Quote
from insurance.queries.documents import policy_pdf
from insurance.rules.pricing import read_request
from payments.public import require_method

Paying = TypeVar("Paying", dict[str, Any], dict[str, Any] | None)


class _InsuranceViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """A client sees its own objects; managers see all."""

    permission_classes = [IsSignedIn]
    idempotent_on = "insurance"
    ordering = "-created_at"
    ordering_fields = {"created_at": "created_at"}

    def get_queryset(self) -> QuerySet[Any]:
        rows = super().get_queryset()
        return rows.all() if self.principal.is_staff else rows.filter(customer_id=self.principal.id)

    def _paid(self, insured: Quote | Policy, payment: Paying) -> Paying:
        """Let a quote or policy be paid by a stored method of its owner's own alone. Raises InvalidInput."""
        if payment and "payment_method_id" in payment:
            require_method(
                payment["payment_method_id"],
                method=payment["method"],
                caller_id=self.principal.id,
                customer_id=insured.customer_id,
                field="payment.payment_method_id",
            )
        return payment


class QuoteViewSet(_InsuranceViewSet):
    """Premiums that were worked out. Clients see their own, staff everybody's."""

    queryset = Quote.objects.select_related("policy")
    serializer_class = InsuranceQuoteSerializer
    filterset_class = QuoteFilter

    @write(request=InsuranceQuoteInput, responses={201: InsuranceQuoteSerializer}, once="make_quote")
    def create(self, call: Call) -> Quote:
        """The premium of a policy, with every factor; it stands for 30 days."""
        data = {name: value for name, value in call.body.items() if value is not None}
        variants, is_compared = data.pop("variants", []), data.pop("compare")
        return services.make_quote(
            customer_id=call.actor_id,
            order_id=data.pop("order_id", None),
            request=read_request(data),
            is_staff=call.principal.is_staff,
            variants=variants,
            is_compared=is_compared,
            now=call.now,
        )

    @action(detail=True, methods=["post"])
    @write(request=QuotePurchaseInput, responses={201: PolicySerializer}, once="purchase_quote")
    def purchase(self, call: Call, pk: UUID) -> Policy:
        """Buy an offer of the quote: the policy is `pending`, and `active` once it is paid."""
        return services.purchase_quote(
            quote_id=pk,
            payment=self._paid(self.get_object(), call.body["payment"]),
            variant=call.body["variant"],
            customer_id=call.owner_id,
            now=call.now,
        )


class PolicyViewSet(_InsuranceViewSet):
    """Policies: asked for, paid, in force, ended. Clients see their own, staff everybody's."""

    queryset = Policy.objects.prefetch_related("instalments")
    serializer_class = PolicySerializer
    filterset_class = PolicyFilter
    throttle_scopes = {"document": "files"}

    @action(detail=True, methods=["post"])
    @write(request=PolicyCancelInput, responses=may_wait(PolicySerializer), once="cancel_policy")
    def cancel(self, call: Call, pk: UUID) -> Policy:
        """End a policy today, or after a day to come; `refund_amount` is the unused part of its premium.

        Until that day `refund_estimate` is what will come back, as things stand.

        Managers may name the day from which the premium counts as unused: of the insured's death, of the car's loss.
        """
        if "event_date" in call.body and not call.principal.is_staff:
            raise InvalidInput("event_date", "invalid", _("The dealership fills it in, from the papers."))
        is_own = Policy.objects.filter(pk=pk, customer_id=call.actor_id).exists() and "event_date" not in call.body
        is_insured = is_own or not call.principal.is_staff
        return services.cancel_policy(
            policy_id=pk,
            customer_id=call.actor_id if is_insured else None,
            maker_id=None if is_insured else call.actor_id,
            now=call.now,
            **call.body,
        )

    @action(detail=True, methods=["post"])
    @write(responses=PolicySerializer)
    def keep(self, call: Call, pk: UUID) -> Policy:
        """Forget the cancellation that was set for a day to come."""
        return services.keep_policy(policy_id=pk, customer_id=call.owner_id, now=call.now)

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=PolicyReinstateInput, responses=PolicySerializer, once="reinstate_policy")
    def reinstate(self, call: Call, pk: UUID) -> Policy:
        """Put a policy cancelled today back in force, once its refund is paid back."""
        payment = self._paid(self.get_object(), call.body.get("payment"))
        return services.reinstate_policy(policy_id=pk, payment=payment, now=call.now)

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=PolicyConfirmationInput, responses=may_wait(PolicySerializer), once="confirm_policy")
    def confirm(self, call: Call, pk: UUID) -> Policy:
        """Confirm by evidence what the premium rests on, or put it right for the whole term.

        What is less goes back; what is more is paid first: by `payment`, or by the insured who change the policy.
        """
        self._paid(self.get_object(), call.body.get("payment"))
        return services.confirm_policy(policy_id=pk, manager_id=call.actor_id, now=call.now, **call.body)

    @action(detail=True, methods=["post"])
    @write(request=PolicyEndorsementInput, responses=may_wait(EndorsementSerializer, 201), once="endorse_policy")
    def endorse(self, call: Call, pk: UUID) -> Endorsement:
        """Change what is insured from today on; a dearer policy is changed once the difference is paid."""
        return services.endorse_policy(
            policy_id=pk,
            changes=call.body["changes"],
            payment=self._paid(self.get_object(), call.body.get("payment")),
            actor_id=call.actor_id,
            customer_id=call.owner_id,
            expected_difference=call.body.get("expected_difference"),
            now=call.now,
        )

    @action(detail=True, methods=["post"], url_path="price-endorsement")
    @write(request=EndorsementPriceInput, responses=EndorsementPriceSerializer)
    def price_endorsement(self, call: Call, pk: UUID) -> Any:
        """Price a change from today on; nothing is changed."""
        return services.price_endorsement(
            policy_id=self.get_object().pk,
            changes=call.body["changes"],
            actor_id=call.actor_id,
            customer_id=call.owner_id,
            now=call.now,
        )

    @action(detail=True, methods=["post"], url_path="pay-instalment")
    @write(request=InstalmentPaymentInput, responses=PolicySerializer, once="pay_instalment")
    def pay_instalment(self, call: Call, pk: UUID) -> Policy:
        """Pay the instalment that is due next, before its day too."""
        payment = self._paid(self.get_object(), call.body["payment"])
        return services.pay_instalment(policy_id=pk, payment=payment, customer_id=call.owner_id, now=call.now)

    @action(detail=True, methods=["post"])
    @write(request=PolicyAutopayInput, responses=PolicySerializer)
    def autopay(self, call: Call, pk: UUID) -> Policy:
        """Have instalments charged to a stored payment method on their days, or by nothing any more."""
        payment = self._paid(self.get_object(), call.body["payment"])
        return services.choose_autopay(policy_id=pk, payment=payment, customer_id=call.owner_id, now=call.now)

    @extend_schema(responses=EndorsementSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def endorsements(self, request: Request, pk: UUID) -> Response:
        """Changes of a policy, oldest first."""
        return Response(EndorsementSerializer(self.get_object().endorsements.all(), many=True).data)

    @action(detail=True, methods=["post"])
    @write(responses={201: InsuranceQuoteSerializer}, once="renew_policy")
    def renew(self, call: Call, pk: UUID) -> Quote:
        """A quote for the next term; bought like any other it becomes a policy of its own."""
        return services.renew_policy(policy_id=pk, customer_id=call.owner_id, now=call.now)

    @extend_schema(responses={(200, "application/pdf"): OpenApiTypes.BINARY})
    @action(detail=True, methods=["get"])
    def document(self, request: Request, pk: UUID) -> HttpResponse:
        """The policy as a PDF."""
        policy = Policy.objects.select_related("quote").get(pk=self.get_object().pk)
        return hand_over(
            request,
            Papers("insurance", "policy", policy.id, policy.customer_id),
            policy_pdf(policy),
            "application/pdf",
            headers={"Content-Disposition": f'inline; filename="{policy.number}.pdf"'},
        )


class ClaimViewSet(_InsuranceViewSet):
    """Losses that were reported. Clients see their own, staff everybody's."""

    queryset = Claim.objects.select_related("terms").prefetch_related("documents", "payouts")
    serializer_class = ClaimSerializer
    filterset_class = ClaimFilter
    ordering_fields = {"created_at": "created_at", "due_date": "due_date"}

    @write(request=ClaimInput, responses={201: ClaimSerializer}, once="open_claim")
    def create(self, call: Call) -> Claim:
        """Report a loss."""
        names = ("kind", "place", "driver_name", "driver_birth_date")
        report = services.LossReport(**{name: call.body[name] for name in names if call.body.get(name)})
        given = {name: value for name, value in call.body.items() if name not in names}
        return self._shown(services.open_claim(**given, report=report, customer_id=call.owner_id, now=call.now))

    def _shown(self, claim: Claim) -> Claim:
        return self.queryset.get(pk=claim.pk)

    @extend_schema(responses=ClaimDocumentSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], parser_classes=[MultiPartParser], pagination_class=None, filter_backends=[])
    def documents(self, request: Request, pk: UUID) -> HttpResponse:
        """Papers and photographs of a claim."""
        return Response(ClaimDocumentSerializer(self.get_object().documents.all(), many=True).data)

    @extend_schema(filters=False)
    @documents.mapping.post
    @write(request={"multipart/form-data": ClaimDocumentInput}, responses={201: ClaimDocumentSerializer})
    def add_document(self, call: Call, pk: UUID) -> ClaimDocument:
        """Add a paper or a photograph to a claim; the same file twice is one paper."""
        upload = call.body["file"]
        check_size(upload.size, settings.CLAIM_FILE_MAX_BYTES)
        return services.add_document(
            claim_id=self.get_object().pk,
            kind=call.body["kind"],
            name=upload.name,
            content=upload.read(),
            actor_id=call.actor_id,
            customer_id=call.owner_id,
            now=call.now,
        )

    @extend_schema(responses={(200, kind): OpenApiTypes.BINARY for kind in KINDS})
    @action(detail=True, methods=["get"], url_path=f"documents/(?P<document_id>{UUID_PATTERN})")
    def document_file(self, request: Request, pk: UUID, document_id: UUID) -> HttpResponse:
        """One paper as it was uploaded."""
        claim = self.get_object()
        document = claim.documents.filter(pk=document_id).first()
        if document is None:
            raise NotFound
        return hand_over(
            request,
            Papers("insurance", "claim_paper", document.id, claim.customer_id),
            queries.read_document(document),
            document.content_type,
            headers={
                "Content-Disposition": f'attachment; filename="{document.id}"',
                "X-Content-Type-Options": "nosniff",
            },
        )

    @action(detail=True, methods=["post"])
    @write(responses=ClaimSerializer)
    def withdraw(self, call: Call, pk: UUID) -> Claim:
        """Take back a report that was not decided."""
        return self._shown(services.withdraw_claim(claim_id=pk, customer_id=call.owner_id, now=call.now))

    @action(detail=True, methods=["post"], url_path="request-documents", permission_classes=[IsManager])
    @write(request=ClaimPapersInput, responses=ClaimSerializer)
    def request_documents(self, call: Call, pk: UUID) -> Claim:
        """Ask the insured for papers."""
        wanted = call.body.get("documents", [])
        return self._shown(services.request_documents(claim_id=pk, documents=wanted, now=call.now))

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=ClaimAssessmentInput, responses=ClaimSerializer)
    def assess(self, call: Call, pk: UUID) -> Claim:
        """Say what the loss is worth, and what it was; the policy says what it pays for that, and `formula` how."""
        found = services.Assessment(**call.body)
        return self._shown(services.assess_claim(claim_id=pk, found=found, maker_id=call.actor_id, now=call.now))

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=ClaimApprovalInput, responses=ClaimSerializer)
    def approve(self, call: Call, pk: UUID) -> Claim:
        """Grant what the policy pays, or less; above the limit a second manager confirms."""
        amount = call.body.get("amount")
        return self._shown(services.approve_claim(claim_id=pk, manager_id=call.actor_id, amount=amount, now=call.now))

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=ClaimReasonInput, responses=ClaimSerializer)
    def reject(self, call: Call, pk: UUID) -> Claim:
        """Refuse, and tell the insured why."""
        return self._shown(
            services.reject_claim(claim_id=pk, manager_id=call.actor_id, reason=call.body["reason"], now=call.now)
        )

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(responses=ClaimSerializer, once="pay_claim")
    def pay(self, call: Call, pk: UUID) -> Claim:
        """Ask payments for the payout; the claim is `paid` when the money has left."""
        return self._shown(services.pay_claim(claim_id=pk, maker_id=call.actor_id, now=call.now))

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=ClaimReasonInput, responses=ClaimSerializer)
    def reopen(self, call: Call, pk: UUID) -> Claim:
        """Look again at a claim that was paid, refused or closed."""
        return self._shown(services.reopen_claim(claim_id=pk, reason=call.body["reason"], now=call.now))

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(responses=ClaimSerializer)
    def close(self, call: Call, pk: UUID) -> Claim:
        """Put a paid or refused claim away."""
        return self._shown(services.close_claim(claim_id=pk, now=call.now))
