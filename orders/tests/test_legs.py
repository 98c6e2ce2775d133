"""The legs of a checkout: what each declares is true, the page shows it, and a new one is a class and nothing else."""

import ast
from datetime import timedelta
from inspect import getsource
from pathlib import Path
from typing import get_args, get_type_hints
from uuid import uuid4

import pytest
from django.conf import settings
from django.utils import timezone

from core.events import Event
from core.ids import uuid7
from messaging.testing import published
from orders import services
from orders.errors import SteeringRefused
from orders.management.commands.order_states import with_legs
from orders.models import CheckoutLeg, Order, OrderHistory
from orders.rules.requests import LegRequest, PaymentRequest, PlannedPayment, PoliciesRequest, TradeInRequest
from orders.services import Actor, checkout, legs, saga, steering
from orders.services.legs import ANSWERS, LEGS
from orders.services.legs.base import Done, Failed, Leg, Steer, Step, Undone, answer
from orders.services.saga import Saga
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders"])
MANAGER = Actor(uuid7(), frozenset({"manager"}))
ADMIN = Actor(uuid7(), frozenset({"manager", "admin"}))
CARD = {"method": "card", "token": "tok_success"}


def test_the_page_shows_the_legs_as_they_are():
    page = (settings.BASE_DIR / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert page == with_legs(page), "run manage.py order_states"


def test_the_first_leg_is_asked_last_of_all_that_places_an_order():
    """Its row is stored by then: so asking it may neither answer at once nor set a deadline."""
    first = next(iter(LEGS.values()))
    assert get_type_hints(first.ask)["return"] is type(None)
    assert first.deadline is None


@pytest.mark.parametrize("kind", LEGS)
def test_a_leg_takes_only_answers_that_say_which_order_they_are_about(kind):
    for heard in LEGS[kind].answers:
        assert "order_id" in heard.__struct_fields__


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"payment": CARD, "insurance": [{"insurance_type": "osago"}]},
        {"trade_in": {"amount": "100000.00"}, "financing": {"down_payment": "200000.00", "term_months": 36}},
    ],
)
def test_no_command_precedes_the_news_that_there_is_the_order(terms):
    """By their places in the log: a supplier that asks orders back about an order finds it known everywhere."""
    order = make.order(**terms)
    told = published("orders")
    assert told[0] == "order.created"
    assert told.index("order.created") < told.index("checkout.stock_requested")
    assert CheckoutLeg.objects.get(checkout_id=order.id, kind="stock").attempts == 1


