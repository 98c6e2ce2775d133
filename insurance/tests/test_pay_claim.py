"""A claim from its assessment to its payout, and looked at again."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from financing.events import LoanPaymentReversed
from insurance import handlers, services
from insurance.models import Claim, MoneyRequest
from insurance.public import policy_disagreements
from insurance.services import Assessment, LossReport
from insurance.tests import make
from insurance.tests.answers import asked, settle
from messaging.testing import capture_events
from payments.events import PayoutSettled

pytestmark = pytest.mark.django_db(databases=["insurance"])
PATH = "/insurance/claims"


@pytest.fixture
def policy():
    return make.policy(now=timezone.now() - timedelta(days=90))


def approved(policy, amount="100000", **found):
    claim = make.claim(policy)
    make.papers(claim, "police_report", "registration")
    found = Assessment(amount=Decimal(amount), kind="theft", **found)
    services.assess_claim(claim_id=claim.id, found=found, now=timezone.now())
    claim = services.approve_claim(claim_id=claim.id, manager_id=uuid7(), now=timezone.now())
    if claim.status == "assessing":
        claim = services.approve_claim(claim_id=claim.id, manager_id=uuid7(), now=timezone.now())
    return claim


def test_a_claim_goes_from_report_to_payout(policy):
    owner, manager = Api("client", user_id=policy.customer_id), Api("manager")
    body = {
        "policy_id": str(policy.id),
        "occurred_at": (policy.activated_at + timedelta(days=1)).isoformat(),
        "description": "A tree fell.",
        "amount": "100000.00",
    }
    with capture_events("insurance") as told:
        claim = owner.post(PATH, body).json()
        assessed = manager.post(f"{PATH}/{claim['id']}/assess", {"amount": "80000"}).json()
        manager.post(f"{PATH}/{claim['id']}/approve")
        paying = manager.post(f"{PATH}/{claim['id']}/pay")
    assert paying.status_code == 200, paying.content
    assert assessed["formula"] == "min(80000.00, 2000000.00) - 10000.00 = 70000.00"
    assert (assessed["reserve_amount"], paying.json()["status"]) == ("70000.00", "approved")
    assert told == ["claim.opened", "claim.decided", "claim.payout_requested"]
    request = asked(kind="payout")
    answer = PayoutSettled(
        request_id=request.id,
        purpose="claim",
        subject_id=request.claim_id,
        customer_id=policy.customer_id,
        is_paid=True,
        amount=request.amount,
        currency="RUB",
    )
    with capture_events("insurance") as told:
        handlers.receive_payments(answer)
        handlers.receive_payments(answer)
    assert told == ["claim.paid"]
    shown = owner.get(f"{PATH}/{claim['id']}").json()
    assert (shown["status"], shown["paid_amount"], shown["reserve_amount"]) == ("paid", "70000.00", "0.00")
    assert manager.post(f"{PATH}/{claim['id']}/close").json()["status"] == "closed"
    assert list(policy_disagreements()) == []


def test_a_payout_is_asked_for_once_even_when_it_fails(policy):
    claim, manager = approved(policy), Api("manager")
    manager.post(f"{PATH}/{claim.id}/pay")
    assert manager.post(f"{PATH}/{claim.id}/pay").json()["code"] == "payout_under_way"
    settle(asked(kind="payout"), is_paid=False, code="account_closed")
    assert manager.post(f"{PATH}/{claim.id}/pay").json()["code"] == "payout_under_way"
    assert MoneyRequest.objects.count() == 1
    settle(asked(kind="payout"))
    claim.refresh_from_db()
    assert (claim.status, claim.paid_amount) == ("paid", claim.approved_amount)


def test_a_large_grant_takes_two_people(policy, settings):
    settings.CLAIM_FOUR_EYES_ABOVE = 50_000
    claim = make.claim(policy)
    first, second = Api("manager"), Api("manager")
    first.post(f"{PATH}/{claim.id}/assess", {"amount": "100000"})
    proposed = first.post(f"{PATH}/{claim.id}/approve", {"amount": "80000"}).json()
    assert (proposed["status"], proposed["proposed_amount"], proposed["approved_amount"]) == (
        "assessing", "80000.00", None,
    )  # fmt: skip
    refused = first.post(f"{PATH}/{claim.id}/approve", {"amount": "80000"})
    assert (refused.status_code, refused.json()["code"]) == (409, "second_person_needed")
    shown = second.post(f"{PATH}/{claim.id}/approve").json()
    assert (shown["status"], shown["approved_amount"]) == ("partially_approved", "80000.00")


def test_a_new_assessment_forgets_the_proposal(policy, settings):
    settings.CLAIM_FOUR_EYES_ABOVE = 50_000
    claim, manager = make.claim(policy), Api("manager")
    manager.post(f"{PATH}/{claim.id}/assess", {"amount": "100000"})
    manager.post(f"{PATH}/{claim.id}/approve")
    manager.post(f"{PATH}/{claim.id}/assess", {"amount": "90000"})
    shown = Api("manager").post(f"{PATH}/{claim.id}/approve").json()
    assert (shown["status"], shown["proposed_amount"]) == ("assessing", "80000.00")


def test_a_total_loss_pays_the_bank_first():
    policy = make.policy(now=timezone.now() - timedelta(days=90))
    services.pledge_car(
        order_id=policy.order_id,
        customer_id=policy.customer_id,
        loan_id=uuid7(),
        bank="Северный",
        debt=Decimal(700_000),
        now=policy.activated_at,
    )
    policy.refresh_from_db()
    assert policy.beneficiary == "Северный"
    claim = approved(policy, "1900000", salvage_amount=Decimal(100_000))
    services.pay_claim(claim_id=claim.id, now=timezone.now())
    paid = {row.payee: row.amount for row in MoneyRequest.objects.filter(kind="payout")}
    assert paid == {"Северный": Decimal(700_000), "": Decimal(1_190_000)}
    for row in MoneyRequest.objects.filter(kind="payout"):
        claim.refresh_from_db()
        assert claim.status == "approved"
        settle(row)
    claim.refresh_from_db()
    assert (claim.status, claim.paid_amount) == ("paid", Decimal(1_890_000))
    assert list(policy_disagreements()) == []


def test_a_repaid_loan_frees_the_car():
    policy, loan = make.policy(), uuid7()
    pledge = {"order_id": policy.order_id, "customer_id": policy.customer_id, "loan_id": loan, "bank": "B"}
    services.pledge_car(**pledge, debt=Decimal(1), now=timezone.now())
    services.change_debt(loan_id=loan, balance=Decimal(0), now=timezone.now())
    services.change_debt(loan_id=uuid7(), balance=Decimal(0), now=timezone.now())
    policy.refresh_from_db()
    assert policy.beneficiary == ""


def test_a_loan_that_runs_again_pledges_the_car_again():
    policy, loan = make.policy(), uuid7()
    pledge = {"order_id": policy.order_id, "customer_id": policy.customer_id, "loan_id": loan, "bank": "B"}
    services.pledge_car(**pledge, debt=Decimal(900), now=timezone.now())
    services.change_debt(loan_id=loan, balance=Decimal(0), now=timezone.now())
    fact = LoanPaymentReversed(
        loan_id=loan, customer_id=policy.customer_id, request_id=uuid7(), amount=Decimal(900), currency="RUB",
        reason="the bank took it back", balance=Decimal(900),
    )  # fmt: skip
    for _ in range(2):
        handlers.follow_pledge(fact)
    policy.refresh_from_db()
    assert policy.beneficiary == "B"
    claim = approved(policy, "1900000")
    services.pay_claim(claim_id=claim.id, now=timezone.now())
    paid = {row.payee: row.amount for row in MoneyRequest.objects.filter(kind="payout")}
    assert paid["B"] == 900


def test_osago_paid_late_costs_one_per_cent_a_day():
    policy = make.policy(make.OSAGO, now=timezone.now() - timedelta(days=90))
    claim = approved(policy, "200000")
    late = timezone.now() + timedelta(days=7)
    Claim.objects.filter(pk=claim.pk).update(due_date=(late - timedelta(days=5)).date())
    paid = services.pay_claim(claim_id=claim.id, now=late)
    assert abs(paid.penalty_amount - 10_000) <= 2_000  # a day either way by the dealership's clock
    assert asked(kind="payout").amount == paid.approved_amount + paid.penalty_amount
    settle(asked(kind="payout"))
    assert list(policy_disagreements()) == []


def test_payouts_of_an_aggregate_policy_stay_within_its_sum():
    terms = {"settlement": {"is_aggregate": True}}
    policy = make.policy(make.KASKO | terms | {"deductible": "0"}, now=timezone.now() - timedelta(days=90))
    first = approved(policy, "1400000")
    report = {"description": "x", "amount": Decimal(900_000), "policy_id": policy.id}
    second = services.open_claim(**report, occurred_at=policy.activated_at + timedelta(days=3), now=timezone.now())
    found = services.assess_claim(claim_id=second.id, found=Assessment(amount=Decimal(900_000)), now=timezone.now())
    assert found.payable_amount == policy.coverage_amount - first.approved_amount == 600_000


@pytest.mark.parametrize(
    ("terms", "amount", "payable"),
    [
        ({"is_conditional_deductible": True}, "10000", "0.00"),
        ({"is_conditional_deductible": True}, "10000.01", "10000.01"),
        ({"is_first_loss": True}, "100000", "90000.00"),
        ({}, "100000", "40000.00"),
    ],
)
def test_the_policy_says_how_a_loss_is_settled(terms, amount, payable):
    raw = make.KASKO | {"settlement": terms}
    if not terms.get("is_conditional_deductible"):
        raw |= {"vehicle_value": "4000000"}
    policy = make.policy(raw, now=timezone.now() - timedelta(days=90))
    shown = Api("manager").post(f"{PATH}/{make.claim(policy).id}/assess", {"amount": amount}).json()
    assert shown["payable_amount"] == payable


def test_a_paid_claim_is_reopened_and_only_the_rest_is_paid(policy):
    claim, manager = approved(policy, "60000"), Api("manager")
    services.pay_claim(claim_id=claim.id, now=timezone.now())
    settle(asked(kind="payout"))
    with capture_events("insurance") as told:
        assert manager.post(f"{PATH}/{claim.id}/reopen", {"reason": "Hidden damage."}).json()["status"] == "reopened"
    assert told == ["claim.reopened"]
    assert manager.post(f"{PATH}/{claim.id}/assess", {"amount": "90000"}).json()["reserve_amount"] == "30000.00"
    assert manager.post(f"{PATH}/{claim.id}/approve", {"amount": "40000"}).status_code == 409
    manager.post(f"{PATH}/{claim.id}/approve")
    manager.post(f"{PATH}/{claim.id}/pay")
    rest = asked(kind="payout", state="asked")
    assert rest.amount == 30_000
    settle(rest)
    claim.refresh_from_db()
    assert (claim.status, claim.paid_amount, claim.reopened_times) == ("paid", Decimal(80_000), 1)
    assert list(policy_disagreements()) == []


@pytest.mark.parametrize(("what", "sent"), [("pay", {}), ("reopen", {"reason": "x"}), ("close", {})])
def test_only_managers_do_it_and_only_in_turn(policy, what, sent):
    claim = make.claim(policy)
    path = f"{PATH}/{claim.id}/{what}"
    with capture_events("insurance") as told:
        assert Api().post(path, sent).status_code == 401
        assert Api("client", user_id=policy.customer_id).post(path, sent).status_code == 403
        assert Api("manager").post(f"{PATH}/{uuid7()}/{what}", sent).status_code == 404
        assert Api("manager").post(path, sent).json()["code"] == "wrong_transition"
    assert told == []
    assert LossReport().kind == "other"


def test_a_payout_that_left_otherwise_is_found(policy):
    claim = approved(policy)
    services.pay_claim(claim_id=claim.id, now=timezone.now())
    settle(asked(kind="payout"))
    MoneyRequest.objects.update(amount=Decimal(1))
    assert {item.kind for item in policy_disagreements()} == {"claim_paid_otherwise"}
