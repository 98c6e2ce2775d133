"""Whole deals in any order: whatever people do, the books agree after every step, and every rouble has its place.

AUTOSALON_DEAL_RUNS=2000 tries as many deals as that; a few are tried every day.
"""

import os
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

import catalog.tests.make
import financing.services
import financing.tests.make
import insurance.services
from catalog.models import Reservation
from config import books
from config.databases import APPS
from core.errors import DomainError
from core.ids import uuid7
from financing.calculations import Strategy
from financing.models import Loan
from gateway.approvals import Waits, approve, reject
from gateway.models import Approval
from insurance.models import Policy
from insurance.public import estimate
from insurance.tests.make import KASKO, OSAGO
from messaging.testing import drain_outbox, make_due
from orders import events
from orders.models import CheckoutLeg, Order
from orders.services import (
    Actor,
    LineChange,
    ProductLine,
    change_lines,
    extend_hold,
    move_order,
    place_order,
    react,
    steer_checkout,
)
from payments.models import LedgerLine, Payment, Refund
from payments.services import Means, cancel_payment, capture_payment, create_payment, request_refund, retry_refund
from payments.tests.conftest import running_twin, twin

__all__ = ["running_twin", "twin"]

pytestmark = pytest.mark.django_db(databases=[*APPS])
RUNS = int(os.environ.get("AUTOSALON_DEAL_RUNS", "8"))
PRICE = Decimal("2000000.00")
CARDS = st.sampled_from(["tok_success", "tok_success", "tok_success", "tok_declined"])
SHARES = st.sampled_from([Decimal("0.1"), Decimal("0.5"), Decimal(1)])
MONEY_OF_ENDED = ("order:", "policy:")
"""Accounts of the ledger that an ended deal leaves empty."""


def paying(method: str, token: str = "tok_success", **more: Any) -> dict[str, Any]:
    """A planned payment."""
    return {"method": method, **({"token": token} if method == "card" else {}), **more}


