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
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from core.clock import dealer_day
from core.files.papers import KINDS, check_size
from core.ids import UUID_PATTERN
from financing import queries, services
from financing.api.bank_rules import WorkYearSerializer
from financing.api.calculator import quote_asked
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
from financing.models import Application, ApplicationDocument, Override, Programme
from financing.queries.documents import TYPES, Paper, printed, quote_paper
from financing.rules.application_fields import read_fields
from financing.rules.calculations import LoanQuote, calculate
from gateway.access.permissions import IsManager, IsSignedIn, ReadByAnyone
from gateway.access.readings import Papers, hand_over
from gateway.api import ApiViewSet
from gateway.approvals.views import may_wait
from gateway.principal import Principal
from gateway.writes import Call, write

FILE_KIND = f"(?P<kind>{'|'.join(TYPES)})"
FILES = {(200, content_type): OpenApiTypes.BINARY for content_type in TYPES.values()}


class FinancingViewSet(ApiViewSet):
    """Base that the viewsets of financing share."""

    idempotent_on = "financing"


class CalculatorViewSet(FinancingViewSet):
    """The loan calculator: nothing is stored."""

    permission_classes = [AllowAny]
    throttle_scopes = {"calculate": "calculations", "calculate_file": "files"}

    @action(detail=False, methods=["post"])
    @write(request=CalculateInput, responses=LoanQuoteSerializer)
    def calculate(self, call: Call) -> LoanQuote:
        """Payment, schedule, EU APR and ПСК of a loan."""
        return quote_asked(call)

    @extend_schema(operation_id="financing_calculate_file")
    @action(detail=False, methods=["post"], url_path=f"calculate/{FILE_KIND}")
    @write(request=CalculateInput, responses=FILES)
    def calculate_file(self, call: Call, kind: str) -> HttpResponse:
        """The same calculation as a PDF or a workbook (`pdf`, `xlsx`)."""
        return schedule_file(quote_paper(quote_asked(call)), kind)

    @extend_schema(responses=WorkYearSerializer)
    @action(detail=False, methods=["get"], url_path=r"work-calendar/(?P<year>20\d\d)")
    def work_calendar(self, request: Request, year: str) -> Response:
        """A year of working days, which payments due on a day off move by."""
        return Response(WorkYearSerializer(queries.show_work_year(int(year))).data)


