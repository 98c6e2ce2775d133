"""Buying a policy by itself: pending until it is paid."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from insurance import handlers, services
from insurance.errors import QuoteExpired
from insurance.models import MoneyRequest, Policy, Quote
from insurance.public import policy_disagreements
from insurance.tests import make
from insurance.tests.answers import asked, settle
from messaging.testing import capture_events
from payments.events import ChargeSettled

pytestmark = pytest.mark.django_db(databases=["insurance"])
CARD = {"method": "card", "token": "tok_success"}


@pytest.fixture
def client():
    return Api("client")


@pytest.fixture
def quote(client):
    return make.quote(customer_id=client.user_id)


def buy(caller, quote, payment=CARD, **extra):
    return caller.post(f"/insurance/quotes/{quote.id}/purchase", {"payment": payment} | extra)


def charged(quote, *, is_paid, request=None):
    request = request or asked(policy__quote=quote)
    return ChargeSettled(
        request_id=request.id,
        payment_id=uuid7(),
        purpose="policy",
        subject_id=request.policy_id,
        customer_id=quote.customer_id,
        is_paid=is_paid,
        amount=request.amount,
        currency="RUB",
        code="" if is_paid else "declined",
        detail="",
    )


@pytest.mark.parametrize("is_manager", [False, True])
def test_a_policy_is_pending_until_its_premium_is_in(client, quote, is_manager):
    with capture_events("insurance") as told:
        response = buy(Api("manager") if is_manager else client, quote)
    assert response.status_code == 201, response.content
    shown = response.json()
    assert (shown["status"], shown["premium"], shown["customer_id"]) == (
        "pending", str(quote.premium), str(client.user_id),
    )  # fmt: skip
    assert told == ["insurance.premium_requested"]
    answer = charged(quote, is_paid=True)
    with capture_events("insurance") as told:
        handlers.receive_payments(answer)
        handlers.receive_payments(answer)
    assert told == ["insurance.purchased"]
    assert client.get(f"/insurance/policies/{shown['id']}").json()["status"] == "active"
    assert client.get(f"/insurance/quotes/{quote.id}").json()["status"] == "purchased"
    assert list(policy_disagreements()) == []


def test_a_refused_card_leaves_the_quote_to_be_bought_again(client, quote):
    first = buy(client, quote).json()
    handlers.receive_payments(charged(quote, is_paid=False))
    policy = Policy.objects.get()
    assert (policy.status, policy.decline_code) == ("not_taken_up", "declined")
    assert client.get(f"/insurance/quotes/{quote.id}").json()["status"] == "quoted"
    again = buy(client, quote).json()
    assert (again["id"], again["number"], again["status"]) == (first["id"], first["number"], "pending")
    settle(asked(policy=policy, state="asked"))
    policy.refresh_from_db()
    assert policy.status == "active"


def test_the_later_answer_is_the_true_one_and_money_too_much_goes_back(client, quote):
    buy(client, quote)
    early = asked(policy__quote=quote)
    settle(early, is_paid=False, code="declined")
    buy(client, quote)
    settle(asked(state="asked"))
    with capture_events("insurance") as told:
        handlers.receive_payments(charged(quote, is_paid=True, request=early))
    assert told == ["insurance.refund_requested"]
    refund = MoneyRequest.objects.get(kind="refund")
    assert refund.amount == quote.premium
    settle(refund)
    assert list(policy_disagreements()) == []


def test_a_quote_is_bought_once(client, quote):
    policy = buy(client, quote).json()
    refused = buy(client, quote)
    assert (refused.status_code, refused.json()["code"], refused.json()["policy_id"]) == (
        409, "quote_purchased", policy["id"],
    )  # fmt: skip
    assert MoneyRequest.objects.count() == 1


def test_a_key_buys_once(client, quote):
    path, body = f"/insurance/quotes/{quote.id}/purchase", {"payment": CARD}
    first = client.post(path, body, Idempotency_Key="b")
    again = client.post(path, body, Idempotency_Key="b")
    assert (again.status_code, again.json()) == (201, first.json())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "required"),
        ({"payment": {"method": "gold"}}, "invalid_choice"),
        ({"payment": CARD, "variant": 7}, "invalid_choice"),
        ({"payment": CARD, "variant": -1}, "min_value"),
    ],
)
def test_a_bad_purchase_changes_nothing(client, quote, body, code):
    with capture_events("insurance") as told:
        response = client.post(f"/insurance/quotes/{quote.id}/purchase", body)
    assert (response.status_code, response.json()["errors"][0]["code"]) == (400, code)
    assert not Policy.objects.exists()
    assert told == []


def test_only_the_owner_and_managers_buy(quote):
    assert buy(Api(), quote).status_code == 401
    assert buy(Api("client"), quote).status_code == 404
    assert Api("client").post(f"/insurance/quotes/{uuid7()}/purchase", {"payment": CARD}).status_code == 404
    assert not Policy.objects.exists()


def test_an_expired_quote_is_not_bought(quote):
    with pytest.raises(QuoteExpired):
        services.purchase_quote(quote_id=quote.id, payment=CARD, now=timezone.now() + timedelta(days=31))


def test_a_variant_is_bought_at_its_own_premium(client):
    quote = services.make_quote(
        customer_id=client.user_id,
        request=make.request(),
        variants=[{"deductible": "30000"}, {"insurer": "compass"}],
        now=timezone.now(),
    )
    shown = buy(client, quote, variant=1).json()
    assert shown["premium"] == quote.variants[0]["premium"] != str(quote.premium)
    assert (shown["deductible"], shown["variant"]) == ("30000.00", 1)
    settle(asked(kind="premium"))
    assert list(policy_disagreements()) == []


def test_nobody_pays_and_the_policy_is_let_go(client, quote):
    policy = services.purchase_quote(quote_id=quote.id, payment=CARD, now=timezone.now())
    services.lapse_purchase(policy_id=policy.id, version=policy.version + 1, now=timezone.now())
    services.lapse_purchase(policy_id=policy.id, version=policy.version, now=timezone.now())
    policy.refresh_from_db()
    assert (policy.status, policy.decline_code) == ("not_taken_up", "unpaid")
    settle(asked(policy=policy))
    policy.refresh_from_db()
    assert policy.status == "active"


def test_an_unpaid_policy_is_called_off_without_a_refund(client, quote):
    policy = buy(client, quote).json()
    shown = client.post(f"/insurance/policies/{policy['id']}/cancel").json()
    assert (shown["status"], shown["refund_amount"]) == ("not_taken_up", None)
    assert not MoneyRequest.objects.filter(kind="refund").exists()


def test_money_of_others_is_none_of_ours():
    answer = {"request_id": uuid7(), "is_paid": True, "code": "", "detail": "", "now": timezone.now()}
    services.settle_charge(**answer)
    services.settle_payout(**answer)


def test_a_cancelled_policy_returns_the_rest_to_the_kopeck(client, quote):
    buy(client, quote)
    settle(asked(kind="premium"))
    policy = Policy.objects.get()
    cancelled = services.cancel_policy(policy_id=policy.id, now=timezone.now() + timedelta(days=9))
    refund = MoneyRequest.objects.get(kind="refund")
    days = (policy.end_date - policy.start_date).days + 1
    assert refund.amount == cancelled.refund_amount
    assert abs(refund.amount - quote.premium * (days - 10) / days) <= Decimal("0.005")
    settle(refund)
    assert list(policy_disagreements()) == []


def test_a_policy_in_force_without_its_premium_is_found(client, quote):
    buy(client, quote)
    settle(asked(kind="premium"))
    MoneyRequest.objects.update(state="failed")
    assert {item.kind for item in policy_disagreements()} == {"policy_unpaid", "policy_held_otherwise"}


def test_a_tampered_variant_is_found(client):
    quote = services.make_quote(
        customer_id=client.user_id, request=make.request(), variants=[{"deductible": "5000"}], now=timezone.now()
    )
    quote.variants[0]["premium"] = "1.00"
    Quote.objects.filter(pk=quote.pk).update(variants=quote.variants)
    assert {item.kind for item in policy_disagreements()} == {"quote_premium_differs"}
