"""Do what buyers and managers may do to a deal, in any order. A refusal is an answer; a deal that disagrees is not."""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import Sum
from django.test import override_settings
from django.utils import timezone
from hypothesis import currently_in_test_context, note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

import accounts.tests.make
import catalog.services
import catalog.tests.make
import financing.services
import financing.tests.make
import insurance.services
from accounts.models import User
from accounts.services import erase_user
from catalog.models import Product, Reservation
from config.databases import APPS
from core.clock import dealer_day
from core.errors import DomainError
from core.ids import uuid7
from financing.models import Loan
from financing.rules.calculations import Strategy
from gateway.approvals import Waits, approve, reject
from gateway.models import Approval
from insurance.models import Claim, Policy
from insurance.models.claims import UNDECIDED
from insurance.models.fields import InsuranceTypes
from insurance.public import estimate
from insurance.tests.make import KASKO, OSAGO
from messaging.models import OutboxEvent
from messaging.testing import drain_outbox, make_due
from orders import events
from orders.models import CheckoutLeg, DepositAgreement, Order, OrderReturn
from orders.services import (
    Actor,
    LineChange,
    ProductLine,
    accept_return,
    ask_return,
    change_lines,
    extend_hold,
    inspect_return,
    move_order,
    place_order,
    react,
    refuse_return,
    state_fault,
    steer_checkout,
    view_checkout,
)
from orders.services.deposits import VERSIONS
from payments.commands import Means
from payments.models import Payment, Refund
from payments.services import cancel_payment, capture_payment, create_payment, request_refund, retry_refund
from tests.deals.invariants import TOWARDS_HANDOVER, broken, list_known, list_ties

PRICE = Decimal("2000000.00")
VIN, OLD_VIN = "XTA210990Y2766389", "XTAGFK330JY144213"
CARDS = st.sampled_from(["tok_success", "tok_success", "tok_success", "tok_declined"])
SHARES = st.sampled_from([Decimal("0.1"), Decimal("0.5"), Decimal(1)])
WHICH = st.integers(0, 5)
FAR = {"placed": 0, "paid": 1, "in_progress": 2, "completed": 4}
STEERING = [
    (leg, action)
    for leg in ("stock", "loan", "payment", "policies", "trade_in")
    for action in ("retry", "skip", "accept", "refuse", "cancel", "take_over", "settle")
]
DONE, WAITS = "done", "waits"
TRIED: Counter[tuple[str, str]] = Counter()
"""How often each rule was done, waited for a second person, or was refused, and by what."""


def paying(method: str, token: str = "tok_success", **more: Any) -> dict[str, Any]:
    """A planned payment."""
    return {"method": method, **({"token": token} if method == "card" else {}), **more}


def pick(rows: Sequence[Any], which: int) -> Any:
    """One of the rows."""
    return rows[which % len(rows)]


def leaving(order: Order) -> Decimal:
    """Sum what is on its way back of the money that pays for an order: not premiums, nor what is above its worth."""
    waiting = Refund.objects.filter(status__in=("requested", "approved", "submitted"), order_id=order.id)
    asked = waiting.filter(subject_id=None).aggregate(sum=Sum("amount"))["sum"] or Decimal(0)
    return max(Decimal(0), asked - max(Decimal(0), order.excess))


