"""State what has to hold of every deal whenever nothing is under way: once, apart from the code that sees to it."""

from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

from django.db.models import F, OuterRef, Sum

from catalog.models import Acquisition, Product, Stage
from clients.models import Client, Vehicle
from config import books
from config.databases import APPS
from financing.models import Loan
from gateway.models import Approval
from insurance.models import Claim, Policy
from messaging.models import InboxEvent
from orders.models import (
    Checkout,
    CheckoutLeg,
    DepositAgreement,
    LegState,
    Order,
    OrderHistory,
    OrderPayment,
    OrderReturn,
    TradeIn,
)
from payments.models import LedgerLine, Payment, Payout, Refund

MONEY_OF_ENDED = ("order:", "policy:")
"""Accounts of the ledger that an ended deal leaves empty."""
ENDED = ("cancelled", "refunded", "returned")
TOWARDS_HANDOVER = ("in_progress", "ready", "completed")
WITH_BUYER = ("paid", *TOWARDS_HANDOVER)
OUT_OR_TO_GO = ("requested", "approved", "submitted", "succeeded")
"""States of a refund whose money is with the buyer, or may yet be."""
IN_FORCE = ("active", "suspended", "cancel_scheduled")


def broken() -> Iterator[str]:
    """Everything that does not hold."""
    for name, check in books.CHECKS.items():
        yield from (f"{name}: {found}" for found in check() if found.kind != "charge_unknown")
    yield from _deliveries_that_failed()
    yield from _money_out_of_place()
    yield from _refunds_above_their_payments()
    yield from _claims_above_their_cover()
    for order in Order.objects.all():
        yield from _deal(order)
    yield from _cars_of_two_owners()
    yield from _earnest_money()
    yield from _cars_in_exchange()


def is_money_moving() -> bool:
    """Tell whether money waits for a person or for a bank, or a policy goes on alone."""
    waits = Refund.objects.exclude(status__in=("succeeded", "rejected")).exists()
    asked = Approval.objects.using("payments").filter(state="waiting").exists()
    parked = Checkout.objects.filter(state="parked").exists()
    return waits or asked or parked or Policy.objects.filter(status__in=IN_FORCE).exists()


def _deliveries_that_failed() -> Iterator[str]:
    for alias in APPS:
        for row in InboxEvent.objects.using(alias).exclude(last_error=""):
            yield f"{row.handler} could not take in {row.type}: {row.last_error}"


def _money_out_of_place() -> Iterator[str]:
    """Every rouble stands in the ledger once more on the other side, and ended deals keep none."""
    lines = LedgerLine.objects.values_list("account__code").annotate(sum=Sum("amount"))
    balances = {code: amount for code, amount in lines if amount}
    if sum(balances.values()):
        yield f"the ledger is out of balance: {balances}"
    if not Order.objects.exclude(status__in=ENDED).exists() and not is_money_moving():
        for held in DepositAgreement.objects.filter(state__in=("waiting", "settling")):
            code = f"order:{held.order_id}"
            balances[code] = balances.get(code, Decimal(0)) + (held.held_amount or Decimal(0))
        left = {code: amount for code, amount in balances.items() if amount and code.startswith(MONEY_OF_ENDED)}
        if left:
            yield f"an ended deal keeps money: {left}"


def _refunds_above_their_payments() -> Iterator[str]:
    gone = Refund.objects.filter(status__in=OUT_OR_TO_GO, payment=OuterRef("pk")).order_by().values("payment")
    sums = gone.annotate(sum=Sum("amount")).values("sum")
    for payment in Payment.objects.annotate(gone=sums).filter(gone__gt=F("amount")):
        yield f"of a payment of {payment.amount} {payment.gone} goes back"


def _claims_above_their_cover() -> Iterator[str]:
    """No loss is paid by other terms than its policy had when it happened."""
    for claim in Claim.objects.exclude(approved_amount=None).select_related("policy"):
        terms = claim.policy.terms.filter(starts_at__lte=claim.occurred_at).order_by("starts_at").last()
        if terms is None:
            yield f"a loss of {claim.occurred_at} was granted, before the policy began"
        elif claim.terms_id != terms.id or claim.approved_amount > terms.coverage_amount:
            yield f"{claim.approved_amount} granted by terms {claim.terms_id}, {terms.coverage_amount} at most"


def _deal(order: Order) -> Iterator[str]:
    legs = {leg.kind: leg for leg in CheckoutLeg.objects.filter(checkout_id=order.pk)}
    is_settled = order.checkout.finished_at is not None
    if order.status in ENDED and is_settled:
        yield from _left_of_ended(order, legs)
    if order.status in TOWARDS_HANDOVER and is_settled and order.excess > 0:
        asked = OrderPayment.objects.filter(order=order, asked_back__gt=F("refunded")).exists()
        if not asked and not is_money_moving():
            yield f"{order.excess} above its worth stays with an order that is {order.status}"
    for back in OrderReturn.objects.filter(order=order, state="done"):
        if back.inspected_by is None or back.decided_by == order.customer_id:
            yield "goods were taken back that nobody looked at, or by their owner's word"


def _left_of_ended(order: Order, legs: dict[str, CheckoutLeg]) -> Iterator[str]:
    """Nothing of a deal that ended goes on: no loan, no policy, no goods, no car in exchange that nobody owes."""
    if Loan.objects.filter(order_id=order.id).exclude(status="cancelled").exists():
        yield f"the order is {order.status}, and its loan goes on"
    if Policy.objects.filter(order_id=order.id, status__in=IN_FORCE).exists():
        yield f"the order is {order.status}, and a policy of it is in force"
    if order.trade_in_credit:
        yield f"the order is {order.status}, and still credits {order.trade_in_credit} for a car"
    traded = legs.get("trade_in")
    is_undone = traded is not None and traded.state == LegState.COMPENSATED
    if is_undone and not order.trade_in_owed:
        settled = OrderHistory.objects.filter(order=order, event="trade_in.settled")
        if not settled.exists():
            yield "nobody owes the buyer the car that they gave in exchange"
    if order.status == "returned" and order.lines.exclude(vin="").exists():
        yield from _car_came_back(order)


