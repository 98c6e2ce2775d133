"""The queue behind a held car: who comes next is offered it first, for a time, and nobody passes them."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connections
from django.utils import timezone

from catalog.events import StockRejected, StockReleased, StockReserved, StockSold
from core.errors import FourEyes, InvalidInput, NotFound
from core.ids import uuid7
from messaging.models import OutboxEvent, Timer
from orders import services
from orders.errors import (
    AlreadyQueued,
    CarHasQueue,
    CarIsFree,
    InsufficientStock,
    OfferOver,
    OffersIgnored,
    OneOfferAnOrder,
    QueueFull,
    TooManyHolds,
    TooManyPlaces,
    TransitionNotYours,
    WrongPlaceState,
)
from orders.models import CheckoutLeg, Order, OrderHistory, ProductCopy, QueuePlace
from orders.services import Actor, LineChange, ProductLine
from orders.tests import answers, make
from orders.tests.test_checkout import CARD, LOAN

pytestmark = pytest.mark.django_db(databases=["orders"])
FIRST, SECOND, THIRD = uuid7(), uuid7(), uuid7()
MANAGER = Actor(uuid7(), frozenset({"manager"}))


def client(customer_id):
    return Actor(customer_id, frozenset({"client"}))


def state(place):
    return QueuePlace.objects.get(pk=place.pk).state


def told(kind):
    return list(OutboxEvent.objects.using("orders").filter(type=kind).order_by("n"))


def receive(*news, now=None):
    """Deliver news twice, as a relay may."""
    for _ in range(2):
        services.follow_stock(news=news, now=now or timezone.now())


def free(car, place=None, *, available=1, reason="cancelled"):
    """The car is on sale again: what somebody held is released."""
    level = make.level(car, available)
    ProductCopy.objects.filter(pk=car).update(available=available)
    ids = {"order_id": place.offer_id, "attempt_id": place.attempt_id} if place else {}
    ids = ids or {"order_id": uuid7(), "attempt_id": uuid7()}
    return StockReleased(**ids, reason=reason, levels=[level])


def kept(place):
    place.refresh_from_db()
    ProductCopy.objects.filter(pk=place.product_id).update(available=0)
    until = timezone.now() + timedelta(hours=24)
    return StockReserved(order_id=place.offer_id, attempt_id=place.attempt_id, lines=[], levels=[], expires_at=until)


def refused(place):
    place.refresh_from_db()
    return StockRejected(
        order_id=place.offer_id, attempt_id=place.attempt_id, code="insufficient_stock", detail="", shortfalls=[]
    )


def order(customer_id, *cars):
    return make.order(customer_id=customer_id, actor=client(customer_id), lines=[ProductLine(car, 1) for car in cars])


@pytest.fixture
def car(db):
    """A car that somebody else's order holds."""
    car = make.product()
    make.order(lines=[ProductLine(car, 1)])
    ProductCopy.objects.filter(pk=car).update(available=0)
    return car


def join(car, customer_id, now=None):
    return services.join_queue(product_id=car, customer_id=customer_id, now=now or timezone.now())


def offered(car, customer_id=FIRST):
    """A place whose car is kept for it."""
    place = join(car, customer_id)
    receive(free(car))
    receive(kept(place))
    place.refresh_from_db()
    return place


def test_who_waits_longest_is_asked_first_and_once(car):
    first, second = join(car, FIRST), join(car, SECOND)
    receive(free(car))
    first.refresh_from_db()
    assert (first.state, state(second)) == ("asked", "waiting")
    (wish,) = [event for event in told("checkout.stock_requested") if event.data["order_id"] == str(first.offer_id)]
    assert wish.data["lines"] == [{"product_id": str(car), "quantity": 1}]
    assert wish.data["attempt_id"] == str(first.attempt_id)


def test_the_offers_time_runs_from_the_catalogues_word(car, settings):
    settings.QUEUE_OFFER_HOURS = 24
    place = join(car, FIRST)
    receive(free(car))
    later = timezone.now() + timedelta(hours=30)
    receive(kept(place), now=later)
    place.refresh_from_db()
    assert (place.state, place.offer_expires_at) == ("offered", later + timedelta(hours=24))
    (news,) = told("queue.offered")
    assert news.data["customer_id"] == str(FIRST)
    (longer,) = told("checkout.stock_extension_requested")
    assert longer.data["order_id"] == str(place.offer_id)
    (timer,) = Timer.objects.using("orders").filter(type="queue.offer_due")
    assert timer.due_at == later + timedelta(hours=20)


