"""React to what orders hears of."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.dispatch import receiver
from django.utils import timezone

from accounts.events import UserDeactivated
from catalog.events import (
    CategoryChanged,
    ProductCostChanged,
    ProductCreated,
    ProductDeleted,
    ProductUpdated,
    StockLow,
    StockRejected,
    StockReleased,
    StockReserved,
    StockReturned,
    StockSold,
)
from core.approvals import JoinCards, KnowCard, KnowCompany, KnowPerson
from core.db import database_now
from core.errors import WrongTransition
from core.events import Event
from financing.events import (
    ApplicationAccepted,
    ApplicationApproved,
    ApplicationRejected,
    ApplicationSubmitted,
    ApplicationWithdrawn,
    LoanDisbursed,
)
from gateway.approvals import follow_cards
from gateway.people import follow_people
from insurance.events import ClaimDecided, ClaimOpened, ClaimPaid, PremiumOwed
from messaging.delivery.deliveries import current_deliveries
from messaging.publishing.envelope import published_at
from messaging.signals import delivery_parked
from messaging.subscriptions import subscribe
from orders import services
from orders.events import (
    CarOffered,
    MessageSent,
    OfferDue,
    OrderCancelled,
    OrderCompleted,
    QueueJoined,
    QueueLeft,
)
from orders.services.checkout import REACTS_TO
from orders.services.queue import HANDLER as QUEUE_TIMER
from orders.services.saga import HANDLER
from payments.events import (
    ForfeitSettled,
    LegalEntityChanged,
    PaymentCompleted,
    PaymentCreated,
    PaymentFailed,
    PaymentRefunded,
    PaymentRefundFailed,
    PayoutSettled,
)
from resources.events import HandoverPlaceBooked, HandoverPlaceLost, HandoverPlaceMoved, HandoverPlaceRefused


@subscribe(*REACTS_TO, name=HANDLER, partition_key="order_id", final=(WrongTransition, RecursionError))
def advance_checkout(event: Event) -> None:
    """Carry the saga of an order one step on; news that its state cannot take in is a manager's at once."""
    services.react(event=event, now=database_now("orders"))


@subscribe(ForfeitSettled, PayoutSettled, start="now", on_parked="continue")
def settle_deposit(event: ForfeitSettled | PayoutSettled) -> None:
    """Note what became of earnest money whose sale failed, and of money for a car taken in exchange."""
    if isinstance(event, ForfeitSettled):
        services.record_forfeit(event=event, now=database_now("orders"))
    else:
        services.record_payout(event=event, now=database_now("orders"))
        services.record_price(event=event, now=database_now("orders"))


@subscribe(HandoverPlaceBooked, HandoverPlaceRefused, HandoverPlaceMoved, HandoverPlaceLost, partition_key="order_id")
def follow_handover_place(
    event: HandoverPlaceBooked | HandoverPlaceRefused | HandoverPlaceMoved | HandoverPlaceLost,
) -> None:
    """Hear what became of the place of a hand-over."""
    now = database_now("orders")
    match event:
        case HandoverPlaceBooked():
            services.confirm_handover(
                booking_id=event.booking_id, location=event.location, time_zone=event.time_zone, now=now
            )
        case HandoverPlaceRefused():
            services.refuse_handover(booking_id=event.booking_id, code=event.code, now=now)
        case HandoverPlaceMoved():
            services.move_place(
                booking_id=event.booking_id, location=event.location, time_zone=event.time_zone, now=now
            )
        case HandoverPlaceLost():
            services.lose_handover(booking_id=event.booking_id, reason=event.reason, now=now)


@subscribe(OrderCompleted, OrderCancelled, start="now", on_parked="continue", partition_key="order_id")
def end_handovers(event: OrderCompleted | OrderCancelled) -> None:
    """End what was arranged for an order that is over."""
    services.end_handovers(
        order_id=event.order_id, is_handed_over=isinstance(event, OrderCompleted), now=database_now("orders")
    )


@subscribe(PremiumOwed, partition_key="policy_id", name="orders.note_returned_premium")
def record_returned_premium(event: PremiumOwed) -> None:
    """Stop asking for a premium that goes back; a policy bought by itself is no order's."""
    if event.order_id is not None:
        services.record_returned_premium(
            order_id=event.order_id, amount=event.amount, reason=event.reason, now=database_now("orders")
        )


@receiver(delivery_parked)
def park_checkout(sender: object, alias: str, handler: str, partition_key: str, **_: Any) -> None:
    """Show managers the checkout whose news could not be taken in."""
    if (alias, handler) == ("orders", HANDLER):
        services.attend_checkouts(order_id=UUID(partition_key), now=database_now("orders"))