class Deals(RuleBasedStateMachine):
    """One deal of a buyer and two managers, and another buyer who wants the same car."""

    def __init__(self) -> None:
        super().__init__()
        self.manager = Actor(uuid7(), frozenset({"manager"}))
        self.second = Actor(uuid7(), frozenset({"manager", "admin"}))
        self.rolled_back = ExitStack()
        for alias in APPS:
            self.rolled_back.enter_context(transaction.atomic(using=alias))  # noqa: TID251 - around the services' own
        self.buyer = Actor(accounts.tests.make.user("client").id, frozenset({"client"}))
        self.has_rival = False
        financing.tests.make.programme()

    def teardown(self) -> None:
        for alias in APPS:
            transaction.set_rollback(True, using=alias)
        self.rolled_back.close()

    # What is there ----------------------------------------------------------------------------------------------------
    @property
    def order(self) -> Order:
        """The deal as it is now."""
        return Order.objects.get(pk=self.order_id)

    @property
    def is_erased(self) -> bool:
        """Tell whether the buyer was erased."""
        return User.objects.filter(pk=self.buyer.id, erased_at__isnull=False).exists()

    def policies(self) -> list[Policy]:
        """Policies in force."""
        return list(Policy.objects.filter(status__in=("active", "cancel_scheduled")).order_by("pk"))

    def returns(self, *states: str) -> list[OrderReturn]:
        """Returns in one of the states."""
        return list(OrderReturn.objects.filter(state__in=states).order_by("pk"))

    def payments(self, *states: str) -> list[Payment]:
        """Payments in one of the states."""
        return list(Payment.objects.filter(status__in=states).order_by("created_at", "pk"))

    def steps(self, order: Order) -> list[str]:
        """List where a manager may move the order."""
        return sorted(order.allowed(self.manager.roles))

    # Doing and looking ------------------------------------------------------------------------------------------------
    def act(self, name: str, step: Callable[[], Any]) -> str:
        """Do something; being refused, or having to wait for a second person, changes nothing that counts."""
        before = self.order.status
        try:
            step()
            outcome = DONE
        except Waits:
            outcome = WAITS
        except DomainError as refusal:
            outcome = refusal.code
        if currently_in_test_context():
            note(f"{name}: {outcome}")
        TRIED[name, outcome] += 1
        if outcome in (DONE, WAITS) or self.is_under_way():
            self.look(before)
        return outcome

    def is_under_way(self) -> bool:
        """Tell whether something was published that nobody has read yet."""
        return any(OutboxEvent.objects.using(alias).filter(position=None).exists() for alias in APPS)

    def look(self, before: str = "") -> None:
        """Let everything that is under way arrive; then all must hold."""
        order = self.order
        if order.status in TOWARDS_HANDOVER and before not in ("", order.status, "returning"):
            assert order.amount_due + leaving(order) == 0, f"{order.status} without its money"
        drain_outbox()
        found = list(broken())
        assert not found, found

    def now(self) -> Any:
        """This moment."""
        return timezone.now()

    # Beginning -------------------------------------------------------------------------------------------------------
    @initialize(
        pay=st.sampled_from([None, "card", "cash", "bank_transfer"]),
        token=CARDS,
        deposit=st.sampled_from([None, None, "advance", "earnest", "earnest, and it fails"]),
        lent_or_traded=st.sampled_from(
            [
                (False, None),
                (True, None),
                (True, "200000.00"),
                (False, "1999999.00"),
                (False, "2300000.00"),
            ]
        ),
        insured=st.sampled_from([[], [OSAGO], [OSAGO, KASKO]]),
        by_manager=st.booleans(),
        has_vin=st.booleans(),
        until=st.sampled_from(["placed", "placed", "paid", "in_progress", "completed", "completed"]),
    )
    def place(
        self,
        pay: str | None = None,
        token: str = "tok_success",
        deposit: str | None = None,
        lent_or_traded: tuple[bool, str | None] = (False, None),
        insured: Sequence[dict[str, Any]] = (),
        by_manager: bool = False,
        has_vin: bool = False,
        until: str = "placed",
    ) -> None:
        """Order a car, one of its kind or one of two, and go on with the deal for a while."""
        piece = {"vin": VIN, "condition": "new", "mileage": 10} if has_vin else {}
        self.product = catalog.tests.make.product(stock=1 if has_vin else 2, price=PRICE, **piece)
        drain_outbox()
        with_loan, traded = lent_or_traded
        terms: dict[str, Any] = {"insurance": list(insured)}
        terms["policies"] = [(one["insurance_type"].upper(), estimate(one)) for one in insured]
        if pay is not None:
            terms["payment"] = paying(pay, token)
        kind, _, fails = (deposit or "advance").partition(", ")
        if deposit is not None and traded in (None, "200000.00"):
            terms["deposit"] = paying("card", token, amount="100000.00", terms=VERSIONS[kind])
        if with_loan:
            terms["financing"] = financing.tests.make.ASKED
        if traded is not None:
            terms["trade_in"] = {"amount": traded, "vin": OLD_VIN, "make": "Lada", "model": "Niva"}
        with override_settings(DEPOSIT_KIND=kind):
            self.order_id = self.order_car(self.buyer, self.manager if by_manager else self.buyer, **terms).id
        self.look()
        if fails:
            self.buyer_cancels()
        else:
            self.go_on(FAR[until])

    def order_car(self, buyer: Actor, actor: Actor, **terms: Any) -> Order:
        """Order the car."""
        lines = [ProductLine(self.product.id, 1)]
        return place_order(customer_id=buyer.id, actor=actor, lines=lines, now=self.now(), **terms)

    def go_on(self, steps: int) -> None:
        """Bring the deal as far as it goes well: agreed to, paid for, handed over."""
        if not steps:
            return
        self.steer("trade_in", "accept")
        self.decide(is_agreed=True)
        if Payment.objects.filter(provider="manual", status="pending").exists():
            self.take_cash()
            self.decide(is_agreed=True)
        elif self.order.amount_due > 0:
            self.pay(Decimal(1), "card", "tok_success")
        for status in TOWARDS_HANDOVER[: steps - 1]:
            self.move(TOWARDS_HANDOVER.index(status), is_possible=True, status=status)

    # The buyers ------------------------------------------------------------------------------------------------------
    @precondition(lambda self: self.order.amount_due > 0)
    @rule(share=SHARES, method=st.sampled_from(["card", "cash"]), token=CARDS)
    def pay(self, share: Decimal, method: str, token: str) -> None:
        """Pay a part of what is due."""
        amount = (self.order.amount_due * share).quantize(Decimal("0.01"))
        means = Means(method, token if method == "card" else "")
        self.act(
            "pay",
            lambda: create_payment(
                order_id=self.order_id,
                means=means,
                amount=amount,
                actor_id=self.buyer.id,
                is_staff=False,
                now=self.now(),
            ),
        )

    @precondition(lambda self: self.order.status not in ("cancelled", "refunded", "returned"))
    @rule()
    def buyer_cancels(self) -> None:
        """Call the order off."""
        self.act("buyer_cancels", lambda: self._move("cancelled", self.buyer))

    @precondition(lambda self: not self.has_rival)
    @rule()
    def rival_orders(self) -> None:
        """Somebody else orders the same car, and pays at once."""
        rival = Actor(uuid7(), frozenset({"client"}))
        self.has_rival = self.act("rival_orders", lambda: self.order_car(rival, rival, payment=paying("card"))) == DONE

    @precondition(lambda self: self.policies())
    @rule(which=WHICH)
    def end_policy(self, which: int) -> None:
        """End a policy early."""
        found = pick(self.policies(), which)
        cancel = insurance.services.cancel_policy
        self.act("end_policy", lambda: cancel(policy_id=found.id, customer_id=found.customer_id, now=self.now()))

    @precondition(lambda self: Loan.objects.filter(status="active").exists())
    @rule(share=SHARES, token=CARDS)
    def repay(self, share: Decimal, token: str) -> None:
        """Repay the loan, or a part of it, early by card."""
        loan, now = Loan.objects.get(status="active"), self.now()
        self.act(
            "repay",
            lambda: financing.services.repay_loan_early(
                loan_id=loan.id,
                amount=(loan.principal * share).quantize(Decimal("0.01")),
                day=dealer_day(now),
                strategy=Strategy.REDUCE_TERM,
                means=Means("card", token),
                actor_id=self.buyer.id,
                now=now,
            ),
        )

    @precondition(lambda self: self.policies())
    @rule(which=WHICH, amount=st.sampled_from([Decimal(50_000), Decimal(300_000)]))
    def report_loss(self, which: int, amount: Decimal) -> None:
        """Report a loss, and have it assessed."""
        found, now = pick(self.policies(), which), self.now()

        def go() -> None:
            made = insurance.services.open_claim(
                policy_id=found.id,
                occurred_at=now,
                description="A scratch.",
                amount=amount,
                report=insurance.services.LossReport(),
                now=now,
            )
            insurance.services.assess_claim(
                claim_id=made.id, found=insurance.services.Assessment(amount=amount), now=now
            )

        self.act("report_loss", go)

    @precondition(lambda self: Policy.objects.filter(status="active", insurance_type=InsuranceTypes.KASKO).exists())
    @rule()
    def change_cover(self) -> None:
        """Insure the car for less."""
        found = Policy.objects.get(status="active", insurance_type=InsuranceTypes.KASKO)
        self.act(
            "change_cover",
            lambda: insurance.services.endorse_policy(
                policy_id=found.id,
                changes={"coverage_amount": "1500000.00"},
                actor_id=self.manager.id,
                now=self.now() + timedelta(hours=3),
            ),
        )

    @precondition(lambda self: self.order.status in ("completed", "returning"))
    @rule(by_manager=st.booleans())
    def ask_return(self, by_manager: bool) -> None:
        """Want to give back what was handed over."""
        actor = self.manager if by_manager else self.buyer
        wish = {"order_id": self.order_id, "reason": "too loud", "actor": actor}
        self.act("ask_return", lambda: ask_return(**wish, now=self.now()))

    @precondition(lambda self: not self.is_erased)
    @rule()
    def erase(self) -> None:
        """The buyer wants to be forgotten."""
        tied = list(list_ties(self.buyer.id))
        if self.act("erase", lambda: erase_user(user_id=self.buyer.id, now=self.now())) == DONE:
            assert (tied, list(list_known(self.buyer.id))) == ([], [])

    # Managers --------------------------------------------------------------------------------------------------------
    @rule(which=WHICH, is_possible=st.booleans())
    def move(self, which: int, is_possible: bool = True, status: str = "") -> None:
        """Move the order a step: one that it allows, or any."""
        allowed = self.steps(self.order) if is_possible else []
        chosen = status or pick(allowed or [*TOWARDS_HANDOVER, "cancelled"], which)
        self.act(f"move to {chosen}", lambda: self._move(chosen, self.manager))

    def _move(self, status: str, actor: Actor) -> Order:
        return move_order(order_id=self.order_id, status=status, actor=actor, reason="so", now=self.now())

    @precondition(lambda self: Payment.objects.filter(provider="manual", status="pending").exists())
    @rule()
    def take_cash(self) -> None:
        """Say that the cash is here."""
        found = Payment.objects.filter(provider="manual", status="pending").first()
        self.act("take_cash", lambda: capture_payment(payment_id=found.id, actor_id=self.manager.id, now=self.now()))

    @precondition(lambda self: self.payments("pending", "processing", "authorized"))
    @rule()
    def drop_payment(self) -> None:
        """Call off a payment that has not come."""
        found = self.payments("pending", "processing", "authorized")[0]
        self.act("drop_payment", lambda: cancel_payment(payment_id=found.id, now=self.now()))

    @precondition(lambda self: self.payments("completed"))
    @rule(which=WHICH, share=st.sampled_from([Decimal("0.1"), Decimal("0.5"), Decimal(1), Decimal("1.1")]))
    def refund(self, which: int, share: Decimal) -> None:
        """Give back money of a payment by hand."""
        found = pick(self.payments("completed"), which)
        amount = ((found.amount - found.refunded_amount) * share).quantize(Decimal("0.01"))
        self.act(
            "refund",
            lambda: request_refund(
                payment_id=found.id,
                amount=amount,
                reason="goodwill",
                actor_id=self.manager.id,
                now=self.now(),
            ),
        )

    @precondition(lambda self: Refund.objects.filter(status="failed").exists())
    @rule()
    def send_again(self) -> None:
        """Send a refund again that came back."""
        found = Refund.objects.filter(status="failed").first()
        self.act("send_again", lambda: retry_refund(refund_id=found.id, now=self.now()))

    @precondition(lambda self: self.order.status not in ("cancelled", "refunded", "returned"))
    @rule(quantity=st.sampled_from([1, 2]), by_manager=st.booleans())
    def change_quantity(self, quantity: int, by_manager: bool) -> None:
        """Order one more, or one less."""
        line = self.order.lines.get(product_id=self.product.id)
        actor = self.manager if by_manager else self.buyer
        wish = {"order_id": self.order_id, "wishes": [LineChange(line.id, quantity)], "actor": actor}
        self.act("change_quantity", lambda: change_lines(**wish, now=self.now()))

    @rule(which=st.integers(0, len(STEERING) - 1), is_possible=st.booleans())
    def steer_any(self, which: int, is_possible: bool) -> None:
        """Act on a leg of the checkout: as it allows, or otherwise."""
        legs = view_checkout(order_id=self.order_id, actor=self.second, now=self.now()).legs if is_possible else []
        allowed = [(one.leg, action) for one in legs for action in one.allowed if (one.leg, action) in STEERING]
        self.steer(*pick(allowed or STEERING, which))

    def steer(self, leg: str, action: str) -> None:
        """Act on a leg of the checkout."""
        wish = {"order_id": self.order_id, "action": action, "leg": leg, "reason": "so", "actor": self.second}
        self.act(f"steer: {action}", lambda: steer_checkout(**wish, now=self.now()))

    def waiting(self) -> list[tuple[str, Approval]]:
        """Everything that waits for a second person."""
        rows = ((alias, Approval.objects.using(alias).filter(state="waiting").order_by("id")) for alias in APPS)
        return [(alias, one) for alias, found in rows for one in found]

    @precondition(lambda self: self.waiting())
    @rule(is_agreed=st.booleans())
    def decide(self, is_agreed: bool) -> None:
        """A third person answers everything that waits for one."""
        answer = approve if is_agreed else reject
        for alias, one in self.waiting():
            wish = {"alias": alias, "approval_id": one.id, "person_id": uuid7()}
            self.act("agree" if is_agreed else "turn_down", lambda wish=wish: answer(**wish, now=self.now()))

    @precondition(lambda self: Claim.objects.filter(status__in=UNDECIDED).exists())
    @rule()
    def pay_loss(self) -> None:
        """Grant a loss, and pay it."""
        found = Claim.objects.filter(status__in=UNDECIDED).first()
        now = self.now() + timedelta(hours=4)

        def go() -> None:
            insurance.services.approve_claim(claim_id=found.id, manager_id=self.manager.id, now=now)
            insurance.services.pay_claim(claim_id=found.id, now=now)

        self.act("pay_loss", go)

    @precondition(lambda self: Product.objects.filter(vin=OLD_VIN, on_hand=1, is_active=False).exists())
    @rule()
    def publish_old_car(self) -> None:
        """Complete the car that was taken in, and offer it."""
        car, wish = Product.objects.get(vin=OLD_VIN), {"actor": str(self.manager.id), "now": self.now()}

        def go() -> None:
            catalog.services.update_product(product_id=car.pk, year=2015, mileage=90_000, **wish)
            catalog.services.publish_vehicle(product_id=car.pk, **wish)

        self.act("publish_old_car", go)

    @precondition(lambda self: self.returns("asked", "inspected"))
    @rule()
    def inspect(self) -> None:
        """Look at what is given back."""
        found = self.returns("asked", "inspected")[0]
        seen = {"return_id": found.id, "result": "as new", "mileage": 1200, "actor": self.manager}
        self.act("inspect", lambda: inspect_return(**seen, now=self.now()))

    @precondition(lambda self: self.returns("asked", "inspected"))
    @rule(is_agreed=st.sampled_from([True, True, False]))
    def end_return(self, is_agreed: bool) -> None:
        """Take back what was handed over, or do not."""
        found = self.returns("asked", "inspected")[0]
        service, name = (accept_return, "accept_return") if is_agreed else (refuse_return, "refuse_return")
        self.act(name, lambda: service(return_id=found.id, reason="so", actor=self.manager, now=self.now()))

    @precondition(lambda self: DepositAgreement.objects.filter(kind="earnest").exclude(held_amount=None).exists())
    @rule(fault=st.sampled_from(["buyer", "seller", "nobody"]), is_agreed=st.sampled_from([True, True, False]))
    def say_whose_fault(self, fault: str, is_agreed: bool) -> None:
        """State whose fault it was that a sale secured by earnest money failed, and have it confirmed or not."""
        wish = {"order_id": self.order_id, "fault": fault, "reason": "so", "actor": self.manager}

        def go() -> None:
            with suppress(Waits):
                state_fault(**wish, now=self.now())
            for alias, one in self.waiting():
                if one.kind == "orders.fault":
                    answer = approve if is_agreed else reject
                    answer(alias=alias, approval_id=one.id, person_id=self.second.id, now=self.now())

        self.act("say_whose_fault", go)

    @precondition(lambda self: self.order.reservation_expires_at is not None)
    @rule(days=st.sampled_from([1, 5]))
    def hold_longer(self, days: int) -> None:
        """Hold the car longer."""
        until = self.now() + timedelta(days=days)
        wish = {"order_id": self.order_id, "until": until, "reason": "so", "actor": self.manager}
        self.act("hold_longer", lambda: extend_hold(**wish, now=self.now()))

    # Time ------------------------------------------------------------------------------------------------------------
    @precondition(lambda self: Reservation.objects.filter(order_id=self.order_id, status="held").exists())
    @rule()
    def hold_lapses(self) -> None:
        """Let the time of the hold run out."""
        held = Reservation.objects.get(order_id=self.order_id, status="held")
        attempt = CheckoutLeg.objects.get(checkout_id=self.order_id, kind="stock").attempt_id
        lapse = events.ReservationLapsed(order_id=self.order_id, attempt_id=attempt)
        self.act("hold_lapses", lambda: react(event=lapse, now=held.expires_at + timedelta(seconds=1)))

    @rule()
    def retries_come(self) -> None:
        """Bring every retry and timer forward."""
        for alias in APPS:
            make_due(alias)
        self.act("retries_come", lambda: None)
