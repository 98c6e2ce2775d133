"""Loans, policies and claims: what other apps ask payments for, and what it books for them."""

from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.outside.provider_http import Refused
from core.testing import Api
from messaging.models import OutboxEvent
from messaging.testing import capture_events, drain_outbox, published
from payments import handlers, services
from payments.commands import (
    DropLoan,
    GiveBackLoanSurplus,
    GiveBackPremium,
    PassOnRepayment,
    PayClaim,
    PostLoan,
    PostPremium,
    PostPremiumReturn,
    PostSale,
    PromiseLoan,
    TakeLoanPayment,
    TakePremium,
    TakeRepaymentBack,
)
from payments.models import LedgerEntry, LedgerLine, Payment, Payout, PayoutStatus, Refund, Status
from payments.providers.sandbox import SandboxProvider
from payments.public import ledger_disagreements, payable
from payments.tests import make

pytestmark = pytest.mark.django_db(databases=["payments"])
MONEY = {"currency": "RUB"}


def twice(handler, event):
    handler(event)
    handler(event)


def last(name):
    return OutboxEvent.objects.using("payments").filter(type=name).order_by("n").last().data


def balances():
    found = {}
    for line in LedgerLine.objects.all():
        found[line.account_id] = found.get(line.account_id, Decimal(0)) + line.amount
    return {code.split(":")[0] + (":" if ":" in code else ""): amount for code, amount in found.items() if amount}


def loan_payment(**changes):
    fields = {
        "request_id": uuid7(), "loan_id": uuid7(), "customer_id": uuid7(), "amount": Decimal("100.00"),
        "method": "card", "token": "tok_success",
    }  # fmt: skip
    return TakeLoanPayment(**MONEY, **(fields | changes))


def test_a_borrower_pays_once_and_the_bank_gets_it(sandbox):
    event = loan_payment()
    twice(handlers.serve_loan, event)
    drain_outbox("payments")
    answer = last("payment.charge_settled")
    assert (answer["request_id"], answer["is_paid"], answer["purpose"]) == (str(event.request_id), True, "loan")
    assert (answer["subject_id"], Decimal(answer["amount"])) == (str(event.loan_id), Decimal(100))
    assert published("payments") == ["payment.charge_settled"]
    payment = Payment.objects.get()
    assert (payment.order_id, len(sandbox.rows(payment))) == (None, 1)
    assert balances() == {"provider:": Decimal(100), "loan:": Decimal(-100)}
    received = PassOnRepayment(
        loan_id=event.loan_id, customer_id=event.customer_id, amount=event.amount, **MONEY,
        request_id=event.request_id, bank="alfa",
    )  # fmt: skip
    twice(handlers.serve_loan, received)
    assert balances() == {"provider:": Decimal(100), "lender:": Decimal(-100)}
    assert ledger_disagreements() == []
    mine = Api("client", user_id=event.customer_id).get("/payments").json()["results"]
    assert [(row["purpose"], row["order_id"]) for row in mine] == [("loan", None)]


def test_what_a_bank_has_of_an_undone_loan_is_kept_from_what_goes_back_to_it(sandbox):
    """Lent 700 000, of which the bank debited 100: it gets the rest back, the buyer the 100."""
    order, loan_id = make.order(), uuid7()
    loan = build_loan(order)
    handlers.follow_loan(promised(loan))
    handlers.follow_loan(PostLoan(bank="alfa", **loan))
    undone = GiveBackLoanSurplus(
        request_id=uuid7(), loan_id=loan_id, customer_id=order.customer_id, amount=Decimal(100), currency="RUB",
        reason="the purchase was undone", bank="alfa", is_at_bank=True,
    )  # fmt: skip
    twice(handlers.serve_loan, undone)
    twice(handlers.follow_loan, dropped(loan))
    drain_outbox("payments")
    assert balances() == {"lender:": Decimal(100), "provider:": Decimal(-100)}
    assert ledger_disagreements() == []


