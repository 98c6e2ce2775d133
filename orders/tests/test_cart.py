"""Carts: a guest's and a client's, merged once, always at today's prices, ordered once."""

from datetime import timedelta
from decimal import Decimal
from threading import Barrier, Thread

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone

from accounts.events import UserDeleted
from accounts.tests import make as people
from catalog.events import ProductDeleted, ProductUpdated
from core.db import transaction
from core.ids import uuid7
from core.testing import Api, token_for
from messaging.testing import capture_events
from orders import services
from orders.models import Cart, CartItem, Order, ProductCopy
from orders.plugin import personal
from orders.queries.carts import read_cart
from orders.services import Holder
from orders.services.lines import MAX_LINES
from orders.tests import make

pytestmark = pytest.mark.django_db(databases=["orders"])
CARD = {"method": "card", "token": "tok_success"}


@pytest.fixture(autouse=True)
def unlimited(settings):
    settings.RATE_LIMITS_ON = False


@pytest.fixture
def mats():
    return make.product(price="1500.00", available=10, kind="accessory")


@pytest.fixture
def client():
    return Api("client")


def guest_with(product_id, quantity=1):
    """A guest who put something in, and knows the cart's token."""
    answer = Api().post("/cart/items", {"product_id": str(product_id), "quantity": quantity})
    assert answer.status_code == 201, answer.content
    guest = Api()
    guest.headers = {"X-Cart-Token": answer.json()["token"]}
    return guest


def put(api, product_id, quantity=1, **headers):
    return api.post("/cart/items", {"product_id": str(product_id), "quantity": quantity}, **headers)


def quantities(api):
    return {item["product_id"]: item["quantity"] for item in api.get("/cart").json()["items"]}


def reprice(product_id, **changes):
    copy = ProductCopy.objects.get(pk=product_id)
    told = {name: getattr(copy, name) for name in ("sku", "name", "kind", "price", "currency", "available")} | changes
    news = ProductUpdated(product_id=product_id, stock_version=9, version_number=copy.version + 1, **told)
    services.copy_products(events=[news])


def test_a_guest_is_given_a_token_once_and_finds_the_cart_by_it(mats):
    with capture_events("orders") as published:
        first = put(Api(), mats, 2)
    assert (first.status_code, published) == (201, [])
    token = first.json()["token"]
    assert first["X-Cart-Token"] == token
    guest = Api()
    found = guest.get("/cart", X_Cart_Token=token).json()
    assert (found["token"], found["total_amount"], found["total_quantity"]) == (None, "3000.00", 2)
    again = guest.post("/cart/items", {"product_id": str(mats), "quantity": 1, "token": token}).json()
    assert (again["token"], again["total_quantity"]) == (None, 3)
    assert token not in str(list(Cart.objects.values())), "only a digest of the token is kept"


@pytest.mark.parametrize("token", ["", "made-up", "x" * 5000])
def test_a_token_nobody_gave_out_opens_no_cart_and_becomes_none(mats, token):
    guest_with(mats)
    assert Api().get("/cart", X_Cart_Token=token).json()["items"] == []
    answer = put(Api(), mats, 1, X_Cart_Token=token)
    assert answer.json()["token"] not in (None, token)
    assert Cart.objects.count() == 2


def test_a_client_has_one_cart_wherever_they_are(client, mats):
    put(client, mats, 2)
    assert put(client, mats, 3).json()["total_quantity"] == 5
    elsewhere = Api("client", user_id=client.user_id)
    (line,) = elsewhere.get("/cart").json()["items"]
    changed = elsewhere.patch(f"/cart/items/{line['id']}", {"quantity": 1})
    assert (changed.status_code, changed.json()["total_amount"]) == (200, "1500.00")
    gone = client.delete(f"/cart/items/{line['id']}")
    assert (gone.status_code, gone.json()["items"], gone.json()["token"]) == (200, [], None)
    assert client.delete(f"/cart/items/{line['id']}").status_code == 404


