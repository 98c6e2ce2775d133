"""Stories of clients, step by step: each step is a service, and says how long it is until the next."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

from accounts.models import Role
from catalog.services import create_product
from clients.services import move_lead, open_lead, reply_to_lead
from config.management.demo.people import Person, come_in
from core.clock import ToldClock, dealer_day
from core.errors import DomainError
from financing.models import Loan
from financing.services import accrue_loans, pay_loan
from gateway.approvals.deciding import approve_waiting
from insurance.models import Policy
from insurance.public import rate
from insurance.services import open_claim, reject_claim
from insurance.services.claims.reporting import LossReport
from notifications.services import send_deferred
from orders.approvals import RETURN
from orders.models import Order, Status
from orders.rules.requests import ChosenPolicy
from orders.services import Actor, ProductLine, move_order, place_order
from orders.services.returns import accept_return, ask_return, inspect_return, refuse_return
from payments.approvals import CAPTURE
from payments.commands import Means
from payments.models import Payment
from payments.services import capture_payment
from showroom.models import DriveCar, Happening
from showroom.services import register, request_drive

Steps = Iterator[timedelta]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONTH = timedelta(days=30)


@dataclass(frozen=True)
class Stage:
    """Place where stories happen: its clock, its dice, who works there, and what is on."""

    clock: ToldClock
    end: datetime
    manager_id: UUID
    director_id: UUID

    @property
    def now(self) -> datetime:
        """The moment of the story."""
        return self.clock.moment

    @property
    def manager(self) -> Actor:
        """The manager as orders knows them."""
        return Actor(self.manager_id, frozenset({Role.MANAGER.value}))


@dataclass(frozen=True)
class Story:
    """One client's story: who it is about, the car they look at, and how it goes."""

    person: Person
    car: dict[str, Any]
    plot: str
    dice: Random


def play(story: Story, stage: Stage) -> Steps:
    """Tell a story to its end, or to the end of the year."""
    customer = come_in(story.person, now=stage.now)
    if story.plot == "lead":
        yield from _enquire(story, stage)
    elif story.plot == "guest":
        yield from _visit(customer, stage)
    elif story.plot == "drive":
        yield from _drive(story, customer, stage)
    else:
        yield from _buy(story, customer, stage)


def _enquire(story: Story, stage: Stage) -> Steps:
    """Ask by phone; some are answered, and some of these come to buy another day."""
    person = story.person
    lead = open_lead(
        fields={
            "name": person.full_name,
            "phone": person.phone,
            "email": person.email,
            "source": story.dice.choice(("website", "phone", "walk_in")),
            "note": f"{story.car['make']} {story.car['model']}",
        },
        now=stage.now,
    )
    yield HOUR
    if story.dice.random() < 0.8:
        reply_to_lead(lead_id=lead.id, actor_id=stage.manager_id, now=stage.now)
        yield DAY
        if story.dice.random() < 0.5:
            move_lead(lead_id=lead.id, stage="qualified", now=stage.now)
        else:
            move_lead(lead_id=lead.id, stage="lost", lost_reason="Купил в другом салоне", now=stage.now)


def _visit(customer: UUID, stage: Stage) -> Steps:
    """Take a seat at what is coming."""
    yield HOUR
    for happening in Happening.objects.filter(starts_at__gt=stage.now).order_by("starts_at")[:1]:
        register(happening_id=happening.id, user_id=customer, now=stage.now)


def _drive(story: Story, customer: UUID, stage: Stage) -> Steps:
    """Ask for a drive some days ahead."""
    yield HOUR
    begins = (stage.now + story.dice.randint(2, 9) * DAY).replace(hour=story.dice.randint(8, 15))
    for car in DriveCar.objects.filter(is_available=True).order_by("name")[:1]:
        request_drive(user_id=customer, car_id=car.resource_id, start=begins, end=begins + HOUR, now=stage.now)


def _buy(story: Story, customer: UUID, stage: Stage) -> Steps:
    """Order a car that came in before, pay for it, and drive away; or not."""
    car = create_product(actor="demo", now=stage.now, **story.car)
    yield 2 * DAY
    order = _place(story, customer, car.id, stage)
    yield HOUR
    if story.plot in ("waiting", "trade_in"):
        return
    if story.plot == "cancelled":
        buyer = Actor(customer, frozenset({Role.CLIENT.value}))
        move_order(order_id=order.id, status="cancelled", actor=buyer, reason="Передумал", now=stage.now)
        return
    _receive_money(order.id, stage)
    yield HOUR
    for status in ("in_progress", "ready", "completed"):
        yield DAY
        if not _is_at_least_paid(order.id):
            return
        move_order(order_id=order.id, status=status, actor=stage.manager, now=stage.now)
        if story.plot == status:
            return
    yield from _afterwards(story, customer, order.id, stage)