def test_only_a_car_that_another_holds_has_a_queue(car):
    with pytest.raises(CarIsFree):
        join(make.product(), FIRST)
    sold_out = make.product(available=0)
    with pytest.raises(CarIsFree):
        join(sold_out, FIRST)
    holder = Order.objects.get(lines__product_id=car).customer_id
    with pytest.raises(CarIsFree):
        join(car, holder)
    with pytest.raises(InvalidInput):
        join(UUID(int=5), FIRST)
    assert not QueuePlace.objects.exists()
    assert not told("queue.joined")


def test_goods_that_are_no_cars_have_no_queue():
    mats = make.product(kind="accessory")
    make.order(lines=[ProductLine(mats, 1)])
    ProductCopy.objects.filter(pk=mats).update(available=0)
    with pytest.raises(CarIsFree):
        join(mats, FIRST)


def test_one_place_a_person_and_car(car):
    place = join(car, FIRST)
    with pytest.raises(AlreadyQueued) as refusal:
        join(car, FIRST)
    assert refusal.value.extra == {"place_id": str(place.id)}
    services.leave_queue(place_id=place.id, customer_id=FIRST, now=timezone.now())
    again = join(car, FIRST)
    assert (state(place), again.state) == ("left", "waiting")


def test_a_person_waits_for_so_many_cars(car, settings):
    settings.QUEUE_PLACES = 1
    join(car, FIRST)
    other = make.product()
    make.order(lines=[ProductLine(other, 1)])
    ProductCopy.objects.filter(pk=other).update(available=0)
    with pytest.raises(TooManyPlaces):
        join(other, FIRST)
    assert join(other, SECOND).state == "waiting"


def test_a_queue_is_only_so_long(car, settings):
    settings.QUEUE_LENGTH = 1
    join(car, FIRST)
    with pytest.raises(QueueFull):
        join(car, SECOND)


def test_who_leaves_offers_without_an_answer_waits(car, settings):
    settings.QUEUE_SILENCES = 1
    now = timezone.now()
    for _ in range(2):
        place = offered(car)
        services.look_at_offer(place_id=place.id, offer_id=place.offer_id, now=now + timedelta(days=2))
        assert state(place) == "lapsed"
    with pytest.raises(OffersIgnored):
        join(car, FIRST, now=now + timedelta(days=3))
    assert join(car, FIRST, now=now + timedelta(days=40)).state == "waiting"


def test_nobody_passes_those_who_wait(car):
    join(car, FIRST)
    receive(free(car))
    with pytest.raises(CarHasQueue) as refusal:
        order(THIRD, car)
    assert refusal.value.extra == {"product_ids": [str(car)]}
    mine = order(THIRD, make.product())
    with pytest.raises(CarHasQueue):
        services.change_lines(order_id=mine.id, wishes=[ProductLine(car, 1)], actor=client(THIRD), now=timezone.now())
    with pytest.raises(CarHasQueue):
        make.order(customer_id=THIRD, actor=MANAGER, lines=[ProductLine(car, 1)])


def test_what_nobody_waits_for_is_for_all(car):
    join(car, FIRST)
    ProductCopy.objects.filter(pk=car).update(available=2)
    assert order(THIRD, car).total_quantity == 1


def test_a_kept_car_is_not_to_be_had_by_others(car):
    offered(car)
    with pytest.raises(InsufficientStock):
        order(THIRD, car)


def test_ordering_takes_the_offer_and_its_hold(car):
    place = offered(car)
    placed = order(FIRST, car)
    assert placed.id == place.offer_id
    leg = CheckoutLeg.objects.get(checkout_id=placed.id, kind="stock")
    wish = told("checkout.stock_requested")[-1]
    assert wish.data["replaces"] == str(place.attempt_id)
    assert wish.data["attempt_id"] == str(leg.attempt_id) != str(place.attempt_id)
    assert state(place) == "taken"
    (left,) = told("queue.left")
    assert (left.data["outcome"], left.data["order_id"]) == ("taken", str(placed.id))
    assert OrderHistory.objects.filter(order_id=placed.id, event="queue.offer_taken").count() == 1
    replaced = StockReleased(order_id=placed.id, attempt_id=place.attempt_id, reason="replaced", levels=[])
    receive(replaced)
    assert state(place) == "taken"


