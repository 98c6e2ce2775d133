"""Repaying a loan: instalments through payments, deposits, arrears, the daily look, early repayment, workouts."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import connections
from django.test.utils import CaptureQueriesContext

from core.errors import InvalidInput, WrongTransition
from core.ids import uuid7
from core.testing import Api
from financing import handlers, queries, services
from financing.errors import LoanNotFound, LoanNotRunning, PaymentNotNeeded, ScheduleChangedSince, SurplusReturned
from financing.models import Loan, LoanEntry, LoanLine, LoanPayment, LoanRefund, LoanVersion
from financing.public import loan_disagreements
from financing.rules.calculations import Strategy
from financing.rules.calculations.dates import add_months
from financing.services import BY_ACCOUNT
from financing.tests import make
from messaging.models import OutboxEvent
from messaging.testing import capture_events
from payments.commands import Means
from payments.events import ChargeSettled, PayoutSettled

pytestmark = pytest.mark.django_db(databases=["financing"])
PATH = "/financing/loans"
LENT = date(2026, 1, 15)
ACCOUNT = BY_ACCOUNT


def at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, tzinfo=UTC)


def due(number: int) -> date:
    return add_months(LENT, number)


@pytest.fixture(autouse=True)
def one_person_is_enough(settings):
    """Let one person's word do at every step: tests/value say who must agree to what is forgiven."""
    settings.PENALTY_FOUR_EYES_ABOVE = 100_000_000


@pytest.fixture
def loan(time_machine):
    """1 500 000 lent for 36 months at 15 % on 15 January 2026."""
    make.programme()
    time_machine.move_to(at(LENT), tick=False)
    order = make.order()
    application = make.requested(order)
    services.disburse_loan(order_id=order.order_id, attempt_id=application.attempt_id, now=at(LENT))
    return Loan.objects.get()


@pytest.fixture
def go(time_machine):
    return lambda day: time_machine.move_to(at(day), tick=False)


def pay(loan, amount, day, means=ACCOUNT, **changes):
    wanted = {"loan_id": loan.id, "amount": Decimal(amount), "means": means, "actor_id": uuid7(), "now": at(day)}
    return _by_now(services.pay_loan(**(wanted | changes)), day)


def _by_now(payment, day):
    """Take what a bank was told to debit for debited; other money is still asked for."""
    return make.debited(payment, at(day)) if payment.is_debit and payment.status == "pending" else payment


def early(loan, amount, day, strategy=Strategy.REDUCE_PAYMENT, *, on=None, **changes):
    wanted = {"loan_id": loan.id, "amount": Decimal(amount), "day": on or day, "strategy": strategy, "now": at(day)}
    payment, plan = services.repay_loan_early(**(wanted | {"means": ACCOUNT, "actor_id": uuid7()} | changes))
    return _by_now(payment, day), plan


def close(loan, day):
    """Repay all of it from the account."""
    return early(loan, services.preview_payoff(loan_id=loan.id, day=day, now=at(day)).total, day)[0]


def accrue(day):
    return list(services.accrue_loans(now=at(day)))[-1]


def owed(loan):
    loan.refresh_from_db()
    return loan.overdue_amount, loan.penalty_amount, loan.days_past_due, loan.status


def accounts(loan):
    lines = LoanLine.objects.filter(entry__loan=loan).values_list("account", "amount")
    held: dict[str, Decimal] = {}
    for name, amount in lines:
        held[name] = held.get(name, Decimal(0)) + amount
    return {name: amount for name, amount in held.items() if amount}


def settled(payment, *, is_paid=True, code="", purpose="loan"):
    return ChargeSettled(
        request_id=payment.id, payment_id=uuid7(), purpose=purpose, subject_id=payment.loan_id,
        customer_id=payment.loan.customer_id, is_paid=is_paid, amount=payment.amount, currency="RUB", code=code,
    )  # fmt: skip


def last_event():
    return OutboxEvent.objects.using("financing").order_by("n").last()


@pytest.fixture(autouse=True)
def _books_agree():
    yield
    assert list(loan_disagreements()) == []


