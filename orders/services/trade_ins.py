"""Cars taken in exchange: they are ours from the handover on, when keys change hands both ways.

Before it a car in exchange is a promise: its owner drives it, and an undone order owes no more than a word that they
have it. At the handover the catalogue gets the car and the books its price. A return asks both back; a car that is
for sale by then, or whose surplus was paid out, stays ours, and its price is owed to its former owner instead.
"""

from datetime import datetime
from decimal import Decimal

from catalog.commands import GiveBackVehicle, TakeInVehicle
from core.db import transaction
from core.ids import uuid7
from core.money import ZERO
from messaging.outbox import send
from orders.models import LegKind, Status, TradeIn, TradeInState
from orders.models.parties import CompanyCopy, of_customer
from orders.rules.requests import TradeInRequest
from orders.services.agreeing import admit_price
from orders.services.history import Actor
from orders.services.locking import LockedOrder
from payments.commands import PayOutTradeIn, PostTradeIn, ReverseTradeIn
from payments.events import PayoutSettled


def take_in(saga: LockedOrder) -> None:
    """Own the car from now on, if one was given: it enters the stock and the books; above the price it is owed."""
    order, request = saga.order, TradeInRequest.of(saga.legs.get(LegKind.TRADE_IN))
    credit = order.trade_in_credit
    if not credit:
        return
    worth = request.worth or credit
    surplus = worth - credit
    TradeIn.objects.create(order=order, amount=worth, surplus=surplus, taken_at=saga.now)
    facts = {name: getattr(request, name) for name in ("vin", "make", "model", "year", "mileage")}
    known = {name: value for name, value in facts.items() if value is not None}
    known["from_person"] = not CompanyCopy.objects.filter(of_customer(order.customer_id)).exists()
    send(TakeInVehicle(order_id=order.id, number=order.number, cost=worth, currency=order.currency, **known))
    send(
        PostTradeIn(
            order_id=order.id, customer_id=order.customer_id, amount=worth, surplus=surplus, currency=order.currency
        )
    )
    if surplus:
        _owe(saga, surplus, "trade_in_surplus")


def ask_back(saga: LockedOrder, worth: Decimal) -> None:
    """Owe the buyer of an undone order their car, or its price; `worth` is the value of one that is not ours yet."""
    car = _lock(saga)
    if car is None:
        _owe(saga, worth, "trade_in_owed")
    elif _is_paid_for(car):
        _owe_price(saga, car)
    else:
        saga.order.trade_in_owed = car.amount
        _move(saga, car, TradeInState.LEAVING)
        send(GiveBackVehicle(order_id=saga.order.id))


def record_leaving(saga: LockedOrder) -> None:
    """Hear that the car is in stock no more: its owner may fetch it. Heard again, it changes nothing."""
    car = _lock(saga)
    if car is not None and car.state == TradeInState.LEAVING:
        _move(saga, car, TradeInState.LEFT)
        send(ReverseTradeIn(order_id=saga.order.id, is_kept=False))
        _owe(saga, car.amount, "trade_in_left")


def record_stay(saga: LockedOrder) -> None:
    """Hear that the car is for sale or sold, and stays ours: its price is owed. Heard again, it changes nothing."""
    car = _lock(saga)
    if car is not None and car.state == TradeInState.LEAVING:
        _owe_price(saga, car)


def record_entry(saga: LockedOrder, product_id: object, sku: str, missing: list[str]) -> None:
    """Hear that the car is in stock, and call somebody to complete, price and publish it."""
    if TradeIn.objects.filter(order=saga.order, product_id=None).update(product_id=product_id):
        saga.record("trade_in.entered", data={"product_id": str(product_id), "missing": missing})
        saga.call_manager(LegKind.TRADE_IN, "trade_in_entered", ", ".join([sku, *missing]))


def may_settle(saga: LockedOrder) -> bool:
    """Tell whether a manager may say that the buyer has their car, or pay what is owed for it."""
    car = TradeIn.objects.filter(order=saga.order).first() if saga.order.trade_in_owed > 0 else None
    if car is None or car.state in (TradeInState.LEFT, TradeInState.KEPT):
        return saga.order.trade_in_owed > 0
    return car.state == TradeInState.TAKEN and saga.order.status == Status.COMPLETED


def settle(saga: LockedOrder, leg: str, actor: Actor, reason: str) -> None:
    """Take a manager's word that the buyer has their car, or pay what is owed for one that stays. Raises Waits."""
    car, owed = _lock(saga), saga.order.trade_in_owed
    is_paid = car is not None and car.state != TradeInState.LEFT
    admit_price(saga, leg, owed if is_paid else None, actor, reason)
    if car is not None and is_paid:
        car.paid_amount += owed
        car.save()
        send(
            PayOutTradeIn(
                request_id=uuid7(),
                order_id=saga.order.id,
                customer_id=saga.order.customer_id,
                amount=owed,
                currency=saga.order.currency,
                reason=saga.order.number,
            )
        )
    saga.order.trade_in_owed = ZERO
    saga.order.touch(saga.now)


def record_price(*, event: PayoutSettled, now: datetime) -> None:
    """Write down what became of money for a car; what failed is a manager's. Other payouts are nobody's here."""
    if event.purpose != PayOutTradeIn.purpose:
        return
    with transaction("orders"):
        saga = LockedOrder.load(event.subject_id, now)
        if saga is None:
            return
        outcome = "paid" if event.is_paid else "unpaid"
        saga.record(f"trade_in.{outcome}", data={"amount": str(event.amount)})
        if not event.is_paid:
            saga.call_manager(LegKind.TRADE_IN, "trade_in_unpaid", event.detail or event.code)
        saga.save()


def _lock(saga: LockedOrder) -> TradeIn | None:
    return TradeIn.objects.select_for_update().filter(order=saga.order).first()


def _move(saga: LockedOrder, car: TradeIn, state: str) -> None:
    car.state = state
    car.save()
    saga.record(f"trade_in.{state}", data={"amount": str(car.amount)})


def _is_paid_for(car: TradeIn) -> bool:
    return car.paid_amount > 0


def _owe_price(saga: LockedOrder, car: TradeIn) -> None:
    _move(saga, car, TradeInState.KEPT)
    send(ReverseTradeIn(order_id=saga.order.id, is_kept=True))
    _owe(saga, car.amount - car.paid_amount, "trade_in_kept")


def _owe(saga: LockedOrder, amount: Decimal, cause: str) -> None:
    """Owe the buyer so much for their car, whatever was owed before, and call a manager."""
    saga.order.trade_in_owed = amount
    saga.record("trade_in.owed", data={"amount": str(amount)})
    saga.call_manager(LegKind.TRADE_IN, cause, f"{amount} {saga.order.currency}")