@pytest.mark.parametrize("module", [saga, checkout, steering, legs])
def test_the_saga_names_no_leg(module):
    """Neither by its kind nor by its class; so adding one changes nothing there."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    words |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    words |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert not words & {*LEGS, "LegKind", *(type(leg).__name__ for leg in LEGS.values())}


def test_the_saga_knows_where_every_step_leads():
    """`CallOff` is taken before, since cancelling an order is more than its checkout."""
    (match,) = [node for node in ast.walk(ast.parse(getsource(saga))) if isinstance(node, ast.Match)]
    taken = {case.pattern.cls.id for case in match.cases if isinstance(case.pattern, ast.MatchClass)}
    assert taken | {"CallOff"} == {step.__name__ for step in get_args(Step)}


# A leg of somebody who has read docs/architecture.md ----------------------------------------------------------------
class WarrantySold(Event):
    """The warranty is in force, or it is not."""

    order_id: object
    attempt_id: object
    is_sold: bool = True


class WarrantyRequest(LegRequest):
    """Number of years that are wished."""

    years: int = 0


class WarrantyLeg(Leg):
    """A warranty that comes with every car."""

    kind = "warranty"
    place = 45
    title = "Warranty"
    is_released_alone = True
    given_back = 0

    @property
    def deadline(self):
        return timedelta(minutes=3)

    @property
    def steers(self):
        return {"skip": Steer(lambda saga, row: saga.is_asked(self.kind), lambda saga, row, said: Done({"years": "0"}))}

    def plan(self, purchase):
        return WarrantyRequest(years=2)

    def ask(self, saga, row):
        saga.record("warranty.wished", data={"years": WarrantyRequest.of(row).years})

    @answer
    def sold(self, saga: Saga, event: WarrantySold) -> Done | Failed | Undone | None:
        if not saga.is_running(self.kind, event.attempt_id):
            return None
        return Done() if event.is_sold else Failed("warranty_refused", "Nobody insures this car.")

    def release(self, saga):
        type(self).given_back += 1


@pytest.fixture
def warranty(monkeypatch, settings):
    """A seventh leg, between the policies and the payout, added by its class alone."""
    settings.REFUND_FOUR_EYES_ABOVE = 100_000_000
    leg, before = WarrantyLeg(), dict(LEGS)
    LEGS.clear()
    LEGS.update({one.kind: one for one in sorted([*before.values(), leg], key=lambda one: one.place)})
    monkeypatch.setattr(Saga, "ranks", {kind: rank for rank, kind in enumerate(LEGS)})
    for heard, how in leg.answers.items():
        monkeypatch.setitem(ANSWERS, heard, (leg, how))
    monkeypatch.setattr(WarrantyLeg, "given_back", 0)
    yield leg
    LEGS.clear()
    LEGS.update(before)


def paid_for():
    """An order whose warranty is being asked for."""
    order = make.order(payment=CARD)
    receive(answers.reserved(order))
    receive(answers.paid(order))
    return order


def sold(order, **changes):
    row = CheckoutLeg.objects.get(checkout_id=order.id, kind="warranty")
    return WarrantySold(order_id=order.id, attempt_id=row.attempt_id, **changes)


@pytest.mark.usefixtures("warranty")
def test_a_new_leg_is_asked_in_its_place_and_ends_the_checkout():
    order = paid_for()
    row = CheckoutLeg.objects.get(checkout_id=order.id, kind="warranty")
    assert (row.state, row.request, row.deadline_at - row.started_at) == ("running", {"years": 2}, timedelta(minutes=3))
    assert Order.objects.get(pk=order.pk).status == "awaiting_payment"
    services.react(event=sold(order), now=timezone.now())
    assert Order.objects.get(pk=order.pk).status == "paid"
    assert OrderHistory.objects.filter(order=order, event="warranty.succeeded").exists()


def test_a_new_leg_that_fails_undoes_the_others(warranty):
    order = paid_for()
    services.react(event=sold(order, is_sold=False), now=timezone.now())
    assert Order.objects.get(pk=order.pk).checkout.failure["code"] == "warranty_refused"
    assert "checkout.refund_requested" in published("orders")
    assert warranty.given_back == 0


def test_a_new_leg_is_let_go_with_the_order(warranty):
    order = paid_for()
    services.react(event=sold(order), now=timezone.now())
    services.move_order(order_id=order.id, status="cancelled", actor=ADMIN, reason="no", now=timezone.now())
    assert warranty.given_back == 1


@pytest.mark.usefixtures("warranty")
def test_a_manager_steers_a_new_leg():
    order = paid_for()
    steer = {"order_id": order.id, "leg": "warranty", "reason": "as agreed", "now": timezone.now()}
    with pytest.raises(SteeringRefused):
        services.steer_checkout(action="accept", actor=MANAGER, **steer)
    shown = services.view_checkout(order_id=order.id, actor=ADMIN, now=timezone.now())
    assert "skip" in next(leg.allowed for leg in shown.legs if leg.leg == "warranty")
    services.steer_checkout(action="skip", actor=ADMIN, **steer)
    assert Order.objects.get(pk=order.pk).status == "paid"


@pytest.mark.usefixtures("warranty")
def test_an_answer_to_another_attempt_changes_nothing():
    order = paid_for()
    services.react(event=WarrantySold(order_id=order.id, attempt_id=uuid4()), now=timezone.now())
    assert CheckoutLeg.objects.get(checkout_id=order.id, kind="warranty").state == "running"


def test_rows_say_what_the_release_before_reads_from_every_one():
    planned = PlannedPayment(leg="payment", method="card")
    assert PaymentRequest(parts=[planned]).plain() == {
        "parts": [{"leg": "payment", "method": "card", "state": "planned"}]
    }
    assert (PoliciesRequest().plain(), TradeInRequest().plain()) == ({"quotes": []}, {"amount": "0.00"})