def test_a_cart_shows_todays_price_and_stock_and_says_what_changed(client, mats):
    put(client, mats, 2)
    fresh = client.get("/cart").json()
    assert (fresh["changed"], fresh["items"][0]["changed"]) == (False, [])
    reprice(mats, price=Decimal("1600.00"), available=1)
    shown = client.get("/cart").json()
    (line,) = shown["items"]
    assert (line["unit_price"], line["seen_price"], shown["total_amount"]) == ("1600.00", "1500.00", "3200.00")
    assert (line["changed"], line["is_available"], line["available"]) == (["price", "availability"], False, 1)
    seen = client.patch(f"/cart/items/{line['id']}", {"quantity": 1}).json()
    assert (seen["changed"], seen["items"][0]["seen_price"]) == (False, "1600.00")
    services.copy_products(events=[ProductDeleted(product_id=mats, version_number=9)])
    assert client.get("/cart").json()["items"][0]["changed"] == ["availability"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "validation_error"),
        ({"product_id": "car"}, 400, "validation_error"),
        ({"product_id": "01a1fc70-dd18-7198-bbe5-abc6544c95c1"}, 400, "validation_error"),
        ({"quantity": 0}, 400, "validation_error"),
        ({"quantity": -1}, 400, "validation_error"),
        ({"quantity": 1001}, 400, "validation_error"),
        ({"quantity": 10**30}, 400, "validation_error"),
        ({"quantity": "many"}, 400, "validation_error"),
        ({"quantity": 11}, 409, "insufficient_stock"),
        ({"token": "x" * 200}, 400, "validation_error"),
    ],
)
def test_what_cannot_be_had_is_not_put_in(client, mats, body, status, code):
    given = {"product_id": str(mats)} | body if "product_id" not in body and body else body
    answer = client.post("/cart/items", given)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert CartItem.objects.count() == Cart.objects.count() == 0


def test_a_product_just_made_asks_for_patience_and_one_off_sale_is_unknown(client, mats):
    assert put(client, uuid7()).json()["code"] == "product_not_ready"
    services.copy_products(events=[ProductDeleted(product_id=mats, version_number=9)])
    assert put(client, mats).json()["errors"][0]["code"] == "unknown_product"


def test_more_than_there_is_is_refused_however_often_it_is_put_in(client, mats):
    put(client, mats, 6)
    answer = put(client, mats, 5)
    assert (answer.status_code, answer.json()["shortfalls"][0]["requested"]) == (409, 11)
    assert quantities(client) == {str(mats): 6}
    (line,) = client.get("/cart").json()["items"]
    for quantity, status in ((0, 400), (11, 409), (1001, 400)):
        assert client.patch(f"/cart/items/{line['id']}", {"quantity": quantity}).status_code == status
    assert quantities(client) == {str(mats): 6}


def test_a_cart_holds_as_many_products_as_an_order_may(client):
    for _ in range(MAX_LINES):
        assert put(client, make.product()).status_code == 201
    full = put(client, make.product())
    assert (full.status_code, full.json()["code"]) == (409, "cart_full")
    assert CartItem.objects.count() == MAX_LINES


def test_nobody_reaches_anothers_lines(client, mats):
    guest = guest_with(mats)
    (theirs,) = guest.get("/cart").json()["items"]
    put(client, mats)
    (own,) = client.get("/cart").json()["items"]
    for api, line, status in (
        (Api(), theirs, 401), (guest_with(mats), theirs, 404), (client, theirs, 404), (guest, own, 404),
        (Api("manager"), own, 404), (Api("admin"), theirs, 404),
    ):  # fmt: skip
        assert api.patch(f"/cart/items/{line['id']}", {"quantity": 5}).status_code == status
        assert api.delete(f"/cart/items/{line['id']}").status_code == status
    assert set(CartItem.objects.values_list("quantity", flat=True)) == {1}


def test_a_limited_token_needs_the_scope():
    key = Api()
    key.headers = {"Authorization": f"Bearer {token_for(scope='payments:read')}"}
    assert key.get("/cart").json()["code"] == "insufficient_scope"


