"""Every answer of a bank in every state of a debit: it moves the debit, changes nothing, or leaves it to a person."""

from decimal import Decimal

import pytest
from django.utils import timezone

from core.clock import dealer_day
from core.ids import uuid7
from financing import services
from financing.models import Loan, LoanPayment, LoanPaymentStatus
from financing.public import debits_for_somebody, loan_disagreements
from financing.rules.calculations import Strategy
from financing.services import BY_ACCOUNT
from financing.tests import make

pytestmark = pytest.mark.django_db(databases=["financing"])
ANSWERS = {
    "settled": {"status": "settled", "reference": "D-1", "amount": "500000.00"},
    "refused": {"status": "refused", "code": "insufficient_funds"},
    "reversed": {"status": "reversed", "code": "recalled"},
    "unknown": {"status": "burnt"},
    "empty": {},
}
STATES: dict[str, tuple[str, ...]] = {
    "pending": (),
    "failed": ("refused",),
    "received": ("settled",),
    "received after all": ("refused", "settled"),
    "reversed": ("settled", "reversed"),
}
OPEN = {"settled": "received", "refused": "failed", "reversed": "failed"}
MOVES = {
    "pending": OPEN,
    "failed": OPEN,
    "received": {"refused": "reversed", "reversed": "reversed"},
    "received after all": {"refused": "reversed", "reversed": "reversed"},
    "reversed": {},
}
"""What each answer makes of each state; what is not named stays as it is."""


def debit():
    make.programme()
    order = make.order()
    asked = make.requested(order)
    services.disburse_loan(order_id=order.order_id, attempt_id=asked.attempt_id, now=timezone.now())
    loan = Loan.objects.get(order_id=order.order_id)
    now = timezone.now()
    return services.repay_loan_early(
        loan_id=loan.id,
        amount=Decimal("500000.00"),
        day=dealer_day(now),
        strategy=Strategy.REDUCE_TERM,
        means=BY_ACCOUNT,
        actor_id=uuid7(),
        now=now,
    )[0]


def receive(payment, answer):
    services.receive_debit_answer(payment_id=payment.id, answer=ANSWERS[answer], now=timezone.now())
    payment.refresh_from_db()
    return payment.status


def test_every_state_of_an_asked_debit_is_tried():
    assert {state.partition(" ")[0] for state in STATES} == set(LoanPaymentStatus.values) - {"scheduled"}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("state", STATES)
def test_every_answer_in_every_state_is_taken_in(state, answer):
    payment = debit()
    for step in STATES[state]:
        receive(payment, step)
    before = payment.status
    assert before == state.partition(" ")[0]
    after = MOVES[state].get(answer, before)
    assert [receive(payment, answer) for _ in range(2)] == [after, after]
    assert list(loan_disagreements()) == []
    waits = LoanPayment.objects.filter(debits_for_somebody(timezone.now()), pk=payment.pk).exists()
    assert waits == (payment.status == "pending")
