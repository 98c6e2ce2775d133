"""A bank's own rules: chosen by its programme, refused where they cannot be met, frozen with the loan."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib import import_module

import msgspec
import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connections
from django.urls import reverse
from django.utils import timezone, translation

from core.errors import InvalidInput
from core.ids import uuid7
from core.testing import Api
from financing import services
from financing.models import Application, Loan, LoanScheduleRow, Programme, WorkCalendarYear
from financing.queries.history import History
from financing.queries.offers import loan_offer, read_offer_terms, recalculate_offer
from financing.rules.bank_rules import BankRules, read_rules
from financing.rules.calculations import Strategy
from financing.tests import make
from financing.tests.test_programmes import NEW
from payments.commands import Means

pytestmark = pytest.mark.django_db(databases=["financing"])


@pytest.fixture(autouse=True)
def decrees():
    """Enter the decrees as the migration did: a test with transactions of its own leaves every table empty."""
    import_module("financing.migrations.0018_fill_work_calendar").enter(apps, connections["financing"].schema_editor())


OWN = {
    "day_count": "actual/365",
    "due_shift": "following",
    "payment_day": 31,
    "min_first_period_days": 20,
    "first_period": "interest_only",
    "payment_unit": Decimal("1.00"),
    "payment_rounding": "up",
    "fees": [{"name": "SMS", "when": "each", "amount": "99.00"}, {"name": "Life", "kind": "insurance", "percent": "1"}],
}
SIGNED = datetime(2026, 12, 5, 9, tzinfo=UTC)
ACCOUNT = Means("account")


def lent(**changes):
    programme = make.programme(**{**OWN, **changes})
    of, attempt = make.order(), uuid7()
    services.request_loan(
        order_id=of.order_id, attempt_id=attempt, customer_id=of.customer_id, application=make.ASKED, auto_accept=True,
        now=SIGNED,
    )  # fmt: skip
    services.disburse_loan(order_id=of.order_id, attempt_id=attempt, now=SIGNED)
    return programme, Loan.objects.get()


def test_a_loan_is_drawn_by_the_rules_of_its_programme():
    _, loan = lent()
    at_payout, first, second, *_, last = LoanScheduleRow.objects.order_by("number")
    assert (at_payout.number, at_payout.due_date, at_payout.payment) == (0, date(2026, 12, 5), Decimal("15000.00"))
    assert (first.due_date, second.due_date) == (date(2027, 1, 11), date(2027, 2, 1))  # 31 December 2026, 31 January
    interest = (Decimal(1500000) * Decimal("0.15") * 37 / 365).quantize(Decimal("0.01"))
    assert first.interest == interest
    assert second.payment - 99 == int(second.payment - 99)
    assert second.fees == Decimal("99.00")
    assert sum(row.principal for row in LoanScheduleRow.objects.all()) == loan.principal == Decimal(1500000)
    assert last.balance == 0
    assert (loan.next_due_date, loan.next_payment) == (at_payout.due_date, at_payout.payment)


def test_a_first_period_longer_than_a_month_is_of_interest_only():
    _, loan = lent(payment_day=4)
    first = LoanScheduleRow.objects.get(loan=loan, number=1)
    assert first.due_date == date(2027, 1, 11)
    assert first.principal > 0
    _, later = _second(loan, payment_day=1, min_first_period_days=28)
    row = LoanScheduleRow.objects.get(loan=later, number=1)
    assert (row.due_date, row.principal) == (date(2027, 2, 1), Decimal(0))


def _second(loan, **changes):
    Programme.objects.update(valid_to=date(2026, 1, 1))
    programme = make.programme(**{**OWN, **changes})
    of, attempt = make.order(), uuid7()
    services.request_loan(
        order_id=of.order_id, attempt_id=attempt, customer_id=of.customer_id, application=make.ASKED, auto_accept=True,
        now=SIGNED,
    )  # fmt: skip
    services.disburse_loan(order_id=of.order_id, attempt_id=attempt, now=SIGNED)
    return programme, Loan.objects.exclude(pk=loan.pk).get()


def test_a_loan_keeps_the_rules_it_was_signed_by():
    programme, loan = lent()
    services.change_programme(
        programme_id=programme.id, changes={"day_count": "actual/360", "fees": []}, now=timezone.now()
    )
    signed = Loan.objects.get(pk=loan.pk).rules
    assert (signed.day_count, len(signed.fees), signed.programme_version) == ("actual/365", 2, 1)
    assert read_rules(Application.objects.get().bank_rules) == signed
    shown = Api("manager").get(f"/financing/loans/{loan.id}").json()["bank_rules"]
    assert (shown["day_count"], shown["due_shift"], shown["payment_unit"]) == ("actual/365", "following", "1.00")


def test_a_loan_without_rules_of_its_own_runs_as_before():
    make.programme()
    of, attempt = make.order(), uuid7()
    make.requested(of, attempt_id=attempt)
    services.disburse_loan(order_id=of.order_id, attempt_id=attempt, now=timezone.now())
    Loan.objects.update(bank_rules={})  # as a row of an older release has it
    loan = Loan.objects.get()
    assert loan.rules == BankRules()
    assert loan.rules.is_dated is False
    row = LoanScheduleRow.objects.get(number=1)
    assert row.interest == (loan.principal * Decimal("0.15") / 12).quantize(Decimal("0.01"))


def test_servicing_follows_the_shifted_day_and_the_count_of_days():
    _, loan = lent(fees=[])
    holidays = datetime(2027, 1, 11, 9, tzinfo=UTC)
    services.accrue_loans(now=holidays)
    list(services.accrue_loans(now=holidays))
    loan.refresh_from_db()
    assert (loan.status, loan.days_past_due) == ("active", 0)
    list(services.accrue_loans(now=holidays + timedelta(days=1)))
    loan.refresh_from_db()
    assert (loan.status, loan.days_past_due) == ("overdue", 1)


def test_early_repayment_and_payoff_follow_the_rules():
    _, loan = lent(fees=[])
    day = datetime(2026, 12, 15, 9, tzinfo=UTC)
    quote = services.preview_payoff(loan_id=loan.id, day=date(2026, 12, 15), now=day)
    interest = (Decimal(1500000) * Decimal("0.15") * 10 / 365).quantize(Decimal("0.01"))
    assert quote.interest == interest
    plan = services.preview_early(
        loan_id=loan.id, amount=Decimal(300000), day=date(2026, 12, 15), strategy=Strategy.REDUCE_PAYMENT, now=day
    )
    assert (plan.interest, plan.principal) == (interest, 300000 - interest)
    assert {row.payment % 1 for row in plan.rows[1:-1]} == {Decimal(0)}
    assert plan.rows[0].due_date == date(2027, 1, 11)


def test_restructuring_keeps_the_days_and_the_count():
    _, loan = lent(fees=[])
    now = datetime(2027, 3, 15, 9, tzinfo=UTC)
    services.restructure_loan(loan_id=loan.id, term_months=24, manager_id=uuid7(), reason="Lost a job.", now=now)
    rows = LoanScheduleRow.objects.filter(loan=loan, version=2).order_by("number")
    assert [row.due_date for row in rows[:3]] == [date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31)]
    assert len(rows) == 24
    second, first = rows[1], rows[0]
    days = (second.due_date - first.due_date).days
    assert second.interest == (first.balance * Decimal("0.15") * days / 365).quantize(Decimal("0.01"))


def test_leasing_may_owe_the_whole_period():
    with pytest.raises(InvalidInput) as refused:
        make.programme(payoff_rule="whole_period")
    assert refused.value.errors[0]["code"] == "unlawful"
    programme = make.programme(payoff_rule="whole_period", financing_type="leasing")
    assert programme.bank_rules.payoff_rule == "whole_period"


def test_a_whole_period_is_owed_once_it_has_begun():
    _, loan = lent(fees=[])
    loan.bank_rules |= {"payoff_rule": "whole_period"}
    loan.save()
    loan = Loan.objects.get()
    row = LoanScheduleRow.objects.get(number=1)
    for day in (date(2026, 12, 6), date(2027, 1, 10)):
        quote = services.preview_payoff(loan_id=loan.id, day=day, now=SIGNED)
        assert quote.interest == row.interest
    at_due = services.preview_payoff(loan_id=loan.id, day=row.due_date, now=SIGNED)
    assert at_due.interest == 0
    now = datetime(2026, 12, 15, 9, tzinfo=UTC)
    with pytest.raises(InvalidInput) as refused:
        services.preview_early(
            loan_id=loan.id, amount=Decimal(1510000), day=date(2026, 12, 15), strategy=Strategy.REDUCE_TERM, now=now
        )
    assert refused.value.errors[0]["code"] == "between"
    returned = services.preview_return(loan_id=loan.id, now=now)
    assert returned.interest < row.interest


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"payoff_rule": "by_the_stars"}, "payoff_rule"),
        ({"day_count": "actual/364"}, "day_count"),
        ({"due_shift": "sideways"}, "due_shift"),
        ({"payoff_rule": "whole_period"}, "payoff_rule"),
        ({"payment_day": 32}, "payment_day"),
        ({"payment_unit": "7"}, "payment_unit"),
        ({"payment_unit": "10", "schedule": "differentiated"}, "payment_unit"),
        ({"min_first_period_days": 45}, "min_first_period_days"),
        ({"due_shift": "preceding", "payment_day": 9}, "min_first_period_days"),
        ({"first_period": "interest_only"}, "first_period"),
        ({"payment_day": 5, "min_first_period_days": 30, "base_rate": "39.45", "max_term_months": 96}, "first_period"),
        ({"fees": [{"name": "SMS", "amount": "10", "when": "daily"}]}, "fees.0.when"),
        ({"fees": [{"name": "SMS", "amount": "10", "when": 4}]}, "fees.0.when"),
        ({"fees": [{"name": "SMS", "amount": "10", "percent": "1"}]}, "fees.0.amount"),
        ({"fees": [{"name": "SMS"}]}, "fees.0.amount"),
        ({"fees": [{"name": "SMS", "amount": "10", "kind": "gift"}]}, "fees.0.kind"),
    ],
)
def test_rules_that_cannot_be_met_are_refused_at_once(changes, field):
    response = Api("manager").post("/financing/programmes", NEW | {"rates": []} | changes)
    assert response.status_code == 400, response.content
    assert [error["field"] for error in response.json()["errors"]] == [field]
    assert not Programme.objects.exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [("payoff_rule", "by_the_stars"), ("day_count", "30e/360"), ("fees", ["SMS"]), ("fees", {"a": 1})],
)
def test_the_service_refuses_what_nobody_knows(name, value):
    with pytest.raises(InvalidInput):
        make.programme(**{name: value})
    assert not Programme.objects.exists()


def test_usual_loans_with_a_long_first_period_are_lent():
    """13.03 % for 96 months and 39.45 % for 84: their level payment would not cover such a first period."""
    for rate, term in ((Decimal("13.03"), 96), (Decimal("39.45"), 84)):
        programme = make.programme(base_rate=rate, max_term_months=term, **OWN | {"min_first_period_days": 30})
        assert programme.pk


def test_the_calculator_takes_a_programmes_rules():
    programme = make.programme(**OWN)
    terms = {"vehicle_price": "2000000", "down_payment": "500000", "term_months": 36, "annual_rate": "15"}
    asked = terms | {"programme_id": str(programme.id), "disbursement_date": "2026-12-05"}
    shown = Api().post("/financing/calculate", asked).json()
    assert [row["due_date"] for row in shown["schedule"][:2]] == ["2027-01-11", "2027-02-01"]
    assert shown["schedule"][1]["fees"] == "99.00"
    refused = Api().post("/financing/calculate", asked | {"first_payment_date": "2027-01-05"})
    assert refused.json()["errors"][0]["code"] == "by_programme"
    assert Api().post("/financing/calculate", asked | {"programme_id": str(uuid7())}).status_code == 400


def test_the_calculator_takes_rules_one_by_one():
    terms = {
        "vehicle_price": "2000000", "down_payment": "500000", "term_months": 12, "annual_rate": "15",
        "disbursement_date": "2026-12-05", "day_count": "actual/365", "due_shift": "following", "payment_unit": "100",
        "payment_rounding": "up", "interest_rounding": "down", "month_end": "roll",
    }  # fmt: skip
    shown = Api().post("/financing/calculate", terms).json()
    assert shown["schedule"][0]["due_date"] == "2027-01-11"
    assert Decimal(shown["schedule"][3]["payment"]) % 100 == 0
    refused = Api().post("/financing/calculate", terms | {"due_shift": "sideways"})
    assert refused.json()["errors"][0]["field"] == "due_shift"


def test_an_offer_of_a_whole_deal_keeps_its_days():
    make.programme(**OWN)
    offer = loan_offer(
        vehicle_price=Decimal(2000000), down_payment=Decimal(500000), term_months=36, day=date(2026, 12, 5)
    )
    stored = msgspec.json.decode(msgspec.json.encode(offer.terms))
    WorkCalendarYear.objects.all().delete()
    assert recalculate_offer(read_offer_terms(stored)) == offer
    assert read_offer_terms({name: stored[name] for name in stored if name not in NEWER}).bank_rules == BankRules()


def test_a_whole_deal_is_priced_by_programmes_that_would_lend_its_sums():
    make.programme(base_rate=Decimal(5), max_amount=Decimal(1_000_000))
    lends = make.programme(base_rate=Decimal(15))
    deal = {"vehicle_price": Decimal(2_000_000), "term_months": 36, "day": date(2026, 12, 5)}
    assert loan_offer(**deal, down_payment=Decimal(500_000)).terms.programme_id == lends.id


@pytest.mark.parametrize(("thresholds", "russian"), [
    ({"max_amount": Decimal(1_000_000)}, "Bank выдаёт от 50\xa0000,00\xa0₽ до 1\xa0000\xa0000,00\xa0₽."),
    ({"min_amount": Decimal(1_600_000)}, "Bank выдаёт от 1\xa0600\xa0000,00\xa0₽ до 5\xa0000\xa0000,00\xa0₽."),
    ({"min_down_payment_percent": Decimal(30)}, "Bank просит первый взнос не меньше 30 % цены."),
    ({"max_ltv_percent": Decimal(70), "min_down_payment_percent": Decimal(0)},
     "Bank выдаёт не больше 70 % цены автомобиля."),
])  # fmt: skip
def test_sums_that_nobody_lends_have_no_offer_and_a_reason(thresholds, russian):
    refusing = make.programme(base_rate=Decimal(5), **thresholds)
    deal = {"vehicle_price": Decimal(2_000_000), "down_payment": Decimal(500_000), "term_months": 36}
    for chosen in (None, refusing.id):
        with translation.override("ru"), pytest.raises(InvalidInput) as refused:
            loan_offer(**deal, day=date(2026, 12, 5), programme_id=chosen)
        [problem] = refused.value.errors
        assert (problem["field"], problem["code"]) == ("financing.down_payment", "not_lent")
        assert problem["detail"] == f"Кредита на такие суммы нет: {russian}"


NEWER = {"bank_rules", "payout_date", "due_dates"}


# The calendar -------------------------------------------------------------------------------------------------------
def test_a_year_without_a_decree_is_marked_as_by_rule(tmp_path):
    shown = Api().get("/financing/work-calendar/2027").json()
    assert (shown["is_by_rule"], "2027-05-03" in shown["days_off"], shown["working_days"]) == (True, True, [])
    known = Api().get("/financing/work-calendar/2026").json()
    assert (known["is_by_rule"], "1466" in known["source"]) == (False, True)
    path = tmp_path / "calendar.csv"
    path.write_text("day,kind,source\n2027-11-05,day_off,Decree 1\n2027-11-13,working,Decree 1\n", encoding="utf-8")
    call_command("import_work_calendar", path)
    call_command("import_work_calendar", path)
    shown = Api().get("/financing/work-calendar/2027").json()
    assert (shown["is_by_rule"], shown["source"], shown["working_days"]) == (False, "Decree 1", ["2027-11-13"])
    assert WorkCalendarYear.objects.filter(year=2027).count() == 1
    path.write_text("day,kind,source\n2027-11-05,day_off,Decree 2\n", encoding="utf-8")
    call_command("import_work_calendar", path)
    rows = WorkCalendarYear.objects.filter(year=2027).order_by("created_at")
    assert [(row.source, row.withdrawn_at is None) for row in rows] == [("Decree 1", False), ("Decree 2", True)]


@pytest.mark.parametrize(
    "lines",
    [
        "2027-11-06,day_off,Decree",  # a Saturday already
        "2027-11-04,day_off,Decree",  # a holiday already
        "2027-11-05,working,Decree",
        "2027-11-05,holiday,Decree",
        "2027-11-05,day_off,",
        "2027-13-05,day_off,Decree",
        "2027-11-05,day_off,Decree\n2027-11-05,day_off,Decree",
        "2027-11-05,day_off,Decree\n2027-11-08,day_off,Another",
    ],
)
def test_a_wrong_calendar_is_refused_whole(lines, tmp_path):
    path = tmp_path / "calendar.csv"
    path.write_text(f"day,kind,source\n2027-12-31,day_off,Decree\n{lines}\n", encoding="utf-8")
    with pytest.raises(CommandError):
        call_command("import_work_calendar", path)
    assert not WorkCalendarYear.objects.filter(year=2027).exists()


def test_history_reads_every_rule_of_a_signed_loan():
    _, loan = lent(fees=[])
    debt = History(loan).debt(date(2026, 12, 10), loan.principal)
    assert (debt.day_count, debt.payment_rounding.unit, debt.pays_interest) == ("actual/365", Decimal(1), True)


@pytest.mark.django_db(databases=["accounts", "financing"])
def test_the_form_says_beside_the_field_what_cannot_be(admin_client):
    url = reverse("admin:financing_programme_add")
    page = admin_client.get(url)
    form = page.context["adminform"].form
    given = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    given = {name: value for name, value in given.items() if value is not None and value is not False}
    given |= NEW | {"rates": ""} | {"payoff_rule": "whole_period"}
    answer = admin_client.post(url, _flat(given, page))
    errors = answer.context["adminform"].form.errors
    assert list(errors) == ["payoff_rule"], errors
    assert not Programme.objects.exists()


def _flat(given, page):
    texts = {name: json.dumps(value) if isinstance(value, list) else value for name, value in given.items()}
    for inline in page.context["inline_admin_formsets"]:
        prefix = inline.formset.prefix
        texts |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    return texts