def test_signing_in_merges_the_guests_cart_once(client, mats):
    car = make.product()
    guest = guest_with(mats, 3)
    put(guest, car)
    put(client, mats, 4)
    put(client, car)
    token = guest.headers["X-Cart-Token"]
    merged = {item["product_id"]: item["quantity"] for item in client.get("/cart", X_Cart_Token=token).json()["items"]}
    assert merged == {str(mats): 7, str(car): 1}, "the only car there is stays one"
    client.get("/cart", X_Cart_Token=token)
    assert not services.merge_cart(token=token, customer_id=client.user_id, now=timezone.now())
    assert not services.merge_cart(token=token, customer_id=uuid7(), now=timezone.now())
    assert quantities(client) == merged
    assert guest.get("/cart").json()["items"] == []
    assert Cart.objects.count() == 1


def test_merging_stops_at_what_can_be_had_and_at_what_a_cart_holds(client, mats):
    guest = guest_with(mats, 8)
    put(client, mats, 7)
    for _ in range(MAX_LINES - 1):
        put(client, make.product())
    put(guest, make.product())
    services.merge_cart(token=guest.headers["X-Cart-Token"], customer_id=client.user_id, now=timezone.now())
    merged = quantities(client)
    assert (merged[str(mats)], len(merged)) == (10, MAX_LINES)


