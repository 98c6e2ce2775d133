"""Declare the facts that orders publishes, and what they mean to the apps that it builds upon."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from catalog.commands import HandOverUnits, SellStock
from core.approvals import ApprovalNews
from core.events import Event, event, implies
from financing.commands import ClosePurchase, RecordPurchase
from insurance.commands import RecordOwner
from payments.commands import CloseAccount, PostSale, ReceiptItem, RecordOrder, RecordOrderStatus, Supplier
from resources.commands import BookHandover, FreeHandover


class OrderLine(msgspec.Struct, frozen=True, kw_only=True):
    """A sold line as it stood at the time of the sale; `product_id` is empty on a manager's free line.

    `kind` is `policy` for a premium, and empty for all else; `vat_kind` is one of core.money.vat.VatKind, and empty
    for what is taxed as usual. `vat_amount` is told of a line by the margin scheme, `supplier` of a policy, and `marks`
    of marked goods that were handed over: a code for each piece.
    """

    name: str
    quantity: int
    unit_price: Decimal
    line_total: Decimal
    product_id: UUID | None = None
    sku: str = ""
    kind: str = ""
    vat_kind: str = ""
    vat_amount: Decimal | msgspec.UnsetType = msgspec.UNSET
    supplier: Supplier | msgspec.UnsetType = msgspec.UNSET
    marks: list[str] | msgspec.UnsetType = msgspec.UNSET


class SoldVehicle(msgspec.Struct, frozen=True, kw_only=True):
    """A car that was handed over."""

    vin: str
    name: str


@event("order.status_changed", aggregate="order", key="order_id")
class OrderStatusChanged(Event):
    """The order moved; its `sequence` is the `seq` of the live feed, counted from 1 for each order."""

    order_id: UUID
    number: str
    customer_id: UUID
    status: str
    previous: str | None
    at: datetime
    reason: str = ""
    actor: str = ""
    data: dict[str, Any] = {}


@event("order.created", aggregate="order_record", key="order_id")
class OrderCreated(Event):
    """An order was placed. `amount_payable` is its total less what a trade-in covers."""

    order_id: UUID
    number: str
    customer_id: UUID
    lines: list[OrderLine]
    total_amount: Decimal
    currency: str
    version_number: int
    amount_payable: Decimal | None = None
    legal_entity_id: UUID | None = None


@event("order.updated", aggregate="order_record", key="order_id")
class OrderUpdated(Event):
    """Lines or amounts of an order changed. `amount_payable` is its total less trade-in and premiums given back."""

    order_id: UUID
    number: str
    customer_id: UUID
    lines: list[OrderLine]
    total_amount: Decimal
    currency: str
    version_number: int
    amount_payable: Decimal | None = None
    legal_entity_id: UUID | None = None


@event("order.paid", aggregate="order_record", key="order_id")
class OrderPaid(Event):
    """Everything due was paid and every chosen leg is in place."""

    order_id: UUID
    number: str
    customer_id: UUID
    total_amount: Decimal
    currency: str
    attempt_id: UUID


@event("order.completed", aggregate="order_record", key="order_id")
class OrderCompleted(Event):
    """The keys were handed over; `vehicles` are the sold cars that have a VIN.

    `traded_in` is the VIN of a car that was given in exchange, as its owner wrote it. `lines` are told where some of
    the goods are marked, with the code of each piece.
    """

    order_id: UUID
    number: str
    customer_id: UUID
    vehicles: list[SoldVehicle] = []
    traded_in: str = ""
    lines: list[OrderLine] = []
    version_number: int = 0
    legal_entity_id: UUID | None = None


@event("order.returned", aggregate="order_record", key="order_id")
class OrderReturned(Event):
    """Goods that were handed over are back and everything is undone; `vehicles` are the cars that came back."""

    order_id: UUID
    number: str
    customer_id: UUID
    return_id: UUID
    reason: str
    vehicles: list[SoldVehicle] = []


@event("order.cancelled", aggregate="order_record", key="order_id")
class OrderCancelled(Event):
    """The order ended without a sale; `reason` says why.

    With `refund_follows` its policies are being cancelled first, and how much goes back is told by
    checkout.refund_requested.
    """

    order_id: UUID
    number: str
    customer_id: UUID
    reason: str
    refund_follows: bool = False


@event("shop.noted", aggregate="shop_news", key="subject_id", internal=True)
class ShopNews(Event):
    """Something that managers watch happened in another app: written here it has a place in their feed.

    `kind` is the name of the event heard, `data` its fields, `subject_id` the payment, application, claim or product.
    """

    subject_id: UUID
    kind: str
    at: datetime
    order_id: UUID | None = None
    customer_id: UUID | None = None
    data: dict[str, Any] = {}


@event("checkout.attention_needed", aggregate="checkout", key="order_id", internal=True)
class AttentionNeeded(Event):
    """A leg waits for a manager: `cause` is return_asked, fault_unstated (of earnest money), second_half_failed (of
    the same, returned double), trade_in_offered, _entered (priced by nobody yet), _surplus, _owed, _left, _kept or
    _unpaid, or why it was parked.
    """

    order_id: UUID
    number: str
    leg: str
    cause: str
    detail: str = ""


@event("checkout.reservation_lapsed", aggregate="checkout", key="order_id", internal=True)
class ReservationLapsed(Event):
    """A timer: the time to pay for an order is over."""

    order_id: UUID
    attempt_id: UUID


@event("order.hold_ending", aggregate="order_record", key="order_id", internal=True)
class HoldEnding(Event):
    """The stock of an order is soon let go unless its buyer acts; `kind` says what the deal waits for."""

    order_id: UUID
    number: str
    customer_id: UUID
    kind: str
    expires_at: datetime


@event("order.message_sent", aggregate="order_thread", key="order_id", internal=True)
class MessageSent(Event):
    """Somebody wrote about an order; `side` is buyer or staff, and what was written is read by `GET …/messages`.

    `number` is the order's. `is_first` when nothing of the buyer's waited for an answer before; `manager_id` is whose
    sale it is.
    """

    order_id: UUID
    number: str
    customer_id: UUID
    message_id: UUID
    side: str
    is_first: bool
    manager_id: UUID | None = None


@event("handover.asked", aggregate="handover", key="order_id", internal=True)
class HandoverAsked(Event):
    """Somebody chose a time for a hand-over. Answer: handover_place.booked or handover_place.refused."""

    order_id: UUID
    booking_id: UUID
    customer_id: UUID
    start_time: datetime
    end_time: datetime
    replaces: UUID | None = None


@event("handover.confirmed", aggregate="handover", key="order_id")
class HandoverConfirmed(Event):
    """A place is kept for a hand-over; sent again when the time or the place is another (`is_moved`)."""

    order_id: UUID
    number: str
    customer_id: UUID
    booking_id: UUID
    start_time: datetime
    time_zone: str
    location: str
    is_moved: bool = False


@event("handover.ended", aggregate="handover", key="order_id")
class HandoverEnded(Event):
    """Nothing is kept for it any more.

    `outcome` is cancelled, given_up (by its buyer), moved, refused, lost or order_over.
    """

    order_id: UUID
    number: str
    customer_id: UUID
    booking_id: UUID
    start_time: datetime
    time_zone: str
    outcome: str
    reason: str = ""


@event("handover.reminder_due", aggregate="handover", key="order_id", internal=True)
class HandoverReminder(Event):
    """A hand-over begins soon."""

    order_id: UUID
    number: str
    customer_id: UUID
    start_time: datetime
    time_zone: str
    location: str


@event("document.signing_begun", aggregate="signing", key="document_id", internal=True)
class SigningBegun(Event):
    """Somebody wants to sign a paper: `body` is the SMS with their code and its number, sealed, good until then."""

    document_id: UUID
    code_id: UUID
    customer_id: UUID
    body: str
    expires_at: datetime


@event("deposit.paid", aggregate="deposit", key="order_id", internal=True)
class DepositPaid(Event):
    """The deposit of an order was paid; the car is kept until `until`."""

    order_id: UUID
    number: str
    customer_id: UUID
    amount: Decimal
    currency: str
    until: datetime


@event("deposit.kept", aggregate="deposit", key="order_id", internal=True)
class DepositKept(Event):
    """The order is paid in full: its deposit counted towards the price."""

    order_id: UUID
    number: str
    customer_id: UUID
    amount: Decimal
    currency: str
    until: datetime


@event("deposit.returned", aggregate="deposit", key="order_id", internal=True)
class DepositReturned(Event):
    """The deposit of an order that came to nothing has gone back to its buyer."""

    order_id: UUID
    number: str
    customer_id: UUID
    amount: Decimal
    currency: str
    until: datetime


@event("deposit.held", aggregate="deposit", key="order_id", internal=True)
class DepositHeld(Event):
    """An order ended without a sale: its earnest money is held until it is stated whose fault that was."""

    order_id: UUID
    number: str
    customer_id: UUID
    amount: Decimal
    currency: str
    reason: str = ""


@event("deposit.forfeited", aggregate="deposit", key="order_id", internal=True)
class DepositForfeited(Event):
    """The sale failed by its buyer's fault, as two people found: its earnest money is the dealer's."""

    order_id: UUID
    number: str
    customer_id: UUID
    amount: Decimal
    currency: str
    reason: str = ""


@event("deposit.doubled", aggregate="deposit", key="order_id", internal=True)
class DepositDoubled(Event):
    """The sale failed by the dealer's fault: `amount` of earnest money has gone back, and as much again."""

    order_id: UUID
    number: str
    customer_id: UUID
    amount: Decimal
    currency: str
    reason: str = ""