@subscribe(ProductCreated, ProductUpdated, ProductDeleted, batch=True, replayable=True)
def copy_products(events: Sequence[ProductCreated | ProductUpdated | ProductDeleted]) -> None:
    """Keep names and prices at hand."""
    services.copy_products(events=events)


@subscribe(CategoryChanged, batch=True, replayable=True)
def copy_category_taxes(events: Sequence[CategoryChanged]) -> None:
    """Keep at hand how goods are taxed that say nothing of it themselves."""
    services.copy_category_taxes(events=events)


@subscribe(ProductCostChanged, batch=True, replayable=True)
def copy_costs(events: Sequence[ProductCostChanged]) -> None:
    """Keep at hand what goods cost, apart from what buyers are shown."""
    services.copy_costs(events=events)


@subscribe(StockReserved, StockReleased, StockReturned, StockSold, batch=True, replayable=True)
def copy_stock_levels(events: Sequence[StockReserved | StockReleased | StockReturned | StockSold]) -> None:
    """Keep what can be had at hand, so that a sold-out product is refused at once."""
    newest = {level.product_id: level for event in events for level in event.levels}
    for event in events:
        for level in event.levels:
            if level.version > newest[level.product_id].version:
                newest[level.product_id] = level
    services.copy_stock_levels(levels=list(newest.values()))


@subscribe(
    StockReserved, StockRejected, StockReleased, StockReturned, StockSold, batch=True, start="now", on_parked="continue"
)
def serve_queues(events: Sequence[StockReserved | StockRejected | StockReleased | StockReturned | StockSold]) -> None:
    """Offer a car that came free to the next in its queue, and end the queue of a sold one."""
    services.follow_stock(news=events, now=database_now("orders"))


@subscribe(ProductCreated, ProductUpdated, ProductDeleted, batch=True, start="now", on_parked="continue")
def follow_queued_cars(events: Sequence[ProductCreated | ProductUpdated | ProductDeleted]) -> None:
    """End the queues of cars that left the catalogue; one that was counted in goes to the next."""
    newest = {event.product_id: event for event in events}
    on_sale = {pk: event for pk, event in newest.items() if not isinstance(event, ProductDeleted) and event.is_active}
    free = [pk for pk, event in on_sale.items() if event.available > 0]
    services.follow_products(gone=newest.keys() - on_sale.keys(), free=free, now=database_now("orders"))


@subscribe(OfferDue, name=QUEUE_TIMER, partition_key="product_id")
def end_offers(event: OfferDue) -> None:
    """Announce the end of an offer, or give the car to the next."""
    services.look_at_offer(place_id=event.place_id, offer_id=event.offer_id, now=database_now("orders"))


@subscribe(UserDeactivated)
def close_places(event: UserDeactivated) -> None:
    """Nobody is offered anything whose account is closed."""
    now = database_now("orders")
    services.close_places(customer_id=event.user_id, now=now)
    services.withdraw_for_leaver(customer_id=event.user_id, now=now)


WATCHED = (
    PaymentCreated, PaymentCompleted, PaymentFailed, PaymentRefunded, PaymentRefundFailed,
    ApplicationSubmitted, ApplicationApproved, ApplicationRejected, ApplicationAccepted, ApplicationWithdrawn,
    LoanDisbursed, ClaimOpened, ClaimDecided, ClaimPaid, StockLow, QueueJoined, CarOffered, QueueLeft, MessageSent,
)  # fmt: skip
"""What managers watch besides the orders themselves."""


@subscribe(*WATCHED, on_parked="continue", name="orders.tell_managers")
def notify_managers(event: Event) -> None:
    """Put the news on the managers' feed, at the moment it was published."""
    deliveries = current_deliveries()
    happened_at = published_at(deliveries[-1].event_id) if deliveries else timezone.now()
    services.record_news(event=event, happened_at=happened_at, now=database_now("orders"))


@subscribe(KnowCard, JoinCards, KnowCompany, partition_key="client_id", on_parked="continue", replayable=True)
def know_cards(command: KnowCard | JoinCards | KnowCompany) -> None:
    """Know whose client card it is: nobody acts as staff on what is theirs by their card; and which are companies'."""
    if isinstance(command, KnowCompany):
        services.know_company(command=command)
    else:
        follow_cards("orders", command)


@subscribe(LegalEntityChanged, batch=True, replayable=True)
def copy_legal_entities(events: Sequence[LegalEntityChanged]) -> None:
    """Keep at hand who sells, and by which tax regime."""
    services.copy_legal_entities(events=events)


@subscribe(KnowPerson, batch=True, on_parked="continue", replayable=True, can_wait=True)
def know_people(commands: Sequence[KnowPerson]) -> None:
    """Know people by name, phone and e-mail: staff see whom each row is about, and find it by them."""
    follow_people("orders", commands)
