"""Schedules as files over HTTP: of a calculation, and of a loan."""

from decimal import Decimal
from io import BytesIO

import pytest
from django.utils import timezone
from openpyxl import load_workbook

from core.ids import uuid7
from core.testing import Api
from financing import services
from financing.models import Loan
from financing.tests import make

pytestmark = pytest.mark.django_db(databases=["financing"])
TERMS = {"vehicle_price": "1500000", "down_payment": "500000", "term_months": 60, "annual_rate": "15"}
CALCULATE = "/financing/calculate"


def read_rows(response):
    return [row for row in load_workbook(BytesIO(response.content)).active.values if isinstance(row[0], int)]


@pytest.fixture
def loan():
    make.programme()
    order = make.order()
    application = make.requested(order)
    services.disburse_loan(order_id=order.order_id, attempt_id=application.attempt_id, now=timezone.now())
    return Loan.objects.get()


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_calculation_is_a_pdf_or_a_workbook(slash):
    pdf = Api().post(f"{CALCULATE}/pdf{slash}", TERMS)
    assert (pdf.status_code, pdf["Content-Type"], pdf.content[:5]) == (200, "application/pdf", b"%PDF-")
    book = Api().post(f"{CALCULATE}/xlsx{slash}", TERMS)
    assert book["Content-Disposition"] == 'attachment; filename="schedule.xlsx"'
    rows, answer = read_rows(book), Api().post(CALCULATE, TERMS).json()
    assert [f"{row[2]:.2f}" for row in rows] == [row["payment"] for row in answer["schedule"]]
    assert round(sum(row[3] for row in rows), 2) == 1_000_000


def test_fees_have_a_column_where_there_are_any():
    fees = [{"name": "account", "amount": "99.00", "when": "each"}]
    rows = read_rows(Api().post(f"{CALCULATE}/xlsx", TERMS | {"fees": fees}))
    for row in rows:
        assert round(Decimal(str(row[3])) + Decimal(str(row[4])) + row[5], 2) == round(Decimal(str(row[2])), 2)
        assert row[5] == 99


@pytest.mark.parametrize("changes", [{"term_months": 0}, {"annual_rate": "-1"}, {"vehicle_price": "much"}])
def test_what_cannot_be_calculated_is_no_file(changes):
    refused = Api().post(f"{CALCULATE}/pdf", TERMS | changes)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, next(iter(changes)))


def test_other_kinds_do_not_exist(loan):
    assert Api().post(f"{CALCULATE}/exe", TERMS).status_code == 404
    assert Api("manager").get(f"/financing/loans/{loan.id}/schedule/exe").status_code == 404


def test_a_loan_is_a_file_for_its_borrower_and_the_desk(loan):
    path = f"/financing/loans/{loan.id}/schedule"
    owner = Api("client", user_id=loan.customer_id)
    assert owner.get(f"{path}/pdf").content[:5] == b"%PDF-"
    rows, shown = read_rows(Api("manager").get(f"{path}/xlsx")), owner.get(path).json()["schedule"]
    assert [(row[0], f"{row[2]:.2f}", f"{row[5]:.2f}") for row in rows] == [
        (row["number"], row["payment"], row["balance"]) for row in shown
    ]
    assert Api("client").get(f"{path}/pdf").status_code == 404
    assert Api().get(f"{path}/pdf").status_code == 401
    assert owner.get(f"/financing/loans/{uuid7()}/schedule/pdf").status_code == 404
