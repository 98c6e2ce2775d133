import csv
import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.clock import dealer_day
from core.ids import uuid7
from core.testing import Api
from payments.api import books
from payments.models import LedgerEntry
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["payments"])
PATH = "/ledger/accounts/cash/statement"


@pytest.fixture
def movements():
    paid = make.paid(make.order(total="1000.00"), method="cash")
    make.refund(paid, "100.00")
    return paid


def read_body(response):
    return b"".join(response.streaming_content).decode()


def test_a_statement_tells_every_movement_and_the_balance_after_it(movements):
    shown = Api("manager").get(PATH).json()
    assert [(line["kind"], line["amount"], line["balance"]) for line in shown["lines"]] == [
        ("charge", "1000.00", "1000.00"),
        ("refund", "-100.00", "900.00"),
    ]
    today = dealer_day(timezone.now())
    assert (shown["opening"], shown["closing"], shown["currency"]) == ("0.00", "900.00", "RUB")
    assert (shown["from"], shown["to"]) == (str(today - timedelta(days=30)), str(today))
    assert {line["order_id"] for line in shown["lines"]} == {str(movements.order_id)}
    order = Api("manager").get(f"/ledger/accounts/order:{movements.order_id}/statement").json()
    assert order["closing"] == "-900.00"


def test_a_span_without_movements_opens_and_closes_alike(movements):
    tomorrow = dealer_day(timezone.now()) + timedelta(days=1)
    shown = Api("manager").get(f"{PATH}?from={tomorrow}&to={tomorrow}").json()
    assert (shown["opening"], shown["closing"], shown["lines"]) == ("900.00", "900.00", [])
    yesterday = dealer_day(timezone.now()) - timedelta(days=1)
    assert Api("manager").get(f"{PATH}?to={yesterday}").json()["closing"] == "0.00"


def test_a_statement_comes_as_csv(movements):
    response = Api("manager").get(f"{PATH}?format=csv")
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="cash-')
    rows = list(csv.DictReader(io.StringIO(read_body(response))))
    assert [(row["account"], row["kind"], row["balance"]) for row in rows] == [
        ("cash", "charge", "1000.00"),
        ("cash", "refund", "900.00"),
    ]


def test_too_long_for_one_document_comes_as_csv_only(movements, monkeypatch):
    monkeypatch.setattr(books, "MOST_LINES", 1)
    refused = Api("manager").get(PATH)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "too_long")
    assert len(read_body(Api("manager").get(f"{PATH}?format=csv")).splitlines()) == 3


@pytest.mark.parametrize(
    "query",
    ["from=yesterday", "from=2026-02-02&to=2026-02-01", "from=0001-01-01", "to=9999-12-31", "weather=fine"],
)
def test_wrong_days_are_refused(movements, query):
    for wanted in ("json", "csv"):
        response = Api("manager").get(f"{PATH}?{query}&format={wanted}")
        assert (response.status_code, response["Content-Type"]) == (400, "application/problem+json")


def test_statements_are_for_managers(movements):
    before = LedgerEntry.objects.count()
    assert Api().get(PATH).status_code == 401
    assert Api("client", user_id=movements.customer_id).get(PATH).status_code == 403
    assert Api("manager").get("/ledger/accounts/nothing/statement").status_code == 404
    assert LedgerEntry.objects.count() == before


def test_reports_are_listed_newest_first_and_told_in_full():
    difference = {"kind": "charge", "id": str(uuid7()), "there": "999.00", "here": "1000.00"}
    good = make.reconciliation(date(2026, 11, 19))
    bad = make.reconciliation(date(2026, 11, 20), charged_there=999, charged_here=1000, differences=[difference])
    manager = Api("manager")
    listed = manager.get("/reconciliations").json()["results"]
    assert [(row["id"], row["agrees"]) for row in listed] == [(str(bad.id), False), (str(good.id), True)]
    found = manager.get("/reconciliations?day_to=2026-11-19&provider=sandbox").json()["results"]
    assert [row["id"] for row in found] == [str(good.id)]
    told = manager.get(f"/reconciliations/{bad.id}").json()
    assert (told["charged_there"], told["differences"]) == ("999.00", [difference])
    assert manager.get("/reconciliations?mood=good").status_code == 400


def test_reports_are_for_managers():
    report = make.reconciliation()
    for path in ("/reconciliations", f"/reconciliations/{report.id}"):
        assert Api().get(path).status_code == 401
        assert Api("client").get(path).status_code == 403
    assert Api("manager").get(f"/reconciliations/{uuid7()}").status_code == 404


def test_listing_reports_costs_the_same_for_many(django_assert_num_queries):
    manager = Api("manager")
    for number in range(50):
        make.reconciliation(date(2026, 1, 1) + timedelta(days=number), charged_here=Decimal(number))
    manager.get("/reconciliations")
    with django_assert_num_queries(1, using="payments"):
        manager.get("/reconciliations?page_size=50")


def test_the_days_of_a_statement_are_the_dealers(time_machine):
    """Ten in the evening by Greenwich is the next day in Moscow."""
    time_machine.move_to("2026-05-31 22:00:00Z", tick=False)
    make.paid(make.order(total="1000.00"), method="cash")
    closing = {day: Api("manager").get(f"{PATH}?to={day}").json()["closing"] for day in ("2026-05-31", "2026-06-01")}
    assert closing == {"2026-05-31": "0.00", "2026-06-01": "1000.00"}