# Instalments -----------------------------------------------------------------------------------------------------
def test_an_instalment_is_asked_for_and_counted_when_it_has_arrived(loan, go):
    go(due(1))
    with capture_events("financing") as told:
        payment = pay(loan, loan.monthly_payment, due(1), Means("card", token="tok_success"))
        assert payment.status == "pending"
        handlers.settle_payment(settled(payment))
        handlers.settle_payment(settled(payment))
    assert told == ["loan.payment_requested", "loan.payment_received"]
    assert last_event().data["request_id"] == str(payment.id)
    payment.refresh_from_db()
    loan.refresh_from_db()
    row = loan.rows.get(number=1)
    assert (payment.status, payment.spent) == (
        "received", {"principal": str(row.principal), "interest": str(row.interest)},
    )  # fmt: skip
    assert (loan.balance, loan.next_due_date, loan.status) == (loan.principal - row.principal, due(2), "active")
    assert accounts(loan) == {
        "cash": loan.monthly_payment - loan.principal, "interest": -row.interest, "principal": loan.balance,
    }  # fmt: skip


def test_a_refused_payment_changes_nothing_and_may_still_arrive(loan, go):
    go(due(1))
    payment = pay(loan, 1000, due(1), Means("card", token="tok_declined"))
    with capture_events("financing") as told:
        for _ in range(2):
            handlers.settle_payment(settled(payment, is_paid=False, code="declined"))
    payment.refresh_from_db()
    loan.refresh_from_db()
    assert (payment.status, payment.failure_code, loan.balance) == ("failed", "declined", loan.principal)
    news = OutboxEvent.objects.using("financing").get(type="loan.payment_refused").data
    assert (told, news["request_id"], news["code"]) == (["loan.payment_refused"], str(payment.id), "declined")
    handlers.settle_payment(settled(payment))
    handlers.settle_payment(settled(payment, is_paid=False, code="declined"))
    payment.refresh_from_db()
    assert (payment.status, payment.failure_code) == ("received", "")


def test_answers_about_policies_are_none_of_ours(loan):
    payment = pay(loan, 1000, LENT, Means("card", token="tok_success"))
    handlers.settle_payment(settled(payment, purpose="policy"))
    payment.refresh_from_db()
    assert payment.status == "pending"


def test_an_answer_about_nothing_known_is_an_error(loan):
    with pytest.raises(LoanNotFound):
        services.settle_payment(loan_id=loan.id, payment_id=uuid7(), is_paid=True, now=at(LENT))


def test_money_ahead_waits_and_is_spent_on_the_due_date_by_the_daily_look(loan):
    pay(loan, loan.monthly_payment, LENT + timedelta(5))
    loan.refresh_from_db()
    assert (loan.deposit, loan.balance) == (loan.monthly_payment, loan.principal)
    assert accrue(due(1)).changed == 1
    loan.refresh_from_db()
    assert (loan.deposit, loan.balance) == (0, loan.rows.get(number=1).balance)
    assert accrue(due(1)).changed == 0
    assert LoanEntry.objects.filter(loan=loan, kind="due").count() == 1


def test_more_than_is_left_is_refused(loan):
    total = sum(row.payment for row in loan.rows.all())
    pay(loan, 1000, LENT, Means("card", token="tok_success"))
    with capture_events("financing") as told, pytest.raises(PaymentNotNeeded):
        pay(loan, total, LENT)
    assert told == []
    assert LoanPayment.objects.count() == 1


def test_a_loan_paid_to_its_end_is_closed_and_the_rest_returned(loan):
    for row in loan.rows.all():
        pay(loan, row.payment, row.due_date)
    loan.refresh_from_db()
    assert (loan.status, loan.balance, loan.next_due_date) == ("closed", 0, None)
    assert last_event().data["loan_id"] == str(loan.id)
    with pytest.raises(LoanNotRunning):
        pay(loan, 1, loan.last_due_date)


def test_a_refund_that_failed_is_known_and_may_still_leave(loan):
    late = pay(loan, 5000, LENT, Means("card", token="tok_success"))
    close(loan, LENT + timedelta(3))
    handlers.settle_payment(settled(late))
    refund = LoanRefund.objects.get(payment=late)
    assert (refund.status, refund.amount, str(refund.id)) == (
        "requested", late.amount, last_event().data["request_id"],
    )  # fmt: skip

    def answer(*, is_paid, code=""):
        handlers.settle_refund(
            PayoutSettled(
                request_id=refund.id, purpose="loan", subject_id=loan.id, customer_id=loan.customer_id,
                is_paid=is_paid, amount=refund.amount, currency="RUB", code=code,
            )
        )  # fmt: skip
        refund.refresh_from_db()
        return refund.status, refund.failure_code

    assert answer(is_paid=False, code="account_closed") == ("failed", "account_closed")
    assert answer(is_paid=True) == answer(is_paid=True) == ("paid", "")
    assert answer(is_paid=False, code="late") == ("paid", "")