def test_an_offer_is_one_piece_and_one_order(car):
    offered(car)
    with pytest.raises(InsufficientStock):
        make.order(customer_id=FIRST, actor=client(FIRST), lines=[ProductLine(car, 2)])
    other = make.product()
    make.order(lines=[ProductLine(other, 1)])
    ProductCopy.objects.filter(pk=other).update(available=0)
    offered(other)
    with pytest.raises(OneOfferAnOrder):
        order(FIRST, car, other)
    assert order(FIRST, other).id == QueuePlace.objects.get(product_id=other).offer_id


def test_an_order_that_is_refused_leaves_the_offer(car, settings):
    settings.HOLDS_WITHOUT_DEPOSIT = 1
    place = offered(car)
    order(FIRST, make.product())
    with pytest.raises(TooManyHolds):
        order(FIRST, car)
    assert state(place) == "offered"
    assert not Order.objects.filter(pk=place.offer_id).exists()


def test_the_end_is_announced_once_and_then_comes(car):
    place, second = offered(car), join(car, SECOND)
    soon = place.offer_expires_at - timedelta(hours=1)
    for _ in range(2):
        services.look_at_offer(place_id=place.id, offer_id=place.offer_id, now=soon)
    assert len(told("queue.offer_ending")) == 1
    assert state(place) == "offered"
    for _ in range(2):
        services.look_at_offer(place_id=place.id, offer_id=place.offer_id, now=place.offer_expires_at)
    assert state(place) == "lapsed"
    (released,) = told("checkout.stock_release_requested")
    assert released.data["order_id"] == str(place.offer_id)
    assert state(second) == "waiting"
    receive(free(car, place, reason="offer_lapsed"))
    assert state(second) == "asked"


def test_after_its_time_an_offer_is_taken_no_more(car):
    place = offered(car)
    late = place.offer_expires_at
    with pytest.raises(OfferOver):
        make.order(customer_id=FIRST, actor=client(FIRST), lines=[ProductLine(car, 1)], now=late)
    with pytest.raises(OfferOver):
        services.require_offer(place_id=place.id, customer_id=FIRST, now=late)
    assert state(place) == "offered"
    assert not Order.objects.filter(pk=place.offer_id).exists()


def test_an_offer_of_before_is_not_ended_by_its_old_timer(car):
    place = offered(car)
    services.look_at_offer(place_id=place.id, offer_id=uuid7(), now=timezone.now() + timedelta(days=9))
    assert state(place) == "offered"


def test_declining_lets_the_next_have_it(car):
    place, second = offered(car), join(car, SECOND)
    services.leave_queue(place_id=place.id, customer_id=FIRST, now=timezone.now())
    assert (state(place), state(second)) == ("declined", "waiting")
    receive(free(car, place, reason="offer_declined"))
    assert state(second) == "asked"
    with pytest.raises(WrongPlaceState):
        services.leave_queue(place_id=place.id, customer_id=FIRST, now=timezone.now())


def test_leaving_while_the_car_is_being_kept_gives_it_back(car):
    place = join(car, FIRST)
    receive(free(car))
    services.leave_queue(place_id=place.id, customer_id=FIRST, now=timezone.now())
    assert state(place) == "left"
    (released,) = told("checkout.stock_release_requested")
    assert released.data["attempt_id"] == str(QueuePlace.objects.get(pk=place.pk).attempt_id)
    receive(kept(place))
    assert state(place) == "left"


def test_anothers_place_is_not_to_be_left(car):
    place = join(car, FIRST)
    with pytest.raises(NotFound):
        services.leave_queue(place_id=place.id, customer_id=SECOND, now=timezone.now())
    with pytest.raises(NotFound):
        services.leave_queue(place_id=uuid7(), customer_id=SECOND, now=timezone.now())
    assert state(place) == "waiting"


def test_what_the_catalogue_refuses_waits_again_and_is_asked_later(car):
    place = join(car, FIRST)
    now = timezone.now()
    receive(free(car))
    receive(refused(place))
    assert state(place) == "waiting"
    assert services.ask_for_freed_cars(now=now + timedelta(minutes=1)) == 0
    assert services.ask_for_freed_cars(now=now + timedelta(minutes=11)) == 1
    assert state(place) == "asked"
    assert services.ask_for_freed_cars(now=now + timedelta(minutes=30)) == 0