def test_a_payment_that_bounced_is_not_owed_to_the_bank(sandbox):
    event = loan_payment()
    handlers.serve_loan(event)
    drain_outbox("payments")
    counted = {"loan_id": event.loan_id, "customer_id": event.customer_id, "amount": event.amount, "currency": "RUB"}
    handlers.serve_loan(PassOnRepayment(request_id=event.request_id, bank="alfa", **counted))
    bounced = TakeRepaymentBack(request_id=event.request_id)
    twice(handlers.serve_loan, bounced)
    assert balances() == {"provider:": Decimal(100), "loan:": Decimal(-100)}
    handlers.serve_loan(TakeRepaymentBack(request_id=uuid7()))
    assert ledger_disagreements() == []


def test_a_loan_of_which_more_went_out_than_came_in_is_named(sandbox):
    event = loan_payment()
    asked = GiveBackLoanSurplus(
        request_id=uuid7(), loan_id=event.loan_id, customer_id=event.customer_id, amount=Decimal(7), currency="RUB"
    )
    handlers.serve_loan(asked)
    drain_outbox("payments")
    assert [found.kind for found in ledger_disagreements()] == ["loan_money_left_twice"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"token": "4111111111111111"}, "card_number_refused"),
        ({"token": "tok_declined"}, "declined"),
        ({"payment_method_id": uuid7()}, "unknown_payment_method"),
    ],
)
def test_a_loan_payment_that_fails_is_answered_and_may_be_tried_anew(changes, code):
    event = loan_payment(**changes)
    handlers.serve_loan(event)
    drain_outbox("payments")
    answer = last("payment.charge_settled")
    assert (answer["is_paid"], answer["code"]) == (False, code)
    handlers.serve_loan(loan_payment(loan_id=event.loan_id))
    drain_outbox("payments")
    assert last("payment.charge_settled")["is_paid"] is True
    assert not LedgerEntry.objects.filter(payment__status=Status.FAILED).exists()


def test_a_second_try_waits_for_the_first():
    event = loan_payment(token="tok_3ds")
    handlers.serve_loan(event)
    handlers.serve_loan(loan_payment(loan_id=event.loan_id))
    assert last("payment.charge_settled")["code"] == "payment_in_flight"


def test_a_question_asked_again_is_answered_again():
    event = loan_payment()
    handlers.serve_loan(event)
    drain_outbox("payments")
    with capture_events("payments") as more:
        handlers.serve_loan(event)
    assert more == ["payment.charge_settled"]


def test_a_surplus_goes_back_by_a_payout():
    event = loan_payment()
    handlers.serve_loan(event)
    drain_outbox("payments")
    back = GiveBackLoanSurplus(
        request_id=uuid7(), loan_id=event.loan_id, customer_id=event.customer_id, amount=Decimal(30), **MONEY
    )
    twice(handlers.serve_loan, back)
    drain_outbox("payments")
    assert last("payment.payout_settled")["is_paid"] is True
    assert balances() == {"provider:": Decimal(70), "loan:": Decimal(-70)}
    assert Payout.objects.count() == 1


def premium(**changes):
    fields = {
        "request_id": uuid7(), "policy_id": uuid7(), "customer_id": uuid7(), "amount": Decimal("1000.00"),
        "method": "card", "token": "tok_success",
    }  # fmt: skip
    return TakePremium(**MONEY, **(fields | changes))