def schedule_file(paper: Paper, kind: str) -> HttpResponse:
    """A schedule to download."""
    answer = HttpResponse(printed(paper, kind), content_type=TYPES[kind])
    answer["Content-Disposition"] = f'attachment; filename="schedule.{kind}"'
    return answer


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

    @write(request=ProgrammeInput, responses=may_wait(ProgrammeSerializer, 201))
    def create(self, call: Call) -> Programme:
        fields, rates = _programme(call.body)
        return services.open_programme(fields=fields, rates=rates, maker_id=call.actor_id, now=call.now)

    @write(request=ProgrammeInput(partial=True), responses=may_wait(ProgrammeSerializer))
    def partial_update(self, call: Call, pk: UUID) -> Programme:
        changes, rates = _programme(call.body)
        return services.change_programme(
            programme_id=pk,
            changes=changes,
            rates=rates,
            expected_version=call.expected_version,
            maker_id=call.actor_id,
            now=call.now,
        )


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

    @write(request=ApplicationInput, responses={201: ApplicationSerializer}, once="apply_for_loan")
    def create(self, call: Call) -> Application:
        """Apply; the answer holds the decision."""
        data = dict(call.body)
        return services.apply_for_loan(
            order_id=data.pop("order_id"), fields=read_fields(data), customer_id=call.owner_id, now=call.now
        )

    @extend_schema(responses=LoanQuoteSerializer)
    @action(detail=True, methods=["get"], filterset_class=None)
    def schedule(self, request: Request, pk: UUID) -> Response:
        """The schedule of the offer; before there is one, of what was asked for."""
        application = self._found(pk)
        amount = application.approved_amount or application.requested_amount
        rate = application.annual_rate if application.annual_rate is not None else application.asked_rate
        decided = dealer_day(application.decided_at or application.created_at)
        quote = calculate(application.terms(amount, rate, decided), today=dealer_day(application.created_at))
        return Response(LoanQuoteSerializer(quote).data)

    @action(detail=True, methods=["post"])
    @write(responses=ApplicationSerializer)
    def withdraw(self, call: Call, pk: UUID) -> Application:
        """Give the application up."""
        return services.withdraw_application(application_id=pk, customer_id=call.owner_id, now=call.now)

    @extend_schema(operation_id="financing_applications_offers_list", responses=BankOffersSerializer)
    @action(detail=True, methods=["get"], pagination_class=None, filterset_class=None)
    def offers(self, request: Request, pk: UUID) -> Response:
        """List what every bank said, the cheapest first; those that still decide come last."""
        offers = queries.list_offers(self._found(pk).pk)
        return Response(BankOffersSerializer({"results": offers}).data)

    @action(detail=True, methods=["post"])
    @write(request=AcceptInput, responses=ApplicationSerializer, once="accept_offer")
    def accept(self, call: Call, pk: UUID) -> Application:
        """Accept the application's offer, or the one named of several; nobody can do it for the client."""
        return services.accept_offer(
            application_id=pk,
            customer_id=call.actor_id,
            offer_id=call.body["offer_id"],
            own_part=call.body["own_part"],
            now=call.now,
        )

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=ApplicationApprovalInput, responses=ApplicationSerializer)
    def approve(self, call: Call, pk: UUID) -> Application:
        """Approve what is under review, with a smaller amount or another rate if need be."""
        return services.approve_application(
            application_id=pk,
            manager_id=call.actor_id,
            amount=call.body.get("amount"),
            annual_rate=call.body.get("rate"),
            now=call.now,
        )

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=ApplicationRejectionInput, responses=ApplicationSerializer)
    def reject(self, call: Call, pk: UUID) -> Application:
        """Refuse what is under review, and tell the client why."""
        return services.reject_application(
            application_id=pk, manager_id=call.actor_id, reason=call.body["reason"], now=call.now
        )

    @action(detail=True, methods=["post"], url_path="counter-offer", permission_classes=[IsManager])
    @write(responses=ApplicationSerializer)
    def counter_offer(self, call: Call, pk: UUID) -> Application:
        """Offer the nearest terms that the rules approve, in place of a refusal or a review."""
        return services.offer_counter(application_id=pk, manager_id=call.actor_id, now=call.now)

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=OverrideInput, responses={201: OverrideSerializer}, once="override_decision")
    def override(self, call: Call, pk: UUID) -> Override:
        """Lend what the rules refused; above a limit another manager has to confirm it."""
        return services.override_decision(
            application_id=pk,
            manager_id=call.actor_id,
            reason=call.body["reason"],
            amount=call.body["amount"],
            annual_rate=call.body["rate"],
            term_months=call.body["term_months"],
            now=call.now,
        )

    @extend_schema(
        operation_id="financing_applications_documents_list",
        responses=ApplicationDocumentSerializer(many=True), filters=False,
    )  # fmt: skip
    @action(detail=True, methods=["get"], parser_classes=[MultiPartParser], pagination_class=None, filter_backends=[])
    def documents(self, request: Request, pk: UUID) -> Response:
        """Papers of the application."""
        return Response(ApplicationDocumentSerializer(self._found(pk).documents.all(), many=True).data)

    @extend_schema(filters=False)
    @documents.mapping.post
    @write(request={"multipart/form-data": ApplicationDocumentInput}, responses={201: ApplicationDocumentSerializer})
    def add_document(self, call: Call, pk: UUID) -> ApplicationDocument:
        """Add a paper to the application; the same file twice is one paper."""
        file = call.body["file"]
        check_size(file.size, settings.CREDIT_FILE_MAX_BYTES)
        return services.add_document(
            application_id=self._found(pk).pk,
            kind=call.body["kind"],
            name=file.name,
            content=file.read(),
            actor_id=call.actor_id,
            customer_id=call.owner_id,
            now=call.now,
        )

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

    @action(
        detail=True,
        methods=["post"],
        url_path=f"documents/(?P<document_id>{UUID_PATTERN})/review",
        permission_classes=[IsManager],
    )
    @write(request=DocumentReviewInput, responses=ApplicationDocumentSerializer)
    def review_document(self, call: Call, pk: UUID, document_id: UUID) -> ApplicationDocument:
        """Accept a paper, or turn it down and say why."""
        return services.review_document(
            application_id=pk,
            document_id=document_id,
            is_accepted=call.body["accepted"],
            note=call.body["note"],
            manager_id=call.actor_id,
            now=call.now,
        )

    def _found(self, pk: UUID) -> Application:
        application = self.get_queryset().filter(pk=pk).first()
        if application is None:
            raise ApplicationNotFound
        return application
