"""Programmes, orders and applications for tests, made the way the product makes them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone

from core.ids import uuid7
from financing import services
from financing.models import Application, ApplicationDocument, LoanPayment, OrderCopy, Override, Programme
from financing.rules.application_fields import ApplicationFields, read_fields
from gateway.approvals import approve

ASKED: dict[str, Any] = {
    "vehicle_price": "2000000.00",
    "down_payment": "500000.00",
    "term_months": 36,
    "financing_type": "car_loan",
    "employment_status": "employed",
    "monthly_income": "200000.00",
    "birth_date": "1985-05-20",
}
DTI_REVIEW = {"monthly_income": "90000.00"}
"""Debt load between 50 and 80 %: a person decides."""

REFUSED = {"monthly_income": "60000.00"}
"""Too little is left of the income: the rules refuse."""
PDF = b"%PDF-1.4 a paper"


def programme(*, rates: dict[int, Decimal] | None = None, **changes: Any) -> Programme:
    """A car loan at 15 % a year on offer since 2020."""
    fields = {
        "bank": "Bank",
        "name": f"Programme {uuid7()}",
        "financing_type": "car_loan",
        "base_rate": Decimal("15"),
        "min_amount": Decimal("50000"),
        "max_amount": Decimal("5000000"),
        "valid_from": date(2020, 1, 1),
    }
    return services.open_programme(fields=fields | changes, rates=rates, now=timezone.now())


def order(*, customer_id: UUID | None = None, total: str = "2000000.00") -> OrderCopy:
    """An order that financing has heard of."""
    return services.copy_order(
        order_id=uuid7(),
        customer_id=customer_id or uuid7(),
        number="2026-000001",
        total_amount=Decimal(total),
        currency="RUB",
        version=1,
    )


def fields(**changes: Any) -> ApplicationFields:
    """Return what an applicant fills in."""
    return read_fields(ASKED | changes)


def application(*, of: OrderCopy | None = None, now: datetime | None = None, **changes: Any) -> Application:
    """A client's own application, decided."""
    found = of or order()
    return services.apply_for_loan(
        order_id=found.order_id,
        customer_id=found.customer_id,
        fields=fields(**changes),
        now=now or timezone.now(),
    )


def requested(of: OrderCopy, *, attempt_id: UUID | None = None, auto_accept: bool = True, **changes: Any) -> Any:
    """A checkout's application; None when it was refused unseen."""
    attempt = attempt_id or uuid7()
    services.request_loan(
        order_id=of.order_id,
        attempt_id=attempt,
        customer_id=of.customer_id,
        application=ASKED | changes,
        auto_accept=auto_accept,
        now=timezone.now(),
    )
    return Application.objects.filter(attempt_id=attempt).first()


def paper(*, application_id: UUID, kind: str = "passport", content: bytes = PDF) -> ApplicationDocument:
    """A paper that the client sent."""
    return services.add_document(
        application_id=application_id, kind=kind, name="scan.pdf", content=content, actor_id=uuid7(), now=timezone.now()
    )


def override(of: Application, *, manager_id: UUID | None = None, **terms: Any) -> Override:
    """A manager's will to lend what the rules refused."""
    return services.override_decision(
        application_id=of.pk,
        manager_id=manager_id or uuid7(),
        reason="A customer of ten years.",
        now=timezone.now(),
        **terms,
    )


def debited(payment: LoanPayment, now: datetime, **said: Any) -> LoanPayment:
    """The bank says that it debited the borrower's account."""
    answer = {"status": "settled", "reference": f"D-{payment.id}", "amount": str(payment.amount)} | said
    services.receive_debit_answer(payment_id=payment.id, answer=answer, now=now)
    payment.refresh_from_db()
    return payment


def agreed(answer: Any) -> None:
    """A second person agrees to what was answered with 202."""
    assert answer.status_code == 202, answer.content
    approval_id = UUID(answer.json()["approval"]["id"])
    approve(alias="financing", approval_id=approval_id, person_id=uuid7(), now=timezone.now())