def test_a_premium_is_the_insurers_less_our_commission_and_comes_back_pro_rata():
    asked = premium()
    handlers.serve_policy(asked)
    drain_outbox("payments")
    purchased = PostPremium(
        policy_id=asked.policy_id, customer_id=asked.customer_id, amount=asked.amount, insurer="rosno", **MONEY
    )
    twice(handlers.serve_policy, purchased)
    assert balances() == {"provider:": Decimal(1000), "insurer:": Decimal(-900), "commission:": Decimal(-100)}
    cancelled = PostPremiumReturn(
        policy_id=asked.policy_id, customer_id=asked.customer_id, amount=Decimal(400), insurer="", **MONEY
    )
    twice(handlers.serve_policy, cancelled)
    assert balances() == {
        "provider:": Decimal(1000), "insurer:": Decimal(-540), "commission:": Decimal(-60), "policy:": Decimal(-400),
    }  # fmt: skip
    back = GiveBackPremium(
        request_id=uuid7(), policy_id=asked.policy_id, customer_id=asked.customer_id, amount=Decimal(400),
        reason="sold", **MONEY,
    )  # fmt: skip
    twice(handlers.serve_policy, back)
    drain_outbox("payments")
    answer = last("payment.payout_settled")
    assert (answer["request_id"], answer["subject_id"]) == (str(back.request_id), str(asked.policy_id))
    assert answer["is_paid"] is True
    assert Refund.objects.get().payment.subject_id == asked.policy_id
    assert balances() == {"provider:": Decimal(600), "insurer:": Decimal(-540), "commission:": Decimal(-60)}
    assert ledger_disagreements() == []


def test_a_policy_bought_within_an_order_goes_back_by_the_orders_payment():
    order = make.order(total="5000.00")
    payment = make.paid(order)
    back = GiveBackPremium(
        request_id=uuid7(), policy_id=uuid7(), customer_id=order.customer_id, amount=Decimal(400), reason="sold",
        order_id=order.id, **MONEY,
    )  # fmt: skip
    handlers.serve_policy(back)
    drain_outbox("payments")
    assert make.again(payment).refunded_amount == Decimal(400)
    assert published("payments")[-2:] == ["payment.refunded", "payment.payout_settled"]


def test_a_premium_without_a_payment_to_return_it_by_is_paid_out():
    back = GiveBackPremium(
        request_id=uuid7(), policy_id=uuid7(), customer_id=uuid7(), amount=Decimal(400), reason="sold", **MONEY
    )
    twice(handlers.serve_policy, back)
    drain_outbox("payments")
    assert Payout.objects.get().status == PayoutStatus.SUCCEEDED
    assert last("payment.payout_settled")["is_paid"] is True


def claim(**changes):
    return PayClaim(
        request_id=uuid7(), claim_id=uuid7(), policy_id=uuid7(), customer_id=uuid7(), amount=Decimal(900), **MONEY,
        **changes,
    )  # fmt: skip


def test_a_bank_is_paid_what_its_debtor_is_insured_for(monkeypatch):
    sent, real = [], SandboxProvider.payout
    monkeypatch.setattr(
        SandboxProvider, "payout", lambda self, key, request: sent.append(request) or real(self, key, request)
    )
    handlers.pay_claims(claim(payee="Alfa Bank"))
    handlers.pay_claims(claim())
    drain_outbox("payments")
    assert sorted(request["payee"] for request in sent) == ["", "Alfa Bank"]
    assert sorted(Payout.objects.values_list("payee", "status")) == [("", "succeeded"), ("Alfa Bank", "succeeded")]


def test_a_premium_that_its_orders_payments_cannot_give_back_is_paid_out():
    order = make.order(total="5000.00")
    make.paid(order)
    back = GiveBackPremium(
        request_id=uuid7(), policy_id=uuid7(), customer_id=order.customer_id, amount=Decimal(6000), reason="sold",
        order_id=order.id, **MONEY,
    )  # fmt: skip
    twice(handlers.serve_policy, back)
    drain_outbox("payments")
    assert Payout.objects.get().status == PayoutStatus.SUCCEEDED
    assert balances() == {"provider:": Decimal(-1000), "order:": Decimal(1000)}
    assert ledger_disagreements() == []


