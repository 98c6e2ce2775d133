"""Fees of the payout: paid in cash, added to the loan, or kept from what the order gets; each sum to the kopeck."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum
from django.utils import timezone

from core.errors import InvalidInput
from core.ids import uuid7
from core.testing import Api
from financing import services
from financing.errors import OwnPartGrows
from financing.models import Account, Application, Loan, LoanLine, LoanScheduleRow, Programme
from financing.public import loan_disagreements, loan_offer, loans_by_order
from financing.queries.limits import get_quarter_start
from financing.queries.shares import quarter_share
from financing.rules.bank_rules import BankRules, FeePayment, read_rules
from financing.rules.calculations import DebtLoad, Strategy
from financing.services.asking import receive_bank_answer
from financing.tests import make
from financing.tests.test_programmes import NEW
from messaging.models import OutboxEvent
from orders.queries.deal_sums import compute_result
from payments.commands import Means

pytestmark = pytest.mark.django_db(databases=["financing"])
SIGNED = datetime(2026, 12, 5, 9, tzinfo=UTC)
PATH = "/financing/applications"
ASKED, FEE = Decimal(1_500_000), Decimal("15015.00")


def fees(paid, **more):
    """A percentage and a sum, both of the payout: 15,015 roubles of a million and a half."""
    one = {"name": "Issue", "percent": "1", "paid": paid} | more
    return [one, {"name": "Account", "amount": "15.00", "paid": paid} | more]


def applied(paid, **changes):
    make.programme(fees=fees(paid), **changes)
    return make.requested(make.order())


def paid_out(application):
    if application.status == "approved":
        services.accept_offer(
            application_id=application.pk,
            customer_id=application.customer_id,
            own_part=application.own_part(application.paid_out),
            now=SIGNED,
        )
    services.disburse_loan(order_id=application.order_id, attempt_id=application.attempt_id, now=SIGNED)
    return Loan.objects.get()


def booked(loan):
    lines = LoanLine.objects.filter(entry__loan=loan).order_by().values_list("account")
    return {account: total for account, total in lines.annotate(total=Sum("amount")) if total}


def told(topic):
    return [event.data for event in OutboxEvent.objects.using("financing").order_by("n") if event.type == topic]


# How much is lent, paid out and owed -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("paid", "principal", "brought", "at_payout"),
    [
        ("cash", ASKED, ASKED, FEE),
        ("financed", ASKED + FEE, ASKED, 0),
        ("withheld", ASKED, ASKED - FEE, 0),
    ],
)
def test_order_debt_and_book_hold_the_same_sums(paid, principal, brought, at_payout):
    loan = paid_out(applied(paid))
    assert (loan.principal, loan.paid_out, loan.balance) == (principal, brought, principal)
    rows = LoanScheduleRow.objects.filter(loan=loan).order_by("number")
    assert sum(row.principal for row in rows) == principal
    assert sum(row.payment for row in rows if row.number == 0) == at_payout
    kept = principal - brought
    assert booked(loan) == {
        name: amount for name, amount in {"cash": -brought, "principal": principal, "other": -kept}.items() if amount
    }
    application = Application.objects.get()
    assert application.approved_amount == ASKED
    assert application.own_part(application.paid_out) == Decimal(2_000_000) - brought
    (facts,) = loans_by_order()
    assert (facts.principal, facts.paid_out) == (principal, brought)
    assert list(loan_disagreements()) == []


@pytest.mark.parametrize(("paid", "brought"), [("cash", ASKED), ("financed", ASKED), ("withheld", ASKED - FEE)])
def test_others_hear_of_what_the_order_gets(paid, brought):
    paid_out(applied(paid))
    for topic in ("financing.approved", "financing.disbursed"):
        assert [Decimal(data["amount"]) for data in told(topic)] == [brought]


def test_a_withheld_fee_waits_for_the_buyers_word_and_others_do_not():
    assert applied("financed").status == "accepted"
    Programme.objects.update(valid_to=date(2021, 1, 1))
    application = applied("withheld")
    assert (application.status, application.is_auto_accepted) == ("approved", True)
    client = Api("client", user_id=application.customer_id)
    assert client.get(f"{PATH}/{application.id}").json()["own_part"] == "515015.00"
    [offer] = client.get(f"{PATH}/{application.id}/offers").json()["results"]
    assert (offer["is_as_asked"], offer["amount"], offer["own_part"]) == (False, "1500000.00", "515015.00")
    answer = client.post(f"{PATH}/{application.id}/accept", {})
    assert (answer.status_code, answer.json()["code"], answer.json()["own_part"]) == (
        409,
        "own_part_grows",
        "515015.00",
    )
    accepted = client.post(f"{PATH}/{application.id}/accept", {"own_part": "515015.00"})
    assert accepted.json()["status"] == "accepted"
    assert [Decimal(data["amount"]) for data in told("financing.accepted")] == [ASKED - FEE]


def test_the_full_cost_is_that_of_what_is_really_received():
    psk = {}
    for paid in FeePayment:
        Programme.objects.update(valid_to=date(2021, 1, 1))
        psk[paid] = applied(paid.value).psk
    assert psk["cash"] == psk["withheld"] > psk["financed"] > 15
    Programme.objects.update(valid_to=date(2021, 1, 1))
    make.programme(fees=fees("financed", in_psk=False, kind="insurance"))
    assert make.requested(make.order()).psk == Decimal("15.000")


def test_a_per_cent_with_each_payment_is_of_what_is_lent_before_the_fees_on_top():
    given = [*fees("financed"), {"name": "SMS", "when": "each", "percent": "0.01"}]
    make.programme(fees=given)
    loan = paid_out(make.requested(make.order()))
    assert LoanScheduleRow.objects.get(loan=loan, number=7).fees == Decimal("150.00")
    now = datetime(2027, 3, 15, 9, tzinfo=UTC)
    services.restructure_loan(loan_id=loan.id, term_months=24, manager_id=uuid7(), reason="Lost a job.", now=now)
    fees_after = {row.fees for row in LoanScheduleRow.objects.filter(loan=loan, version=2)}
    assert fees_after == {Decimal("150.00")}
    assert list(loan_disagreements()) == []


# Undone, given back, repaid ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("paid", list(FeePayment))
def test_an_undone_purchase_leaves_nothing_in_the_book(paid):
    loan = paid_out(applied(paid.value))
    services.cancel_attempt(
        order_id=loan.order_id, attempt_id=loan.application.attempt_id, reason="cancelled", now=timezone.now()
    )
    loan.refresh_from_db()
    assert (loan.status, loan.balance, booked(loan)) == ("cancelled", 0, {})
    assert list(loan_disagreements()) == []


@pytest.mark.parametrize(("paid", "owed"), [("cash", ASKED + FEE), ("financed", ASKED + FEE), ("withheld", ASKED)])
def test_a_loan_given_back_at_once_takes_all_of_it_and_the_bank_keeps_its_fee(paid, owed):
    loan = paid_out(applied(paid))
    payment = services.return_loan(loan_id=loan.id, means=Means("account"), actor_id=loan.customer_id, now=SIGNED)
    assert payment.amount == owed
    make.debited(payment, SIGNED)
    loan.refresh_from_db()
    assert (loan.status, booked(loan)) == ("closed", {"cash": FEE, "other": -FEE})
    assert list(loan_disagreements()) == []


@pytest.mark.parametrize("paid", list(FeePayment))
def test_an_early_payoff_leaves_fee_and_interest_as_what_was_earned(paid):
    loan = paid_out(applied(paid.value))
    later = SIGNED + timedelta(days=10)
    quote = services.preview_payoff(loan_id=loan.id, day=later.date(), now=later)
    assert quote.balance == loan.principal
    payment, _plan = services.repay_loan_early(
        loan_id=loan.id, amount=quote.total, day=later.date(), strategy=Strategy.REDUCE_TERM, means=Means("account"),
        actor_id=loan.customer_id, now=later,
    )  # fmt: skip
    make.debited(payment, later)
    loan.refresh_from_db()
    assert loan.status == "closed"
    held = booked(loan)
    assert (held[Account.OTHER], held[Account.INTEREST]) == (-FEE, -quote.interest)
    assert sum(held.values()) == 0


# Thresholds, people, banks ---------------------------------------------------------------------------------------
def test_the_car_alone_and_all_that_is_lent_are_held_to_their_own_thresholds():
    strict = {"max_ltv_percent": Decimal(75), "max_ltv_insured_percent": Decimal("75.75")}
    application = applied("financed", **strict)  # 1,515,015 of 2,000,000 are 75.75 %
    check = next(item for item in application.decision["checks"] if item["code"] == "ltv")
    assert (application.reasons, check["value"], check["limit"]) == (["ltv"], "75.75", "75.7500")
    Programme.objects.update(valid_to=date(2021, 1, 1))
    assert applied("withheld", **strict).reasons == []
    Programme.objects.update(valid_to=date(2021, 1, 1))
    assert applied("financed", **strict | {"max_ltv_insured_percent": Decimal("75.76")}).reasons == []


def test_the_greatest_amount_holds_the_whole_debt():
    assert applied("financed", max_amount=ASKED + FEE - Decimal("0.01")).reasons == ["amount"]
    Programme.objects.update(valid_to=date(2021, 1, 1))
    assert applied("financed", max_amount=ASKED + FEE).reasons == []


def test_a_counter_offer_names_what_is_lent_to_the_order():
    make.programme(fees=fees("financed"), max_amount=Decimal(1_400_000))
    application = make.application()
    nearest = application.decision["counter_offer"]
    assert Decimal(nearest["amount"]) == Decimal(2_000_000) - Decimal(nearest["down_payment"])
    services.offer_counter(application_id=application.pk, manager_id=uuid7(), now=timezone.now())
    application.refresh_from_db()
    assert application.approved_amount == Decimal(nearest["amount"])
    assert application.financed_fee == application.approved_amount / 100 + 15
    assert str(application.monthly_payment) == nearest["monthly_payment"]


@pytest.mark.parametrize(("amount", "is_lent"), [("15.15", False), ("15.16", True), ("1500000.01", False)])
def test_a_manager_lends_something_for_the_car(amount, is_lent):
    make.programme(fees=fees("withheld", in_psk=False, kind="insurance"), min_amount=Decimal(50))
    application = make.application(**make.DTI_REVIEW)
    answer = Api("manager").post(f"{PATH}/{application.id}/approve", {"amount": amount})
    assert answer.status_code == (200 if is_lent else 400), answer.content


def test_an_override_is_of_what_is_lent_to_the_order(settings):
    settings.LOAN_FOUR_EYES_ABOVE = 5_000_000
    make.programme(fees=fees("financed"))
    application = make.application(**make.REFUSED)
    make.override(application, amount=Decimal(900_000))
    application.refresh_from_db()
    assert (application.status, application.approved_amount) == ("approved", Decimal(900_000))
    assert application.financed_fee == Decimal("9015.00")


def test_a_bank_that_decides_by_itself_answers_with_what_is_lent_to_the_order():
    make.programme(connection="vega", fees=fees("withheld"))
    application = make.application()
    offer = application.offers.get()
    receive_bank_answer(
        offer_id=offer.id,
        answer={"status": "offered", "amount": "1500000.00", "annual_rate": "15", "term_months": 36},
        now=timezone.now(),
    )
    offer.refresh_from_db()
    assert (offer.status, offer.amount, offer.paid_out, offer.is_as_asked) == ("offered", ASKED, ASKED - FEE, False)


def test_the_quarter_counts_the_whole_debt(monkeypatch):
    application = applied("financed")
    Application.objects.update(counted_in=get_quarter_start(SIGNED.date()), debt_load_percent=Decimal(90))
    row = type("Row", (), {"value": Decimal(5)})
    share = quarter_share(application.programme.bank, DebtLoad.HIGH, row, SIGNED.date())
    assert share.agreed == ASKED + FEE


def test_a_smaller_part_of_the_price_is_left_to_the_buyer_who_says_nothing():
    application = applied("withheld")
    with pytest.raises(OwnPartGrows):
        services.accept_offer(application_id=application.pk, customer_id=application.customer_id, now=timezone.now())


# What may be saved -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "field", "code"),
    [
        ({"paid": "by_magic"}, "fees.0.paid", "invalid_choice"),
        ({"paid": "financed", "when": "each"}, "fees.0.paid", "invalid"),
        ({"paid": "withheld", "when": 1}, "fees.0.paid", "invalid"),
        ({"paid": "financed", "when": "yearly"}, "fees.0.paid", "invalid"),
        ({"paid": "financed", "in_psk": False}, "fees.0.in_psk", "required"),
        ({"paid": "withheld", "in_psk": False}, "fees.0.in_psk", "required"),
    ],
)
def test_only_a_fee_of_the_payout_has_another_purse(given, field, code):
    wrong = {"name": "Issue", "amount": "10.00"} | given
    response = Api("manager").post("/financing/programmes", NEW | {"rates": [], "fees": [wrong]})
    assert response.status_code == 400, response.content
    assert [(error["field"], error["code"]) for error in response.json()["errors"]] == [(field, code)]


@pytest.mark.parametrize("paid", ["financed", "withheld"])
def test_fees_that_leave_nothing_of_the_least_loan_are_refused(paid):
    eaten = [
        {"name": name, "amount": "25000.00", "paid": paid, "in_psk": False, "kind": "insurance"}
        for name in ("One", "Two")
    ]
    with pytest.raises(InvalidInput) as refused:
        make.programme(fees=eaten)
    [problem] = refused.value.errors
    assert (problem["field"], problem["code"]) == ("fees", "max_value")
    assert not Programme.objects.exists()


def test_rules_stored_before_there_was_a_choice_are_paid_in_cash():
    rules = read_rules({"fees": [{"name": "Issue", "percent": "1"}]})
    assert (rules.financed_fee(ASKED), rules.withheld_fee(ASKED)) == (0, 0)
    assert read_rules(rules.stored()) == rules
    assert BankRules().financed_fee(ASKED) == 0


# Calculators --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("paid", "financed", "withheld"), [("cash", "1500000.00", "0.00"), ("financed", "1515015.00", "0.00"),
                                       ("withheld", "1500000.00", "15015.00")],
)  # fmt: skip
def test_the_calculator_goes_by_the_programme(paid, financed, withheld):
    programme = make.programme(fees=fees(paid))
    terms = {"vehicle_price": "2000000", "down_payment": "500000", "term_months": 36, "annual_rate": "15"}
    shown = Api().post("/financing/calculate", terms | {"programme_id": str(programme.id)}).json()
    assert (shown["amount_financed"], shown["withheld"]) == (financed, withheld)
    loan = paid_out(make.requested(make.order()))
    assert (str(loan.principal), str(loan.withheld_fee)) == (financed, withheld)
    assert Decimal(shown["psk"]) == loan.psk


def test_the_calculator_takes_a_withheld_fee_by_itself():
    terms = {"vehicle_price": "2000000", "down_payment": "500000", "term_months": 36, "annual_rate": "15"}
    fee = {"name": "Issue", "amount": "15000.00", "withheld": True}
    shown = Api().post("/financing/calculate", terms | {"fees": [fee]}).json()
    cash = Api().post("/financing/calculate", terms | {"fees": [fee | {"withheld": False}]}).json()
    assert (shown["withheld"], shown["psk"]) == ("15000.00", cash["psk"])
    assert Decimal(cash["total_paid"]) - Decimal(shown["total_paid"]) == 15000
    for wrong in ({"financed": True}, {"when": "each"}):
        refused = Api().post("/financing/calculate", terms | {"fees": [fee | wrong]})
        assert [error["field"] for error in refused.json()["errors"]] == ["fees.0.withheld"]
    refused = Api().post("/financing/calculate", terms | {"fees": [fee | {"amount": "1500000.00", "in_psk": False}]})
    assert [error["code"] for error in refused.json()["errors"]] == ["max_value"]


@pytest.mark.parametrize(("paid", "due", "shown"), [("cash", 500_000, None), ("financed", 500_000, FEE),
                                                     ("withheld", 500_000 + FEE, FEE)])  # fmt: skip
def test_a_deal_asks_now_for_what_the_loan_does_not_bring(paid, due, shown):
    make.programme(fees=fees(paid))
    deal = {"vehicle_price": Decimal(2_000_000), "down_payment": Decimal(500_000), "term_months": 36}
    offer = loan_offer(**deal, day=date(2026, 12, 5))
    result = compute_result(deal["vehicle_price"], Decimal(0), Decimal(0), offer)
    assert Decimal(result["due_now"]) == due == deal["vehicle_price"] - offer.paid_out
    assert result.get("loan_fee_amount") == (shown and str(shown))
    application = make.requested(make.order())
    assert application.paid_out == offer.paid_out
    assert application.monthly_payment == offer.monthly_payment