def test_money_for_a_loan_that_ended_goes_back(loan):
    late = pay(loan, 5000, LENT, Means("card", token="tok_success"))
    close(loan, LENT + timedelta(3))
    with capture_events("financing") as told:
        handlers.settle_payment(settled(late))
    assert told == ["loan.surplus_refund_requested"]
    late.refresh_from_db()
    assert (late.status, late.surplus) == ("received", 5000)


# Arrears ---------------------------------------------------------------------------------------------------------
def test_a_missed_instalment_is_overdue_the_day_after_and_costs_a_penalty(loan):
    accrue(due(1))
    assert owed(loan) == (0, 0, 0, "active")
    with capture_events("financing") as told:
        accrue(due(1) + timedelta(10))
        accrue(due(1) + timedelta(10))
    assert told == ["loan.overdue"]
    penalty = round(loan.monthly_payment * Decimal("0.001") * 10, 2)
    assert owed(loan) == (loan.monthly_payment, penalty, 10, "overdue")
    pay(loan, loan.monthly_payment + penalty, due(1) + timedelta(10))
    assert owed(loan) == (0, 0, 0, "active")
    assert accounts(loan)["penalty"] == -penalty


def test_a_missed_day_of_the_job_changes_nothing(loan):
    for days in range(1, 40):
        accrue(due(1) + timedelta(days))
    daily = owed(loan)
    Loan.objects.update(penalty_amount=0, overdue_amount=0, days_past_due=0)
    accrue(due(1) + timedelta(39))
    assert owed(loan) == daily


def test_the_order_of_spending_is_a_table_of_the_loan(loan):
    day = due(1) + timedelta(10)
    pay(loan, 100, day)
    assert accounts(loan)["interest"] == -100
    Loan.objects.update(allocation_order=sorted(loan.allocation_order, key=lambda name: name != "penalty"))
    pay(loan, 100, day)
    assert accounts(loan)["penalty"] == -200


def test_a_reminder_comes_once_and_not_where_the_money_waits(loan):
    with capture_events("financing") as told:
        for days in (4, 3, 2, 1):
            accrue(due(1) - timedelta(days))
    assert told == ["loan.payment_due"]
    assert last_event().data["amount"] == str(loan.monthly_payment)
    pay(loan, 2 * loan.monthly_payment, due(1))
    with capture_events("financing") as told:
        accrue(due(2) - timedelta(2))
    assert told == []


def test_the_command_shows_what_it_found(loan, capsys, go):
    go(due(1) + timedelta(1))
    call_command("accrue_loans")
    assert "1 loans looked at, 1 changed" in capsys.readouterr().out
    call_command("accrue_loans", verbosity=0)
    assert "1 loans looked at, 0 changed" in capsys.readouterr().out


@pytest.mark.parametrize("count", [1, 4])
def test_the_daily_look_reads_a_chunk_in_a_fixed_number_of_queries(loan, count):
    for _ in range(count - 1):
        order = make.order()
        services.disburse_loan(order_id=order.order_id, attempt_id=make.requested(order).attempt_id, now=at(LENT))
    with CaptureQueriesContext(connections["financing"]) as queries:
        accrue(LENT + timedelta(1))
    assert len(queries) <= 14


# Early repayment --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_part_is_repaid_early(loan, strategy):
    before = loan.total_interest
    day = due(1) + timedelta(10)
    pay(loan, loan.monthly_payment, due(1))
    with capture_events("financing") as told:
        payment, plan = early(loan, 500_000, day, strategy)
    assert told == ["loan.payment_received"]
    loan.refresh_from_db()
    assert (loan.balance, loan.schedule_version, payment.schedule.kind) == (plan.balance, 2, strategy.value)
    assert plan.interest + plan.principal == 500_000
    assert loan.total_interest == before - plan.saved_interest
    rows = loan.rows.filter(version=2)
    assert sum(row.principal for row in rows) == loan.balance
    is_shorter = strategy is Strategy.REDUCE_TERM
    assert (rows.count() < 35, loan.monthly_payment < payment.loan.rows.get(version=1, number=1).payment) == (
        is_shorter, not is_shorter,
    )  # fmt: skip
    for row in rows:
        pay(loan, row.payment, row.due_date)
    loan.refresh_from_db()
    assert loan.status == "closed"


