"""Papers of the contract desk over HTTP: issuing them, reading them, and the passport data that they state."""

from datetime import datetime
from uuid import UUID

import django_filters
from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from core.db import database_now
from core.errors import InvalidInput, NotFound
from gateway.access.permissions import IsManager, IsSignedIn
from gateway.access.readings import Papers, hand_over, record_reading
from gateway.api import ApiViewSet
from gateway.guards.address import exact_address
from gateway.requests.filtering import refuse_unknown
from gateway.writes import Call, write
from orders.models import (
    ISSUED_KINDS,
    BuyerPapers,
    DocumentSignature,
    IssuedDocument,
    PaperLanguage,
    QualifiedSigning,
    SigningCode,
)
from orders.queries.papers import read_in_english, read_paper, verify_paper
from orders.rules.passports import mask, mask_phone
from orders.services import Actor
from orders.services.buyer_papers import check_buyer_papers, enter_buyer_papers, read_buyer_papers
from orders.services.issuing import issue_paper
from orders.services.qualified import request_signature
from orders.services.signing import begin_signing, sign_by_code, sign_for_seller

COPIES = ("signed", "issued", "english")


class PaperInput(serializers.Serializer):
    """A kind of paper to issue; `details` are said by hand, by the names of `/document-templates/fields`.

    Tax papers have the form of the law: they are issued by managers, in Russian, without details.
    """

    kind = serializers.ChoiceField(choices=ISSUED_KINDS)
    language = serializers.ChoiceField(choices=PaperLanguage.choices, default=PaperLanguage.RUSSIAN)
    details = serializers.DictField(child=serializers.CharField(max_length=1000), default=dict)


class SignatureSerializer(serializers.ModelSerializer):
    """A signature: which side, how and when; the rest of its protocol is printed on the paper."""

    class Meta:
        model = DocumentSignature
        fields = ["id", "side", "method", "signer_id", "sha256", "signed_at"]
        read_only_fields = fields


class QualifiedSigningSerializer(serializers.ModelSerializer):
    """A request for a qualified signature: for which side, and what came of it."""

    class Meta:
        model = QualifiedSigning
        fields = ["id", "side", "state", "failure_code", "requested_by", "requested_at", "settled_at"]
        read_only_fields = fields


class IssuedDocumentSerializer(serializers.ModelSerializer):
    """A paper that was issued; `signed_at` is the moment of the last signature once both sides have signed."""

    signatures = SignatureSerializer(many=True, read_only=True)
    signings = QualifiedSigningSerializer(many=True, read_only=True)
    signed_at = serializers.SerializerMethodField()

    class Meta:
        model = IssuedDocument
        fields = [
            "id", "order_id", "kind", "language", "number", "title", "template_id", "sha256", "text_sha256",
            "issued_by", "issued_at", "signatures", "signings", "signed_at",
        ]  # fmt: skip
        read_only_fields = fields

    def get_signed_at(self, document: IssuedDocument) -> datetime | None:
        found = [signature.signed_at for signature in document.signatures.all()]
        return max(found) if len(found) == len(document.sides) else None


class BuyerPapersInput(serializers.Serializer):
    """Passport data of the buyer, and the phone that codes to sign with are sent to once both were checked."""

    full_name = serializers.CharField(max_length=200)
    birth_date = serializers.DateField()
    birth_place = serializers.CharField(max_length=200, allow_blank=True, default="")
    passport = serializers.CharField(max_length=30)
    issued_by = serializers.CharField(max_length=300)
    issued_on = serializers.DateField()
    department_code = serializers.RegexField(r"^(\d{3}-\d{3})?$", allow_blank=True, default="", max_length=7)
    address = serializers.CharField(max_length=400)
    phone = serializers.CharField(max_length=32)


class BuyerPapersSerializer(serializers.Serializer):
    """Passport data with its numbers masked; `checked_at` is when a manager compared them with the original."""

    passport_data = serializers.SerializerMethodField()
    entered_by = serializers.UUIDField()
    updated_at = serializers.DateTimeField()
    checked_by = serializers.UUIDField(allow_null=True)
    checked_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()

    def get_passport_data(self, papers: BuyerPapers) -> dict[str, str]:
        return mask(read_buyer_papers(papers))