def test_an_ordered_cart_is_empty_and_the_same_key_answers_the_same(client, mats):
    put(client, mats, 2)
    put(client, make.product(price="1000000.00"))
    body = {"payment": CARD, "expected_total": "1003000.00", "comment": "with the mats, please"}
    first, second = (client.post("/cart/checkout", body, Idempotency_Key="k1") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert (first.json()["total_amount"], first.json()["comment"]) == ("1003000.00", "with the mats, please")
    assert [item["quantity"] for item in first.json()["items"]] == [2, 1]
    assert second["Idempotent-Replayed"] == "true"
    assert Order.objects.count() == 1
    empty = client.post("/cart/checkout", body, Idempotency_Key="k2")
    assert (empty.status_code, empty.json()["code"]) == (409, "cart_empty")
    assert client.get("/cart").json()["items"] == []


def test_checking_out_takes_the_guests_cart_along(client, mats):
    token = guest_with(mats, 2).headers["X-Cart-Token"]
    answer = client.post("/cart/checkout", {}, X_Cart_Token=token)
    assert (answer.status_code, answer.json()["total_quantity"]) == (201, 2)
    assert client.post("/cart/checkout", {}, X_Cart_Token=token).json()["code"] == "cart_empty"


def test_a_refused_checkout_leaves_the_cart_as_it_was(client, mats):
    put(client, mats, 2)
    for body, status, code in (
        ({"expected_total": "1.00"}, 409, "price_changed"),
        ({"items": []}, 400, "validation_error"),
        ({"payment": {"method": "gold"}}, 400, "validation_error"),
        ({"customer_id": str(uuid7())}, 400, "validation_error"),
    ):
        with capture_events("orders") as published:
            answer = client.post("/cart/checkout", body, Idempotency_Key="k")
        assert (answer.status_code, answer.json()["code"], published) == (status, code, [])
    reprice(mats, price=Decimal("1600.00"))
    dearer = client.post("/cart/checkout", {})
    assert (dearer.status_code, dearer.json()["code"]) == (409, "price_changed")
    assert dearer.json()["changed"] == [{"product_id": str(mats), "was": "1500.00", "is": "1600.00"}]
    services.copy_stock_levels(levels=[make.level(mats, available=1)])
    short = client.post("/cart/checkout", {"expected_total": "3200.00"})
    assert short.json()["code"] == "insufficient_stock"
    assert (quantities(client), Order.objects.count()) == ({str(mats): 2}, 0)
    assert guest_with(make.product()).post("/cart/checkout", {}).status_code == 401


@pytest.mark.django_db(databases=["orders", "accounts"])
def test_a_manager_orders_the_own_cart_for_a_client(mats):
    manager, buyer = Api("manager"), people.user().id
    put(manager, mats)
    answer = manager.post("/cart/checkout", {"customer_id": str(buyer)})
    assert (answer.status_code, answer.json()["customer_id"]) == (201, str(buyer))


def test_a_cart_nobody_came_back_to_is_gone_by_the_clock_and_then_purged(client, mats):
    guest = guest_with(mats)
    put(client, mats)
    token, now = guest.headers["X-Cart-Token"], timezone.now()
    two_weeks, three_months = now + timedelta(days=14, hours=1), now + timedelta(days=90, hours=1)
    assert read_cart(Holder(token=token), now=two_weeks).items == []
    assert not services.merge_cart(token=token, customer_id=uuid7(), now=two_weeks)
    assert len(read_cart(Holder(client.user_id), now=two_weeks).items) == 1
    assert (services.purge_carts(now=now), services.purge_carts(now=two_weeks)) == (0, 1)
    make_again = services.add_to_cart(holder=Holder(client.user_id), product_id=mats, quantity=2, now=three_months)
    assert [line.quantity for line in read_cart(make_again, now=three_months).items] == [2]
    assert (services.purge_carts(now=three_months), Cart.objects.count()) == (0, 1)


def test_erasing_a_person_erases_the_cart(client, mats):
    put(client, mats)
    put(Api("client"), mats)
    for _ in range(2):
        personal.forget_person(UserDeleted(user_id=client.user_id))
    assert Cart.objects.count() == CartItem.objects.count() == 1
    assert client.get("/cart").json()["items"] == []


def test_the_database_refuses_a_cart_of_nobody_and_one_of_two():
    now = timezone.now()
    moments = {"created_at": now, "updated_at": now, "expires_at": now}
    for owners in ({}, {"customer_id": uuid7(), "digest": "d"}):
        with pytest.raises(IntegrityError, match="cart_of_client_or_guest"), transaction("orders"):
            Cart.objects.create(**owners, **moments)


@pytest.mark.parametrize("lines", [5, 50])
def test_reading_a_cart_costs_the_same_however_full_it_is(client, django_assert_num_queries, lines):
    for _ in range(lines):
        put(client, make.product())
    with django_assert_num_queries(4, using="orders"):
        read_cart(Holder(client.user_id), now=timezone.now())


def at_once(count, act):
    """Run `act` in as many threads as may meet; return what went wrong."""
    faults, start = [], Barrier(count)

    def run():
        start.wait()
        try:
            act()
        except Exception as error:
            faults.append(error)
        finally:
            connections.close_all()

    threads = [Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults


@pytest.mark.django_db(databases=["orders"], transaction=True)
@pytest.mark.parametrize("is_guest", [False, True])
def test_twenty_clicks_at_once_put_in_twenty(is_guest):
    mats, other = make.product(available=100), make.product(available=5)
    holder = Holder(uuid7())
    if is_guest:
        holder = services.add_to_cart(holder=Holder(), product_id=other, quantity=1, now=timezone.now())
    faults = at_once(20, lambda: services.add_to_cart(holder=holder, product_id=mats, quantity=1, now=timezone.now()))
    assert faults == []
    assert CartItem.objects.get(product_id=mats).quantity == 20
    assert Cart.objects.count() == 1


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_a_cart_merged_and_ordered_by_many_at_once_is_merged_and_ordered_once():
    buyer = Api("client")
    token = guest_with(make.product(available=100), 3).headers["X-Cart-Token"]
    answers = []
    faults = at_once(8, lambda: answers.append(buyer.post("/cart/checkout", {}, X_Cart_Token=token).status_code))
    assert (faults, sorted(answers)) == ([], [201] + [409] * 7)
    assert Order.objects.get().total_quantity == 3


def test_what_is_priced_in_another_currency_stays_out_and_is_shown_when_it_becomes_so(client, mats):
    foreign = make.product(currency="EUR")
    assert client.post("/cart/items", {"product_id": str(foreign), "quantity": 1}).json()["code"] == "currency_mismatch"
    assert client.post("/cart/items", {"product_id": str(mats), "quantity": 1}).status_code == 201
    ProductCopy.objects.filter(pk=mats).update(currency="EUR")
    assert client.get("/cart").json()["items"][0]["is_available"] is False
    assert client.post("/cart/checkout", {}).json()["code"] == "currency_mismatch"
    assert not Order.objects.exists()