def test_the_payoff_closes_and_the_surplus_returns_the_way_it_came(loan, go):
    day = due(1) - timedelta(5)
    go(day)
    quote = services.preview_payoff(loan_id=loan.id, day=day, now=at(day))
    payment, plan = early(loan, quote.total + 1000, day, means=Means("card", token="tok_success"))
    assert (plan.is_closed, plan.surplus, payment.status) == (True, 1000, "pending")
    with capture_events("financing") as told:
        handlers.settle_payment(settled(payment))
    assert told == ["loan.surplus_refund_requested", "loan.closed", "loan.payment_received"]
    payment.refresh_from_db()
    loan.refresh_from_db()
    assert (payment.surplus, loan.status, loan.deposit, loan.balance) == (1000, "closed", 0, 0)
    assert accounts(loan) == {"cash": quote.interest, "interest": -quote.interest}


def test_a_preview_writes_nothing_and_is_what_happens(loan):
    day = LENT + timedelta(20)
    with capture_events("financing") as told:
        seen = services.preview_early(
            loan_id=loan.id, amount=Decimal(100_000), day=day, strategy=Strategy.REDUCE_TERM, now=at(day)
        )
    assert told == []
    assert not LoanPayment.objects.exists()
    _, plan = early(loan, 100_000, day, Strategy.REDUCE_TERM)
    assert plan == seen


def test_an_order_for_a_coming_day_is_carried_out_on_it(loan):
    day = due(2) + timedelta(4)
    payment, plan = early(loan, 300_000, LENT, on=day)
    assert (payment.status, LoanVersion.objects.count()) == ("scheduled", 1)
    for number in (1, 2):
        pay(loan, loan.monthly_payment, due(number))
    accrue(day)
    accrue(day)
    payment.refresh_from_db()
    assert (payment.status, LoanVersion.objects.count()) == ("pending", 1)
    make.debited(payment, at(day))
    loan.refresh_from_db()
    assert (payment.status, loan.balance, loan.schedule_version) == ("received", plan.balance, 2)


def test_an_order_for_a_loan_that_ended_fails(loan):
    payment, _ = early(loan, 300_000, LENT, on=due(2))
    late, _ = early(loan, 2_000_000, LENT, means=Means("card", token="tok_success"))
    handlers.settle_payment(settled(late))
    assert list(services.accrue_loans(now=at(due(2)))) == []
    payment.refresh_from_db()
    assert (payment.status, payment.failure_code) == ("failed", "loan_not_running")


def test_what_is_due_comes_first(loan):
    day = due(1) + timedelta(5)
    with pytest.raises(InvalidInput):
        early(loan, 10_000, day)
    assert not LoanPayment.objects.exists()
    _, plan = early(loan, 200_000, day)
    assert plan.due > loan.monthly_payment
    assert plan.interest + plan.principal + plan.due == 200_000
    assert owed(loan)[3] == "active"


@pytest.mark.parametrize("day", [LENT - timedelta(1), date(2040, 1, 1)])
def test_a_day_outside_the_loan_is_refused(loan, day):
    with pytest.raises(InvalidInput):
        early(loan, 100_000, LENT, on=day)


def test_a_card_cannot_be_charged_later(loan):
    with pytest.raises(InvalidInput):
        early(loan, 100_000, LENT, on=due(1), means=Means("card", token="tok_success"))


def test_money_that_came_too_late_to_repay_early_pays_what_is_due(loan, go):
    payment, _ = early(loan, 30_000, due(1) - timedelta(1), means=Means("card", token="tok_success"))
    go(due(1) + timedelta(1))
    handlers.settle_payment(settled(payment))
    payment.refresh_from_db()
    assert (payment.status, payment.schedule) == ("received", None)


