"""The checkout's side: deciding, paying out and undoing the loan of one attempt."""

from decimal import Decimal

import pytest
from django.utils import timezone

from core.db import transaction
from core.errors import WrongTransition
from core.ids import uuid7
from core.testing import Api
from financing import handlers, services
from financing.commands import DecideLoan, DisburseLoan, WithdrawLoan
from financing.errors import ApplicationNotFound, OrderNotReady
from financing.models import Application, ClosedAttempt, Loan, OrderCopy
from financing.public import loan_disagreements, loans_by_order
from financing.tests import make
from messaging.models import OutboxEvent
from messaging.outbox import publish, send
from messaging.testing import capture_events, drain_outbox, published, receive
from orders import events as orders

pytestmark = pytest.mark.django_db(databases=["financing"])


@pytest.fixture(autouse=True)
def _on_offer():
    make.programme()


def last_event():
    return OutboxEvent.objects.using("financing").order_by("n").last().data


def loan_requested(order, attempt_id, **changes):
    return DecideLoan(
        order_id=order.order_id,
        attempt_id=attempt_id,
        customer_id=order.customer_id,
        currency="RUB",
        application=make.ASKED | {"auto_accept": True} | changes,
    )


def withdrawal(order, attempt_id):
    return WithdrawLoan(order_id=order.order_id, attempt_id=attempt_id, reason="insufficient_funds")


def disbursement(order, attempt_id):
    return DisburseLoan(order_id=order.order_id, attempt_id=attempt_id)


def created(order_id, customer_id, **changes):
    fields = {
        "number": "2026-000007",
        "lines": [],
        "total_amount": Decimal("2000000.00"),
        "currency": "RUB",
        "version_number": 1,
    }
    return orders.OrderCreated(order_id=order_id, customer_id=customer_id, **(fields | changes))


def twice(event):
    receive(handlers.serve_order, event, event)


@pytest.fixture
def order():
    return make.order()


@pytest.fixture
def attempt():
    return uuid7()


@pytest.fixture
def paid_out(order, attempt):
    make.requested(order, attempt_id=attempt)
    services.disburse_loan(order_id=order.order_id, attempt_id=attempt, now=timezone.now())
    return Loan.objects.get()


# Deciding --------------------------------------------------------------------------------------------------------
def test_a_loan_is_decided_and_accepted_once(order, attempt):
    with capture_events("financing") as told:
        twice(loan_requested(order, attempt))
    assert told == ["financing.submitted", "financing.approved"]
    assert (last_event()["is_accepted"], last_event()["attempt_id"]) == (True, str(attempt))
    application = Application.objects.get()
    assert (application.status, application.customer_id) == ("accepted", order.customer_id)


def test_a_refused_loan_says_why(order, attempt):
    with capture_events("financing") as told:
        twice(loan_requested(order, attempt, term_months=120))
    assert told == ["financing.submitted", "financing.rejected"]
    assert last_event()["reasons"] == ["term"]
    assert last_event()["detail"]


def test_a_review_answers_nothing_until_a_manager_decides(order, attempt):
    with capture_events("financing") as told:
        twice(loan_requested(order, attempt, **make.DTI_REVIEW))
        services.approve_application(
            application_id=Application.objects.get().id, manager_id=uuid7(), now=timezone.now()
        )
    assert told == ["financing.submitted", "financing.approved"]


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"monthly_income": None}, "incomplete", "monthly_income"),
        ({"vehicle_price": "a lot"}, "incomplete", "vehicle_price"),
        ({"down_payment": "3000000"}, "incomplete", "down_payment"),
        ({"employment_status": "king"}, "incomplete", "employment_status"),
        ({"programme_id": "00000000-0000-7000-8000-000000000000"}, "incomplete", "programme_id"),
        ({"financing_type": "leasing"}, "no_programme", ""),
    ],
)
def test_what_cannot_be_decided_is_rejected_once(order, attempt, changes, reason, field):
    with capture_events("financing") as told:
        twice(loan_requested(order, attempt, **changes))
    assert told == ["financing.rejected"]
    assert last_event()["reasons"] == [reason]
    assert field in last_event()["detail"]
    assert not Application.objects.exists()


