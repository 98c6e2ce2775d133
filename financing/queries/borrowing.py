"""Show borrowers what is theirs: applications with every bank's answer, and loans as they stand."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.clock import dealer_day
from financing.models import (
    RUNNING,
    Application,
    ApplicationStatus,
    BankOffer,
    Loan,
    LoanPayment,
    LoanScheduleRow,
    LoanVersion,
    OfferStatus,
)
from financing.models.applications import OPEN
from financing.queries.bank_offers import list_offers
from financing.queries.history import History
from financing.rules.wording import REASONS

_TAKEABLE = (ApplicationStatus.SCORING, ApplicationStatus.UNDER_REVIEW, ApplicationStatus.APPROVED)


@dataclass(frozen=True)
class OfferCard:
    """One bank's answer: roubles, per cent a year; the terms are None until it offers.

    `larger_own_part` is what the borrower has to agree to pay by themselves where it brings less than was asked for.
    """

    id: UUID
    bank: str
    programme: str
    status: str
    status_name: str
    is_as_asked: bool
    is_takeable: bool
    amount: Decimal | None
    annual_rate: Decimal | None
    term_months: int | None
    monthly_payment: Decimal | None
    psk: Decimal | None
    detail: str
    expires_at: datetime | None
    larger_own_part: Decimal | None


@dataclass(frozen=True)
class ApplicationCard:
    """An application as its borrower sees it: roubles. `reasons` are sentences; `counter_offer` would be approved."""

    id: UUID
    order_id: UUID
    kind_name: str
    bank: str
    status: str
    status_name: str
    requested_amount: Decimal
    down_payment: Decimal
    vehicle_price: Decimal
    financed_premium: Decimal
    term_months: int
    currency: str
    reasons: list[str]
    counter_offer: dict[str, Any] | None
    approved_amount: Decimal | None
    annual_rate: Decimal | None
    monthly_payment: Decimal | None
    psk: Decimal | None
    expires_at: datetime | None
    created_at: datetime
    is_held: bool
    can_withdraw: bool
    can_accept: bool
    larger_own_part: Decimal | None
    offers: list[OfferCard]


@dataclass(frozen=True)
class LoanCard:
    """A loan as its borrower sees it today, roubles."""

    id: UUID
    order_id: UUID
    application_id: UUID
    bank: str
    status: str
    status_name: str
    principal: Decimal
    balance: Decimal
    annual_rate: Decimal
    psk: Decimal
    monthly_payment: Decimal
    overdue_amount: Decimal
    penalty_amount: Decimal
    days_past_due: int
    deposit: Decimal
    next_due_date: date | None
    next_payment: Decimal
    last_due_date: date
    currency: str
    schedule_version: int
    is_running: bool


@dataclass(frozen=True)
class LoanPage:
    """A loan with everything it came from: the instalments that count, schedules oldest first, payments newest first.

    `paid` holds the due dates nothing is owed for any more.
    """

    card: LoanCard
    rows: list[LoanScheduleRow]
    paid: frozenset[date]
    versions: list[LoanVersion]
    payments: list[LoanPayment]
    today: date


def list_applications(
    customer_id: UUID, *, now: datetime, order_id: UUID | None = None, limit: int = 50
) -> list[ApplicationCard]:
    """A borrower's applications, newest first, without the banks' answers; of one order if it is named."""
    mine = (
        Application.objects.filter(customer_id=customer_id).select_related("programme").order_by("-created_at", "-id")
    )
    if order_id is not None:
        mine = mine.filter(order_id=order_id)
    return [_application(item, [], now) for item in mine[:limit]]


def read_application(application_id: UUID, *, customer_id: UUID, now: datetime) -> ApplicationCard | None:
    """One's own application with every bank's answer, the cheapest first; None for another's."""
    found = Application.objects.filter(pk=application_id, customer_id=customer_id).select_related("programme").first()
    if found is None:
        return None
    return _application(found, [_offer(item, found) for item in list_offers(found.pk)], now)