class Deals(RuleBasedStateMachine):
    """What a buyer and two managers may do to one deal. Refusals are answers; anything else than one is a failure."""

    def __init__(self) -> None:
        super().__init__()
        self.manager = Actor(uuid7(), frozenset({"manager"}))
        self.second = Actor(uuid7(), frozenset({"manager", "admin"}))
        self.buyer = Actor(uuid7(), frozenset({"client"}))
        self.rolled_back = ExitStack()
        for alias in APPS:
            self.rolled_back.enter_context(transaction.atomic(using=alias))  # noqa: TID251 - around the services' own
        self.product = catalog.tests.make.product(stock=2, price=PRICE)
        financing.tests.make.programme()
        drain_outbox()

    def teardown(self) -> None:
        for alias in APPS:
            transaction.set_rollback(True, using=alias)
        self.rolled_back.close()

    @property
    def order(self) -> Order:
        """The deal as it is now."""
        return Order.objects.get(pk=self.order_id)

    def act(self, step: Callable[[], Any]) -> None:
        """Do something; being refused, or having to wait for a second person, changes nothing that counts."""
        try:
            with suppress(Waits):
                step()
        except DomainError as refusal:
            note(f"refused: {refusal.code}")
        self.settle()

    def settle(self) -> None:
        """Let everything that is under way arrive; then the books agree."""
        drain_outbox()
        wrong = {name: [one for one in check() if one.kind != "charge_unknown"] for name, check in books.CHECKS.items()}
        assert {name: found for name, found in wrong.items() if found} == {}
        balances: dict[str, Decimal] = {}
        for line in LedgerLine.objects.all():
            balances[line.account_id] = balances.get(line.account_id, Decimal(0)) + line.amount
        assert sum(balances.values()) == 0
        if self.order.status in ("cancelled", "refunded") and not self.money_is_moving():
            left = {code: amount for code, amount in balances.items() if amount and code.startswith(MONEY_OF_ENDED)}
            assert left == {}, f"an ended deal keeps money: {left}"

    def money_is_moving(self) -> bool:
        """Whether money of the deal waits for a person or for a bank, or a policy of it goes on alone."""
        waits = Refund.objects.exclude(status__in=("succeeded", "rejected", "cancelled")).exists()
        return waits or Approval.objects.using("payments").filter(state="waiting").exists() or bool(self.policies())

    def policies(self) -> list[Policy]:
        """Policies in force."""
        return list(Policy.objects.filter(status__in=("active", "cancel_scheduled")))

    # Beginning -------------------------------------------------------------------------------------------------------
    @initialize(
        pay=st.sampled_from([None, "card", "cash", "bank_transfer"]),
        token=CARDS,
        with_deposit=st.booleans(),
        lent_or_traded=st.sampled_from([(False, None), (True, None), (True, "200000.00"), (False, "1999999.00")]),
        insured=st.sampled_from([[], [OSAGO], [OSAGO, KASKO]]),
        by_manager=st.booleans(),
    )
    def place(
        self,
        pay: str | None,
        token: str,
        with_deposit: bool,
        lent_or_traded: tuple[bool, str | None],
        insured: list[dict[str, Any]],
        by_manager: bool,
    ) -> None:
        """Order the car."""
        with_loan, traded = lent_or_traded
        terms: dict[str, Any] = {"insurance": insured}
        terms["policies"] = [(one["insurance_type"].upper(), estimate(one)) for one in insured]
        if pay is not None:
            terms["payment"] = paying(pay, token)
        if with_deposit and traded != "1999999.00":
            terms["deposit"] = paying("card", token, amount="100000.00")
        if with_loan:
            terms["financing"] = financing.tests.make.ASKED
        if traded is not None:
            terms["trade_in"] = {"amount": traded}
        placed = place_order(
            customer_id=self.buyer.id,
            actor=self.manager if by_manager else self.buyer,
            lines=[ProductLine(self.product.id, 1)],
            now=timezone.now(),
            **terms,
        )
        self.order_id = placed.id
        self.settle()

    # The buyer -------------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.order.amount_due > 0)
    @rule(share=SHARES, method=st.sampled_from(["card", "cash"]), token=CARDS)
    def pay(self, share: Decimal, method: str, token: str) -> None:
        """Pay a part of what is due."""
        amount = (self.order.amount_due * share).quantize(Decimal("0.01"))
        means = Means(method, token if method == "card" else "")
        self.act(
            lambda: create_payment(
                order_id=self.order_id,
                means=means,
                amount=amount,
                actor_id=self.buyer.id,
                is_staff=False,
                now=timezone.now(),
            )
        )

    @rule()
    def buyer_cancels(self) -> None:
        """Call the order off."""
        self.act(
            lambda: move_order(
                order_id=self.order_id, status="cancelled", actor=self.buyer, reason="no", now=timezone.now()
            )
        )

    @precondition(lambda self: self.policies())
    @rule(data=st.data())
    def end_policy(self, data: Any) -> None:
        """End a policy early."""
        found = data.draw(st.sampled_from(self.policies()))
        self.act(
            lambda: insurance.services.cancel_policy(
                policy_id=found.id, customer_id=found.customer_id, now=timezone.now()
            )
        )

    @precondition(lambda self: Loan.objects.filter(status="active").exists())
    @rule(share=SHARES, token=CARDS)
    def repay(self, share: Decimal, token: str) -> None:
        """Repay the loan, or a part of it, early by card."""
        loan, now = Loan.objects.get(status="active"), timezone.now()
        self.act(
            lambda: financing.services.repay_loan_early(
                loan_id=loan.id,
                amount=(loan.principal * share).quantize(Decimal("0.01")),
                day=timezone.localdate(now),
                strategy=Strategy.REDUCE_TERM,
                means=financing.services.LoanMeans("card", token),
                actor_id=self.buyer.id,
                now=now,
            )
        )

    @precondition(lambda self: self.policies())
    @rule(data=st.data(), amount=st.sampled_from([Decimal(50_000), Decimal(300_000)]))
    def claim(self, data: Any, amount: Decimal) -> None:
        """Report a loss, have it assessed, granted and paid."""
        found, now = data.draw(st.sampled_from(self.policies())), timezone.now() + timedelta(hours=2)

        def go() -> None:
            made = insurance.services.open_claim(
                policy_id=found.id,
                occurred_at=now - timedelta(minutes=5),
                description="A scratch.",
                amount=amount,
                report=insurance.services.LossReport(),
                now=now,
            )
            insurance.services.assess_claim(
                claim_id=made.id, found=insurance.services.Assessment(amount=amount), now=now
            )
            insurance.services.approve_claim(claim_id=made.id, manager_id=self.manager.id, now=now)
            insurance.services.pay_claim(claim_id=made.id, now=now)

        self.act(go)

    # Managers --------------------------------------------------------------------------------------------------------
    @rule(status=st.sampled_from(["in_progress", "ready", "completed", "cancelled"]))
    def move(self, status: str) -> None:
        """Move the order a step."""
        self.act(
            lambda: move_order(
                order_id=self.order_id, status=status, actor=self.manager, reason="so", now=timezone.now()
            )
        )

    @precondition(lambda self: Payment.objects.filter(provider="manual", status="pending").exists())
    @rule()
    def take_cash(self) -> None:
        """Say that the cash is here."""
        found = Payment.objects.filter(provider="manual", status="pending").first()
        self.act(lambda: capture_payment(payment_id=found.id, actor_id=self.manager.id, now=timezone.now()))

    @precondition(lambda self: Payment.objects.filter(status__in=("pending", "processing", "authorized")).exists())
    @rule()
    def drop_payment(self) -> None:
        """Call off a payment that has not come."""
        found = Payment.objects.filter(status__in=("pending", "processing", "authorized")).first()
        self.act(lambda: cancel_payment(payment_id=found.id, actor_id=self.manager.id, now=timezone.now()))

    @precondition(lambda self: Payment.objects.filter(status="succeeded").exists())
    @rule(data=st.data(), share=SHARES)
    def refund(self, data: Any, share: Decimal) -> None:
        """Give back money of a payment by hand."""
        found = data.draw(st.sampled_from(list(Payment.objects.filter(status="succeeded").order_by("created_at"))))
        amount = ((found.amount - found.refunded_amount) * share).quantize(Decimal("0.01"))
        self.act(
            lambda: request_refund(
                payment_id=found.id,
                amount=amount,
                reason="goodwill",
                actor_id=self.manager.id,
                now=timezone.now(),
            )
        )

    @precondition(lambda self: Refund.objects.filter(status="failed").exists())
    @rule()
    def send_again(self) -> None:
        """Send a refund again that came back."""
        found = Refund.objects.filter(status="failed").first()
        self.act(lambda: retry_refund(refund_id=found.id, now=timezone.now()))

    @rule(quantity=st.sampled_from([1, 2]), by_manager=st.booleans())
    def change_quantity(self, quantity: int, by_manager: bool) -> None:
        """Order one more, or one less."""
        line = self.order.lines.filter(product_id=self.product.id).first()
        self.act(
            lambda: change_lines(
                order_id=self.order_id,
                wishes=[LineChange(line.id, quantity)],
                actor=self.manager if by_manager else self.buyer,
                now=timezone.now(),
            )
        )

    @rule(
        leg=st.sampled_from(["stock", "loan", "payment", "policies", "trade_in"]),
        action=st.sampled_from(["retry", "skip", "accept", "refuse", "cancel", "take_over"]),
    )
    def steer(self, leg: str, action: str) -> None:
        """Act on a leg of the checkout."""
        self.act(
            lambda: steer_checkout(
                order_id=self.order_id, action=action, leg=leg, reason="so", actor=self.second, now=timezone.now()
            )
        )

    @rule(is_agreed=st.booleans())
    def decide(self, is_agreed: bool) -> None:
        """A third person answers everything that waits for one."""
        for alias in APPS:
            for waiting in Approval.objects.using(alias).filter(state="waiting").order_by("id"):
                answer = approve if is_agreed else reject
                self.act(
                    lambda alias=alias, waiting=waiting, answer=answer: answer(
                        alias=alias, approval_id=waiting.id, person_id=uuid7(), now=timezone.now()
                    )
                )

    @rule(days=st.sampled_from([1, 5]))
    def keep_longer(self, days: int) -> None:
        """Hold the car longer."""
        until = timezone.now() + timedelta(days=days)
        self.act(
            lambda: extend_hold(
                order_id=self.order_id, until=until, reason="so", actor=self.manager, now=timezone.now()
            )
        )

    # Time ------------------------------------------------------------------------------------------------------------
    @rule()
    def hold_lapses(self) -> None:
        """Let the time of the hold run out."""
        held = Reservation.objects.filter(status="held").first()
        if held is None:
            return
        attempt = CheckoutLeg.objects.get(checkout_id=self.order_id, kind="stock").attempt_id
        lapse = events.ReservationLapsed(order_id=self.order_id, attempt_id=attempt)
        self.act(lambda: react(event=lapse, now=held.expires_at + timedelta(seconds=1)))

    @rule()
    def retries_come(self) -> None:
        """Bring every retry and timer forward."""
        for alias in APPS:
            make_due(alias)
        self.act(lambda: None)


@pytest.mark.timeout(0 if "AUTOSALON_DEAL_RUNS" in os.environ else 240)
def test_the_books_agree_after_every_step_of_any_deal(running_twin):
    connections["orders"].ensure_connection()
    plan = settings(
        max_examples=RUNS,
        stateful_step_count=10,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Deals, settings=plan)
