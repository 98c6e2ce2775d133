"""The API of loans: their schedules, money and workouts."""

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

from core.clock import dealer_day
from core.ids import UUID_PATTERN
from financing import queries, services
from financing.api.filters import LoanFilter
from financing.api.loan_serializers import (
    DebitInput,
    EarlyRepaymentInput,
    EarlyRepaymentSerializer,
    LoanPaymentInput,
    LoanPaymentSerializer,
    LoanScheduleSerializer,
    LoanSerializer,
    MoratoriumInput,
    PayoffQuerySerializer,
    PayoffSerializer,
    PortfolioSerializer,
    ReasonInput,
    RestructuringInput,
    ReturnInput,
    ReturnSerializer,
)
from financing.api.views import FILE_KIND, FILES, FinancingViewSet
from financing.errors import LoanNotFound
from financing.models import Loan, LoanPayment
from financing.queries import EarlyPlan, LoanPage
from financing.queries.documents import TYPES, loan_paper, printed
from financing.rules.calculations import Strategy
from financing.rules.holidays import Ground
from gateway.access.permissions import IsManager, IsSignedIn
from gateway.access.readings import Papers, hand_over
from gateway.approvals.views import may_wait
from gateway.writes import Call, write
from payments.commands import Means
from payments.public import require_method


class LoanViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, FinancingViewSet):
    """A client sees and repays its own loans; managers see all."""

    permission_classes = [IsSignedIn]
    serializer_class = LoanSerializer
    filterset_class = LoanFilter
    queryset = Loan.objects.none()
    throttle_scopes = {"schedule_file": "files"}
    ordering = "-created_at"
    ordering_fields = {"created_at": "created_at", "days_past_due": "days_past_due"}

    def get_queryset(self) -> QuerySet[Loan]:
        loans = Loan.objects.all()
        return loans if self.principal.is_staff else loans.filter(customer_id=self.principal.id)

    @extend_schema(responses=LoanScheduleSerializer)
    @action(detail=True, methods=["get"], filterset_class=None)
    def schedule(self, request: Request, pk: UUID) -> Response:
        """Every payment of the loan."""
        page = self._page(pk)
        rows = [
            {field: getattr(row, field) for field in _ROW} | {"is_paid": row.due_date in page.paid} for row in page.rows
        ]
        shown = {"loan_id": page.card.id, "version": page.card.schedule_version, "schedule": rows}
        return Response(LoanScheduleSerializer(shown).data)

    @extend_schema(responses=FILES, operation_id="financing_loans_schedule_file")
    @action(detail=True, methods=["get"], url_path=f"schedule/{FILE_KIND}", filterset_class=None)
    def schedule_file(self, request: Request, pk: UUID, kind: str) -> HttpResponse:
        """The schedule as a PDF or a workbook (`pdf`, `xlsx`)."""
        page = self._page(pk)
        owner_id = self.get_queryset().values_list("customer_id", flat=True).get(pk=page.card.id)
        return hand_over(
            request,
            Papers("financing", "loan_schedule", page.card.id, owner_id),
            printed(loan_paper(page), kind),
            TYPES[kind],
            headers={"Content-Disposition": f'attachment; filename="schedule.{kind}"'},
        )

    def _page(self, pk: UUID) -> LoanPage:
        page = queries.read_loan(pk, customer_id=self.principal.owner_id, now=timezone.now())
        if page is None:
            raise LoanNotFound
        return page

    @extend_schema(operation_id="financing_loans_payments_list", responses=LoanPaymentSerializer(many=True))
    @action(detail=True, methods=["get"], filterset_class=None, ordering_fields={"created_at": "created_at"})
    def payments(self, request: Request, pk: UUID) -> Response:
        """List what was paid, the newest first."""
        page = self.paginate_queryset(LoanPayment.objects.filter(loan=self._found(pk)))
        return self.get_paginated_response(LoanPaymentSerializer(page, many=True).data)

    @payments.mapping.post
    @write(request=LoanPaymentInput, responses={201: LoanPaymentSerializer}, once="pay_loan")
    def pay(self, call: Call, pk: UUID) -> LoanPayment:
        """Pay towards what is due."""
        return services.pay_loan(
            loan_id=pk,
            customer_id=call.owner_id,
            amount=call.body["amount"],
            means=self._means(call, pk),
            actor_id=call.actor_id,
            now=call.now,
        )

    @action(detail=True, methods=["post"], url_path="early-repayment")
    @write(request=EarlyRepaymentInput, responses=EarlyRepaymentSerializer, once="repay_loan_early")
    def early_repayment(self, call: Call, pk: UUID) -> dict[str, Any]:
        """Repay a part or all before its time, for a shorter term or a smaller payment; `preview` writes nothing."""
        data, means = call.body, self._means(call, pk)
        wanted: dict[str, Any] = {
            "loan_id": pk,
            "customer_id": call.owner_id,
            "amount": data["amount"],
            "day": data["date"] or dealer_day(call.now),
            "strategy": Strategy(data["strategy"]),
            "now": call.now,
        }
        if data["preview"]:
            return _early(services.preview_early(**wanted), data["strategy"], None)
        payment, plan = services.repay_loan_early(**wanted, means=means, actor_id=call.actor_id)
        return _early(plan, data["strategy"], payment)

    @action(detail=True, methods=["post"], url_path="return")
    @write(request=ReturnInput, responses=ReturnSerializer, once="return_loan")
    def return_loan(self, call: Call, pk: UUID) -> dict[str, Any]:
        """Give the loan back in its cooling-off days: principal and interest for the days of use."""
        means = self._means(call, pk)
        quote, payment = services.preview_return(loan_id=pk, customer_id=call.owner_id, now=call.now), None
        if not call.body["preview"]:
            payment = services.return_loan(
                loan_id=pk, customer_id=call.owner_id, means=means, actor_id=call.actor_id, now=call.now
            )
        shown = {name: getattr(quote, name) for name in ("day", "balance", "interest", "due", "deposit", "total")}
        return shown | {"preview": call.body["preview"], "payment": payment}

    @extend_schema(parameters=[PayoffQuerySerializer], responses=PayoffSerializer)
    @action(detail=True, methods=["get"], filterset_class=None)
    def payoff(self, request: Request, pk: UUID) -> Response:
        """Return what closes the loan on a day; today without one."""
        query = PayoffQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        now = timezone.now()
        quote = services.preview_payoff(
            loan_id=pk,
            customer_id=self.principal.owner_id,
            day=query.validated_data["date"] or dealer_day(now),
            now=now,
        )
        return Response(PayoffSerializer(quote).data)

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=RestructuringInput, responses=may_wait(LoanSerializer), once="restructure_loan")
    def restructure(self, call: Call, pk: UUID) -> Loan:
        """Repay what is left by a new schedule."""
        return services.restructure_loan(loan_id=pk, manager_id=call.actor_id, now=call.now, **call.body)

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=MoratoriumInput, responses=may_wait(LoanSerializer), once="grant_moratorium")
    def moratorium(self, call: Call, pk: UUID) -> Loan:
        """Suspend the payments for some months; another person agrees."""
        ground = Ground(call.body["ground"])
        return services.grant_moratorium(
            loan_id=pk, manager_id=call.actor_id, now=call.now, **call.body | {"ground": ground}
        )

    @action(detail=True, methods=["post"], permission_classes=[IsManager])
    @write(request=ReasonInput, responses=LoanSerializer)
    def collect(self, call: Call, pk: UUID) -> Loan:
        """Hand an overdue loan to collection."""
        return services.start_collection(loan_id=pk, manager_id=call.actor_id, reason=call.body["reason"], now=call.now)

    @action(detail=True, methods=["post"], url_path="stop-collecting", permission_classes=[IsManager])
    @write(request=ReasonInput, responses=LoanSerializer)
    def stop_collecting(self, call: Call, pk: UUID) -> Loan:
        """Take a loan back from collection."""
        return services.end_collection(loan_id=pk, manager_id=call.actor_id, reason=call.body["reason"], now=call.now)

    @action(detail=True, methods=["post"], url_path="write-off", permission_classes=[IsManager])
    @write(request=ReasonInput, responses=may_wait(LoanSerializer))
    def write_off(self, call: Call, pk: UUID) -> Loan:
        """Give up an overdue loan."""
        return services.write_off_loan(loan_id=pk, manager_id=call.actor_id, reason=call.body["reason"], now=call.now)

    @action(
        detail=True,
        methods=["post"],
        url_path=f"payments/(?P<payment_id>{UUID_PATTERN})/reverse",
        permission_classes=[IsManager],
    )
    @write(request=ReasonInput, responses=LoanPaymentSerializer)
    def reverse_payment(self, call: Call, pk: UUID, payment_id: UUID) -> LoanPayment:
        """Count a payment that bounced as if it had never come."""
        return services.reverse_payment(
            loan_id=pk, payment_id=payment_id, manager_id=call.actor_id, reason=call.body["reason"], now=call.now
        )

    @action(
        detail=True,
        methods=["post"],
        url_path=f"payments/(?P<payment_id>{UUID_PATTERN})/confirm",
        permission_classes=[IsManager],
    )
    @write(request=DebitInput, responses=may_wait(LoanPaymentSerializer))
    def confirm_debit(self, call: Call, pk: UUID, payment_id: UUID) -> LoanPayment:
        """Count a debit by the bank's paper, where the bank does not answer itself; a second person agrees."""
        return services.confirm_debit(
            loan_id=pk,
            payment_id=payment_id,
            reference=call.body["reference"],
            day=call.body["date"],
            evidence=call.body["evidence"],
            manager_id=call.actor_id,
            now=call.now,
        )

    @action(
        detail=True,
        methods=["post"],
        url_path=f"payments/(?P<payment_id>{UUID_PATTERN})/refuse",
        permission_classes=[IsManager],
    )
    @write(request=ReasonInput, responses=LoanPaymentSerializer)
    def refuse_debit(self, call: Call, pk: UUID, payment_id: UUID) -> LoanPayment:
        """Note that the bank debited nothing, where it does not answer itself."""
        return services.refuse_debit(
            loan_id=pk, payment_id=payment_id, manager_id=call.actor_id, reason=call.body["reason"], now=call.now
        )

    @extend_schema(responses=PortfolioSerializer)
    @action(detail=False, methods=["get"], filterset_class=None, permission_classes=[IsManager])
    def portfolio(self, request: Request) -> Response:
        """All loans by lateness."""
        return Response(PortfolioSerializer(queries.read_portfolio()).data)

    def _means(self, call: Call, pk: UUID) -> Means:
        """Read how a loan is paid, by a stored method of its borrower alone. Raises LoanNotFound, InvalidInput."""
        data, loan, method_id = call.body, self._found(pk), call.body["payment_method_id"]
        if method_id is not None:
            require_method(
                method_id,
                method=data["method"],
                caller_id=call.actor_id,
                customer_id=loan.customer_id,
                field="payment_method_id",
            )
        return Means(data["method"], data["token"], method_id)

    def _found(self, pk: UUID) -> Loan:
        loan = self.get_queryset().filter(pk=pk).first()
        if loan is None:
            raise LoanNotFound
        return loan


_ROW = ("number", "due_date", "payment", "principal", "interest", "fees", "balance")


def _early(plan: EarlyPlan, strategy: str, payment: LoanPayment | None) -> dict[str, Any]:
    shown = {name: getattr(plan, name) for name in ("due", "interest", "principal", "saved_interest", "balance", "psk")}
    shown |= {
        "preview": payment is None,
        "closed": plan.is_closed,
        "date": plan.day,
        "strategy": strategy,
        "refund": plan.surplus,
        "monthly_payment": plan.monthly_payment,
        "payment": payment,
        "schedule": plan.rows,
    }
    return shown
