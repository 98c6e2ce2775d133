"""Insurance through all apps: a car bought with OSAGO and KASKO, undone to the kopeck; claims from report to payout."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

import catalog.tests.make
from config import books
from config.databases import APPS
from core.clock import dealer_day
from core.ids import uuid7
from core.testing import Api
from gateway.approvals import Waits, approve_waiting, kind_named
from insurance.models import Claim, MoneyRequest, Policy
from insurance.public import estimate
from insurance.tests.make import KASKO, OSAGO
from messaging.testing import drain_outbox
from orders.models import Order
from orders.services import Actor, ProductLine, move_order, place_order
from payments.models import LedgerLine, Payment, Payout, RefundStatus
from payments.public import ledger_disagreements
from payments.services import RefundReport, apply_refund_report, approve_refund, request_refund, retry_refund
from payments.tests.conftest import running_sandbox, sandbox

__all__ = ["running_sandbox", "sandbox"]

pytestmark = pytest.mark.django_db(databases=[*APPS])
MANAGER = Actor(uuid7(), frozenset({"manager"}))
PRICE = Decimal("2000000.00")
CARD = {"method": "card", "token": "tok_success"}


@pytest.fixture
def product():
    made = catalog.tests.make.product(stock=1, price=PRICE)
    drain_outbox()
    return made


def bought(product, *quotes):
    """A car, its policies, one payment by card."""
    buyer = uuid7()
    made = place_order(
        customer_id=buyer,
        actor=Actor(buyer, frozenset({"client"})),
        lines=[ProductLine(product.id, 1)],
        payment=CARD,
        insurance=list(quotes),
        policies=[(raw["insurance_type"].upper(), estimate(raw)) for raw in quotes],
        now=timezone.now(),
    )
    drain_outbox()
    return Order.objects.get(pk=made.id)


def assert_clean_books():
    """The provider's book is the run's, so it knows charges of other tests too."""
    found = {name: [item for item in check() if item.kind != "charge_unknown"] for name, check in books.CHECKS.items()}
    assert {name: items for name, items in found.items() if items} == {}


def balances():
    found = {}
    for line in LedgerLine.objects.all():
        found[line.account_id] = found.get(line.account_id, Decimal(0)) + line.amount
    return {code: amount for code, amount in found.items() if amount}


def test_a_refund_that_comes_back_is_seen_by_the_order_and_can_go_again(product):
    order = bought(product)
    payment = Payment.objects.get()
    refund = request_refund(
        payment_id=payment.id, amount=Decimal(5000), reason="a scratch", actor_id=uuid7(), now=timezone.now()
    )
    drain_outbox()
    order.refresh_from_db()
    assert order.amount_paid == PRICE - 5000
    report = RefundReport(RefundStatus.FAILED, failure_code="account_closed")
    assert apply_refund_report(refund_id=refund.id, attempt=1, report=report, now=timezone.now())
    drain_outbox()
    order.refresh_from_db()
    assert (order.status, order.amount_paid) == ("paid", PRICE)
    assert ledger_disagreements() == []
    retry_refund(refund_id=refund.id, now=timezone.now())
    drain_outbox()
    order.refresh_from_db()
    assert order.amount_paid == PRICE - 5000
    assert ledger_disagreements() == []


def let_refunds_go():
    """A second person lets what is large go out."""
    from payments.models import Refund

    for refund in Refund.objects.filter(status="requested"):
        approve_refund(refund_id=refund.id, actor_id=uuid7(), now=timezone.now())
    drain_outbox()


def test_a_car_with_both_policies_is_bought_and_undone_to_the_kopeck(product):
    order = bought(product, OSAGO, KASKO)
    assert order.status == "paid"
    policies = list(Policy.objects.order_by("number"))
    assert {policy.status for policy in policies} == {"active"}
    assert set(order.policy_ids) == {policy.id for policy in policies}
    assert order.total_amount == PRICE + sum(policy.premium for policy in policies) == order.amount_paid
    assert_clean_books()
    call_off(order)
    drain_outbox()
    let_refunds_go()
    order.refresh_from_db()
    assert (order.status, order.amount_paid) == ("refunded", 0)
    for policy in Policy.objects.all():
        assert (policy.status, policy.refund_amount) == ("cancelled", policy.premium)
    payment = Payment.objects.get()
    assert (payment.refunded_amount, payment.status) == (order.total_amount, "refunded")
    assert not MoneyRequest.objects.exists()
    assert balances() == {}
    assert_clean_books()


def test_one_policy_of_a_bought_car_is_cancelled_by_itself(product):
    order = bought(product, OSAGO, KASKO)
    kasko = Policy.objects.get(insurance_type="kasko")
    client = Api("client", user_id=order.customer_id)
    refund = Decimal(client.post(f"/insurance/policies/{kasko.id}/cancel").json()["refund_amount"])
    drain_outbox()
    assert 0 < refund < kasko.premium
    assert MoneyRequest.objects.get().state == "done"
    assert Payment.objects.get().refunded_amount == refund
    assert Policy.objects.get(insurance_type="osago").status == "active"
    assert_clean_books()


def test_a_policy_bought_by_itself_is_paid_and_cancelled(product):
    client = Api("client")
    quote = client.post("/insurance/quotes", OSAGO).json()
    pending = client.post(f"/insurance/quotes/{quote['id']}/purchase", {"payment": CARD}).json()
    assert pending["status"] == "pending"
    drain_outbox()
    policy = client.get(f"/insurance/policies/{pending['id']}").json()
    assert (policy["status"], policy["premium"]) == ("active", quote["premium"])
    assert_clean_books()
    cancelled = client.post(f"/insurance/policies/{policy['id']}/cancel").json()
    drain_outbox()
    payment = Payment.objects.get()
    assert payment.refunded_amount == Decimal(cancelled["refund_amount"])
    assert payment.amount == Decimal(quote["premium"])
    assert_clean_books()


def test_a_declined_card_leaves_no_policy(product):
    client = Api("client")
    quote = client.post("/insurance/quotes", OSAGO).json()
    card = {"method": "card", "token": "tok_declined"}
    pending = client.post(f"/insurance/quotes/{quote['id']}/purchase", {"payment": card}).json()
    drain_outbox()
    assert client.get(f"/insurance/policies/{pending['id']}").json()["status"] == "not_taken_up"
    client.post(f"/insurance/quotes/{quote['id']}/purchase", {"payment": CARD})
    drain_outbox()
    assert client.get(f"/insurance/policies/{pending['id']}").json()["status"] == "active"
    assert_clean_books()


def test_a_claim_is_paid_and_others_are_refused_with_reasons(product):
    order = bought(product, OSAGO, KASKO)
    client, manager = Api("client", user_id=order.customer_id), Api("manager")
    Policy.objects.update(
        activated_at=timezone.now() - timedelta(days=3), start_date=dealer_day(timezone.now()) - timedelta(3)
    )
    kasko = Policy.objects.get(insurance_type="kasko")
    loss = {
        "policy_id": str(kasko.id),
        "occurred_at": (timezone.now() - timedelta(hours=5)).isoformat(),
        "description": "A tree fell on the bonnet.",
        "amount": "150000.00",
    }
    claim = client.post("/insurance/claims", loss).json()
    assert client.post("/insurance/claims", loss).json()["code"] == "duplicate_claim"
    early = client.post("/insurance/claims", loss | {"occurred_at": "2020-01-01T00:00:00Z"})
    assert (early.status_code, early.json()["code"]) == (409, "not_covered")
    path = f"/insurance/claims/{claim['id']}"
    assert manager.post(f"{path}/assess", {"amount": "120000"}).json()["payable_amount"] == "110000.00"
    above = manager.post(f"{path}/approve", {"amount": "120000"})
    assert (above.status_code, above.json()["payable"]) == (409, "110000.00")
    manager.post(f"{path}/approve")
    manager.post(f"{path}/pay")
    drain_outbox()
    shown = client.get(path).json()
    assert (shown["status"], shown["paid_amount"]) == ("paid", "110000.00")
    assert Payout.objects.get().amount == Decimal("110000.00")
    second = client.post("/insurance/claims", loss | {"occurred_at": timezone.now().isoformat()}).json()
    reason = {"reason": "The damage is older than the policy."}
    refused = manager.post(f"/insurance/claims/{second['id']}/reject", reason).json()
    assert (refused["status"], refused["reason"], refused["paid_amount"]) == ("rejected", reason["reason"], "0.00")
    assert Claim.objects.filter(status="paid").count() == 1
    assert_clean_books()


def test_an_order_stops_asking_for_a_premium_that_went_back(product):
    order = bought(product, OSAGO, KASKO)
    client = Api("client", user_id=order.customer_id)
    kasko = Policy.objects.get(insurance_type="kasko")
    refund = Decimal(client.post(f"/insurance/policies/{kasko.id}/cancel").json()["refund_amount"])
    drain_outbox()
    shown = client.get(f"/orders/{order.id}").json()
    assert (shown["amount_due"], shown["returned_premiums"]) == ("0.00", str(refund))
    assert Decimal(shown["amount_paid"]) == order.total_amount - refund
    assert sum(Decimal(part["amount"]) for part in shown["funding"]) == order.total_amount
    assert shown["funding"][0] | {"amount": str(refund)} == shown["funding"][0]
    refused = client.post("/payments", {"order_id": str(order.id), "method": "cash", "amount": str(refund)})
    assert (refused.status_code, Decimal(refused.json()["amount_due"])) == (409, 0)
    assert_clean_books()
    call_off(order)
    drain_outbox()
    let_refunds_go()
    order.refresh_from_db()
    earned = kasko.premium - refund
    assert earned > 0
    assert (order.status, order.amount_paid) == ("refunded", earned)
    assert Payment.objects.get().refunded_amount == order.total_amount - earned
    assert_owed_to_the_insurer(earned)
    assert not [code for code in balances() if code.startswith(("order:", "policy:"))]
    assert_clean_books()


def test_a_policy_cancelled_while_its_order_is_being_undone_is_refunded_once(product):
    order = bought(product, OSAGO, KASKO)
    client = Api("client", user_id=order.customer_id)
    kasko = Policy.objects.get(insurance_type="kasko")
    call_off(order)
    refund = Decimal(client.post(f"/insurance/policies/{kasko.id}/cancel").json()["refund_amount"])
    drain_outbox()
    let_refunds_go()
    order.refresh_from_db()
    assert order.amount_paid == kasko.premium - refund > 0
    assert Payment.objects.get().refunded_amount == order.total_amount - order.amount_paid
    assert not Payout.objects.exists()
    assert MoneyRequest.objects.get().state == "done"
    assert_owed_to_the_insurer(order.amount_paid)
    assert not [code for code in balances() if code.startswith(("order:", "policy:"))]
    assert_clean_books()


def test_what_was_paid_beside_an_undone_order_goes_back_too(product):
    order = bought(product, KASKO)
    client = Api("client", user_id=order.customer_id)
    path = f"/insurance/policies/{Policy.objects.get().id}"
    client.post(f"{path}/cancel")
    drain_outbox()
    Api("manager").post(f"{path}/reinstate", {"payment": CARD})
    drain_outbox()
    drivers = {"drivers": [{"birth_date": "2006-01-01", "licence_since": "2025-01-01"}]}
    client.post(f"{path}/endorse", {"changes": drivers, "payment": CARD})
    drain_outbox()
    assert client.get(path).json()["status"] == "active"
    call_off(order)
    drain_outbox()
    let_refunds_go()
    order.refresh_from_db()
    assert (order.status, order.amount_paid) == ("refunded", 0)
    taken = [(payment.amount, payment.refunded_amount) for payment in Payment.objects.order_by("pk")]
    assert len(taken) == 3
    assert taken[0][0] == taken[0][1] == order.total_amount
    (paid_out,) = Payout.objects.values_list("amount", flat=True)
    assert sum(amount - back for amount, back in taken) == paid_out
    assert balances() == {}
    assert_clean_books()


def test_a_change_is_paid_passed_on_and_given_back(product):
    order = bought(product, KASKO)
    client = Api("client", user_id=order.customer_id)
    path = f"/insurance/policies/{Policy.objects.get().id}"
    drivers = {"drivers": [{"birth_date": "2006-01-01", "licence_since": "2025-01-01"}]}
    dearer = client.post(f"{path}/endorse", {"changes": drivers, "payment": CARD})
    assert dearer.status_code == 201, dearer.json()
    drain_outbox()
    extra = Decimal(dearer.json()["premium_difference"])
    policy = Policy.objects.get()
    assert extra > 0
    assert policy.premium == Decimal(client.get(path).json()["premium"])
    assert_owed_to_the_insurer(policy.premium)
    assert_clean_books()
    cancelled = client.post(f"{path}/cancel").json()
    drain_outbox()
    assert_owed_to_the_insurer(policy.premium - Decimal(cancelled["refund_amount"]))
    back = Api("manager").post(f"{path}/reinstate", {"payment": CARD})
    assert back.status_code == 200, back.json()
    drain_outbox()
    assert_owed_to_the_insurer(policy.premium)
    client.post(f"{path}/cancel")
    drain_outbox()
    assert_owed_to_the_insurer(policy.premium - Decimal(cancelled["refund_amount"]))
    assert not [code for code, amount in balances().items() if code.startswith("policy:")]
    assert_clean_books()


def call_off(order):
    """Let a manager cancel a paid order, and another one agree to the refund."""
    with pytest.raises(Waits):
        move_order(order_id=order.id, status="cancelled", actor=MANAGER, reason="changed my mind", now=timezone.now())
    assert approve_waiting(kind_named("orders.cancel"), order.id, person_id=uuid7(), now=timezone.now())


def assert_owed_to_the_insurer(premium):
    """Assert that the insurer and our commission hold together what the policies have earned or will earn."""
    held = sum(amount for code, amount in balances().items() if code.startswith(("insurer:", "commission:insurance")))
    assert -held == premium


def test_a_policy_whose_quote_was_for_an_order_is_paid_and_given_back_by_itself(product):
    order = bought(product)
    client = Api("client", user_id=order.customer_id)
    quote = client.post("/insurance/quotes", KASKO | {"order_id": str(order.id)}).json()
    policy = client.post(f"/insurance/quotes/{quote['id']}/purchase", {"payment": CARD}).json()
    drain_outbox()
    refund = Decimal(client.post(f"/insurance/policies/{policy['id']}/cancel").json()["refund_amount"])
    drain_outbox()
    assert Payment.objects.get(order_id=order.id).refunded_amount == 0
    assert Payment.objects.get(order_id=None).refunded_amount == refund
    assert client.get(f"/orders/{order.id}").json()["amount_due"] == "0.00"
    assert not [code for code, amount in balances().items() if code.startswith("policy:")]
    assert_clean_books()


def test_a_premium_in_three_parts_is_paid_passed_on_and_given_back_to_the_kopeck(product):
    order = bought(product, KASKO | {"instalments": 3})
    policy = Policy.objects.get()
    first, *later = policy.instalments.values_list("amount", flat=True)
    assert order.total_amount == PRICE + first == order.amount_paid
    assert policy.premium == first + sum(later)
    assert_owed_to_the_insurer(first)
    assert_clean_books()
    client = Api("client", user_id=order.customer_id)
    path = f"/insurance/policies/{policy.id}"
    for count in (1, 2):
        assert client.post(f"{path}/pay-instalment", {"payment": CARD}).status_code == 200
        drain_outbox()
        assert client.get(path).json()["instalments"][count]["state"] == "paid"
    assert_owed_to_the_insurer(policy.premium)
    assert_clean_books()
    refund = Decimal(client.post(f"{path}/cancel").json()["refund_amount"])
    drain_outbox()
    assert refund > later[0]
    assert_owed_to_the_insurer(policy.premium - refund)
    assert not [code for code in balances() if code.startswith("policy:")]
    assert_clean_books()
    call_off(order)
    drain_outbox()
    let_refunds_go()
    earned = policy.premium - refund
    held = sum(payment.amount - payment.refunded_amount for payment in Payment.objects.all())
    assert held - sum(Payout.objects.values_list("amount", flat=True)) == earned
    assert_owed_to_the_insurer(earned)
    assert_clean_books()


def test_a_deal_tells_what_is_paid_now_and_what_later(product):
    kasko = KASKO | {"instalments": 2}
    body = {"items": [{"product_id": str(product.id), "quantity": 1}], "insurance": [kasko]}
    client = Api("client")
    deal = client.post("/orders/deal-quote", body).json()
    (premium,) = deal["insurance"]
    (part,) = premium["later"]
    assert Decimal(premium["due_now"]) + Decimal(part["amount"]) == Decimal(premium["premium"])
    assert deal["result"]["insurance_later_amount"] == part["amount"]
    assert Decimal(deal["due_now"]) == Decimal(deal["total_amount"]) == PRICE + estimate(kasko)
    assert_clean_books()