def test_a_kept_car_that_the_catalogue_let_go_is_asked_for_again(car):
    place = offered(car)
    attempt = place.attempt_id
    services.follow_stock(news=[free(car, place, reason="expired")], now=timezone.now())
    place.refresh_from_db()
    assert place.state == "asked"
    assert place.attempt_id != attempt


def test_a_sold_car_ends_its_queue(car):
    first, second = offered(car), join(car, SECOND)
    news = StockSold(order_id=uuid7(), attempt_id=uuid7(), levels=[make.level(car, 0)])
    receive(news)
    assert (state(first), state(second)) == ("sold", "sold")
    assert [event.data["outcome"] for event in told("queue.left")] == ["sold", "sold"]
    assert len(told("checkout.stock_release_requested")) == 1


def test_older_news_of_stock_asks_for_nothing(car):
    place = join(car, FIRST)
    taken = StockReserved(
        order_id=uuid7(), attempt_id=uuid7(), lines=[], levels=[make.level(car, 0, 100)], expires_at=timezone.now()
    )
    services.follow_stock(news=[free(car, reason="replaced"), taken], now=timezone.now())
    assert state(place) == "waiting"


def test_a_car_that_leaves_the_catalogue_ends_its_queue(car):
    place = join(car, FIRST)
    for _ in range(2):
        services.follow_products(gone=[car], free=[], now=timezone.now())
    assert state(place) == "gone"
    assert len(told("queue.left")) == 1


def test_a_car_that_was_counted_in_goes_to_the_next(car):
    place = join(car, FIRST)
    services.follow_products(gone=[], free=[car], now=timezone.now())
    assert state(place) == "asked"


def test_a_closed_account_waits_for_nothing(car):
    place, second = offered(car), join(car, SECOND)
    assert services.close_places(customer_id=FIRST, now=timezone.now()) == 1
    assert services.close_places(customer_id=FIRST, now=timezone.now()) == 0
    assert (state(place), state(second)) == ("closed", "waiting")
    assert len(told("checkout.stock_release_requested")) == 1


def test_a_manager_skips_with_a_reason(car):
    place, second = offered(car), join(car, SECOND)
    with pytest.raises(InvalidInput):
        services.skip_place(place_id=place.id, reason=" ", actor=MANAGER, now=timezone.now())
    with pytest.raises(TransitionNotYours):
        services.skip_place(place_id=place.id, reason="x", actor=client(SECOND), now=timezone.now())
    services.skip_place(place_id=place.id, reason="cannot be reached", actor=MANAGER, now=timezone.now())
    assert (state(place), state(second)) == ("skipped", "waiting")
    (left,) = told("queue.left")
    assert (left.data["outcome"], left.data["reason"]) == ("skipped", "cannot be reached")
    with pytest.raises(WrongPlaceState):
        services.skip_place(place_id=place.id, reason="again", actor=MANAGER, now=timezone.now())


def test_no_manager_skips_others_in_a_queue_of_theirs(car):
    place = join(car, FIRST)
    join(car, MANAGER.id)
    with pytest.raises(FourEyes):
        services.skip_place(place_id=place.id, reason="for me", actor=MANAGER, now=timezone.now())
    assert state(place) == "waiting"


def test_places_count_who_is_ahead(car):
    first, second, third = join(car, FIRST), join(car, SECOND), join(car, THIRD)
    services.leave_queue(place_id=second.id, customer_id=SECOND, now=timezone.now())
    ahead = dict(QueuePlace.objects.live().with_ahead().values_list("id", "ahead"))
    assert ahead == {first.id: 0, third.id: 1}


def test_a_raised_line_does_not_pass_them_either(car):
    mine = order(THIRD, make.product(available=2))
    line = mine.lines.get()
    ProductCopy.objects.filter(pk=line.product_id).update(available=1)
    answers.receive(answers.reserved(mine))
    QueuePlace.objects.create(product_id=line.product_id, name="x", customer_id=FIRST, joined_at=timezone.now())
    with pytest.raises(CarHasQueue):
        services.change_lines(
            order_id=mine.id, wishes=[LineChange(line.id, 2)], actor=client(THIRD), now=timezone.now()
        )


