"""The cart's pages, for a browser without scripts: guests, signing in, ordering, refusals."""

from decimal import Decimal

import pytest
from django.conf import settings as configured
from django.utils import timezone

from catalog.services import update_product
from core.ids import uuid7
from messaging.testing import capture_events, drain_outbox
from orders.models import Cart, CartItem, Order
from storefront.tests import make
from storefront.tests.make import PASSWORD, Visitor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "financing", "orders", "payments"])
COOKIE = configured.CART_COOKIE_NAME


def text(response):
    return response.content.decode()


def put(visitor, car, quantity=1):
    return visitor.post(f"/cart/add/{car.id}/", quantity=quantity)


def order(visitor, **changes):
    form = make.hidden_fields(visitor.get("/cart/"), "key", "expected_total")
    return visitor.post("/cart/checkout/", **form | {"method": "card", "token": "tok_success"} | changes)


def sign_up(visitor, email):
    return visitor.post(
        "/sign-up/", email=email, password=PASSWORD, full_name="A", phone="", is_agreed="on", next="/cart/"
    )


def test_a_guest_fills_a_cart_by_a_signed_cookie_that_scripts_cannot_read():
    guest, car = Visitor(), make.car()
    assert "Put into the cart" in text(guest.get(f"/cars/{car.id}/"))
    assert put(guest, car)["Location"] == "/cart/"
    cookie = guest.client.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    page = text(guest.get("/cart/"))
    assert car.name in page
    assert "1\u00a0745\u00a0000\u00a0₽" in page
    assert "Sign in and order" in page
    assert car.name not in text(Visitor().get("/cart/"))


def test_a_forged_cookie_opens_nothing():
    guest = Visitor()
    put(guest, make.car())
    token = guest.client.cookies[COOKIE].value.partition(":")[0]
    thief = Visitor()
    thief.client.cookies[COOKIE] = token
    assert "Your cart is empty" in text(thief.get("/cart/"))


def test_signing_up_takes_the_cart_along_and_the_cookie_away():
    guest, car = Visitor(), make.car()
    put(guest, car)
    assert sign_up(guest, "buyer@example.com").status_code == 302
    assert Cart.objects.get().customer_id is not None, "merged at sign-in, not when the cart is next looked at"
    assert car.name in text(guest.get("/cart/"))
    assert guest.client.cookies[COOKIE].value == ""
    guest.post("/sign-out/")
    assert car.name not in text(guest.get("/cart/"))


def test_signing_in_again_finds_the_same_cart_with_what_the_guest_added():
    car, mats = make.car(), make.car(stock=9)
    owner = Visitor("client")
    put(owner, car)
    put(owner, mats, 2)
    guest = Visitor()
    put(guest, car)
    put(guest, mats, 3)
    for _ in range(2):
        guest.post("/sign-in/", email=owner.user.email, password=PASSWORD)
        assert sorted(CartItem.objects.values_list("quantity", flat=True)) == [1, 5]
        guest.post("/sign-out/")


def test_what_is_in_the_cart_is_ordered_once():
    visitor = Visitor("client")
    put(visitor, make.car())
    put(visitor, make.car(price=Decimal("5000.00"), stock=4), 2)
    form = make.hidden_fields(visitor.get("/cart/"), "key", "expected_total")
    form |= {"method": "card", "token": "tok_success"}
    first, second = (visitor.post("/cart/checkout/", **form) for _ in range(2))
    sold = Order.objects.get()
    assert first["Location"] == second["Location"] == f"/orders/{sold.id}/"
    assert (sold.total_amount, sold.total_quantity, sold.customer_id) == (Decimal("1755000.00"), 3, visitor.user.id)
    assert "Your cart is empty" in text(visitor.get("/cart/"))
    late = visitor.post("/cart/checkout/", **form | {"key": str(uuid7())})
    assert (late.status_code, Order.objects.count()) == (409, 1)


def test_quantities_are_changed_and_lines_taken_out():
    guest = Visitor()
    put(guest, make.car(stock=5))
    item = CartItem.objects.get()
    guest.post(f"/cart/items/{item.id}/", quantity=4)
    assert CartItem.objects.get().quantity == 4
    for quantity in (6, 1001, -1, "many", ""):
        assert guest.post(f"/cart/items/{item.id}/", quantity=quantity).status_code == 302
        assert CartItem.objects.get().quantity == 4
    assert Visitor().post(f"/cart/items/{item.id}/", quantity=1).status_code == 404
    assert Visitor("manager").post(f"/cart/items/{item.id}/", quantity=0).status_code == 404
    guest.post(f"/cart/items/{item.id}/", quantity=0)
    assert CartItem.objects.count() == 0


def test_a_changed_price_is_shown_and_nothing_is_ordered_at_the_old_one():
    visitor, car = Visitor("client"), make.car()
    put(visitor, car)
    form = make.hidden_fields(visitor.get("/cart/"), "key", "expected_total") | {"method": "cash"}
    update_product(product_id=car.id, price=Decimal("1800000.00"), actor="test", now=timezone.now())
    drain_outbox("catalog", "orders")
    with capture_events("orders") as published:
        refused = visitor.post("/cart/checkout/", **form)
    assert (refused.status_code, published) == (409, [])
    page = text(refused)
    assert "Prices have changed" in page
    assert "1\u00a0800\u00a0000\u00a0₽" in page
    assert order(visitor).status_code == 302


def test_a_car_sold_meanwhile_stands_in_the_way_until_it_is_taken_out():
    visitor, car = Visitor("client"), make.car()
    put(visitor, car)
    Visitor("client").buy(car)
    drain_outbox("catalog", "orders")
    page = text(visitor.get("/cart/"))
    assert "Reserved or sold" in page
    assert 'name="expected_total"' not in page


def test_what_cannot_be_put_in_is_refused_with_a_sentence():
    guest, car = Visitor(), make.car()
    put(guest, car)
    assert "not as much of it" in text(guest.get(put(guest, car)["Location"]))
    assert put(guest, car, "many").status_code == 302
    assert put(guest, make.car(is_known=False)).status_code == 302
    assert guest.post(f"/cart/add/{uuid7()}/", quantity=1).status_code == 302
    assert CartItem.objects.get().quantity == 1


def test_a_guest_is_sent_to_sign_in_and_a_wrong_form_orders_nothing():
    guest, visitor = Visitor(), Visitor("client")
    assert guest.post("/cart/checkout/")["Location"] == "/sign-in/?next=/cart/"
    put(visitor, make.car())
    for changes in ({"method": "gold"}, {"expected_total": "x"}, {"key": "k" * 65}):
        assert order(visitor, **changes).status_code == 400
    assert Order.objects.count() == 0


def test_accessories_are_offered_beside_the_cart():
    from catalog.services import create_product

    create_product(
        kind="accessory", sku="MAT-1", name="Rubber mats", price=Decimal("3500.00"), stock=7, actor="t",
        now=timezone.now(),
    )  # fmt: skip
    drain_outbox("catalog", "orders")
    guest = Visitor()
    page = text(guest.get("/cart/"))
    assert "Rubber mats" in page
    product = page.split('action="/cart/add/')[1].split("/")[0]
    assert "Rubber mats" in text(guest.get(f"/cars/{product}/"))
    guest.post(f"/cart/add/{product}/", quantity=2)
    assert CartItem.objects.get().quantity == 2