def _application(item: Application, offers: list[OfferCard], now: datetime) -> ApplicationCard:
    is_refused = item.status in (ApplicationStatus.REJECTED, ApplicationStatus.UNDER_REVIEW)
    standing = item.expires_at is not None and item.expires_at > now
    return ApplicationCard(
        id=item.id,
        order_id=item.order_id,
        kind_name=item.get_financing_type_display(),
        bank=item.programme.bank,
        status=item.status,
        status_name=item.get_status_display(),
        requested_amount=item.requested_amount,
        down_payment=item.down_payment,
        vehicle_price=item.vehicle_price,
        financed_premium=item.financed_premium,
        term_months=item.term_months,
        currency=item.currency,
        reasons=_sentences(item) if is_refused else [],
        counter_offer=_counter(item) if is_refused else None,
        approved_amount=item.approved_amount,
        annual_rate=item.annual_rate,
        monthly_payment=item.monthly_payment,
        psk=item.psk,
        expires_at=item.expires_at,
        created_at=item.created_at,
        is_held=item.is_held_by_order,
        can_withdraw=item.status in OPEN and not item.is_held_by_order,
        can_accept=item.status == ApplicationStatus.APPROVED and standing,
        larger_own_part=_larger_own_part(item, item.paid_out),
        offers=offers,
    )


def _sentences(item: Application) -> list[str]:
    """A person's own words come before the sentences of the codes."""
    own = [item.note] if item.note else []
    return own or [str(REASONS.get(code, code)) for code in item.reasons]


def _counter(item: Application) -> dict[str, Any] | None:
    found = (item.decision or {}).get("counter_offer")
    if not found:
        return None
    return {name: value if name == "term_months" else Decimal(str(value)) for name, value in found.items()}


def _larger_own_part(item: Application, paid_out: Decimal | None) -> Decimal | None:
    return None if paid_out is None or paid_out >= item.requested_amount else item.own_part(paid_out)


def _offer(item: BankOffer, application: Application) -> OfferCard:
    is_over = bool(getattr(item, "is_expired", False))
    return OfferCard(
        id=item.id,
        bank=item.programme.bank,
        programme=item.programme.name,
        status="expired" if is_over and item.status == OfferStatus.OFFERED else item.status,
        status_name=item.get_status_display(),
        is_as_asked=item.is_as_asked,
        is_takeable=item.status == OfferStatus.OFFERED and not is_over and application.status in _TAKEABLE,
        amount=item.amount,
        annual_rate=item.annual_rate,
        term_months=item.term_months,
        monthly_payment=item.monthly_payment,
        psk=item.psk,
        detail=item.detail,
        expires_at=item.expires_at,
        larger_own_part=_larger_own_part(application, item.paid_out),
    )


def list_loans(customer_id: UUID, *, order_id: UUID | None = None, limit: int = 50) -> list[LoanCard]:
    """A borrower's loans, newest first; of one order if it is named."""
    mine = Loan.objects.filter(customer_id=customer_id).order_by("-created_at", "-id")
    if order_id is not None:
        mine = mine.filter(order_id=order_id)
    return [_loan(loan) for loan in mine[:limit]]


def read_loan(loan_id: UUID, *, now: datetime, customer_id: UUID | None = None) -> LoanPage | None:
    """A loan as it stands today; None for another's. Without a borrower it is read for the desk."""
    visible = Loan.objects.filter(pk=loan_id)
    if customer_id is not None:
        visible = visible.filter(customer_id=customer_id)
    loan = visible.prefetch_related("versions", "payments", "rows").first()
    if loan is None:
        return None
    history, today = History(loan), dealer_day(now)
    open_dues = history.standing(today).open_dues if loan.is_running else ()
    paid = {row.due_date for row in history.rows if row.due_date not in open_dues and _is_past(row.due_date, loan)}
    return LoanPage(
        card=_loan(loan),
        rows=history.rows,
        paid=frozenset(paid),
        versions=history.versions,
        payments=sorted(loan.payments.all(), key=lambda item: (item.created_at, item.pk), reverse=True),
        today=today,
    )


def _is_past(day: date, loan: Loan) -> bool:
    return day <= (loan.accrued_on or day)


def _loan(loan: Loan) -> LoanCard:
    return LoanCard(
        id=loan.id,
        order_id=loan.order_id,
        application_id=loan.application_id,
        bank=loan.bank,
        status=loan.status,
        status_name=loan.get_status_display(),
        principal=loan.principal,
        balance=loan.balance,
        annual_rate=loan.annual_rate,
        psk=loan.psk,
        monthly_payment=loan.monthly_payment,
        overdue_amount=loan.overdue_amount,
        penalty_amount=loan.penalty_amount,
        days_past_due=loan.days_past_due,
        deposit=loan.deposit,
        next_due_date=loan.next_due_date,
        next_payment=loan.next_payment,
        last_due_date=loan.last_due_date,
        currency=loan.currency,
        schedule_version=loan.schedule_version,
        is_running=loan.status in RUNNING,
    )