class OfferNews(Event, frozen=True, kw_only=True):
    """A written offer as it stood when something happened to it; `number` says which version it is."""

    offer_id: UUID
    number: str
    customer_id: UUID
    manager_id: UUID
    total_amount: Decimal
    currency: str
    valid_until: date
    version_number: int


@event("offer.created", aggregate="offer", key="offer_id", internal=True)
class OfferCreated(OfferNews):
    """A manager began to write an offer, or a new version of one."""


@event("offer.changed", aggregate="offer", key="offer_id", internal=True)
class OfferChanged(OfferNews):
    """A draft of an offer was changed."""


@event("offer.sent", aggregate="offer", key="offer_id")
class OfferSent(OfferNews):
    """An offer was sent to its buyer; it holds until `valid_until`, that day included."""


@event("offer.accepted", aggregate="offer", key="offer_id")
class OfferAccepted(OfferNews):
    """An offer became an order at its terms."""

    order_id: UUID


@event("offer.declined", aggregate="offer", key="offer_id")
class OfferDeclined(OfferNews):
    """The buyer does not want what was offered."""


@event("offer.expired", aggregate="offer", key="offer_id")
class SalesOfferLapsed(OfferNews):
    """The last day of an offer passed without an answer."""


@event("offer.withdrawn", aggregate="offer", key="offer_id")
class OfferWithdrawn(OfferNews):
    """An offer was taken back, or a new version took its place."""


