"""A borrower's loan on its page: how it stands, its schedule, paying, and repaying before time."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from core.ids import uuid7
from financing import services
from financing.models import Loan, LoanPayment
from financing.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "financing"])
LENT = date(2026, 1, 15)
EARLY = {"amount": "500000", "day": "2026-01-25", "strategy": "reduce_term"}


def text(response):
    return response.content.decode()


def at(day):
    return datetime(day.year, day.month, day.day, 9, tzinfo=UTC)


def lent_to(customer_id):
    order = make.order(customer_id=customer_id)
    application = make.requested(order)
    services.disburse_loan(order_id=order.order_id, attempt_id=application.attempt_id, now=at(LENT))
    return Loan.objects.get(order_id=order.order_id)


@pytest.fixture
def today(time_machine):
    """Ten days after the payout."""
    time_machine.move_to(at(LENT), tick=False)
    make.programme()
    return lambda day=LENT + timedelta(days=10): time_machine.move_to(at(day), tick=False)


@pytest.fixture
def borrower(today):
    return Visitor("client")


@pytest.fixture
def loan(borrower, today):
    """1 500 000 for 36 months at 15 %, ten days ago."""
    found = lent_to(borrower.user.id)
    today()
    return found


def get_path(loan):
    return f"/credit/loans/{loan.id}/"


def test_the_page_tells_how_the_loan_stands(borrower, loan):
    page = text(borrower.get(get_path(loan)))
    assert "1\u00a0500\u00a0000\u00a0₽" in page
    assert page.count("<rect class=") == 72
    assert "51\u00a0997.99\u00a0₽" in page
    assert "Version 1" in page
    assert "Nothing has been paid yet." in page
    assert get_path(loan) in text(borrower.get("/credit/"))


def test_a_late_borrower_is_told_so(borrower, loan, today):
    today(date(2026, 2, 25))
    list(services.accrue_loans(now=at(date(2026, 2, 25))))
    borrower.client.force_login(borrower.user, backend="accounts.backends.EmailBackend")
    assert "overdue by 10 days" in text(borrower.get(get_path(loan)))


def test_an_early_repayment_is_tried_out_and_writes_nothing(borrower, loan):
    page = borrower.get(f"{get_path(loan)}?amount=500000&day=2026-01-25&strategy=reduce_payment")
    assert page.status_code == 200
    plan = page.context["forms"].plan
    assert (plan.principal + plan.interest, plan.is_closed) == (Decimal("500000.00"), False)
    assert f"{plan.saved_interest:,.2f}".replace(",", "\u00a0") in text(page)
    assert not LoanPayment.objects.exists()


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("amount=much&day=2026-01-25&strategy=reduce_term", "Write an amount"),
        ("amount=1000&day=2025-01-25&strategy=reduce_term", "between today and the last payment"),
        ("amount=1000&day=2026-01-25&strategy=magic", "Select a valid choice"),
        ("payoff_day=2040-01-01", "between today and the last payment"),
        ("payoff_day=someday", "Enter a valid date"),
    ],
)
def test_what_cannot_be_tried_out_is_said_and_stays_typed(borrower, loan, query, said):
    page = borrower.get(f"{get_path(loan)}?{query}")
    assert (page.status_code, said in text(page)) == (400, True)
    assert f'value="{query.partition("=")[2].partition("&")[0]}"' in text(page)


def test_what_closes_the_loan_is_shown_for_a_day(borrower, loan):
    page = borrower.get(f"{get_path(loan)}?payoff_day=2026-03-01")
    quote = page.context["forms"].quote
    assert f"{quote.total:,.2f}".replace(",", "\u00a0") in text(page)
    assert quote.total < Decimal(1_500_000)


def test_it_is_repaid_early_once_and_gets_a_new_schedule(borrower, loan):
    form = EARLY | {"method": "account", "key": "one"}
    for _ in range(2):
        assert borrower.post(f"{get_path(loan)}early/", **form)["Location"] == get_path(loan)
    payment = LoanPayment.objects.get()
    assert (payment.amount, payment.status) == (500_000, "pending")
    assert "Version 2" not in text(borrower.get(get_path(loan)))
    make.debited(payment, timezone.now())
    page = text(borrower.get(get_path(loan)))
    assert "Version 2" in page
    assert "shorter term" in page
    shown = load_workbook(BytesIO(borrower.get(f"{get_path(loan)}schedule.xlsx").content)).active.values
    assert sum(isinstance(row[0], int) for row in shown) == page.count("<tr><td>") < 36


def test_an_order_for_a_coming_day_needs_the_account(borrower, loan):
    later = EARLY | {"day": "2026-02-01", "key": "two"}
    refused = borrower.post(f"{get_path(loan)}early/", **later, method="cash")
    assert (refused.status_code, "Only the account" in text(refused)) == (400, True)
    assert 'value="500000"' in text(refused)
    assert borrower.post(f"{get_path(loan)}early/", **later, method="account").status_code == 302
    assert LoanPayment.objects.get().status == "scheduled"


def test_an_instalment_is_paid_once(borrower, loan):
    for _ in range(2):
        paid = borrower.post(f"{get_path(loan)}pay/", amount="51997.99", method="account", key="three")
        assert paid["Location"] == get_path(loan)
    assert "51\u00a0997.99\u00a0₽, instalment" in text(borrower.get(get_path(loan)))
    assert LoanPayment.objects.count() == 1


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"amount": "9000000", "method": "account"}, "more than is left to pay"),
        ({"amount": "-1", "method": "account"}, "greater than or equal"),
        ({"amount": "1000", "method": "shells"}, "Choose how to pay"),
    ],
)
def test_what_cannot_be_paid_is_said_and_stays_typed(borrower, loan, form, said):
    page = borrower.post(f"{get_path(loan)}pay/", **form)
    assert page.status_code in (400, 409)
    assert said in text(page)
    assert f'value="{form["amount"]}"' in text(page)
    assert not LoanPayment.objects.exists()


def test_the_schedule_is_a_file(borrower, loan):
    pdf = borrower.get(f"{get_path(loan)}schedule.pdf")
    assert (pdf["Content-Type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")
    rows = list(load_workbook(BytesIO(borrower.get(f"{get_path(loan)}schedule.xlsx").content)).active.values)
    assert round(sum(row[3] for row in rows if isinstance(row[0], int)), 2) == 1_500_000
    assert borrower.get(f"{get_path(loan)}schedule.exe").status_code == 404


def test_a_repaid_loan_asks_for_nothing(borrower, loan):
    over = borrower.post(
        f"{get_path(loan)}early/", **(EARLY | {"amount": "1600000", "method": "account", "key": "four"})
    )
    assert (over.status_code, "more than closes the loan" in text(over)) == (400, True)
    quote = services.preview_payoff(loan_id=loan.id, day=date(2026, 1, 25), now=timezone.now())
    rest = EARLY | {"amount": str(quote.total), "method": "account", "key": "five"}
    assert borrower.post(f"{get_path(loan)}early/", **rest).status_code == 302
    make.debited(LoanPayment.objects.get(), timezone.now())
    page = text(borrower.get(get_path(loan)))
    assert "repaid" in page
    assert "Repay before time" not in page
    refused = borrower.post(f"{get_path(loan)}pay/", amount="1000", method="account")
    assert refused.status_code == 409


def test_others_loans_are_not_there(borrower, loan):
    stranger = Visitor("client")
    posts = {"pay": {"amount": "1000", "method": "account"}, "early": EARLY | {"method": "account"}}
    for visitor in (stranger, Visitor("manager")):
        assert visitor.get(get_path(loan)).status_code == 404
        assert visitor.get(f"{get_path(loan)}schedule.pdf").status_code == 404
    for name, form in posts.items():
        assert stranger.post(f"{get_path(loan)}{name}/", **form).status_code == 404
        assert Visitor().post(f"{get_path(loan)}{name}/", **form)["Location"].startswith("/sign-in/")
    assert borrower.get(f"/credit/loans/{uuid7()}/").status_code == 404
    assert Visitor().get(get_path(loan))["Location"].startswith("/sign-in/")
    assert not LoanPayment.objects.exists()


def test_the_page_costs_the_same_after_many_payments(borrower, loan):
    def queries():
        with CaptureQueriesContext(connections["financing"]) as asked:
            assert borrower.get(get_path(loan)).status_code == 200
        return len(asked)

    before = queries()
    for number in range(5):
        borrower.post(f"{get_path(loan)}pay/", amount="1000", method="account", key=f"many {number}")
    assert queries() == before
