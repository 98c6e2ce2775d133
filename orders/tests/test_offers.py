"""Written offers: drafted, sent, answered, and ordered at exactly their terms."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

import accounts.tests.make
from clients.tests import make as cards
from core.clock import dealer_day
from core.db import database_now
from core.errors import FourEyes, WrongTransition
from core.ids import uuid7
from core.testing import Api
from gateway.approvals import Waits, approve, know_card
from gateway.models import Approval
from messaging.models import OutboxEvent
from messaging.testing import published
from orders import services
from orders.errors import BelowCost, InsufficientStock, OfferedGoodsGone, OfferExpired, PriceChanged
from orders.models import OfferHistory, OfferPaper, Order, OrderDiscount, ProductCopy, SalesOffer
from orders.services import Actor, Bargain, ProductLine
from orders.services.offers import read_terms
from orders.tests import make
from orders.tests.pdf import extract_text

pytestmark = pytest.mark.django_db(databases=["orders", "accounts", "catalog"])
PRICE = Decimal("1000000.00")


def manager(*roles):
    return Actor(uuid7(), frozenset(roles or {"manager"}))


def buyer(offer):
    return Actor(offer.customer_id, frozenset({"client"}))


def accept(offer, actor=None, now=None):
    return services.accept_offer(offer_id=offer.id, actor=actor or buyer(offer), now=now or timezone.now())


def told(kind):
    return OutboxEvent.objects.using("orders").filter(type=kind).count()


def set_price(product_id, **fields):
    ProductCopy.objects.filter(pk=product_id).update(**fields)


def test_an_offer_becomes_an_order_at_exactly_its_terms():
    seller, car = manager(), make.product()
    mats = make.product(price="25000.00", kind="accessory", available=9)
    lines = [ProductLine(car, 1, Bargain(amount=Decimal("40000.00"), reason="last one")), ProductLine(mats, 2)]
    offer = make.offer(actor=seller, lines=lines)
    set_price(car, price=Decimal("1300000.00"))
    make.promotion(percent=Decimal(3))
    order = accept(offer)
    sold = order.lines.get(product_id=car)
    assert (sold.list_price, sold.unit_price, order.total_amount) == (PRICE, Decimal(960_000), Decimal(1_010_000))
    assert (order.customer_id, order.manager_id, order.discount_total) == (offer.customer_id, seller.id, 40_000)
    assert [one["source"] for one in sold.discounts] == ["manager"]
    row = OrderDiscount.objects.get()
    assert (row.line_id, row.amount, row.reason, row.actor_id) == (sold.id, 40_000, "last one", seller.id)
    offer.refresh_from_db()
    assert (offer.state, offer.order_id) == ("accepted", order.id)
    events = list(OfferHistory.objects.filter(offer=offer).order_by("id").values_list("event", flat=True))
    assert events == ["offer.created", "offer.sent", "offer.accepted"]
    assert [told(f"offer.{what}") for what in ("created", "sent", "accepted")] == [1, 1, 1]


def test_a_lower_price_of_today_changes_nothing_either():
    car = make.product()
    offer = make.offer(lines=[ProductLine(car, 1)])
    set_price(car, price=Decimal("900000.00"))
    assert accept(offer).total_amount == PRICE


def test_accepted_twice_it_is_one_order():
    offer = make.offer()
    assert accept(offer).id == accept(offer, manager()).id
    assert (Order.objects.count(), told("offer.accepted")) == (1, 1)


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"available": 0}, InsufficientStock),
        ({"is_active": False}, OfferedGoodsGone),
    ],
)
def test_goods_that_are_gone_are_refused_clearly(change, refusal):
    car = make.product()
    offer = make.offer(lines=[ProductLine(car, 1)])
    set_price(car, **change)
    with pytest.raises(refusal):
        accept(offer)
    offer.refresh_from_db()
    assert (offer.state, Order.objects.count()) == ("sent", 0)


def test_a_price_in_another_currency_is_refused_clearly():
    car, client = make.product(), Api("client")
    offer = make.offer(lines=[ProductLine(car, 1)], customer_id=client.user_id)
    set_price(car, currency="EUR")
    refused = client.post(f"/offers/{offer.id}/order")
    assert (refused.status_code, refused.json()["code"]) == (409, "currency_mismatch")
    assert not Order.objects.exists()


def test_a_sold_car_is_not_offered():
    with pytest.raises(InsufficientStock):
        make.offer(lines=[ProductLine(make.product(available=0), 1)])
    assert not SalesOffer.objects.exists()


def test_an_offer_is_over_by_its_day_before_and_after_the_beat():
    offer = make.offer(valid_until=dealer_day(timezone.now()))
    tomorrow = timezone.now() + timedelta(days=1)
    with pytest.raises(OfferExpired):
        accept(offer, now=tomorrow)
    assert services.expire_offers(now=timezone.now()) == 0
    assert (services.expire_offers(now=tomorrow), services.expire_offers(now=tomorrow)) == (1, 0)
    with pytest.raises(OfferExpired):
        accept(offer, now=tomorrow)
    offer.refresh_from_db()
    assert (offer.state, told("offer.expired")) == ("expired", 1)
    assert OfferHistory.objects.get(event="offer.expired").actor_id is None


def test_what_was_sent_is_not_changed_but_revised():
    offer, seller = make.offer(), manager()
    with pytest.raises(WrongTransition):
        services.change_offer(offer_id=offer.id, changes={"comment": "x"}, actor=seller, now=timezone.now())
    revision = services.revise_offer(offer_id=offer.id, actor=seller, now=timezone.now())
    assert (revision.known_as, revision.state, revision.total_amount) == (f"{offer.number}/2", "draft", PRICE)
    assert services.revise_offer(offer_id=offer.id, actor=seller, now=timezone.now()).id == revision.id
    cheaper = [ProductLine(line.product_id, 1, Bargain(unit_price=Decimal("990000.00"))) for line in goods(offer)]
    services.change_offer(offer_id=revision.id, changes={"lines": cheaper}, actor=seller, now=timezone.now())
    offer.refresh_from_db()
    assert offer.state == "sent"
    services.send_offer(offer_id=revision.id, actor=seller, now=timezone.now())
    offer.refresh_from_db()
    assert offer.state == "withdrawn"
    with pytest.raises(WrongTransition):
        accept(offer)
    assert accept(SalesOffer.objects.get(pk=revision.pk)).total_amount == Decimal(990_000)


def goods(offer):
    return read_terms(offer).lines


def test_a_revision_of_what_was_accepted_meanwhile_is_not_sent():
    offer, seller = make.offer(), manager()
    revision = services.revise_offer(offer_id=offer.id, actor=seller, now=timezone.now())
    accept(offer)
    with pytest.raises(WrongTransition):
        services.send_offer(offer_id=revision.id, actor=seller, now=timezone.now())


def test_a_draft_is_sent_only_at_the_prices_it_was_written_by():
    car = make.product()
    bargain = Bargain(unit_price=Decimal("980000.00"), reason="a friend of the house")
    draft = make.offer(lines=[ProductLine(car, 1, bargain)], is_sent=False)
    for price in ("1100000.00", "970000.00"):
        set_price(car, price=Decimal(price))
        with pytest.raises(PriceChanged):
            services.send_offer(offer_id=draft.id, actor=manager(), now=timezone.now())
    draft.refresh_from_db()
    assert (draft.state, OfferPaper.objects.count()) == ("draft", 0)


@pytest.mark.parametrize(("roles", "alone"), [({"manager"}, "5"), ({"admin"}, "15")])
def test_above_what_a_role_may_take_off_a_second_person_agrees(settings, roles, alone):
    settings.DISCOUNT_FOUR_EYES_ABOVE = Decimal(10_000_000)
    seller = manager(*roles)
    make.offer(actor=seller, lines=[ProductLine(make.product(), 1, Bargain(percent=Decimal(alone), reason="x"))])
    more = Bargain(percent=Decimal(alone) + 1, reason="the last of its year")
    draft = make.offer(actor=seller, lines=[ProductLine(make.product(), 1, more)], is_sent=False)
    with pytest.raises(Waits):
        services.send_offer(offer_id=draft.id, actor=seller, now=timezone.now())
    draft.refresh_from_db()
    asked = Approval.objects.using("orders").get()
    assert (draft.state, asked.kind, asked.reason) == ("draft", "orders.offer", "the last of its year")
    approve(alias="orders", approval_id=asked.id, person_id=uuid7(), now=timezone.now())
    draft.refresh_from_db()
    assert draft.state == "sent"
    assert accept(draft).discount_total == draft.discount_total
    events = OfferHistory.objects.filter(offer=draft, event__startswith="approval.").order_by("id")
    assert list(events.values_list("event", flat=True)) == ["approval.waiting", "approval.approved"]


def test_discounts_and_offers_share_one_day(settings):
    settings.DISCOUNT_FOUR_EYES_ABOVE = Decimal(50_000)
    seller, order = manager(), make.order()
    off = Bargain(amount=Decimal(30_000), reason="x")
    services.agree_prices(order_id=order.id, bargains={order.lines.get().id: off}, actor=seller, now=timezone.now())
    draft = make.offer(actor=seller, lines=[ProductLine(make.product(), 1, off)], is_sent=False)
    with pytest.raises(Waits):
        services.send_offer(offer_id=draft.id, actor=seller, now=timezone.now())


def test_a_changed_draft_is_asked_about_anew(settings):
    settings.DISCOUNT_FOUR_EYES_ABOVE = Decimal(10)
    seller, car = manager(), make.product()
    off = Bargain(amount=Decimal(1_000), reason="x")
    draft = make.offer(actor=seller, lines=[ProductLine(car, 1, off)], is_sent=False)
    with pytest.raises(Waits):
        services.send_offer(offer_id=draft.id, actor=seller, now=timezone.now())
    more = [ProductLine(car, 1, Bargain(amount=Decimal(2_000), reason="x"))]
    services.change_offer(offer_id=draft.id, changes={"lines": more}, actor=seller, now=timezone.now())
    assert Approval.objects.using("orders").get().state != "waiting"


def test_below_cost_is_said_and_agreed_to_by_two():
    car = make.product(cost="990000.00")
    lines = [ProductLine(car, 1, Bargain(amount=Decimal(20_000), reason="x"))]
    with pytest.raises(BelowCost):
        make.offer(lines=lines)
    seller = manager()
    draft = make.offer(actor=seller, lines=lines, below_cost=True, is_sent=False)
    with pytest.raises(Waits):
        services.send_offer(offer_id=draft.id, actor=seller, now=timezone.now())
    approve(
        alias="orders", approval_id=Approval.objects.using("orders").get().id, person_id=uuid7(), now=timezone.now()
    )
    assert accept(draft).total_amount == Decimal(980_000)


def test_nobody_offers_to_themselves():
    seller = manager()
    with pytest.raises(FourEyes):
        make.offer(actor=seller, customer_id=seller.id)
    card = uuid7()
    know_card("orders", card_id=card, user_id=seller.id)
    with pytest.raises(FourEyes):
        make.offer(actor=seller, customer_id=card)
    assert not SalesOffer.objects.exists()


def test_its_vat_is_that_of_who_sells():
    make.legal_entity()
    offer = make.offer()
    order = accept(offer)
    [line] = SalesOffer.objects.get(pk=offer.pk).lines
    assert Decimal(line["vat_amount"]) == order.vat_total == Decimal("180327.87")


def test_a_person_who_leaves_is_offered_nothing():
    offer = make.offer()
    services.withdraw_for_leaver(customer_id=offer.customer_id, now=timezone.now())
    offer.refresh_from_db()
    assert offer.state == "withdrawn"


def test_what_waits_for_a_leaver_and_what_their_card_was_offered_ends_too(settings):
    settings.DISCOUNT_FOUR_EYES_ABOVE = Decimal(10)
    leaver, card, seller = uuid7(), uuid7(), manager()
    know_card("orders", card_id=card, user_id=leaver)
    lines = [ProductLine(make.product(), 1, Bargain(amount=Decimal(1_000), reason="x"))]
    draft = make.offer(actor=seller, lines=lines, customer_id=card, is_sent=False)
    with pytest.raises(Waits):
        services.send_offer(offer_id=draft.id, actor=seller, now=timezone.now())
    services.withdraw_for_leaver(customer_id=leaver, now=timezone.now())
    draft.refresh_from_db()
    assert (draft.state, Approval.objects.using("orders").get().state) == ("withdrawn", "expired")


def account():
    """A buyer whose account exists."""
    return Api("client", user_id=accounts.tests.make.user("client").id)


def sent_by_api(desk, client, **more):
    body = {
        "customer_id": str(client.user_id),
        "items": [{"product_id": str(make.product()), "discount": {"amount": "40000.00", "reason": "last one"}}],
        "valid_until": str(dealer_day(database_now("orders")) + timedelta(days=5)),
    }
    made = desk.post("/offers", body | more)
    assert made.status_code == 201, made.json()
    sent = desk.post(f"/offers/{made.json()['id']}/send")
    assert sent.status_code == 200, sent.json()
    return sent.json()


def test_an_offer_over_http_from_the_draft_to_the_order():
    desk, client = Api("manager"), account()
    offer = sent_by_api(desk, client, comment="Шины в подарок не входят")
    path = f"/offers/{offer['id']}"
    assert (offer["state"], offer["total_amount"], offer["discount_total"]) == ("sent", "960000.00", "40000.00")
    [item] = client.get(path).json()["items"]
    assert (item["list_price"], item["unit_price"], item["discount_amount"]) == ("1000000.00", "960000.00", "40000.00")
    assert "reason" not in item, "why it is cheaper is staff's"
    paper = client.get(f"{path}/document")
    text = extract_text(paper.content)
    assert [word in text for word in (offer["number"], "960 000,00", "Шины", "40 000,00")] == [True] * 4
    assert client.get(f"{path}/document").content == paper.content
    assert [row["event"] for row in desk.get(f"{path}/timeline").json()["results"]] == ["offer.created", "offer.sent"]
    ordered = client.post(f"{path}/order")
    assert (ordered.status_code, ordered.json()["total_amount"]) == (201, "960000.00")
    again = desk.post(f"{path}/order")
    assert again.json()["id"] == ordered.json()["id"]
    assert client.get(path).json()["order_id"] == ordered.json()["id"]
    assert client.post(f"{path}/decline").status_code == 409


def test_a_stranger_and_a_draft_are_not_found():
    desk, client = Api("manager"), Api("client")
    offer = make.offer(customer_id=client.user_id, is_sent=False)
    path = f"/offers/{offer.id}"
    for caller in (client, Api("client")):
        for call in (caller.get(path), caller.get(f"{path}/document")):
            assert call.status_code == 404
        assert [caller.post(f"{path}/{step}").status_code for step in ("order", "decline")] == [404, 404]
        assert caller.get("/offers").json()["results"] == []
    services.withdraw_offer(offer_id=offer.id, actor=manager(), now=timezone.now())
    assert client.get(path).status_code == 404, "a draft that was thrown away was never theirs"
    assert desk.get(path).json()["state"] == "withdrawn"
    assert desk.get(f"{path}/document").status_code == 404
    assert not Order.objects.exists()


def test_an_offer_is_declined_with_a_word():
    client = Api("client")
    offer = make.offer(customer_id=client.user_id)
    said = client.post(f"/offers/{offer.id}/decline", {"reason": "too dear"}).json()
    assert (said["state"], said["reason"], told("offer.declined")) == ("declined", "too dear", 1)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"valid_until": "2020-01-01"}, "valid_until"),
        ({"valid_until": "2099-01-01"}, "valid_until"),
        ({"items": []}, "items"),
        ({"items": [{"product_id": str(uuid7())}]}, ""),
        ({"legal_entity_id": str(uuid7())}, "legal_entity_id"),
        ({"language": "fr"}, "language"),
    ],
)
def test_bad_terms_are_refused(wrong, field):
    desk = Api("manager")
    body = {
        "customer_id": str(accounts.tests.make.user("client").id),
        "items": [{"product_id": str(make.product())}],
        "valid_until": str(dealer_day(database_now("orders"))),
    }
    refused = desk.post("/offers", body | wrong)
    assert refused.status_code in (400, 409), refused.json()
    if field:
        assert refused.json()["errors"][0]["field"].startswith(field)
    assert not SalesOffer.objects.exists()
    assert not published("orders")


@pytest.mark.django_db(databases=["orders", "accounts", "catalog", "clients"])
def test_an_offer_for_a_client_card_is_its_accounts_or_its_own():
    desk, card = Api("manager"), cards.client()
    offer = sent_by_api(desk, Api("client", user_id=card.id))
    assert offer["customer_id"] == str(card.id)
    assert card.name in extract_text(desk.get(f"/offers/{offer['id']}/document").content)
    assert desk.post(f"/offers/{offer['id']}/order").json()["customer_id"] == str(card.id)


def test_a_sent_offer_is_revised_and_taken_back_over_http():
    desk, client = Api("manager"), account()
    offer = sent_by_api(desk, client)
    revision = desk.post(f"/offers/{offer['id']}/revise")
    assert (revision.status_code, revision.json()["number"]) == (201, f"{offer['number']}/2")
    path = f"/offers/{revision.json()['id']}"
    changed = desk.patch(path, {"comment": "x"}, if_match='"1"')
    assert (changed.status_code, changed.json()["comment"]) == (200, "x")
    assert desk.patch(path, {"comment": "y"}, if_match='"1"').status_code == 412
    [item] = desk.patch(path, {"items": [{"product_id": offer["items"][0]["product_id"]}]}).json()["items"]
    assert item["quantity"] == 1, "goods have their defaults in a PATCH too"
    assert desk.patch(f"/offers/{offer['id']}", {"comment": "y"}).json()["code"] == "wrong_transition"
    taken_back = desk.post(f"{path}/withdraw", {"reason": "a mistake"}).json()
    assert (taken_back["state"], taken_back["comment"]) == ("withdrawn", "x")
    assert [client.get(where).status_code for where in (path, f"/offers/{offer['id']}")] == [404, 200]


def test_above_the_limit_sending_waits_over_http():
    desk, client = Api("manager"), account()
    body = {
        "customer_id": str(client.user_id),
        "items": [{"product_id": str(make.product()), "discount": {"percent": "50", "reason": "x"}}],
        "valid_until": str(dealer_day(database_now("orders"))),
    }
    path = f"/offers/{desk.post('/offers', body).json()['id']}"
    waits = desk.post(f"{path}/send")
    assert (waits.status_code, waits.json()["approval"]["kind"]) == (202, "orders.offer")
    shown = desk.get(path).json()
    assert (shown["state"], len(shown["pending_approvals"])) == ("draft", 1)
    assert client.get(path).status_code == 404
