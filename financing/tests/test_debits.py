"""A debit of the borrower's account: a mandate to the bank, and nothing of the loan moves until the bank answers."""

import time
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.clock import dealer_day
from core.errors import FourEyes, InvalidInput, WrongTransition
from core.ids import uuid7
from core.testing import Api
from financing import queries, services
from financing.approvals import DEBIT
from financing.errors import DebitToldByBank, LoanNotFound
from financing.models import Loan, LoanPayment, LoanRefund
from financing.public import loan_disagreements, silent_banks, waiting_for_somebody
from financing.rules.calculations import Strategy
from financing.services import BY_ACCOUNT
from financing.tests import make, sandboxes
from gateway.approvals import Waits, approve_waiting
from messaging.models import ExternalCall, OutboxEvent
from messaging.testing import capture_events
from payments.commands import Means
from tests.ports import nowhere

pytestmark = pytest.mark.django_db(databases=["financing"])
PATH = "/financing/loans"
ACCOUNT, CARD = BY_ACCOUNT, Means("card", token="tok_success")
KOPECKS = {
    "refuse": ".91", "slow": ".93", "silent": ".94", "flaky": ".95", "reverse": ".96", "never": ".97", "garbage": ".98",
}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox():
    with sandboxes.running() as found:
        yield found


@pytest.fixture(autouse=True)
def banks(sandbox, settings):
    settings.BANKS_URL, settings.PROVIDER_TIMEOUT_S = sandbox[0], 0.5
    settings.BREAKER_FAILURES = 1_000_000
    return sandbox[1]


@pytest.fixture(autouse=True)
def _clock(time_machine):
    time_machine.move_to("2026-03-02 09:00:00Z")


@pytest.fixture(autouse=True)
def _books_agree():
    yield
    assert list(loan_disagreements()) == []


def lent(connection="vega"):
    """1 500 000 of a bank that has a connection, or of one that has none."""
    make.programme(connection=connection, cooling_off_days=14)
    order = make.order()
    application = make.requested(order)
    if connection:
        sandboxes.answered(application)
    services.disburse_loan(order_id=order.order_id, attempt_id=application.attempt_id, now=timezone.now())
    return Loan.objects.get(order_id=order.order_id)


def early(loan, amount, means=ACCOUNT, **changes):
    now = timezone.now()
    wanted = {"loan_id": loan.id, "amount": Decimal(amount), "day": dealer_day(now), "strategy": Strategy.REDUCE_TERM}
    return services.repay_loan_early(**(wanted | {"means": means, "actor_id": uuid7(), "now": now} | changes))[0]


def today():
    return dealer_day(timezone.now())


def fresh(*rows):
    for row in rows:
        row.refresh_from_db()
    return rows[0] if len(rows) == 1 else rows


def payoff(loan):
    return services.preview_payoff(loan_id=loan.id, day=today(), now=timezone.now()).total


def confirm(payment, **changes):
    wanted = {
        "loan_id": payment.loan_id, "payment_id": payment.id, "reference": "D-7", "day": payment.value_date,
        "evidence": "Statement 7 of the bank.", "manager_id": uuid7(), "now": timezone.now(),
    }  # fmt: skip
    return services.confirm_debit(**(wanted | changes))


# The bank answers ----------------------------------------------------------------------------------------------------
def test_nothing_moves_until_the_bank_has_debited(banks):
    loan = lent()
    with capture_events("financing") as told:
        payment = early(loan, "500000.00")
    assert (payment.status, payment.connection, told) == ("pending", "vega", [])
    assert fresh(loan).balance == 1_500_000
    with capture_events("financing") as told:
        sandboxes.asked_once_more()
    fresh(loan, payment)
    assert told == ["loan.payment_received"]
    assert (payment.status, payment.reference, loan.schedule_version) == ("received", f"D-{str(payment.id)[-12:]}", 2)
    row = next(row for row in banks.debits() if row["payment_id"] == str(payment.id))
    assert (row["amount"], row["bank"], row["tries"]) == ("500000.00", "vega", 1)


@pytest.mark.parametrize("fault", ["slow", "silent", "flaky", "garbage"])
def test_a_debit_that_is_answered_badly_is_made_once(banks, fault):
    loan = lent()
    payment = early(loan, f"500000{KOPECKS[fault]}")
    for _ in range(200):
        sandboxes.asked_once_more()
        if fresh(payment).status != "pending":
            break
        time.sleep(0.02)
    fresh(loan)
    assert (payment.status, loan.schedule_version) == ("received", 2)
    assert sum(row["payment_id"] == str(payment.id) for row in banks.debits()) == 1


