"""Credit holidays and collection: states of a running loan, each step recorded and told."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError

from core.errors import WrongTransition
from core.ids import uuid7
from core.testing import Api
from financing import services
from financing.errors import HolidaysNotDue
from financing.models import Loan, LoanScheduleRow, LoanStageChange, LoanVersion
from financing.rules.holidays import Ground
from financing.tests import make
from messaging.testing import capture_events

pytestmark = pytest.mark.django_db(databases=["financing"])

SIGNED, LATE = datetime(2026, 1, 15, 9, tzinfo=UTC), datetime(2026, 3, 20, 9, tzinfo=UTC)
ASKED = {"months": 3, "ground": "income", "evidence": "2-NDFL of two months."}
OWN = {"day_count": "actual/365", "due_shift": "following"}


def lent(price="1500000.00", **rules):
    make.programme(**rules)
    of, attempt = make.order(total=price), uuid7()
    asked = make.ASKED | {"vehicle_price": price, "down_payment": "500000.00"}
    services.request_loan(
        order_id=of.order_id, attempt_id=attempt, customer_id=of.customer_id, application=asked, auto_accept=True,
        now=SIGNED,
    )  # fmt: skip
    services.disburse_loan(order_id=of.order_id, attempt_id=attempt, now=SIGNED)
    return Loan.objects.get(order_id=of.order_id)


def accrue(now):
    list(services.accrue_loans(now=now))


def rest(loan, **changes):
    """Credit holidays that a second person agreed to; no door of its own, so as approvals run it."""
    asked = {"months": 3, "ground": Ground.INCOME, "evidence": "Papers."} | changes
    services.grant_moratorium(loan_id=loan.id, manager_id=None, now=LATE, **asked)
    loan.refresh_from_db()
    return loan


@pytest.mark.parametrize("rules", [{}, OWN])
def test_credit_holidays_suspend_the_payments_and_put_interest_off(rules):
    loan = lent(**rules)
    accrue(LATE)
    before = list(LoanScheduleRow.objects.filter(loan=loan).order_by("number"))
    rest(loan)
    assert (loan.stage, loan.stage_until, loan.status) == ("moratorium", date(2026, 6, 20), "active")
    rows = list(LoanScheduleRow.objects.filter(loan=loan, version=2).order_by("number"))
    assert len(rows) == 36  # two of the payments were open
    assert rows[0].due_date > date(2026, 6, 20)
    assert rows[0].due_date == loan.next_due_date
    assert {row.payment for row in rows[:-1]} == {before[0].payment}
    version = LoanVersion.objects.get(loan=loan, number=2)
    overdue = sum(row.interest for row in before[:2])
    assert version.deferred_interest > version.carried_interest > overdue
    assert rows[-1].interest > version.deferred_interest
    assert sum(row.principal for row in rows) == loan.principal == loan.balance


def test_no_penalty_grows_in_credit_holidays_and_they_end_by_the_clock():
    loan = lent()
    accrue(LATE)
    loan.refresh_from_db()
    penalty = loan.penalty_amount
    assert penalty > 0
    rest(loan)
    accrue(datetime(2026, 6, 20, 9, tzinfo=UTC))
    loan.refresh_from_db()
    assert (loan.stage, loan.penalty_amount, loan.status, loan.days_past_due) == ("moratorium", penalty, "active", 0)
    assert loan.next_due_date == date(2026, 7, 15)
    with capture_events("financing") as told:
        accrue(datetime(2026, 6, 21, 9, tzinfo=UTC))
    loan.refresh_from_db()
    assert (loan.stage, loan.stage_until) == ("", None)
    assert told == ["loan.stage_changed"]
    accrue(datetime(2026, 7, 16, 9, tzinfo=UTC))
    loan.refresh_from_db()
    assert (loan.status, loan.days_past_due) == ("overdue", 1)


def test_a_payoff_after_credit_holidays_owes_what_was_put_off():
    loan = lent(**OWN)
    rest(loan)
    version = LoanVersion.objects.get(loan=loan, number=2)
    row = LoanScheduleRow.objects.get(loan=loan, version=2, number=4)
    on_due = services.preview_payoff(loan_id=loan.id, day=row.due_date, now=LATE)
    assert on_due.interest == version.deferred_interest
    last = services.preview_payoff(loan_id=loan.id, day=loan.last_due_date, now=LATE)
    assert (last.balance, last.interest) == (0, 0)
    in_between = services.preview_payoff(loan_id=loan.id, day=date(2026, 4, 19), now=LATE)
    running = (loan.balance * Decimal("0.15") * 30 / 365).quantize(Decimal("0.01"))
    assert in_between.interest == version.carried_interest + running


def test_a_second_person_agrees_to_credit_holidays():
    loan, manager = lent(), Api("manager")
    asked = manager.post(f"/financing/loans/{loan.id}/moratorium", ASKED)
    assert asked.status_code == 202
    loan.refresh_from_db()
    assert (loan.stage, LoanStageChange.objects.count(), LoanVersion.objects.count()) == ("", 0, 1)
    make.agreed(asked)
    shown = manager.get(f"/financing/loans/{loan.id}").json()
    assert (shown["stage"], LoanStageChange.objects.get().ground) == ("moratorium", "income")
    assert manager.post(f"/financing/loans/{loan.id}/moratorium", ASKED | {"ground": "emergency"}).status_code == 409


def test_the_law_gives_them_once_for_a_ground_and_up_to_an_amount():
    loan = lent(price="2200000.00")
    with pytest.raises(HolidaysNotDue) as refused:
        rest(loan)
    assert refused.value.extra["why"] == "amount"
    rest(loan, ground=Ground.AGREED)
    small = lent()
    rest(small)
    Loan.objects.filter(pk=small.pk).update(stage="", stage_until=None)
    with pytest.raises(HolidaysNotDue) as refused:
        rest(small)
    assert refused.value.extra["why"] == "used"
    assert LoanVersion.objects.filter(loan=small).count() == 2


@pytest.mark.parametrize("wrong", [{"months": 7}, {"months": 0}, {"ground": "mood"}, {"evidence": ""}])
def test_bad_input_changes_nothing(wrong):
    loan = lent()
    assert Api("manager").post(f"/financing/loans/{loan.id}/moratorium", ASKED | wrong).status_code == 400
    assert not LoanStageChange.objects.exists()


def test_only_a_late_loan_is_collected_and_leaves_once_it_is_paid():
    loan, manager = lent(), Api("manager")
    with pytest.raises(WrongTransition):
        services.start_collection(loan_id=loan.id, manager_id=uuid7(), reason="Late.", now=LATE)
    accrue(LATE)
    with capture_events("financing") as told:
        services.start_collection(loan_id=loan.id, manager_id=uuid7(), reason="Late.", now=LATE)
    assert told == ["loan.stage_changed"]
    assert manager.post(f"/financing/loans/{loan.id}/collect", {"reason": "Again."}).status_code == 409
    shown = manager.post(f"/financing/loans/{loan.id}/stop-collecting", {"reason": "They pay."}).json()
    assert shown["stage"] == ""
    services.start_collection(loan_id=loan.id, manager_id=uuid7(), reason="They do not.", now=LATE)
    rest(loan, ground=Ground.AGREED)
    assert loan.stage == "moratorium"
    steps = LoanStageChange.objects.order_by("created_at", "pk").values_list("stage", flat=True)
    assert sorted(steps) == ["", "collection", "collection", "moratorium"]
    with pytest.raises(WrongTransition):
        services.end_collection(loan_id=loan.id, manager_id=uuid7(), reason="Wrong.", now=LATE)


def test_a_manager_hands_a_late_loan_to_collection():
    loan, manager = lent(), Api("manager")
    accrue(LATE)
    shown = manager.post(f"/financing/loans/{loan.id}/collect", {"reason": "Two payments are late."})
    assert (shown.status_code, shown.json()["stage"]) == (200, "collection"), shown.content


def test_the_record_of_stages_is_not_rewritten():
    loan = lent()
    rest(loan)
    with pytest.raises(DatabaseError):
        LoanStageChange.objects.update(ground="agreed")


@pytest.mark.parametrize("path", ["moratorium", "collect", "stop-collecting"])
def test_clients_do_not(path):
    loan = lent()
    body = ASKED if path == "moratorium" else {"reason": "Mine."}
    assert Api("client").post(f"/financing/loans/{loan.id}/{path}", body).status_code == 403
