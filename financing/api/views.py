"""The financing API."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from core.clock import dealer_day
from core.files.papers import KINDS, check_size
from financing import queries, services
from financing.api.desk_serializers import (
    ApplicationDocumentInput,
    ApplicationDocumentSerializer,
    DocumentReviewInput,
    OverrideInput,
    OverrideSerializer,
)
from financing.api.filters import ApplicationFilter, ProgrammeFilter
from financing.api.serializers import (
    AcceptInput,
    ApplicationApprovalInput,
    ApplicationInput,
    ApplicationRejectionInput,
    ApplicationSerializer,
    BankOffersSerializer,
    CalculateInput,
    LoanQuoteSerializer,
    ProgrammeInput,
    ProgrammeSerializer,
)
from financing.errors import ApplicationNotFound, DocumentNotFound
from financing.models import Application, Programme
from financing.queries.documents import TYPES, Paper, printed, quote_paper
from financing.rules.application_fields import read_fields
from financing.rules.calculations import (
    DayCount,
    Fee,
    InvalidTerms,
    LoanQuote,
    LoanTerms,
    NoRateFound,
    ScheduleKind,
    calculate,
    find_problems,
)
from gateway.access.permissions import IsManager, IsSignedIn, ReadByAnyone
from gateway.access.readings import Papers, hand_over
from gateway.api import ApiViewSet
from gateway.approvals.views import may_wait
from gateway.principal import Principal
from gateway.requests.paths import UUID_PATTERN

FILE_KIND = f"(?P<kind>{'|'.join(TYPES)})"
FILES = {(200, content_type): OpenApiTypes.BINARY for content_type in TYPES.values()}


class FinancingViewSet(ApiViewSet):
    """Base that the viewsets of financing share."""

    idempotent_on = "financing"

    @property
    def owner(self) -> UUID | None:
        """Return whose objects the caller may touch; None is everybody's."""
        return None if self.principal.is_staff else self.principal.id


class CalculatorViewSet(FinancingViewSet):
    """The loan calculator: nothing is stored."""

    permission_classes = [AllowAny]
    throttle_scopes = {"calculate": "calculations", "calculate_file": "files"}

    @extend_schema(request=CalculateInput, responses=LoanQuoteSerializer)
    @action(detail=False, methods=["post"])
    def calculate(self, request: Request) -> Response:
        """Payment, schedule, EU APR and ПСК of a loan."""
        return Response(LoanQuoteSerializer(self._quote()).data)

    @extend_schema(request=CalculateInput, responses=FILES, operation_id="financing_calculate_file")
    @action(detail=False, methods=["post"], url_path=f"calculate/{FILE_KIND}")
    def calculate_file(self, request: Request, kind: str) -> HttpResponse:
        """The same calculation as a PDF or a workbook (`pdf`, `xlsx`)."""
        return schedule_file(quote_paper(self._quote()), kind)

    def _quote(self) -> LoanQuote:
        terms = _terms(self.valid(CalculateInput))
        problems = find_problems(terms)
        if problems:
            raise _refusal(*problems)
        try:
            return calculate(terms, today=dealer_day(timezone.now()))
        except InvalidTerms as error:
            raise _refusal(error) from error
        except NoRateFound as error:
            raise _refusal(InvalidTerms("fees", "no_rate", str(error))) from error


def schedule_file(paper: Paper, kind: str) -> HttpResponse:
    """A schedule to download."""
    answer = HttpResponse(printed(paper, kind), content_type=TYPES[kind])
    answer["Content-Disposition"] = f'attachment; filename="schedule.{kind}"'
    return answer


def _refusal(*problems: InvalidTerms) -> ValidationError:
    return ValidationError({item.field: [ErrorDetail(item.detail, item.code)] for item in problems})


def _terms(data: dict[str, Any]) -> LoanTerms:
    day_count = data["day_count"]
    converted = {
        "schedule": ScheduleKind(data["schedule"]),
        "day_count": DayCount(day_count) if day_count else None,
        "fees": [Fee(**fee) for fee in data["fees"]],
    }
    return LoanTerms(**(data | converted))


class ProgrammeViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, FinancingViewSet):
    """Anyone sees what is on offer today; managers see and change all."""

    permission_classes = [ReadByAnyone | IsManager]
    serializer_class = ProgrammeSerializer
    filterset_class = ProgrammeFilter
    queryset = Programme.objects.none()
    ordering = "base_rate"
    ordering_fields = {"base_rate": "base_rate", "bank": "bank", "created_at": "created_at"}

    def get_queryset(self) -> QuerySet[Programme]:
        user = self.request.user
        is_staff = isinstance(user, Principal) and user.is_staff
        offered = Programme.objects.all() if is_staff else queries.programmes_on(dealer_day(timezone.now()))
        return offered.prefetch_related("rates")

    @extend_schema(request=ProgrammeInput, responses=may_wait(ProgrammeSerializer, 201))
    def create(self, request: Request) -> Response:
        fields, rates = _programme(self.valid(ProgrammeInput))
        programme = services.open_programme(fields=fields, rates=rates, maker_id=self.principal.id, now=timezone.now())
        return Response(ProgrammeSerializer(programme).data, status=201)

    @extend_schema(request=ProgrammeInput(partial=True), responses=may_wait(ProgrammeSerializer))
    def partial_update(self, request: Request, pk: UUID) -> Response:
        programme_id, expected = self.matched()
        changes, rates = _programme(self.valid(ProgrammeInput, partial=True))
        programme = services.change_programme(
            programme_id=programme_id,
            changes=changes,
            rates=rates,
            expected_version=expected,
            maker_id=self.principal.id,
            now=timezone.now(),
        )
        return Response(ProgrammeSerializer(programme).data)


def _programme(data: dict[str, Any]) -> Any:
    rows = data.pop("rates", None)
    return data, None if rows is None else {row["from_months"]: row["annual_rate"] for row in rows}


class ApplicationViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, FinancingViewSet):
    """A client sees its own applications; managers see all and decide what is under review."""

    permission_classes = [IsSignedIn]
    serializer_class = ApplicationSerializer
    filterset_class = ApplicationFilter
    queryset = Application.objects.none()
    ordering = "-created_at"
    ordering_fields = {"created_at": "created_at"}

    def get_queryset(self) -> QuerySet[Application]:
        applications = Application.objects.select_related("programme").prefetch_related("documents")
        return applications if self.principal.is_staff else applications.filter(customer_id=self.principal.id)

    @extend_schema(request=ApplicationInput, responses={201: ApplicationSerializer})
    def create(self, request: Request) -> HttpResponse:
        """Apply; the answer holds the decision."""
        return self.once("apply_for_loan", self._apply)

    def _apply(self) -> Response:
        data = self.valid(ApplicationInput)
        application = services.apply_for_loan(
            order_id=data.pop("order_id"),
            fields=read_fields(data),
            customer_id=self.owner,
            now=timezone.now(),
        )
        return Response(ApplicationSerializer(application).data, status=201)

    @extend_schema(responses=LoanQuoteSerializer)
    @action(detail=True, methods=["get"], filterset_class=None)
    def schedule(self, request: Request, pk: UUID) -> Response:
        """The schedule of the offer; before there is one, of what was asked for."""
        application = self._found(pk)
        amount = application.approved_amount or application.requested_amount
        rate = application.annual_rate if application.annual_rate is not None else application.asked_rate
        quote = calculate(application.terms(amount, rate), today=dealer_day(application.created_at))
        return Response(LoanQuoteSerializer(quote).data)

    @extend_schema(request=None, responses=ApplicationSerializer)
    @action(detail=True, methods=["post"])
    def withdraw(self, request: Request, pk: UUID) -> Response:
        """Give the application up."""
        application = services.withdraw_application(application_id=pk, customer_id=self.owner, now=timezone.now())
        return Response(ApplicationSerializer(application).data)

    @extend_schema(operation_id="financing_applications_offers_list", responses=BankOffersSerializer)
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def offers(self, request: Request, pk: UUID) -> Response:
        """List what every bank said, the cheapest first; those that still decide come last."""
        offers = queries.offers_of(self._found(pk).pk)
        return Response(BankOffersSerializer({"results": offers}).data)

    @extend_schema(request=AcceptInput, responses=ApplicationSerializer)
    @action(detail=True, methods=["post"])
    def accept(self, request: Request, pk: UUID) -> HttpResponse:
        """Accept the application's offer, or the one named of several; nobody can do it for the client."""
        return self.once("accept_offer", self._accept)

    def _accept(self) -> Response:
        given = self.valid(AcceptInput)
        application = services.accept_offer(
            application_id=self.kwargs["pk"],
            customer_id=self.principal.id,
            offer_id=given["offer_id"],
            own_part=given["own_part"],
            now=timezone.now(),
        )
        return Response(ApplicationSerializer(application).data)

    @extend_schema(request=ApplicationApprovalInput, responses=ApplicationSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def approve(self, request: Request, pk: UUID) -> Response:
        """Approve what is under review, with a smaller amount or another rate if need be."""
        data = self.valid(ApplicationApprovalInput)
        application = services.approve_application(
            application_id=pk,
            manager_id=self.principal.id,
            amount=data.get("amount"),
            annual_rate=data.get("rate"),
            now=timezone.now(),
        )
        return Response(ApplicationSerializer(application).data)

    @extend_schema(request=ApplicationRejectionInput, responses=ApplicationSerializer)
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def reject(self, request: Request, pk: UUID) -> Response:
        """Refuse what is under review, and tell the client why."""
        application = services.reject_application(
            application_id=pk,
            manager_id=self.principal.id,
            reason=self.valid(ApplicationRejectionInput)["reason"],
            now=timezone.now(),
        )
        return Response(ApplicationSerializer(application).data)

    @extend_schema(request=None, responses=ApplicationSerializer)
    @action(detail=True, methods=["post"], url_path="counter-offer", permission_classes=[IsManager])
    def counter_offer(self, request: Request, pk: UUID) -> Response:
        """Offer the nearest terms that the rules approve, in place of a refusal or a review."""
        application = services.offer_counter(application_id=pk, manager_id=self.principal.id, now=timezone.now())
        return Response(ApplicationSerializer(application).data)

    @extend_schema(request=OverrideInput, responses={201: OverrideSerializer})
    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    def override(self, request: Request, pk: UUID) -> HttpResponse:
        """Lend what the rules refused; above a limit another manager has to confirm it."""
        return self.once("override_decision", self._override)

    def _override(self) -> Response:
        data = self.valid(OverrideInput)
        override = services.override_decision(
            application_id=self.kwargs["pk"],
            manager_id=self.principal.id,
            reason=data["reason"],
            amount=data["amount"],
            annual_rate=data["rate"],
            term_months=data["term_months"],
            now=timezone.now(),
        )
        return Response(OverrideSerializer(override).data, status=201)

    @extend_schema(
        methods=["get"], operation_id="financing_applications_documents_list",
        responses=ApplicationDocumentSerializer(many=True), filters=False,
    )  # fmt: skip
    @extend_schema(
        methods=["post"],
        request={"multipart/form-data": ApplicationDocumentInput},
        responses={201: ApplicationDocumentSerializer},
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
        """Papers of the application; the same file twice is one paper."""
        application = self._found(pk)
        if request.method == "POST":
            return self._add_document(application.pk)
        return Response(ApplicationDocumentSerializer(application.documents.all(), many=True).data)

    def _add_document(self, application_id: UUID) -> Response:
        given = self.valid(ApplicationDocumentInput)
        check_size(given["file"].size, settings.CREDIT_FILE_MAX_BYTES)
        document = services.add_document(
            application_id=application_id,
            kind=given["kind"],
            name=given["file"].name,
            content=given["file"].read(),
            actor_id=self.principal.id,
            customer_id=self.owner,
            now=timezone.now(),
        )
        return Response(ApplicationDocumentSerializer(document).data, status=201)

    @extend_schema(responses={(200, kind): OpenApiTypes.BINARY for kind in KINDS})
    @action(detail=True, methods=["get"], url_path=f"documents/(?P<document_id>{UUID_PATTERN})", filterset_class=None)
    def document_file(self, request: Request, pk: UUID, document_id: UUID) -> HttpResponse:
        """One paper as it was uploaded."""
        application = self._found(pk)
        document = application.documents.filter(pk=document_id).first()
        if document is None:
            raise DocumentNotFound
        return hand_over(
            request,
            Papers("financing", "application_paper", document.id, application.customer_id),
            queries.read_document(document),
            document.content_type,
            headers={
                "Content-Disposition": f'attachment; filename="{document.id}"',
                "X-Content-Type-Options": "nosniff",
            },
        )

    @extend_schema(request=DocumentReviewInput, responses=ApplicationDocumentSerializer)
    @action(
        detail=True,
        methods=["post"],
        url_path=f"documents/(?P<document_id>{UUID_PATTERN})/review",
        permission_classes=[IsManager],
    )
    def review_document(self, request: Request, pk: UUID, document_id: UUID) -> Response:
        """Accept a paper, or turn it down and say why."""
        data = self.valid(DocumentReviewInput)
        document = services.review_document(
            application_id=pk,
            document_id=document_id,
            is_accepted=data["accepted"],
            note=data["note"],
            manager_id=self.principal.id,
            now=timezone.now(),
        )
        return Response(ApplicationDocumentSerializer(document).data)

    def _found(self, pk: UUID) -> Application:
        application = self.get_queryset().filter(pk=pk).first()
        if application is None:
            raise ApplicationNotFound
        return application