def test_a_refused_debit_changes_nothing_and_frees_its_sum():
    loan = lent()
    payment = early(loan, f"1499999{KOPECKS['refuse']}")
    services.restructure_loan(
        loan_id=loan.id, term_months=48, annual_rate=Decimal(16), manager_id=uuid7(), reason="x", now=timezone.now()
    )
    with pytest.raises(InvalidInput):
        early(loan, "1000")
    sandboxes.asked_once_more()
    fresh(loan, payment)
    assert (payment.status, payment.failure_code) == ("failed", "insufficient_funds")
    assert (loan.balance, loan.annual_rate, loan.status) == (1_500_000, 16, "active")
    assert early(loan, "1000").status == "pending"


def test_an_answer_repeated_or_contradicted_counts_once():
    loan = lent()
    payment = make.debited(early(loan, "500000.00"), timezone.now())
    with capture_events("financing") as told:
        make.debited(payment, timezone.now())
    assert (told, fresh(loan).balance) == ([], payment.loan.balance)


def test_a_bank_that_owes_its_answer_about_a_debit_is_named():
    loan, begun = lent(), timezone.now()
    payment = early(loan, "500000.00")
    LoanPayment.objects.filter(pk=payment.pk).update(asked_at=begun)
    assert silent_banks(seconds=1, now=begun + timedelta(hours=23)) == {}
    assert silent_banks(seconds=1, now=begun + timedelta(hours=25)) == {"vega": (1, begun)}
    make.debited(payment, timezone.now())
    assert silent_banks(seconds=1, now=begun + timedelta(hours=25)) == {}


def test_money_outranks_a_refusal():
    loan = lent()
    payment = early(loan, "500000.00")
    with capture_events("financing") as told:
        for _ in range(2):
            services.receive_debit_answer(
                payment_id=payment.id, answer={"status": "refused", "code": "busy"}, now=timezone.now()
            )
    assert (told, fresh(payment).status) == (["loan.payment_refused"], "failed")
    news = OutboxEvent.objects.using("financing").get(type="loan.payment_refused").data
    assert (news["customer_id"], news["amount"], news["code"]) == (str(loan.customer_id), "500000.00", "busy")
    make.debited(payment, timezone.now())
    assert (payment.status, payment.failure_code, fresh(loan).schedule_version) == ("received", "", 2)


def test_a_late_answer_costs_no_penalty(time_machine):
    loan = lent()
    row = loan.rows.get(number=1)
    time_machine.move_to(f"{row.due_date} 09:00:00Z")
    payment = services.pay_loan(
        loan_id=loan.id, amount=row.payment, means=ACCOUNT, actor_id=uuid7(), now=timezone.now()
    )
    time_machine.shift(timedelta(days=5))
    list(services.accrue_loans(now=timezone.now()))
    assert fresh(loan).status == "overdue"
    make.debited(payment, timezone.now(), date=str(row.due_date))
    fresh(loan)
    assert (loan.status, loan.penalty_amount, loan.overdue_amount, payment.value_date) == (
        "active", 0, 0, row.due_date,
    )  # fmt: skip


def test_a_day_that_the_bank_cannot_mean_is_today():
    payment = early(lent(), "500000.00")
    make.debited(payment, timezone.now(), date="2001-01-01")
    assert payment.value_date == today()


def test_another_sum_than_was_told_is_no_answer(monkeypatch):
    loan = lent()
    payment = early(loan, "500000.00")
    settled = {"status": "settled", "reference": "D-1", "amount": "5.00"}
    monkeypatch.setattr("financing.providers.banks.debit", lambda *_: settled)
    sandboxes.asked_once_more()
    assert (fresh(payment).status, fresh(loan).balance) == ("pending", 1_500_000)
    call = ExternalCall.objects.using("financing").get(key=queries.get_debit_key(payment.id))
    assert (call.state, call.finished_at) == ("unknown", None)


# How much ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("over", ["0.01", "3500000"])
def test_no_more_is_debited_than_closes_the_loan(over):
    loan = lent()
    with pytest.raises(InvalidInput) as refused:
        early(loan, payoff(loan) + Decimal(over))
    assert (refused.value.errors[0]["field"], refused.value.errors[0]["code"]) == ("amount", "max_value")
    answer = Api("client", user_id=loan.customer_id).post(f"{PATH}/{loan.id}/early-repayment", {"amount": "5000000.00"})
    assert answer.status_code == 400
    assert not LoanPayment.objects.exists()