# Workouts --------------------------------------------------------------------------------------------------------
def test_a_restructured_loan_runs_on_by_new_terms(loan):
    day = due(3) + timedelta(10)
    accrue(day)
    services.restructure_loan(
        loan_id=loan.id, term_months=48, annual_rate=Decimal("12"), waive_penalty=True, manager_id=uuid7(),
        reason="lost the job", now=at(day),
    )  # fmt: skip
    loan.refresh_from_db()
    assert owed(loan) == (0, 0, 0, "active")
    assert (loan.balance, loan.annual_rate, loan.next_due_date) == (loan.principal, 12, due(4))
    rows = list(loan.rows.filter(version=2))
    assert (len(rows), rows[0].number, rows[-1].balance) == (48, 4, 0)
    assert rows[0].interest > 3 * rows[1].interest
    for row in rows:
        pay(loan, row.payment, row.due_date)
    loan.refresh_from_db()
    assert loan.status == "closed"


def test_a_penalty_that_is_not_waived_stays_owed(loan):
    day = due(1) + timedelta(10)
    accrue(day)
    penalty = Loan.objects.get().penalty_amount
    services.restructure_loan(loan_id=loan.id, term_months=12, manager_id=uuid7(), reason="asked", now=at(day))
    assert owed(loan)[:3] == (0, penalty, 0)


def test_a_bounced_payment_counts_as_never_made(loan):
    payment = pay(loan, loan.monthly_payment, due(1))
    day = due(1) + timedelta(5)
    with capture_events("financing") as told:
        services.reverse_payment(
            loan_id=loan.id, payment_id=payment.id, manager_id=uuid7(), reason="chargeback", now=at(day)
        )
    assert told == ["loan.overdue", "loan.payment_reversed"]
    assert owed(loan)[2:] == (5, "overdue")
    assert accounts(loan) == {"cash": -loan.principal, "principal": loan.principal}
    with pytest.raises(WrongTransition):
        services.reverse_payment(
            loan_id=loan.id, payment_id=payment.id, manager_id=uuid7(), reason="again", now=at(day)
        )


def test_a_bounced_early_repayment_brings_the_old_schedule_back(loan):
    paid, _ = early(loan, 500_000, LENT + timedelta(5))
    services.reverse_payment(
        loan_id=loan.id, payment_id=paid.id, manager_id=uuid7(), reason="chargeback", now=at(LENT + timedelta(6))
    )
    before = loan.monthly_payment
    loan.refresh_from_db()
    assert (loan.balance, loan.monthly_payment, loan.schedule_version) == (loan.principal, before, 1)
    again, _ = early(loan, 400_000, LENT + timedelta(7))
    assert again.schedule.number == 3


def test_what_newer_facts_count_on_cannot_be_reversed(loan):
    first = pay(loan, loan.monthly_payment, LENT)
    early(loan, 500_000, LENT + timedelta(5))
    day = LENT + timedelta(6)
    closing, _ = early(loan, 2_000_000, day, means=Means("card", token="tok_success"))
    services.settle_payment(loan_id=loan.id, payment_id=closing.id, is_paid=True, now=at(day))
    for payment, error in ((first, ScheduleChangedSince), (closing, SurplusReturned)):
        with pytest.raises(error):
            services.reverse_payment(
                loan_id=loan.id, payment_id=payment.id, manager_id=uuid7(), reason="x", now=at(LENT + timedelta(7))
            )


def test_an_overdue_loan_is_written_off(loan):
    with pytest.raises(WrongTransition):
        services.write_off_loan(loan_id=loan.id, manager_id=uuid7(), reason="gone", now=at(LENT))
    accrue(due(4))
    with capture_events("financing") as told:
        services.write_off_loan(loan_id=loan.id, manager_id=uuid7(), reason="gone", now=at(due(4)))
    assert told == ["loan.closed"]
    loan.refresh_from_db()
    assert (loan.status, loan.balance, loan.written_off_amount) == ("written_off", 0, loan.principal)
    assert accounts(loan) == {"cash": -loan.principal, "loss": loan.principal}
    with pytest.raises(WrongTransition):
        services.reverse_payment(
            loan_id=loan.id, payment_id=_any_payment(loan).id, manager_id=uuid7(), reason="x", now=at(due(4))
        )


def _any_payment(loan):
    return LoanPayment.objects.create(
        loan=loan, kind="instalment", method="card", status="failed", amount=1, currency="RUB", value_date=LENT,
        created_by=uuid7(), created_at=at(LENT),
    )  # fmt: skip


