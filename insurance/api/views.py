"""The insurance API."""

from typing import Any, TypeVar
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
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
from gateway.access.permissions import IsManager, IsSignedIn
from gateway.access.readings import Papers, hand_over
from gateway.api import ApiViewSet
from gateway.approvals.views import may_wait
from gateway.requests.paths import UUID_PATTERN
from insurance import queries, services
from insurance.api.filters import ClaimFilter, PolicyFilter, QuoteFilter
from insurance.api.serializers import (
    ClaimApprovalInput,
    ClaimAssessmentInput,
    ClaimDocumentInput,
    ClaimDocumentSerializer,
    ClaimInput,
    ClaimPapersInput,
    ClaimReasonInput,
    ClaimSerializer,
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
from insurance.models import Claim, Policy, Quote
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

    @property
    def _owner(self) -> UUID | None:
        """Return whose objects the caller may touch; None is everybody's."""
        return None if self.principal.is_staff else self.principal.id


class QuoteViewSet(_InsuranceViewSet):
    """Premiums that were worked out. Clients see their own, staff everybody's."""

    queryset = Quote.objects.select_related("policy")
    serializer_class = InsuranceQuoteSerializer
    filterset_class = QuoteFilter

    @extend_schema(request=InsuranceQuoteInput, responses={201: InsuranceQuoteSerializer})
    def create(self, request: Request) -> HttpResponse:
        """The premium of a policy, with every factor; it stands for 30 days."""
        return self.once("make_quote", self._quote)

    def _quote(self) -> Response:
        data = {name: value for name, value in self.valid(InsuranceQuoteInput).items() if value is not None}
        variants, is_compared = data.pop("variants", []), data.pop("compare")
        quote = services.make_quote(
            customer_id=self.principal.id,
            order_id=data.pop("order_id", None),
            request=read_request(data),
            is_staff=self.principal.is_staff,
            variants=variants,
            is_compared=is_compared,
            now=timezone.now(),
        )
        return Response(InsuranceQuoteSerializer(quote).data, status=201)

    @extend_schema(request=QuotePurchaseInput, responses={201: PolicySerializer})
    @action(detail=True, methods=["post"])
    def purchase(self, request: Request, pk: UUID) -> HttpResponse:
        """Buy an offer of the quote: the policy is `pending`, and `active` once it is paid."""
        return self.once("purchase_quote", self._purchase)

    def _purchase(self) -> Response:
        quote, given = self.get_object(), self.valid(QuotePurchaseInput)
        policy = services.purchase_quote(
            quote_id=self.kwargs["pk"],
            payment=self._paid(quote, given["payment"]),
            variant=given["variant"],
            customer_id=self._owner,
            now=timezone.now(),
        )
        return Response(PolicySerializer(policy).data, status=201)


class PolicyViewSet(_InsuranceViewSet):
    """Policies: asked for, paid, in force, ended. Clients see their own, staff everybody's."""

    queryset = Policy.objects.prefetch_related("instalments")
    serializer_class = PolicySerializer
    filterset_class = PolicyFilter
    throttle_scopes = {"document": "files"}

    @extend_schema(request=PolicyCancelInput, responses=may_wait(PolicySerializer))
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: UUID) -> HttpResponse:
        """End a policy today, or after a day to come; `refund_amount` is the unused part of its premium.

        Until that day `refund_estimate` is what will come back, as things stand.

        Managers may name the day from which the premium counts as unused: of the insured's death, of the car's loss.
        """
        return self.once("cancel_policy", self._cancel)

    def _cancel(self) -> Response:
        given = self.valid(PolicyCancelInput)
        if "event_date" in given and not self.principal.is_staff:
            raise InvalidInput("event_date", "invalid", _("The dealership fills it in, from the papers."))
        policy_id = self.kwargs["pk"]
        person_id = self.principal.id
        is_own = Policy.objects.filter(pk=policy_id, customer_id=person_id).exists() and "event_date" not in given
        is_insured = is_own or not self.principal.is_staff
        policy = services.cancel_policy(
            policy_id=policy_id,
            customer_id=person_id if is_insured else None,
            maker_id=None if is_insured else person_id,
            now=timezone.now(),
            **given,
        )
        return Response(PolicySerializer(policy).data)

    @extend_schema(request=None, responses=PolicySerializer)
    @action(detail=True, methods=["post"])
    def keep(self, request: Request, pk: UUID) -> Response:
        """Forget the cancellation that was set for a day to come."""
        policy = services.keep_policy(policy_id=pk, customer_id=self._owner, now=timezone.now())
        return Response(PolicySerializer(policy).data)

    @extend_schema(request=PolicyReinstateInput, responses=PolicySerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def reinstate(self, request: Request, pk: UUID) -> HttpResponse:
        """Put a policy cancelled today back in force, once its refund is paid back."""
        return self.once("reinstate_policy", self._reinstate)

    def _reinstate(self) -> Response:
        insured = self.get_object()
        policy = services.reinstate_policy(
            policy_id=self.kwargs["pk"],
            payment=self._paid(insured, self.valid(PolicyReinstateInput).get("payment")),
            now=timezone.now(),
        )
        return Response(PolicySerializer(policy).data)

    @extend_schema(request=PolicyConfirmationInput, responses=may_wait(PolicySerializer))
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def confirm(self, request: Request, pk: UUID) -> HttpResponse:
        """Confirm by evidence what the premium rests on, or put it right for the whole term.

        What is less goes back; what is more is paid first: by `payment`, or by the insured who change the policy.
        """
        return self.once("confirm_policy", self._confirm)

    def _confirm(self) -> Response:
        insured, given = self.get_object(), self.valid(PolicyConfirmationInput)
        self._paid(insured, given.get("payment"))
        policy = services.confirm_policy(
            policy_id=insured.id, manager_id=self.principal.id, now=timezone.now(), **given
        )
        return Response(PolicySerializer(policy).data)

    @extend_schema(request=PolicyEndorsementInput, responses=may_wait(EndorsementSerializer, 201))
    @action(detail=True, methods=["post"])
    def endorse(self, request: Request, pk: UUID) -> HttpResponse:
        """Change what is insured from today on; a dearer policy is changed once the difference is paid."""
        return self.once("endorse_policy", self._endorse)

    def _endorse(self) -> Response:
        insured, given = self.get_object(), self.valid(PolicyEndorsementInput)
        endorsement = services.endorse_policy(
            policy_id=self.kwargs["pk"],
            changes=given["changes"],
            payment=self._paid(insured, given.get("payment")),
            actor_id=self.principal.id,
            customer_id=self._owner,
            expected_difference=given.get("expected_difference"),
            now=timezone.now(),
        )
        return Response(EndorsementSerializer(endorsement).data, status=201)

    @extend_schema(request=EndorsementPriceInput, responses=EndorsementPriceSerializer)
    @action(detail=True, methods=["post"], url_path="price-endorsement")
    def price_endorsement(self, request: Request, pk: UUID) -> Response:
        """Price a change from today on; nothing is changed."""
        self.get_object()
        priced = services.price_endorsement(
            policy_id=pk,
            changes=self.valid(EndorsementPriceInput)["changes"],
            actor_id=self.principal.id,
            customer_id=self._owner,
            now=timezone.now(),
        )
        return Response(EndorsementPriceSerializer(priced).data)

    @extend_schema(request=InstalmentPaymentInput, responses=PolicySerializer)
    @action(detail=True, methods=["post"], url_path="pay-instalment")
    def pay_instalment(self, request: Request, pk: UUID) -> HttpResponse:
        """Pay the instalment that is due next, before its day too."""
        return self.once("pay_instalment", self._pay_instalment)

    def _pay_instalment(self) -> Response:
        insured = self.get_object()
        policy = services.pay_instalment(
            policy_id=self.kwargs["pk"],
            payment=self._paid(insured, self.valid(InstalmentPaymentInput)["payment"]),
            customer_id=self._owner,
            now=timezone.now(),
        )
        return Response(PolicySerializer(policy).data)

    @extend_schema(request=PolicyAutopayInput, responses=PolicySerializer)
    @action(detail=True, methods=["post"])
    def autopay(self, request: Request, pk: UUID) -> Response:
        """Have instalments charged to a stored payment method on their days, or by nothing any more."""
        insured = self.get_object()
        policy = services.choose_autopay(
            policy_id=pk,
            payment=self._paid(insured, self.valid(PolicyAutopayInput)["payment"]),
            customer_id=self._owner,
            now=timezone.now(),
        )
        return Response(PolicySerializer(policy).data)

    @extend_schema(responses=EndorsementSerializer(many=True), filters=False)
    @action(detail=True, methods=["get"], pagination_class=None, filter_backends=[])
    def endorsements(self, request: Request, pk: UUID) -> Response:
        """Changes of a policy, oldest first."""
        return Response(EndorsementSerializer(self.get_object().endorsements.all(), many=True).data)

    @extend_schema(request=None, responses={201: InsuranceQuoteSerializer})
    @action(detail=True, methods=["post"])
    def renew(self, request: Request, pk: UUID) -> HttpResponse:
        """A quote for the next term; bought like any other it becomes a policy of its own."""
        return self.once("renew_policy", self._renew)

    def _renew(self) -> Response:
        quote = services.renew_policy(policy_id=self.kwargs["pk"], customer_id=self._owner, now=timezone.now())
        return Response(InsuranceQuoteSerializer(quote).data, status=201)

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

    @extend_schema(request=ClaimInput, responses={201: ClaimSerializer})
    def create(self, request: Request) -> HttpResponse:
        """Report a loss."""
        return self.once("open_claim", self._open)

    def _open(self) -> Response:
        given = self.valid(ClaimInput)
        names = ("kind", "place", "driver_name", "driver_birth_date")
        report = services.LossReport(**{name: given.pop(name) for name in names if given.get(name)})
        given = {name: value for name, value in given.items() if name not in names}
        claim = services.open_claim(**given, report=report, customer_id=self._owner, now=timezone.now())
        return self._shown(claim, status=201)

    def _shown(self, claim: Claim, status: int = 200) -> Response:
        found = self.queryset.get(pk=claim.pk)
        return Response(ClaimSerializer(found, context=self.get_serializer_context()).data, status=status)

    @property
    def _claim_id(self) -> UUID:
        return self.kwargs["pk"]

    @extend_schema(methods=["get"], responses=ClaimDocumentSerializer(many=True), filters=False)
    @extend_schema(
        methods=["post"],
        request={"multipart/form-data": ClaimDocumentInput},
        responses={201: ClaimDocumentSerializer},
        filters=False,
    )
    @action(
        detail=True,
        methods=["get", "post"],
        parser_classes=[MultiPartParser],
        pagination_class=None,
        filter_backends=[],
    )
    def documents(self, request: Request, pk: UUID) -> HttpResponse:
        """Papers and photographs of a claim; the same file twice is one paper."""
        if request.method == "POST":
            return self._add_document()
        return Response(ClaimDocumentSerializer(self.get_object().documents.all(), many=True).data)

    def _add_document(self) -> Response:
        self.get_object()
        given = self.valid(ClaimDocumentInput)
        upload = given["file"]
        check_size(upload.size, settings.CLAIM_FILE_MAX_BYTES)
        document = services.add_document(
            claim_id=self._claim_id,
            kind=given["kind"],
            name=upload.name,
            content=upload.read(),
            actor_id=self.principal.id,
            customer_id=self._owner,
            now=timezone.now(),
        )
        return Response(ClaimDocumentSerializer(document).data, status=201)

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

    @extend_schema(request=None, responses=ClaimSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: UUID) -> Response:
        """Take back a report that was not decided."""
        claim = services.withdraw_claim(claim_id=self._claim_id, customer_id=self._owner, now=timezone.now())
        return self._shown(claim)

    @extend_schema(request=ClaimPapersInput, responses=ClaimSerializer)
    @action(detail=True, methods=["post"], url_path="request-documents", permission_classes=[IsManager])
    def request_documents(self, request: Request, pk: UUID) -> Response:
        """Ask the insured for papers."""
        wanted = self.valid(ClaimPapersInput).get("documents", [])
        return self._shown(services.request_documents(claim_id=self._claim_id, documents=wanted, now=timezone.now()))

    @extend_schema(request=ClaimAssessmentInput, responses=ClaimSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def assess(self, request: Request, pk: UUID) -> Response:
        """Say what the loss is worth, and what it was; the policy says what it pays for that, and `formula` how."""
        found = services.Assessment(**self.valid(ClaimAssessmentInput))
        return self._shown(
            services.assess_claim(claim_id=self._claim_id, found=found, maker_id=self.principal.id, now=timezone.now())
        )

    @extend_schema(request=ClaimApprovalInput, responses=ClaimSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def approve(self, request: Request, pk: UUID) -> Response:
        """Grant what the policy pays, or less; above the limit a second manager confirms."""
        claim = services.approve_claim(
            claim_id=self._claim_id,
            manager_id=self.principal.id,
            amount=self.valid(ClaimApprovalInput).get("amount"),
            now=timezone.now(),
        )
        return self._shown(claim)

    @extend_schema(request=ClaimReasonInput, responses=ClaimSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def reject(self, request: Request, pk: UUID) -> Response:
        """Refuse, and tell the insured why."""
        claim = services.reject_claim(
            claim_id=self._claim_id,
            manager_id=self.principal.id,
            reason=self.valid(ClaimReasonInput)["reason"],
            now=timezone.now(),
        )
        return self._shown(claim)

    @extend_schema(request=None, responses=ClaimSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def pay(self, request: Request, pk: UUID) -> HttpResponse:
        """Ask payments for the payout; the claim is `paid` when the money has left."""
        return self.once(
            "pay_claim",
            lambda: self._shown(
                services.pay_claim(claim_id=self._claim_id, maker_id=self.principal.id, now=timezone.now())
            ),
        )

    @extend_schema(request=ClaimReasonInput, responses=ClaimSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def reopen(self, request: Request, pk: UUID) -> Response:
        """Look again at a claim that was paid, refused or closed."""
        reason = self.valid(ClaimReasonInput)["reason"]
        return self._shown(services.reopen_claim(claim_id=self._claim_id, reason=reason, now=timezone.now()))

    @extend_schema(request=None, responses=ClaimSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def close(self, request: Request, pk: UUID) -> Response:
        """Put a paid or refused claim away."""
        return self._shown(services.close_claim(claim_id=self._claim_id, now=timezone.now()))