# Two at once ----------------------------------------------------------------------------------------------------------
def at_once(*actions):
    """Run all at the same moment, each with a connection of its own; returns what each raised or gave."""
    barrier, found = threading.Barrier(len(actions)), [None] * len(actions)

    def run(index, action):
        barrier.wait()
        try:
            found[index] = action()
        except Exception as error:
            found[index] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_two_releases_at_once_make_one_offer(car):
    join(car, FIRST)
    join(car, SECOND)
    news = [free(car), free(car)]
    at_once(*[lambda one=one: services.follow_stock(news=[one], now=timezone.now()) for one in news])
    assert sorted(QueuePlace.objects.values_list("state", flat=True)) == ["asked", "waiting"]


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_one_person_joins_once_at_once(car):
    found = at_once(*[lambda: join(car, FIRST)] * 3)
    assert sorted(type(one).__name__ for one in found) == ["AlreadyQueued", "AlreadyQueued", "QueuePlace"]


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_places_are_counted_once_for_cars_at_once(car, settings):
    settings.QUEUE_PLACES = 1
    other = make.product()
    make.order(lines=[ProductLine(other, 1)])
    ProductCopy.objects.filter(pk=other).update(available=0)
    at_once(lambda: join(car, FIRST), lambda: join(other, FIRST))
    assert QueuePlace.objects.live().count() == 1


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_who_joins_as_the_car_is_sold_waits_for_nothing(car):
    Order.objects.filter(lines__product_id=car).update(status="paid")
    news = StockSold(order_id=uuid7(), attempt_id=uuid7(), levels=[make.level(car, 0)])
    at_once(lambda: join(car, FIRST), lambda: services.follow_stock(news=[news], now=timezone.now()))
    assert not QueuePlace.objects.live().exists()


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_an_offer_is_taken_or_over_never_both(car):
    place = offered(car)
    over = place.offer_expires_at
    found = at_once(
        lambda: make.order(
            customer_id=FIRST,
            actor=client(FIRST),
            lines=[ProductLine(car, 1)],
            now=over - timedelta(seconds=1),
        ),
        lambda: services.look_at_offer(place_id=place.id, offer_id=place.offer_id, now=over),
    )
    is_placed = Order.objects.filter(pk=place.offer_id).exists()
    assert state(place) == ("taken" if is_placed else "lapsed"), found
    assert len(told("queue.left")) == 1
    assert bool(told("checkout.stock_release_requested")) is not is_placed


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_an_offer_is_taken_once(car):
    offered(car)
    found = at_once(*[lambda: order(FIRST, car)] * 2)
    assert sorted(type(one).__name__ for one in found) == ["InsufficientStock", "Order"]


# A checkout that a manager begins anew -------------------------------------------------------------------------------
def undone(*cars):
    """An order whose loan was refused: what it held is being given back, and a manager may begin anew."""
    made = make.order(lines=[ProductLine(car, 1) for car in cars], payment=CARD, financing=LOAN)
    answers.receive(answers.reserved(made))
    ProductCopy.objects.filter(pk__in=cars).update(available=0)
    return made


def retry(made):
    return services.steer_checkout(
        order_id=made.id, action="retry", leg="loan", reason="asked", actor=MANAGER, now=timezone.now()
    )


@pytest.mark.parametrize("available", [0, 1])
def test_a_hold_that_is_asked_for_anew_does_not_pass_those_who_wait(available):
    car = make.product()
    made = undone(car)
    place = join(car, FIRST)
    answers.receive(answers.loan_rejected(made))
    ProductCopy.objects.filter(pk=car).update(available=available)
    asked = len(told("checkout.stock_requested"))
    with pytest.raises(CarHasQueue) as refusal:
        retry(made)
    assert refusal.value.extra["product_ids"] == [str(car)]
    assert (len(told("checkout.stock_requested")), state(place)) == (asked, "waiting")
    services.leave_queue(place_id=place.id, customer_id=FIRST, now=timezone.now())
    retry(made)
    assert len(told("checkout.stock_requested")) == asked + 1


def test_a_hold_is_asked_for_anew_where_there_is_enough_for_all():
    car = make.product()
    made = undone(car)
    join(car, FIRST)
    answers.receive(answers.loan_rejected(made))
    ProductCopy.objects.filter(pk=car).update(available=2)
    asked = len(told("checkout.stock_requested"))
    retry(made)
    assert len(told("checkout.stock_requested")) == asked + 1