def test_an_undone_purchase_returns_what_was_paid(loan):
    payment = pay(loan, 1000, LENT, Means("card", token="tok_success"))
    handlers.settle_payment(settled(payment))
    with capture_events("financing") as told:
        services.cancel_attempt(
            order_id=loan.order_id, attempt_id=loan.application.attempt_id, reason="cancelled", now=at(LENT)
        )
    assert told == ["loan.surplus_refund_requested", "loan.closed", "financing.withdrawn"]
    assert accounts(loan) == {}


@pytest.mark.parametrize("is_whole", [True, False])
def test_an_undone_purchase_returns_what_the_bank_debited(loan, is_whole):
    payment = close(loan, LENT) if is_whole else early(loan, 500_000, LENT)[0]
    for _ in range(2):
        services.cancel_attempt(
            order_id=loan.order_id, attempt_id=loan.application.attempt_id, reason="cancelled", now=at(LENT)
        )
    refund = LoanRefund.objects.get()
    loan.refresh_from_db()
    assert (refund.payment_id, refund.amount, loan.status) == (payment.id, payment.amount, "cancelled")
    asked = OutboxEvent.objects.using("financing").get(type="loan.surplus_refund_requested").data
    assert (asked["is_at_bank"], asked["bank"], asked["request_id"]) == (True, "Bank", str(refund.id))


def test_an_undone_loan_that_keeps_money_is_named(loan):
    close(loan, LENT)
    services.cancel_attempt(
        order_id=loan.order_id, attempt_id=loan.application.attempt_id, reason="cancelled", now=at(LENT)
    )
    LoanRefund.objects.all().delete()
    assert [found.kind for found in loan_disagreements()] == ["loan_refunds_unlike_payment"]
    LoanPayment.objects.update(status="failed", received_at=None)


def test_the_portfolio_sums_loans_by_lateness(loan):
    accrue(due(1) + timedelta(40))
    seen = queries.read_portfolio()
    by_name = {bucket.name: bucket for bucket in seen.buckets}
    assert (by_name["31-60"].count, by_name["31-60"].balance, seen.balance) == (1, loan.principal, loan.principal)
    assert (seen.at_risk_percent, seen.by_status["overdue"], seen.lent) == (100, 1, loan.principal)


# Over HTTP -------------------------------------------------------------------------------------------------------
ACTIONS = [
    ("post", "/payments", {"amount": "100.00", "method": "account"}),
    ("get", "/payments", None),
    ("get", "/payoff", None),
    ("post", "/early-repayment", {"amount": "100000.00", "preview": True}),
]
MANAGERS = [
    ("post", "/restructure", {"term_months": 12, "reason": "asked"}),
    ("post", "/write-off", {"reason": "gone"}),
    ("post", f"/payments/{uuid7()}/reverse", {"reason": "bounced"}),
    ("post", f"/payments/{uuid7()}/refuse", {"reason": "no money"}),
    ("post", f"/payments/{uuid7()}/confirm", {"reference": "7", "date": "2026-01-15", "evidence": "statement 7"}),
]


@pytest.mark.parametrize(("verb", "suffix", "body"), ACTIONS)
def test_borrowers_act_on_their_own_loans(loan, verb, suffix, body):
    owner = Api("client", user_id=loan.customer_id)
    assert owner.request(verb, f"{PATH}/{loan.id}{suffix}", body).status_code in (200, 201)
    assert owner.request(verb, f"{PATH}/{loan.id}{suffix}/", body).status_code in (200, 201)
    assert Api("manager").request(verb, f"{PATH}/{loan.id}{suffix}", body).status_code in (200, 201)
    before = LoanPayment.objects.count()
    assert Api().request(verb, f"{PATH}/{loan.id}{suffix}", body).status_code == 401
    assert Api("client").request(verb, f"{PATH}/{loan.id}{suffix}", body).status_code == 404
    assert owner.request(verb, f"{PATH}/{uuid7()}{suffix}", body).status_code == 404
    assert LoanPayment.objects.count() == before


@pytest.mark.parametrize(("verb", "suffix", "body"), MANAGERS)
def test_workouts_are_for_managers(loan, verb, suffix, body):
    owner = Api("client", user_id=loan.customer_id)
    assert Api().request(verb, f"{PATH}/{loan.id}{suffix}", body).status_code == 401
    assert owner.request(verb, f"{PATH}/{loan.id}{suffix}", body).status_code == 403
    assert Api("manager").request(verb, f"{PATH}/{uuid7()}{suffix}", body).status_code == 404
    assert Api("manager").request(verb, f"{PATH}/{loan.id}{suffix}", {}).status_code == 400
    assert (LoanVersion.objects.count(), LoanPayment.objects.count()) == (1, 0)


