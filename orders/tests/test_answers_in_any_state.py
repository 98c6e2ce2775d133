"""Every answer in every state of an order: it ends the saga, changes nothing, or leaves it with somebody to look."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import timezone

from core.errors import WrongTransition
from core.ids import uuid7
from core.testing import undone
from messaging.models import DeliveryStatus, InboxEvent, OutboxEvent
from messaging.testing import drain_outbox
from orders import events, services
from orders.models import Checkout, CheckoutLeg, LegState, Order, OrderReturn, SagaState
from orders.services import Actor, LineChange, ProductLine
from orders.services.checkout import REACTS_TO
from orders.services.saga import HANDLER
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders"])
LOAN = {"vehicle_price": "1000000.00", "down_payment": "200000.00", "term_months": 36, "auto_accept": False}
CARD = {"method": "card", "token": "tok_success"}
MANAGER = Actor(uuid7(), frozenset({"manager"}))
LATER = timedelta(days=20)


def get_payment_id(order: Order) -> UUID:
    """The payment that every order here has one of."""
    return UUID(int=order.id.int ^ 1)


FORWARD: list[tuple[str, Callable[[Order], object]]] = [
    ("reserved", lambda order: receive(answers.reserved(order))),
    ("offered", lambda order: receive(answers.loan_approved(order, "800000.00", is_accepted=False))),
    ("agreed", lambda order: receive(answers.loan_accepted(order, "800000.00"))),
    ("paid for", lambda order: receive(answers.paid(order, amount="200000.00", payment_id=get_payment_id(order)))),
    ("insured", lambda order: receive(answers.issued(order))),
    ("paid out", lambda order: receive(answers.disbursed(order, "800000.00"))),
]
BACKWARD: list[tuple[str, Callable[[Order], object]]] = [
    ("insurers asked", lambda order: None),
    ("money asked back", lambda order: receive(answers.revoked(order))),
    ("loan asked back", lambda order: receive(answers.settled(order, "200000.00"))),
    ("stock asked back", lambda order: receive(answers.loan_withdrawn(order))),
    ("undone", lambda order: receive(answers.released(order))),
]


@pytest.fixture(autouse=True)
def _one_is_enough(settings):
    settings.REFUND_FOUR_EYES_ABOVE = 100_000_000


def credit(steps: int) -> Order:
    """An order with every leg, so many answers on."""
    order = make.order(payment=CARD, financing=LOAN, insurance=[{"insurance_type": "osago"}])
    for _name, step in FORWARD[:steps]:
        step(order)
    return order


def called_off(steps: int, undone: int) -> Order:
    order = credit(steps)
    services.move_order(order_id=order.id, status="cancelled", actor=MANAGER, now=timezone.now())
    for _name, step in BACKWARD[:undone]:
        step(order)
    return order


def handed_over(status: str) -> Order:
    order = credit(len(FORWARD))
    for one in ("in_progress", "ready", "completed"):
        services.move_order(order_id=order.id, status=one, actor=MANAGER, now=timezone.now())
        if one == status:
            break
    return order


def asked_back() -> OrderReturn:
    """Ask back what was handed over."""
    order = handed_over("completed")
    return services.ask_return(order_id=order.id, reason="too loud", actor=MANAGER, now=timezone.now())


def given_back(undone: int) -> Order:
    """A return that was accepted, so many answers on."""
    found = asked_back()
    services.inspect_return(return_id=found.id, result="as new", actor=MANAGER, now=timezone.now())
    services.accept_return(return_id=found.id, actor=MANAGER, now=timezone.now())
    for _name, step in BACKWARD[:undone]:
        step(found.order)
    return found.order


def refused_return() -> Order:
    """A return that was not taken: the sale stands."""
    found = asked_back()
    services.refuse_return(return_id=found.id, reason="driven", actor=MANAGER, now=timezone.now())
    return found.order


def traded(share: str) -> Order:
    """An order that a car in exchange pays for, wholly or in part, agreed to before its stock is held."""
    order = make.order(payment=CARD, trade_in={"amount": share})
    receive(answers.reserved(order))
    return order


def traded_by_staff(share: str) -> Order:
    """The same, agreed to by the manager who places it."""
    order = services.place_order(
        customer_id=uuid7(),
        actor=MANAGER,
        lines=[ProductLine(make.product(), 1)],
        payment=CARD,
        trade_in={"amount": share},
        now=timezone.now(),
    )
    receive(answers.reserved(order))
    return order


def being_changed() -> Order:
    """An order whose stock is asked for anew, one more of the same."""
    order = make.order()
    receive(answers.reserved(order))
    line = order.lines.get()
    services.change_lines(order_id=order.id, wishes=[LineChange(line.id, 2)], actor=MANAGER, now=timezone.now())
    return order


def overdue() -> Order:
    """An order whose payout nobody answered: a manager looks into it."""
    order = credit(len(FORWARD) - 1)
    late = events.LegTimedOut(order_id=order.id, attempt_id=answers.attempt(order, "disbursement"), leg="disbursement")
    receive(late)
    return order


def undone_too_slowly() -> Order:
    order = called_off(3, 0)
    receive(events.UndoOverdue(order_id=order.id))
    return order


def sold_out() -> Order:
    order = credit(0)
    receive(answers.rejected(order))
    return order


STATES: dict[str, Callable[[], Order]] = {
    "placed": lambda: credit(0),
    **{name: (lambda count=count: credit(count)) for count, (name, _) in enumerate(FORWARD, start=1)},
    **{status: (lambda status=status: handed_over(status)) for status in ("in_progress", "ready", "completed")},
    "called off at once": lambda: called_off(0, 0),
    "called off when offered": lambda: called_off(2, 0),
    **{
        f"undoing, {name}": (lambda count=count: called_off(6, count))
        for count, (name, _) in enumerate(BACKWARD, start=1)
    },
    "return asked for": lambda: asked_back().order,
    "return refused": refused_return,
    **{
        f"returning, {name}": (lambda count=count: given_back(count))
        for count, (name, _) in enumerate(BACKWARD, start=1)
    },
    "parked": overdue,
    "parked while undone": undone_too_slowly,
    "sold out": sold_out,
    "exchanged in part": lambda: traded("400000.00"),
    "exchanged": lambda: traded("1000000.00"),
    "exchanged, agreed at once": lambda: traded_by_staff("1000000.00"),
    "being changed": being_changed,
}
SAID = {
    "StockReserved": answers.reserved,
    "StockRejected": answers.rejected,
    "StockReleased": answers.released,
    "StockReleased, expired": lambda order: answers.released(order, "expired"),
    "ApplicationSubmitted": answers.loan_submitted,
    "ApplicationApproved": lambda order: answers.loan_approved(order, "800000.00"),
    "ApplicationApproved, offered": lambda order: answers.loan_approved(order, "700000.00", is_accepted=False),
    "ApplicationAccepted": lambda order: answers.loan_accepted(order, "800000.00"),
    "ApplicationRejected": answers.loan_rejected,
    "ApplicationWithdrawn": answers.loan_withdrawn,
    "LoanDisbursed": lambda order: answers.disbursed(order, "800000.00"),
    "PaymentCreated": lambda order: answers.started(order, uuid7()),
    "PaymentCompleted": answers.paid,
    "PaymentCompleted, by hand": lambda order: answers.paid(order, by_saga=False),
    "PaymentCompleted, a part": lambda order: answers.paid(order, amount="1.00"),
    "PaymentFailed": answers.declined,
    "PaymentRefunded": lambda order: answers.refunded(order, get_payment_id(order), "200000.00"),
    "PaymentRefundFailed": lambda order: answers.refund_came_back(order, get_payment_id(order), "200000.00"),
    "PaymentRefundPending": lambda order: answers.refund_pending(order, get_payment_id(order), "200000.00"),
    "OrderSettled": answers.settled,
    "PoliciesIssued": answers.issued,
    "PoliciesDeclined": answers.not_insured,
    "PoliciesRevoked": answers.revoked,
    "ReservationLapsed": lambda order: events.ReservationLapsed(
        order_id=order.id, attempt_id=answers.attempt(order, "stock")
    ),
    **{
        f"LegTimedOut, {leg}": lambda order, leg=leg: events.LegTimedOut(
            order_id=order.id, attempt_id=answers.attempt(order, leg), leg=leg
        )
        for leg in ("loan", "payment", "policies", "disbursement")
    },
    "TradeInEntered": answers.entered,
    "TradeInLeft": answers.left,
    "TradeInKept": answers.kept,
    "UndoOverdue": lambda order: events.UndoOverdue(order_id=order.id),
}
WAITED_FOR = {LegState.RUNNING, LegState.COMPENSATING, LegState.PARKED}
ENDED = {SagaState.COMPLETED, SagaState.COMPENSATED}


def test_every_answer_is_tried():
    assert {name.partition(",")[0] for name in SAID} == {event.__name__ for event in REACTS_TO}


@pytest.mark.parametrize("state", STATES)
def test_no_answer_finds_a_state_that_it_cannot_be_taken_in(state):
    """A wrong transition would be tried again for ever, and hold up all other news of the order."""
    order = STATES[state]()
    for name, say in SAID.items():
        with undone("orders"):
            try:
                event = say(order)
            except CheckoutLeg.DoesNotExist:  # nobody could have asked
                continue
            for now in (timezone.now(), timezone.now() + LATER):
                receive(event, now=now)
            checkout = Checkout.objects.prefetch_related("legs").get(order_id=order.id)
            waits = any(leg.state in WAITED_FOR for leg in checkout.legs.all())
            assert checkout.state in ENDED or waits, f"{name} leaves nobody to act"


@pytest.mark.parametrize("state", STATES)
def test_a_premium_that_goes_back_is_taken_in_in_any_state(state):
    """It is asked for no more while the order stands; one that is undone gives everything back anyway."""
    order = STATES[state]()
    before = Checkout.objects.get(order_id=order.id)
    services.record_returned_premium(
        order_id=order.id, amount=Decimal("100.00"), reason="cancelled", now=timezone.now()
    )
    order = Order.objects.get(pk=order.id)
    stands = not before.is_undoing and not order.is_called_off
    assert order.returned_premiums == (Decimal("100.00") if stands else Decimal(0))
    checkout = Checkout.objects.prefetch_related("legs").get(order_id=order.id)
    waits = any(leg.state in WAITED_FOR for leg in checkout.legs.all())
    assert checkout.state == before.state
    assert checkout.state in ENDED or waits


def test_news_that_cannot_be_taken_in_is_a_managers_at_once(monkeypatch):
    """Should a state yet be found that an answer cannot be taken in: no retries, and somebody is called."""
    order = make.order(payment=CARD)
    InboxEvent.objects.using("orders").create(
        event_id=uuid7(), handler=HANDLER, source="orders", aggregate="checkout", aggregate_id=str(order.id), seq=1,
        partition_key=str(order.id), shard=3, type="checkout.undo_overdue", data={"order_id": str(order.id)},
    )  # fmt: skip

    def refuse(**_):
        raise WrongTransition("created", [])

    monkeypatch.setattr(services, "react", refuse)
    drain_outbox("orders")
    parked = InboxEvent.objects.using("orders").get(handler=HANDLER, status=DeliveryStatus.DEAD)
    assert (parked.attempts, parked.type) == (1, "checkout.undo_overdue")
    checkout = Checkout.objects.get(order_id=order.id)
    assert (checkout.state, checkout.failure["parked"]["cause"]) == (SagaState.PARKED, "delivery_parked")
    called = OutboxEvent.objects.using("orders").filter(type="checkout.attention_needed")
    assert [row.data["order_id"] for row in called] == [str(order.id)]