@event("queue.joined", aggregate="queue_place", key="place_id", internal=True)
class QueueJoined(Event):
    """Somebody waits for a car that another holds."""

    place_id: UUID
    product_id: UUID
    customer_id: UUID
    name: str


@event("queue.offered", aggregate="queue_place", key="place_id", internal=True)
class CarOffered(Event):
    """The car is kept for the first in its queue until `expires_at`."""

    place_id: UUID
    product_id: UUID
    customer_id: UUID
    name: str
    expires_at: datetime


@event("queue.offer_ending", aggregate="queue_place", key="place_id", internal=True)
class CarOfferEnding(Event):
    """An offer that nobody has answered yet ends soon."""

    place_id: UUID
    product_id: UUID
    customer_id: UUID
    name: str
    expires_at: datetime


@event("queue.left", aggregate="queue_place", key="place_id", internal=True)
class QueueLeft(Event):
    """A place ended; `outcome` is taken, left, declined, lapsed, skipped, sold, gone or closed.

    `order_id` is the order that took the offer, `reason` a manager's.
    """

    place_id: UUID
    product_id: UUID
    customer_id: UUID
    name: str
    outcome: str
    reason: str = ""
    order_id: UUID | None = None


@event("queue.offer_due", aggregate="queue_place", key="place_id", internal=True)
class OfferDue(Event):
    """A timer: an offer is to be announced as ending, or is over."""

    place_id: UUID
    product_id: UUID
    offer_id: UUID


@event("order.payment_agreement_needed", aggregate="order_record", key="order_id", internal=True)
class PaymentAgreementNeeded(Event):
    """A planned charge was dropped: it would have taken more than the buyer agreed to. `amount` is theirs to pay."""

    order_id: UUID
    number: str
    customer_id: UUID
    amount: Decimal
    currency: str


@event("checkout.leg_timed_out", aggregate="checkout", key="order_id", internal=True)
class LegTimedOut(Event):
    """A timer: a leg has not been answered in time."""

    order_id: UUID
    attempt_id: UUID
    leg: str


@event("checkout.undo_overdue", aggregate="checkout", key="order_id", internal=True)
class UndoOverdue(Event):
    """A timer: what a checkout did has not been undone within a day."""

    order_id: UUID


@event("orders.approval_changed", aggregate="approval", key="approval_id", internal=True)
class OrderApprovalChanged(ApprovalNews):
    """An action of this app began to wait for a second person, or its waiting ended."""


# What these facts mean to payments -----------------------------------------------------------------------------------
@implies(OrderCreated, OrderUpdated, command=RecordOrder)
def record_order(fact: OrderCreated | OrderUpdated) -> RecordOrder:
    """Have payments know what may be paid, and by whom."""
    return RecordOrder(
        order_id=fact.order_id,
        customer_id=fact.customer_id,
        number=fact.number,
        amount=fact.total_amount if fact.amount_payable is None else fact.amount_payable,
        currency=fact.currency,
        version_number=fact.version_number,
        receipt=_name_on_receipt(fact),
    )