def test_two_debits_together_pass_the_payoff_no_more_than_one():
    loan = lent()
    early(loan, payoff(loan) - 1000)
    for amount in ("1000.01", "200000"):
        with pytest.raises(InvalidInput):
            early(loan, amount)
    with pytest.raises(InvalidInput):
        services.return_loan(loan_id=loan.id, means=ACCOUNT, actor_id=uuid7(), now=timezone.now())
    early(loan, "1000")
    sandboxes.asked_once_more()
    assert (fresh(loan).status, loan.balance) == ("closed", 0)


def test_a_debit_beside_a_payoff_by_card_goes_back_to_the_borrower():
    loan = lent()
    payment, card = early(loan, "500000.00"), early(loan, payoff(loan), means=CARD)
    services.settle_payment(loan_id=loan.id, payment_id=card.id, is_paid=True, now=timezone.now())
    assert fresh(loan).status == "closed"
    with capture_events("financing") as told:
        sandboxes.asked_once_more()
    assert told == ["loan.surplus_refund_requested"]
    asked = OutboxEvent.objects.using("financing").filter(type="loan.surplus_refund_requested").last().data
    assert (asked["is_at_bank"], asked["bank"]) == (True, loan.bank)
    refund = LoanRefund.objects.get(payment=payment)
    assert (refund.amount, fresh(payment).surplus, loan.status) == (500_000, 500_000, "closed")


def test_an_order_for_a_coming_day_debits_no_more_than_is_left(time_machine):
    loan = lent()
    later = today() + timedelta(days=5)
    ordered, gone = early(loan, "1400000", day=later), early(loan, "1000", day=later)
    card = early(loan, "1000000", means=CARD)
    services.settle_payment(loan_id=loan.id, payment_id=card.id, is_paid=True, now=timezone.now())
    time_machine.move_to(f"{later} 09:00:00Z")
    list(services.accrue_loans(now=timezone.now()))
    fresh(ordered, gone)
    assert (ordered.status, ordered.amount + 1000) == ("pending", payoff(loan))
    assert gone.status == "pending"
    sandboxes.asked_once_more()
    assert (fresh(loan).status, loan.balance) == ("closed", 0)


# The bank takes it back ----------------------------------------------------------------------------------------------
def test_a_debit_that_the_bank_took_back_is_owed_again():
    loan = lent()
    payment = early(loan, f"1499999{KOPECKS['reverse']}")
    sandboxes.asked_once_more()
    assert fresh(loan).balance < 1
    assert services.look_after_debits(now=timezone.now()) == 1
    with capture_events("financing") as told:
        sandboxes.asked_once_more()
    fresh(loan, payment)
    assert told == ["loan.payment_reversed"]
    assert (payment.status, payment.reversed_by, loan.balance, loan.status) == ("reversed", None, 1_500_000, "active")
    assert services.look_after_debits(now=timezone.now()) == 0


def test_a_payoff_taken_back_opens_the_loan_again():
    loan = lent()
    payment = make.debited(early(loan, payoff(loan)), timezone.now())
    assert fresh(loan).status == "closed"
    for _ in range(2):
        services.receive_debit_answer(payment_id=payment.id, answer={"status": "reversed"}, now=timezone.now())
    assert (fresh(loan).status, loan.balance) == ("active", 1_500_000)


def test_what_later_schedules_stand_on_is_left_to_a_person(settings):
    loan = lent()
    first = make.debited(early(loan, "500000.00"), timezone.now())
    second = make.debited(early(loan, "100000.00"), timezone.now())
    services.receive_debit_answer(payment_id=first.id, answer={"status": "reversed"}, now=timezone.now())
    assert (fresh(first).status, first.recalled_at is not None) == ("received", True)
    assert waiting_for_somebody(now=timezone.now()) == {"debits_waiting": 1}
    for payment in (second, first):
        services.reverse_payment(
            loan_id=loan.id, payment_id=payment.id, manager_id=uuid7(), reason="x", now=timezone.now()
        )
    assert fresh(loan).balance == 1_500_000
    assert waiting_for_somebody(now=timezone.now()) == {"debits_waiting": 0}


def test_debits_of_long_ago_are_left_alone(time_machine):
    loan = lent()
    make.debited(early(loan, "500000.00"), timezone.now())
    time_machine.shift(timedelta(days=11))
    assert services.look_after_debits(now=timezone.now()) == 0


