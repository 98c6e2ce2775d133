"""The loan calculator's page, its live part and its files."""

from decimal import Decimal
from io import BytesIO

import pytest
from django.test import Client
from openpyxl import load_workbook

PATH = "/loan-calculator/"
TERMS = {"vehicle_price": "1500000", "down_payment": "500000", "term_months": "60", "annual_rate": "15"}


def test_the_page_shows_payment_cost_chart_and_schedule():
    page = Client().get(PATH, TERMS)
    text = page.content.decode()
    assert page.status_code == 200
    assert "23\u00a0789,93\u00a0₽" in text or "23\u00a0789.93\u00a0₽" in text
    assert "15.000" in text or "15,000" in text
    assert text.count("<rect class=") == 120
    assert text.count("<tr>") == 61


def test_a_price_alone_is_enough():
    page = Client().get(PATH, {"vehicle_price": "2000000"})
    assert page.context["quote"].amount_financed == Decimal("1600000.00")
    assert Client().get(PATH).status_code == 200


def test_the_live_part_is_the_result_alone():
    part = Client().get(PATH, TERMS | {"part": "result"}).content.decode()
    assert "<html" not in part
    assert "<table" in part


def test_a_long_loan_is_drawn_by_years():
    assert Client().get(PATH, TERMS | {"term_months": "120"}).content.decode().count("<rect class=") == 20


@pytest.mark.parametrize(
    "wrong",
    [
        {"down_payment": "1500000"},
        {"term_months": "0"},
        {"annual_rate": "-1"},
        {"vehicle_price": "NaN"},
        {"vehicle_price": "much"},
        {"schedule": "spiral"},
    ],
)
def test_wrong_terms_are_named_and_give_no_file(wrong):
    page = Client().get(PATH, TERMS | wrong)
    assert page.status_code == 400
    assert page.context["form"].errors
    assert Client().get(f"{PATH}schedule.pdf", TERMS | wrong).status_code == 404


def test_the_workbook_holds_numbers_that_add_up():
    answer = Client().get(f"{PATH}schedule.xlsx", TERMS)
    assert answer["Content-Disposition"] == 'attachment; filename="schedule.xlsx"'
    rows = [row for row in load_workbook(BytesIO(answer.content)).active.values if isinstance(row[0], int)]
    assert len(rows) == 60
    assert round(sum(row[3] for row in rows), 2) == 1_000_000
    assert rows[-1][5] == 0


def test_the_pdf_is_one_with_cyrillic_letters():
    answer = Client().get(f"{PATH}schedule.pdf", TERMS)
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")
    assert b"DejaVuSans" in answer.content


def test_other_files_do_not_exist():
    assert Client().get(f"{PATH}schedule.exe", TERMS).status_code == 404