def test_a_claim_is_paid_once_and_owed_by_the_insurer(sandbox):
    event = claim()
    twice(handlers.pay_claims, event)
    drain_outbox("payments")
    assert last("payment.payout_settled")["purpose"] == "claim"
    assert balances() == {"insurer:": Decimal(900), "provider:": Decimal(-900)}
    rows = [row for row in sandbox.store.page(0, 100_000)["rows"] if row["kind"] == "payout"]
    assert sum(1 for row in rows if row["reference"] == str(Payout.objects.get().id)) == 1


def test_a_payout_that_failed_is_answered_and_may_be_retried(monkeypatch):
    def refuse(self, key, request):
        raise Refused("account_closed", "The account is closed.")

    event = claim()
    with monkeypatch.context() as patch:
        patch.setattr(SandboxProvider, "payout", refuse)
        handlers.pay_claims(event)
        drain_outbox("payments")
    assert last("payment.payout_settled")["code"] == "account_closed"
    services.retry_payout(payout_id=Payout.objects.get().id, now=timezone.now())
    drain_outbox("payments")
    assert last("payment.payout_settled")["is_paid"] is True
    assert balances() == {"insurer:": Decimal(900), "provider:": Decimal(-900)}


def build_loan(order, amount="700000.00"):
    return {
        "application_id": uuid7(), "order_id": order.id, "customer_id": order.customer_id, "amount": Decimal(amount),
    } | MONEY  # fmt: skip


def promised(loan):
    return PromiseLoan(application_id=loan["application_id"], order_id=loan["order_id"], amount=loan["amount"])


def dropped(loan):
    return DropLoan(application_id=loan["application_id"], order_id=loan["order_id"])


def test_a_buyer_is_not_asked_for_what_the_loan_pays():
    order = make.order()
    loan = build_loan(order)
    twice(handlers.follow_loan, promised(loan))
    assert payable(order.id) == Decimal(300_000)
    over = Api("client", user_id=order.customer_id).post(
        "/payments", {"order_id": str(order.id), "method": "cash", "amount": "300000.01"}
    )
    assert (over.status_code, over.json()["amount_due"]) == (409, "300000.00")
    make.paid(order, method="cash")
    twice(handlers.follow_loan, PostLoan(bank="alfa", **loan))
    assert payable(order.id) == 0
    assert balances() == {"cash": Decimal(300_000), "lender:": Decimal(700_000), "order:": Decimal(-1_000_000)}
    completed = PostSale(order_id=order.id, customer_id=order.customer_id)
    twice(handlers.post_sale, completed)
    assert balances() == {"cash": Decimal(300_000), "lender:": Decimal(700_000), "sales": Decimal(-1_000_000)}
    assert ledger_disagreements() == []


def test_a_manager_may_take_what_a_loan_promised_and_has_not_paid():
    order = make.order()
    loan = build_loan(order)
    handlers.follow_loan(promised(loan))
    manager, whole = Api("manager"), {"order_id": str(order.id), "method": "cash"}
    over = manager.post("/payments", whole | {"amount": "1000000.01"})
    assert (over.status_code, over.json()["amount_due"]) == (409, "1000000.00")
    assert manager.post("/payments", whole).json()["amount"] == "300000.00"
    assert manager.post("/payments", whole | {"amount": "700000.00"}).status_code == 409
    handlers.follow_loan(PostLoan(bank="alfa", **loan))
    assert manager.post("/payments", whole | {"amount": "0.01"}).json()["code"] == "overpayment"


def test_a_loan_that_falls_through_is_reversed_for_good():
    order = make.order()
    loan = build_loan(order)
    handlers.follow_loan(PostLoan(bank="", **loan))
    twice(handlers.follow_loan, dropped(loan))
    handlers.follow_loan(promised(loan))
    assert payable(order.id) == order.total
    assert balances() == {}
    assert LedgerEntry.objects.count() == 2


def test_the_checkouts_own_request_is_not_cut_by_an_earlier_offer():
    order = make.order()
    handlers.follow_loan(promised(build_loan(order)))
    handlers.serve_checkout(make.payment_requested(order))
    drain_outbox("payments")
    assert Payment.objects.get().status == Status.COMPLETED