def test_missing_fields_are_named(order, attempt):
    event = DecideLoan(
        order_id=order.order_id, attempt_id=attempt, customer_id=order.customer_id, currency="RUB", application={}
    )
    handlers.serve_order(event)
    assert "vehicle_price" in last_event()["detail"]


def test_an_offer_the_buyer_wants_to_see_waits_for_them(order, attempt):
    application = make.requested(order, attempt_id=attempt, auto_accept=False)
    assert (application.status, last_event()["is_accepted"]) == ("approved", False)
    client = Api("client", user_id=order.customer_id)
    assert client.post(f"/financing/applications/{application.id}/accept").status_code == 200
    assert last_event()["attempt_id"] == str(attempt)


def test_the_checkouts_loan_waits_where_the_order_has_the_clients_own(order, attempt):
    own = make.application(of=order)
    services.accept_offer(application_id=own.id, customer_id=own.customer_id, now=timezone.now())
    waiting = make.requested(order, attempt_id=attempt)
    assert (waiting.status, last_event()["is_accepted"]) == ("approved", False)
    own.refresh_from_db()
    assert own.status == "accepted"


def test_a_clients_own_loan_is_paid_out_and_undone_like_a_checkouts(order):
    own = make.application(of=order)
    services.accept_offer(application_id=own.id, customer_id=own.customer_id, now=timezone.now())
    twice(disbursement(order, own.id))
    assert Loan.objects.get().application_id == own.id
    with capture_events("financing") as told:
        twice(withdrawal(order, own.id))
    assert told == ["loan.closed", "financing.withdrawn", "financing.withdrawn"]
    assert last_event()["attempt_id"] == str(own.id)
    assert list(loan_disagreements()) == []


def test_it_waits_for_the_order_to_be_known(attempt):
    with pytest.raises(OrderNotReady):
        handlers.serve_order(loan_requested(OrderCopy(order_id=uuid7(), customer_id=uuid7()), attempt))


# Paying out ------------------------------------------------------------------------------------------------------
def test_the_loan_is_paid_out_once_with_its_schedule(order, attempt):
    make.requested(order, attempt_id=attempt)
    with capture_events("financing") as told:
        twice(disbursement(order, attempt))
    assert told == ["financing.disbursed"]
    loan = Loan.objects.get()
    assert (loan.principal, loan.balance, loan.status) == (1_500_000, 1_500_000, "active")
    assert (last_event()["amount"], last_event()["loan_id"]) == ("1500000.00", str(loan.id))
    rows = list(loan.rows.all())
    assert (len(rows), rows[0].payment, rows[-1].balance) == (36, loan.application.monthly_payment, 0)
    assert sum(row.interest for row in rows) == loan.total_interest
    assert rows[-1].due_date == loan.last_due_date
    assert loan.application.status == "disbursed"
    assert list(loan_disagreements()) == []


@pytest.mark.parametrize("day", ["2026-01-31", "2026-08-31", "2024-02-29", "2026-11-30"])
def test_the_payment_is_the_offered_one_on_whatever_day_it_is_paid_out(order, attempt, day, time_machine):
    time_machine.move_to(f"{day} 09:00:00Z", tick=True)
    application = make.requested(order, attempt_id=attempt)
    services.disburse_loan(order_id=order.order_id, attempt_id=attempt, now=timezone.now())
    loan = Loan.objects.get()
    assert str(loan.disbursed_date) == day
    assert {row.payment for row in loan.rows.all()[:35]} == {application.monthly_payment}


def test_what_was_never_accepted_is_not_paid_out(order, attempt):
    make.requested(order, attempt_id=attempt, auto_accept=False)
    with pytest.raises(WrongTransition):
        handlers.serve_order(disbursement(order, attempt))
    with pytest.raises(ApplicationNotFound):
        handlers.serve_order(disbursement(order, uuid7()))
    assert not Loan.objects.exists()


def test_an_undone_attempt_is_not_paid_out(order, attempt):
    make.requested(order, attempt_id=attempt)
    handlers.serve_order(withdrawal(order, attempt))
    with capture_events("financing") as told:
        handlers.serve_order(disbursement(order, attempt))
    assert told == []
    assert not Loan.objects.exists()