# A person in the bank's place ----------------------------------------------------------------------------------------
def test_a_bank_without_a_connection_is_believed_on_paper_by_two_people():
    loan = lent(connection="")
    payment, manager = early(loan, "500000.00"), uuid7()
    assert not ExternalCall.objects.using("financing").exists()
    assert waiting_for_somebody(now=timezone.now()) == {"debits_waiting": 1}
    manager_api = Api("manager", user_id=manager)
    body = {"reference": "D-7", "date": str(payment.value_date), "evidence": "Statement 7."}
    answer = manager_api.post(f"{PATH}/{loan.id}/payments/{payment.id}/confirm", body)
    assert answer.status_code == 202
    with pytest.raises(FourEyes):
        approve_waiting(DEBIT, payment.id, person_id=manager, now=timezone.now())
    assert (fresh(payment).status, fresh(loan).balance) == ("pending", 1_500_000)
    make.agreed(answer)
    assert (fresh(payment).status, payment.reference, payment.answered_by) == ("received", "D-7", manager)
    assert fresh(loan).schedule_version == 2


def test_nobody_confirms_what_is_their_own():
    payment = early(lent(connection=""), "500000.00")
    with pytest.raises(FourEyes):
        confirm(payment, manager_id=payment.loan.customer_id)
    assert fresh(payment).status == "pending"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reference": " "}, "reference"),
        ({"day": date(2026, 3, 1)}, "date"),
        ({"day": date(2026, 3, 3)}, "date"),
    ],
)
def test_a_paper_that_cannot_be_is_refused(changes, field):
    payment = early(lent(connection=""), "500000.00")
    with pytest.raises(InvalidInput) as refused:
        confirm(payment, **changes)
    assert refused.value.errors[0]["field"] == field
    assert fresh(payment).status == "pending"


def test_a_bank_that_debited_nothing_is_noted_and_may_still_have():
    loan = lent(connection="")
    payment = early(loan, "500000.00")
    answer = Api("manager").post(f"{PATH}/{loan.id}/payments/{payment.id}/refuse", {"reason": "No money."})
    assert (answer.json()["status"], answer.json()["failure_detail"]) == ("failed", "No money.")
    with pytest.raises(WrongTransition):
        services.refuse_debit(
            loan_id=loan.id, payment_id=payment.id, manager_id=uuid7(), reason="x", now=timezone.now()
        )
    with pytest.raises(Waits):
        confirm(payment)


def test_only_debits_are_confirmed():
    loan = lent(connection="")
    card = early(loan, "500000.00", means=CARD)
    with pytest.raises(LoanNotFound):
        confirm(card)
    with pytest.raises(LoanNotFound):
        confirm(early(loan, "1000"), loan_id=uuid7())


def test_a_bank_that_tells_itself_is_not_spoken_for_until_it_has_been_silent(settings, time_machine):
    loan = lent()
    settings.BANKS_URL = nowhere()
    payment = early(loan, "500000.00")
    for _ in range(18):
        sandboxes.asked_once_more()
    for act in (confirm, _refused):
        with pytest.raises(DebitToldByBank):
            act(payment)
    assert waiting_for_somebody(now=timezone.now()) == {"debits_waiting": 0}
    time_machine.shift(timedelta(hours=settings.DEBIT_SILENT_HOURS))
    assert waiting_for_somebody(now=timezone.now()) == {"debits_waiting": 1}
    _refused(payment)
    assert (fresh(payment).status, waiting_for_somebody(now=timezone.now())) == ("failed", {"debits_waiting": 0})


def _refused(payment):
    return services.refuse_debit(
        loan_id=payment.loan_id, payment_id=payment.id, manager_id=uuid7(), reason="x", now=timezone.now()
    )


def test_what_a_silent_bank_says_in_the_end_outranks_the_paper(time_machine):
    loan = lent()
    payment = early(loan, f"1499999{KOPECKS['never']}")
    time_machine.shift(timedelta(hours=25))
    with pytest.raises(Waits) as waits:
        confirm(payment, day=today())
    waits.value.leave()
    approve_waiting(DEBIT, payment.id, person_id=uuid7(), now=timezone.now())
    assert fresh(payment).status == "received"
    services.receive_debit_answer(payment_id=payment.id, answer={"status": "refused", "code": "no"}, now=timezone.now())
    assert (fresh(payment).status, fresh(loan).balance) == ("reversed", 1_500_000)


def test_a_debit_refused_by_a_person_is_asked_about_and_never_made_again(banks, settings, time_machine):
    loan, reached = lent(), settings.BANKS_URL
    settings.BANKS_URL = nowhere()
    payment = early(loan, "500000.00")
    sandboxes.asked_once_more()
    time_machine.shift(timedelta(hours=25))
    _refused(payment)
    settings.BANKS_URL = reached
    sandboxes.asked_once_more()
    assert not [row for row in banks.debits() if row["payment_id"] == str(payment.id)]
    assert fresh(payment).status == "failed"
    call = ExternalCall.objects.using("financing").get(key=queries.get_debit_key(payment.id))
    assert call.finished_at is not None