def _place(story: Story, customer: UUID, car_id: UUID, stage: Stage) -> Order:
    terms: dict[str, Any] = {"payment": {"method": story.dice.choice(("bank_transfer", "cash"))}}
    price = story.car["price"]
    if story.plot in ("loan", "overdue"):
        terms["financing"] = {
            "down_payment": str((price * Decimal("0.3")).quantize(Decimal("0.01"))),
            "term_months": story.dice.choice((24, 36, 48)),
            "financing_type": "car_loan",
            "employment_status": "employed",
            "monthly_income": str(price / 5),
            "birth_date": story.person.born.isoformat(),
            "auto_accept": True,
        }
    if story.plot == "trade_in":
        terms["trade_in"] = {
            "amount": str((price * Decimal("0.3")).quantize(Decimal("0.01"))),
            "make": "LADA",
            "model": "Granta",
            "year": 2019,
            "mileage": story.dice.randint(40, 140) * 1000,
        }
    if story.plot in ("insured", "claim", "loan"):
        request = _policy(story)
        found = rate(request, day=dealer_day(stage.now), products=[car_id])
        terms["insurance"] = [found.request or request]
        terms["policies"] = [ChosenPolicy(found.insurance_type.upper(), found.due_now, found.supplier)]
    return place_order(
        customer_id=customer,
        actor=Actor(customer, frozenset({Role.CLIENT.value})),
        lines=[ProductLine(car_id, 1)],
        now=stage.now,
        **terms,
    )


def _policy(story: Story) -> dict[str, Any]:
    car, born = story.car, story.person.born
    return {
        "insurance_type": "osago",
        "coverage_amount": "400000",
        "vehicle_make": car["make"],
        "vehicle_model": car["model"],
        "vehicle_year": car["year"],
        "vehicle_vin": car["vin"],
        "engine_power": car["power_hp"],
        "region": "Москва",
        "drivers": [
            {"birth_date": born.isoformat(), "licence_since": f"{born.year + 19}-06-01", "kbm": "13"},
        ],
    }


def _receive_money(order_id: UUID, stage: Stage) -> None:
    """Confirm what arrived; beyond what one person may, the director confirms it too."""
    for payment in Payment.objects.filter(order_id=order_id, status="pending"):
        _confirm(payment.id, stage)


def _confirm(payment_id: UUID, stage: Stage) -> None:
    try:
        capture_payment(payment_id=payment_id, actor_id=stage.manager_id, now=stage.now)
    except DomainError as error:
        if error.status >= 400:
            raise
        approve_waiting(CAPTURE, payment_id, person_id=stage.director_id, now=stage.now)


def _is_at_least_paid(order_id: UUID) -> bool:
    return Order.objects.get(pk=order_id).status in (Status.PAID, Status.IN_PROGRESS, Status.READY)


def _afterwards(story: Story, customer: UUID, order_id: UUID, stage: Stage) -> Steps:
    follow: dict[str, Callable[[], Steps]] = {
        "returned": lambda: _give_back(story, customer, order_id, stage),
        "returning": lambda: _give_back(story, customer, order_id, stage),
        "loan": lambda: _repay(order_id, stage, months=99),
        "overdue": lambda: _repay(order_id, stage, months=2),
        "claim": lambda: _claim(story, customer, stage),
    }
    if story.plot in follow:
        yield from follow[story.plot]()


def _give_back(story: Story, customer: UUID, order_id: UUID, stage: Stage) -> Steps:
    yield 3 * DAY
    buyer = Actor(customer, frozenset({Role.CLIENT.value}))
    asked = ask_return(order_id=order_id, reason="Шумит коробка передач", actor=buyer, now=stage.now)
    yield DAY
    if story.plot == "returning":
        return
    inspect_return(return_id=asked.id, result="Следов аварии нет", actor=stage.manager, now=stage.now)
    yield HOUR
    if story.dice.random() < 0.3:
        refuse_return(return_id=asked.id, reason="Неисправность не найдена", actor=stage.manager, now=stage.now)
        return
    try:
        accept_return(return_id=asked.id, actor=stage.manager, now=stage.now)
    except DomainError as error:
        if error.status >= 400:
            raise
        approve_waiting(RETURN, asked.id, person_id=stage.director_id, now=stage.now)


def _repay(order_id: UUID, stage: Stage, *, months: int) -> Steps:
    """Pay instalments as they fall due, so many months long."""
    for _ in range(months):
        yield MONTH
        loan = Loan.objects.filter(order_id=order_id, closed_at=None).first()
        if loan is None or not loan.next_payment:
            return
        payment = pay_loan(
            loan_id=loan.id, amount=loan.next_payment, means=Means("cash"), actor_id=stage.manager_id, now=stage.now
        )
        yield HOUR
        for waiting in Payment.objects.filter(attempt_id=payment.id, status="pending"):
            _confirm(waiting.id, stage)


def _claim(story: Story, customer: UUID, stage: Stage) -> Steps:
    yield timedelta(days=story.dice.randint(5, 40))
    for policy in Policy.objects.filter(customer_id=customer, status="active")[:1]:
        claim = open_claim(
            policy_id=policy.id,
            occurred_at=stage.now - 3 * HOUR,
            description="Столкновение на парковке, повреждён бампер",
            amount=Decimal(story.dice.randint(20, 180) * 1000),
            report=LossReport(place="Москва, Ленинградский проспект", driver_birth_date=story.person.born),
            customer_id=customer,
            now=stage.now,
        )
        yield 2 * DAY
        if story.dice.random() < 0.3:
            reject_claim(claim_id=claim.id, manager_id=stage.manager_id, reason="Не страховой случай", now=stage.now)


def run_nightly_jobs(stage: Stage) -> Steps:
    """Draw the loans anew and let held letters out, once a week until the end of the year."""
    while stage.now < stage.end - 7 * DAY:
        yield 7 * DAY
        for _found in accrue_loans(now=stage.now):
            pass
        send_deferred(now=stage.now)