# Undoing ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("changes", [{}, make.DTI_REVIEW])
def test_an_undone_attempt_is_withdrawn(order, attempt, changes):
    make.requested(order, attempt_id=attempt, **changes)
    with capture_events("financing") as told:
        handlers.serve_order(withdrawal(order, attempt))
    assert told == ["financing.withdrawn"]
    assert (last_event()["attempt_id"], last_event()["reason"]) == (str(attempt), "insufficient_funds")
    assert Application.objects.get().status == "withdrawn"


def test_a_refused_attempt_answers_too(order, attempt):
    make.requested(order, attempt_id=attempt, term_months=120)
    with capture_events("financing") as told:
        handlers.serve_order(withdrawal(order, attempt))
    assert told == ["financing.withdrawn"]
    assert Application.objects.get().status == "rejected"


def test_a_loan_paid_out_is_cancelled_once(order, attempt, paid_out):
    with capture_events("financing") as told:
        twice(withdrawal(order, attempt))
    assert told == ["loan.closed", "financing.withdrawn", "financing.withdrawn"]
    paid_out.refresh_from_db()
    assert (paid_out.status, paid_out.balance) == ("cancelled", 0)
    assert list(loan_disagreements()) == []


@pytest.mark.parametrize("is_order_known", [True, False])
def test_an_attempt_never_heard_of_is_answered_and_refused_later(order, attempt, is_order_known):
    if not is_order_known:
        OrderCopy.objects.all().delete()
    with capture_events("financing") as told:
        handlers.serve_order(withdrawal(order, attempt))
        if not is_order_known:
            order.save()
        twice(loan_requested(order, attempt))
    assert told == ["financing.withdrawn", "financing.rejected"]
    assert (last_event()["reasons"], last_event()["attempt_id"]) == (["cancelled"], str(attempt))
    assert not Application.objects.exists()
    assert ClosedAttempt.objects.get().answered_at is not None


def test_undoing_one_attempt_leaves_another_alone(order, attempt):
    make.requested(order, attempt_id=attempt)
    handlers.serve_order(withdrawal(order, uuid7()))
    assert Application.objects.get().status == "accepted"


# Following orders ------------------------------------------------------------------------------------------------
def test_an_order_is_copied_and_older_news_dropped():
    order_id, customer = uuid7(), uuid7()
    twice(created(order_id, customer))
    receive(
        handlers.serve_order,
        orders.OrderUpdated(
            order_id=order_id,
            number="2026-000007",
            customer_id=customer,
            lines=[],
            total_amount=Decimal("900000.00"),
            currency="RUB",
            version_number=3,
        ),
    )
    twice(created(order_id, customer))
    assert OrderCopy.objects.get().total_amount == 900_000


@pytest.mark.parametrize("state", ["paid", "cancelled"])
def test_a_closed_order_withdraws_what_is_open(order, state):
    open_one, refused = make.application(of=order), make.application(of=order, term_months=120)
    review = make.requested(order, **make.DTI_REVIEW)
    facts = {"order_id": order.order_id, "number": "1", "customer_id": order.customer_id}
    closed = {
        "paid": lambda: orders.OrderPaid(**facts, total_amount=Decimal(1), currency="RUB", attempt_id=uuid7()),
        "cancelled": lambda: orders.OrderCancelled(**facts, reason="expired"),
    }[state]()
    with capture_events("financing") as told:
        twice(closed)
    assert told == ["financing.withdrawn"] * 2
    statuses = [Application.objects.get(pk=item.pk).status for item in (open_one, refused, review)]
    assert statuses == ["withdrawn", "rejected", "withdrawn"]


@pytest.mark.django_db(databases=["financing", "orders"])
def test_a_whole_purchase_on_credit(attempt):
    order_id, customer = uuid7(), uuid7()
    order = OrderCopy(order_id=order_id, customer_id=customer)
    with transaction("orders"):
        publish(created(order_id, customer))
        send(loan_requested(order, attempt))
    with transaction("orders"):
        send(disbursement(order, attempt))
    drain_outbox("orders", "financing")
    assert published("financing") == ["financing.submitted", "financing.approved", "financing.disbursed"]
    (facts,) = loans_by_order()
    assert (facts.order_id, facts.attempt_id, facts.principal, facts.is_owed) == (order_id, attempt, 1_500_000, True)
