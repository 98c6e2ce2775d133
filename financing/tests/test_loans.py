"""Loans, read by their borrowers, and the checks of financing's own books."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.db import transaction
from core.errors import InvalidInput
from core.ids import uuid7
from core.testing import Api, tampering
from financing import services
from financing.models import Application, ClosedAttempt, Loan, LoanEntry, LoanLine, LoanScheduleRow, LoanVersion
from financing.public import check_application, loan_disagreements, loans_by_order
from financing.tests import make

pytestmark = pytest.mark.django_db(databases=["financing"])
PATH = "/financing/loans"


@pytest.fixture(autouse=True)
def _on_offer():
    make.programme()


def loan(customer_id=None):
    order = make.order(customer_id=customer_id)
    application = make.requested(order)
    services.disburse_loan(order_id=order.order_id, attempt_id=application.attempt_id, now=timezone.now())
    return Loan.objects.get(order_id=order.order_id)


def test_the_borrower_and_managers_read_it():
    known = loan()
    owner = Api("client", user_id=known.customer_id)
    shown = owner.get(f"{PATH}/{known.id}").json()
    assert (shown["principal"], shown["balance"], shown["status"]) == ("1500000.00", "1500000.00", "active")
    assert (shown["annual_rate"], shown["psk"], shown["version"]) == ("15.0000", "15.000", 1)
    schedule = owner.get(f"{PATH}/{known.id}/schedule").json()
    assert (schedule["loan_id"], len(schedule["schedule"])) == (str(known.id), 36)
    assert sum(Decimal(row["principal"]) for row in schedule["schedule"]) == 1_500_000
    for suffix in ("", "/", "/schedule", "/schedule/"):
        assert owner.get(f"{PATH}/{known.id}{suffix}").status_code == 200
        assert Api("manager").get(f"{PATH}/{known.id}{suffix}").status_code == 200
        assert Api().get(f"{PATH}/{known.id}{suffix}").status_code == 401
        assert Api("client").get(f"{PATH}/{known.id}{suffix}").status_code == 404
        assert owner.get(f"{PATH}/{uuid7()}{suffix}").status_code == 404


def test_the_list_shows_ones_own():
    mine, other = loan(), loan()
    owner = Api("client", user_id=mine.customer_id)
    assert [row["id"] for row in owner.get(PATH).json()["results"]] == [str(mine.id)]
    assert len(Api("manager").get(PATH).json()["results"]) == 2
    assert len(Api("manager").get(f"{PATH}?order_id={other.order_id}&status=active").json()["results"]) == 1
    assert Api().get(PATH).status_code == 401
    for bad in ("status=rich", "ordering=balance", "color=red"):
        assert owner.get(f"{PATH}?{bad}").status_code == 400


@pytest.mark.parametrize("size", [5, 50])
def test_a_page_costs_the_same_whatever_its_size(size):
    owner = Api("client")
    for _ in range(size):
        loan(owner.user_id)
    with CaptureQueriesContext(connections["financing"]) as queries:
        assert len(owner.get(f"{PATH}?page_size={size}").json()["results"]) == size
    assert len(queries) == 1


def test_an_application_can_be_checked_before_the_order():
    check_application(make.ASKED | {"auto_accept": False}, now=timezone.now())
    for changes in ({"down_payment": "2000000"}, {"term_months": "soon"}, {"birth_date": "2999-01-01"}):
        with pytest.raises(InvalidInput):
            check_application(make.ASKED | changes, now=timezone.now())


# The books -------------------------------------------------------------------------------------------------------
def kinds():
    return {item.kind for item in loan_disagreements()}


def test_the_books_agree():
    loan()
    make.application()
    assert kinds() == set()
    assert [facts.status for facts in loans_by_order()] == ["active"]


def test_a_lost_loan_is_found():
    known = loan()
    with tampering("financing"):
        LoanLine.objects.all().delete()
        LoanEntry.objects.all().delete()
        LoanVersion.objects.all().delete()
        Loan.objects.filter(pk=known.pk).delete()
    assert kinds() == {"application_without_loan"}


def test_a_book_that_does_not_balance_is_found():
    known = loan()
    with tampering("financing"):
        LoanLine.objects.filter(entry__loan=known, account="cash").update(amount=Decimal(-1))
    assert kinds() == {"loan_entry_unbalanced"}
    with tampering("financing"):
        LoanLine.objects.filter(entry__loan=known).delete()
    assert kinds() == {"loan_book_unlike_balance"}


def test_a_loan_unlike_its_application_is_found():
    known = loan()
    Application.objects.filter(pk=known.application_id).update(approved_amount=Decimal(1))
    assert kinds() == {"loan_unlike_application"}


def test_a_broken_schedule_is_found():
    known = loan()
    with tampering("financing"):
        LoanScheduleRow.objects.filter(loan=known, number=3).update(balance=Decimal("1.00"))
    assert kinds() == {"schedule_balance_breaks"}
    with tampering("financing"):
        LoanScheduleRow.objects.filter(loan=known, number=36).delete()
    assert "schedule_does_not_add_up" in kinds()


def test_a_loan_of_an_undone_purchase_is_found():
    known = loan()
    attempt = known.application.attempt_id
    ClosedAttempt.objects.create(attempt_id=attempt, order_id=known.order_id, closed_at=timezone.now())
    (found,) = loan_disagreements()
    assert (found.kind, found.ids["attempt_id"]) == ("closed_attempt_holds_something", str(attempt))


# The database guards what services promise --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("model", "changes"),
    [
        (Loan, {"balance": Decimal(-1)}),
        (Loan, {"balance": Decimal(9_000_000)}),
        (Loan, {"status": "cancelled"}),
        (LoanScheduleRow, {"payment": Decimal(1)}),
        (Application, {"approved_amount": None}),
        (Application, {"down_payment": Decimal(3_000_000)}),
    ],
)
def test_impossible_rows_are_refused(model, changes):
    loan()
    with pytest.raises(IntegrityError), transaction("financing"):
        model.objects.update(**changes)


def test_one_order_has_one_agreed_loan():
    known = loan()
    second = make.application(of=make.order(), now=timezone.now() - timedelta(days=1))
    with pytest.raises(IntegrityError), transaction("financing"):
        Application.objects.filter(pk=second.pk).update(order_id=known.order_id, status="accepted")