@pytest.mark.parametrize(
    ("suffix", "body", "field"),
    [
        ("/payments", {"amount": "0", "method": "account"}, "amount"),
        ("/payments", {"amount": "1.001", "method": "account"}, "amount"),
        ("/payments", {"amount": "10", "method": "shells"}, "method"),
        ("/early-repayment", {"amount": "10", "strategy": "run"}, "strategy"),
        ("/early-repayment", {"amount": "100000", "date": "1999-01-01"}, "date"),
    ],
)
def test_wrong_input_is_refused_by_field(loan, suffix, body, field):
    answer = Api("client", user_id=loan.customer_id).post(f"{PATH}/{loan.id}{suffix}", body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == field
    assert not LoanPayment.objects.exists()


def test_an_early_repayment_answers_the_schedule(loan):
    owner = Api("client", user_id=loan.customer_id)
    body = {"amount": "500000.00", "date": str(LENT), "strategy": "reduce_term"}
    seen = owner.post(f"{PATH}/{loan.id}/early-repayment", body | {"preview": True}).json()
    done = owner.post(f"{PATH}/{loan.id}/early-repayment", body, Idempotency_Key="one").json()
    again = owner.post(f"{PATH}/{loan.id}/early-repayment", body, Idempotency_Key="one")
    assert again["Idempotent-Replayed"] == "true"
    assert (seen["payment"], seen["schedule"]) == (None, done["schedule"])
    assert done["payment"]["status"] == "pending"
    assert owner.get(f"{PATH}/{loan.id}").json()["schedule_version"] == 1
    make.debited(LoanPayment.objects.get(), at(LENT))
    shown = owner.get(f"{PATH}/{loan.id}").json()
    assert (shown["balance"], shown["schedule_version"]) == ("1000000.00", 2)
    schedule = owner.get(f"{PATH}/{loan.id}/schedule").json()
    assert [row["payment"] for row in schedule["schedule"]] == [row["payment"] for row in done["schedule"]]
    body = {"amount": "1000100.00", "method": "card", "token": "tok_success"}
    closed = owner.post(f"{PATH}/{loan.id}/early-repayment", body).json()
    assert (closed["closed"], closed["refund"], closed["schedule"]) == (True, "100.00", [])
    handlers.settle_payment(settled(LoanPayment.objects.get(pk=closed["payment"]["id"])))
    assert owner.get(f"{PATH}/{loan.id}").json()["status"] == "closed"


def test_a_payment_is_made_once_per_key(loan):
    owner = Api("client", user_id=loan.customer_id)
    body = {"amount": "1000.00", "method": "card", "token": "tok_success"}
    first = owner.post(f"{PATH}/{loan.id}/payments", body, Idempotency_Key="k")
    second = owner.post(f"{PATH}/{loan.id}/payments", body, Idempotency_Key="k")
    assert (first.status_code, first.json()["status"], second.json()) == (201, "pending", first.json())
    listed = owner.get(f"{PATH}/{loan.id}/payments").json()["results"]
    assert [row["id"] for row in listed] == [first.json()["id"]]


def test_a_manager_works_a_loan_out_over_http(loan, go):
    payment = pay(loan, loan.monthly_payment, due(1))
    go(due(1) + timedelta(3))
    manager = Api("manager")
    reversed_one = manager.post(f"{PATH}/{loan.id}/payments/{payment.id}/reverse", {"reason": "chargeback"})
    assert reversed_one.json()["status"] == "reversed"
    assert manager.get(f"{PATH}?status=overdue&ordering=-days_past_due").json()["results"][0]["days_past_due"] == 3
    assert (
        manager.post(f"{PATH}/{loan.id}/restructure", {"term_months": 60, "reason": "x"}).json()["status"] == "active"
    )
    assert manager.post(f"{PATH}/{loan.id}/write-off", {"reason": "x"}).status_code == 409
    assert manager.get(f"{PATH}/portfolio").json()["by_status"]["active"] == 1
    assert Api("client").get(f"{PATH}/portfolio").status_code == 403
    assert Api().get(f"{PATH}/portfolio").status_code == 401