def _name_on_receipt(fact: OrderCreated | OrderUpdated | OrderCompleted) -> list[ReceiptItem]:
    """Say what an order sells, and how it is taxed: a marked piece has a line of its own, with its code."""
    items = [(_name_line(line, fact.legal_entity_id), line.marks or []) for line in fact.lines]
    return [one for item, codes in items for one in _name_pieces(item, codes)]


def _name_pieces(item: ReceiptItem, codes: list[str]) -> list[ReceiptItem]:
    """Take the pieces that have a code out of a line; what is left of it has none."""
    price, left = item.unit_price, item.quantity - len(codes)
    pieces = [
        msgspec.structs.replace(item, quantity=1, amount=price, subject="marked", marking_code=code) for code in codes
    ]
    rest = [msgspec.structs.replace(item, quantity=left, amount=item.amount - price * len(codes))] if left else []
    return pieces + rest


def _name_line(line: OrderLine, seller_id: UUID | None) -> ReceiptItem:
    """Say what a line sells: goods have an id, and a manager's free line is a service."""
    subject = "commodity" if line.product_id else "service"
    return ReceiptItem(
        name=line.name,
        quantity=line.quantity,
        unit_price=line.unit_price,
        amount=line.line_total,
        subject="insurance_premium" if line.kind == "policy" else subject,
        vat_kind=line.vat_kind,
        seller_id=seller_id,
        vat_amount=line.vat_amount or None,
        supplier=line.supplier or None,
    )


@implies(OrderStatusChanged, OrderCancelled, command=RecordOrderStatus)
def record_status(fact: OrderStatusChanged | OrderCancelled) -> RecordOrderStatus:
    """Have payments know where the order stands."""
    status = fact.status if isinstance(fact, OrderStatusChanged) else "cancelled"
    return RecordOrderStatus(order_id=fact.order_id, status=status)


@implies(OrderCancelled, command=CloseAccount)
def close_account(fact: OrderCancelled) -> CloseAccount:
    """Have no more money taken."""
    return CloseAccount(order_id=fact.order_id, reason=fact.reason, refund_follows=fact.refund_follows)


@implies(OrderCompleted, command=PostSale)
def post_sale(fact: OrderCompleted) -> PostSale:
    """Have what was paid earned."""
    return PostSale(
        order_id=fact.order_id,
        customer_id=fact.customer_id,
        version_number=fact.version_number,
        receipt=_name_on_receipt(fact),
    )


# What these facts mean to catalog ------------------------------------------------------------------------------------
@implies(OrderPaid, command=SellStock)
def sell_stock(fact: OrderPaid) -> SellStock:
    """Have what is held counted as sold."""
    return SellStock(order_id=fact.order_id, attempt_id=fact.attempt_id)


@implies(OrderCompleted, command=HandOverUnits)
def hand_over_units(fact: OrderCompleted) -> HandOverUnits:
    """Have the vehicles known as their owner's."""
    return HandOverUnits(order_id=fact.order_id)


# What these facts mean to financing and insurance --------------------------------------------------------------------
@implies(OrderCreated, OrderUpdated, command=RecordPurchase)
def record_purchase(fact: OrderCreated | OrderUpdated) -> RecordPurchase:
    """Have known what a loan may be asked for."""
    return RecordPurchase(
        order_id=fact.order_id,
        customer_id=fact.customer_id,
        number=fact.number,
        total_amount=fact.total_amount,
        currency=fact.currency,
        version_number=fact.version_number,
        product_ids=[line.product_id for line in fact.lines if line.product_id],
    )


@implies(OrderPaid, OrderCancelled, command=ClosePurchase)
def close_purchase(fact: OrderPaid | OrderCancelled) -> ClosePurchase:
    """Have no loan asked for any more."""
    return ClosePurchase(order_id=fact.order_id, is_paid=isinstance(fact, OrderPaid))


@implies(OrderCreated, OrderUpdated, command=RecordOwner)
def record_owner(fact: OrderCreated | OrderUpdated) -> RecordOwner:
    """Have known whose policies the order's are, and of which cars."""
    products = [line.product_id for line in fact.lines if line.product_id]
    return RecordOwner(order_id=fact.order_id, customer_id=fact.customer_id, product_ids=products)


# What these facts mean to resources ----------------------------------------------------------------------------------
@implies(HandoverAsked, command=BookHandover)
def book_handover(fact: HandoverAsked) -> BookHandover:
    """Have a place taken; the booking has the appointment's id."""
    return BookHandover(
        booking_id=fact.booking_id,
        order_id=fact.order_id,
        start_time=fact.start_time,
        end_time=fact.end_time,
        replaces=fact.replaces,
    )


@implies(HandoverEnded, command=FreeHandover)
def free_handover(fact: HandoverEnded) -> FreeHandover:
    """Have freed what was kept."""
    return FreeHandover(booking_id=fact.booking_id, order_id=fact.order_id)