class FullBuyerPapersSerializer(BuyerPapersSerializer):
    """Passport data in full."""

    def get_passport_data(self, papers: BuyerPapers) -> dict[str, str]:
        return read_buyer_papers(papers)


class VerificationSerializer(serializers.Serializer):
    """Hashes of a kept paper computed anew, beside those that it was issued and signed under."""

    sha256 = serializers.CharField()
    computed_sha256 = serializers.CharField()
    text_sha256 = serializers.CharField()
    computed_text_sha256 = serializers.CharField()
    is_intact = serializers.BooleanField()
    signatures_match = serializers.BooleanField()


class SignInput(serializers.Serializer):
    """The code that was sent; without one the buyer is sent a code, and a manager signs for the dealer."""

    code = serializers.RegexField(r"^\d{6}$", required=False, max_length=6)


class SentCodeSerializer(serializers.Serializer):
    """A code is on its way: to which phone, and until when it is good."""

    phone = serializers.SerializerMethodField()
    sent_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()

    def get_phone(self, code: SigningCode) -> str:
        return mask_phone(code.phone)


class PaperActions(ApiViewSet):
    """Papers and passport data under an order's own path."""

    @action(detail=True, methods=["post"], url_path="documents", url_name="issue-paper")
    @write(request=PaperInput, responses={201: IssuedDocumentSerializer}, once="orders.document")
    def issue_paper(self, call: Call, pk: UUID) -> IssuedDocument:
        """Issue a paper from the template in force, or answer with the last one while it still says what is true."""
        return issue_paper(order_id=pk, actor=_get_actor(call), now=call.now, **call.body)

    @extend_schema(responses=BuyerPapersSerializer)
    @action(detail=True, methods=["get"], url_path="buyer-papers", filterset_class=None)
    def buyer_papers(self, request: Request, pk: UUID) -> Response:
        """Passport data of the buyer, masked."""
        refuse_unknown(request, set())
        return Response(BuyerPapersSerializer(self._find_papers(pk)).data)

    @buyer_papers.mapping.put
    @write(request=BuyerPapersInput, responses=BuyerPapersSerializer)
    def enter_buyer_papers(self, call: Call, pk: UUID) -> BuyerPapers:
        """Enter the buyer's passport data; a change takes the check of their identity back."""
        return enter_buyer_papers(
            order_id=pk,
            data=call.body,
            actor=_get_actor(call),
            now=call.now,
            expected_version=call.expected_version,
        )

    @extend_schema(responses=FullBuyerPapersSerializer)
    @action(detail=True, methods=["get"], url_path="buyer-papers/full", filterset_class=None)
    def full_buyer_papers(self, request: Request, pk: UUID) -> Response:
        """Passport data in full; the buyer is told who read them."""
        refuse_unknown(request, set())
        found = self._find_papers(pk)
        record_reading(request, Papers("orders", "passport", pk, found.order.customer_id))
        return Response(FullBuyerPapersSerializer(found).data)

    @action(detail=True, methods=["post"], url_path="buyer-papers/check", permission_classes=[IsManager])
    @write(responses=BuyerPapersSerializer)
    def check_buyer_papers(self, call: Call, pk: UUID) -> BuyerPapers:
        """State that data and phone are those of the person and the passport that a manager has seen."""
        return check_buyer_papers(
            order_id=pk, actor=_get_actor(call), now=call.now, expected_version=call.expected_version
        )

    def _find_papers(self, pk: UUID) -> BuyerPapers:
        found = BuyerPapers.objects.select_related("order").filter(order__in=self.get_queryset().filter(pk=pk)).first()
        if found is None:
            raise NotFound
        return found


class IssuedDocumentFilter(django_filters.FilterSet):
    """By order and kind."""

    order_id = django_filters.UUIDFilter()
    kind = django_filters.MultipleChoiceFilter(choices=ISSUED_KINDS)

    class Meta:
        model = IssuedDocument
        fields: list[str] = []


class IssuedDocumentViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, ApiViewSet):
    """Papers of one's own orders; managers see all."""

    permission_classes = [IsSignedIn]
    serializer_class = IssuedDocumentSerializer
    filterset_class = IssuedDocumentFilter
    queryset = IssuedDocument.objects.none()
    ordering = "-issued_at"
    ordering_fields = {"issued_at": "issued_at"}
    throttle_scopes = {"file": "files", "sign": "files", "sign_qualified": "files"}

    def now(self) -> datetime:
        return database_now("orders")

    def get_queryset(self) -> QuerySet[IssuedDocument]:
        signed = Prefetch("signatures", DocumentSignature.objects.order_by("signed_at"))
        found = IssuedDocument.objects.filter(order__deleted_at__isnull=True).defer("text", "content")
        asked = Prefetch("signings", QualifiedSigning.objects.order_by("requested_at"))
        found = found.prefetch_related(signed, asked)
        return found if self.principal.is_staff else found.filter(order__customer_id=self.principal.id)

    @extend_schema(
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
        parameters=[
            OpenApiParameter("copy", str, enum=list(COPIES), description="Else with the protocol of its signatures.")
        ],
    )
    @action(detail=True, methods=["get"], filterset_class=None)
    def file(self, request: Request, pk: UUID) -> HttpResponse:
        """The paper as PDF: with the protocol of its signatures, as it was issued, or a tax paper read in English."""
        refuse_unknown(request, {"copy"})
        copy = request.query_params.get("copy", "signed")
        if copy not in COPIES:
            raise InvalidInput("copy", "invalid", ", ".join(COPIES))
        found = self.get_queryset().select_related("order").filter(pk=pk).first()
        if found is None:
            raise NotFound
        papers = Papers("orders", found.kind, found.pk, found.order.customer_id)
        content = read_in_english(found) if copy == "english" else read_paper(found, is_signed_copy=copy == "signed")
        response = hand_over(request, papers, content, "application/pdf")
        response["Content-Disposition"] = content_disposition_header(False, f"{found.number}.pdf") or "inline"
        response["Cache-Control"] = "private, no-cache"
        return response

    @action(detail=True, methods=["post"])
    @write(request=SignInput, responses={200: IssuedDocumentSerializer, 202: SentCodeSerializer})
    def sign(self, call: Call, pk: UUID) -> IssuedDocument | Response:
        """Sign: the buyer with the code that is sent when none is given, a manager for the dealer."""
        document = self.get_queryset().select_related("order").filter(pk=pk).first()
        if document is None:
            raise NotFound
        actor, code = _get_actor(call), call.body.get("code")
        origin = {"address": exact_address(call.request.META), "user_agent": call.request.headers.get("User-Agent", "")}
        if code is not None:
            sign_by_code(document_id=pk, code=code, actor=actor, now=call.now, **origin)
        elif actor.is_staff and actor.id != document.order.customer_id:
            sign_for_seller(document_id=pk, actor=actor, now=call.now, **origin)
        else:
            sent = begin_signing(document_id=pk, actor=actor, now=call.now)
            return Response(SentCodeSerializer(sent).data, status=202)
        return self.get_queryset().get(pk=pk)

    @action(detail=True, methods=["post"], url_path="sign-qualified", url_name="sign-qualified")
    @write(responses={202: QualifiedSigningSerializer})
    def sign_qualified(self, call: Call, pk: UUID) -> Response:
        """Ask for a qualified signature: the buyer for themselves, a manager for the dealer; the paper says the end."""
        if not self.get_queryset().filter(pk=pk).exists():
            raise NotFound
        made = request_signature(document_id=pk, actor=_get_actor(call), now=call.now)
        return Response(QualifiedSigningSerializer(made).data, status=202)

    @extend_schema(responses=VerificationSerializer)
    @action(detail=True, methods=["get"], filterset_class=None)
    def verify(self, request: Request, pk: UUID) -> Response:
        """Compute the hashes of the kept paper anew, and compare them with those that were signed."""
        refuse_unknown(request, set())
        found = self.get_queryset().filter(pk=pk).first()
        if found is None:
            raise NotFound
        return Response(VerificationSerializer(verify_paper(found)).data)


def _get_actor(call: Call) -> Actor:
    return Actor(call.actor_id, call.principal.roles)