def _car_came_back(order: Order) -> Iterator[str]:
    for line in order.lines.exclude(vin=""):
        if Product.objects.filter(pk=line.product_id, stage=Stage.HANDED_OVER).exists():
            yield "the car came back, and is still with its owner"
        if Vehicle.objects.filter(customer_id=order.customer_id, vin=line.vin, left_at=None).exists():
            yield "the car came back, and still stands in its owner's garage"


def _earnest_money() -> Iterator[str]:
    """Nothing became of earnest money whose sale failed but what two people's word makes of it."""
    for free in DepositAgreement.objects.filter(kind="earnest", state="returned", held_amount=None):
        if not Refund.objects.filter(order_id=free.order_id).exclude(requested_by=None).exists():
            yield "earnest money went back by nobody's word"
    for held in DepositAgreement.objects.filter(kind="earnest").exclude(held_amount=None).select_related("order"):
        earned, doubled, back = (_balance(code) for code in ("earnest_money", "earnest_money_doubled", "deposit:"))
        if not held.fault and (earned or doubled or held.state not in ("paid", "waiting")):
            yield f"it is {held.state}, {-earned} earned and {doubled} doubled, and nobody stated a fault"
        if held.state in ("waiting", "forfeited") and held.order.amount_paid < (held.held_amount or 0):
            yield f"the deposit is {held.state}, and {held.order.amount_paid} is left of {held.held_amount}"
        if held.state == "forfeited" and (-earned, doubled) != (held.held_amount, 0):
            yield f"forfeited {held.held_amount}, earned {-earned}, doubled {doubled}"
        if held.state == "doubled" and (earned, doubled, back) != (0, held.held_amount, 0):
            yield f"doubled {held.held_amount}, the ledger says {doubled}, {-back} of it unpaid"
        if held.state in ("returned", "doubled") and held.order.amount_paid and not is_money_moving():
            yield f"the deposit is {held.state}, and {held.order.amount_paid} is still here"


def _cars_in_exchange() -> Iterator[str]:
    """A car taken in is ours once, at what the books say it cost, and what is owed for it is owed once."""
    ours = Acquisition.objects.filter(ended_at=None).aggregate(sum=Sum("cost"))["sum"] or Decimal(0)
    if _balance("used_cars") != ours:
        yield f"cars of {ours} are ours, the ledger says {_balance('used_cars')}"
    for order in Order.objects.filter(trade_in=None, trade_in_credit__gt=0, status__in=("completed", "returning")):
        yield f"{order.number} was handed over, and its car in exchange is nobody's"
    for car in TradeIn.objects.select_related("order"):
        owed = {"taken": car.surplus, "kept": car.amount}.get(car.state, Decimal(0)) - car.paid_amount
        asked = Payout.objects.filter(subject_id=car.order_id).exclude(status="succeeded")
        if not asked.exists() and -_balance(f"trade_in:{car.order_id}") != owed:
            yield f"{owed} is owed for a car, the ledger says {-_balance(f'trade_in:{car.order_id}')}"
        if car.state in ("taken", "kept") and car.order.trade_in_owed != owed:
            yield f"{owed} is owed for a car, the order says {car.order.trade_in_owed}"
    for product in Product.objects.filter(acquisitions__isnull=False, is_active=True, stage=Stage.HANDED_OVER):
        if product.acquisitions.latest("acquired_at").ended_at is not None:
            yield f"{product} went back to its owner, and is offered to others"


def _balance(code: str) -> Decimal:
    lines = LedgerLine.objects.filter(account__code__startswith=code)
    if not code.endswith(":"):
        lines = LedgerLine.objects.filter(account__code=code)
    return lines.aggregate(sum=Sum("amount"))["sum"] or Decimal(0)


def _cars_of_two_owners() -> Iterator[str]:
    owners: dict[str, list[str]] = {}
    sold = Order.objects.filter(status__in=(*WITH_BUYER, "awaiting_payment"), checkout__undo_started_at=None)
    for order in sold.prefetch_related("lines"):
        for line in order.lines.all():
            if line.vin:
                owners.setdefault(line.vin, []).append(order.number)
    for vin, numbers in owners.items():
        if len(numbers) > 1:
            yield f"{vin} is of the orders {numbers}"
    for vin in Vehicle.objects.filter(left_at=None, source="order").values_list("vin", flat=True).distinct():
        if Vehicle.objects.filter(left_at=None, source="order", vin=vin).count() > 1:
            yield f"{vin} stands in two garages"


def list_ties(person_id: UUID) -> Iterator[str]:
    """List what has to end before a person may be forgotten."""
    if Order.objects.filter(customer_id=person_id).exclude(status__in=(*ENDED, "completed")).exists():
        yield "an order on its way"
    if Loan.objects.filter(customer_id=person_id, status__in=("active", "overdue")).exists():
        yield "a loan that runs"
    if Policy.objects.filter(customer_id=person_id, status__in=IN_FORCE).exists():
        yield "a policy in force"


def list_known(person_id: UUID) -> Iterator[str]:
    """List what an erased person is still known by."""
    for card in Client.objects.of_customer(person_id):
        if card.email or card.phone or card.erased_at is None:
            yield f"a card knows {card.email} {card.phone}"
    if Vehicle.objects.filter(customer_id=person_id).exists():
        yield "a garage"
