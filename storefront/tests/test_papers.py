"""An order's documents, a change of its lines, the same order again."""

from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.utils import timezone

from catalog.models import Product
from catalog.services import create_product
from core.ids import uuid7
from messaging.testing import drain_outbox
from orders.models import CartItem, Order, OrderLine, ProductCopy
from orders.services import ProductLine, place_order
from orders.tests import answers
from orders.tests.answers import receive
from storefront.tests import make
from storefront.tests.make import Visitor, hidden_fields
from storefront.visitor import get_actor

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "financing", "orders", "payments"])


def ordered(visitor, *, quantity=1, car=None):
    """An order of a car and mats whose stock is held and that waits for its buyer to pay."""
    mats = create_product(
        kind="accessory", sku=f"MATS-{uuid7()}", name="Mats", price=Decimal("5000.00"), stock=9,
        actor="test", now=timezone.now(),
    )  # fmt: skip
    car = car or make.car()
    drain_outbox("catalog", "orders")
    lines = [ProductLine(car.id, 1), ProductLine(mats.id, quantity)]
    actor = get_actor(SimpleNamespace(user=visitor.user))
    order = place_order(customer_id=visitor.user.id, actor=actor, lines=lines, now=timezone.now())
    receive(answers.reserved(order))
    order.refresh_from_db()
    return order


def get_mats(order):
    return order.lines.get(name="Mats")


def text(response):
    return response.content.decode()


def test_the_papers_of_a_waiting_order_are_linked_and_printed():
    visitor = Visitor("client")
    order = ordered(visitor)
    page = text(visitor.get(f"/orders/{order.id}/"))
    assert f"/orders/{order.id}/papers/invoice/" in page
    assert "handover-act" not in page
    paper = visitor.get(f"/orders/{order.id}/papers/invoice/")
    assert (paper.status_code, paper["Content-Type"]) == (200, "application/pdf")
    assert paper["Content-Disposition"].endswith('-en.pdf"')
    assert paper.content.startswith(b"%PDF")


def test_papers_are_for_the_buyer_and_for_staff():
    order = ordered(Visitor("client"))
    path = f"/orders/{order.id}/papers/invoice/"
    assert Visitor().get(path).status_code == 302
    assert Visitor("client").get(path).status_code == 404
    assert Visitor("manager").get(path).status_code == 200
    assert Visitor("manager").get(f"/orders/{order.id}/papers/poem/").status_code == 404
    assert Visitor("manager").get(f"/orders/{uuid7()}/papers/invoice/").status_code == 404


def test_a_paper_of_a_later_stage_is_refused_on_the_orders_page():
    visitor = Visitor("client")
    order = ordered(visitor)
    answer = visitor.client.get(f"/orders/{order.id}/papers/handover-act/", follow=True)
    assert "There is no such document at this stage of the order." in text(answer)


def test_a_change_is_shown_first_and_then_made():
    visitor = Visitor("client")
    order = ordered(visitor, quantity=3)
    path = f"/orders/{order.id}/change/"
    assert path in text(visitor.get(f"/orders/{order.id}/"))
    shown = visitor.post(path, item=get_mats(order).id, quantity=1)
    assert shown.status_code == 200
    assert "1,750,000" in text(shown).replace("\xa0", ",")
    assert get_mats(order).quantity == 3
    form = hidden_fields(shown, "item", "quantity", "expected_total")
    done = visitor.post(path, **form)
    assert (done.status_code, done["Location"]) == (302, f"/orders/{order.id}/")
    assert get_mats(order).quantity == 1


def test_a_line_is_taken_out_but_not_the_last_one():
    visitor = Visitor("client")
    order = ordered(visitor)
    path = f"/orders/{order.id}/change/"
    shown = visitor.post(path, item=get_mats(order).id, quantity=0)
    visitor.post(path, **hidden_fields(shown, "item", "quantity", "expected_total"))
    assert [line.name for line in Order.objects.get(pk=order.pk).lines.all()] == ["Skoda Octavia 2018"]
    receive(answers.reserved(Order.objects.get(pk=order.pk)))
    left = Order.objects.get(pk=order.pk).lines.get()
    refused = visitor.client.post(path, {"item": left.id, "quantity": 0}, follow=True)
    assert "keeps at least one line" in text(refused)
    assert Order.objects.get(pk=order.pk).lines.count() == 1


def test_a_change_at_another_total_than_was_seen_is_not_made():
    visitor = Visitor("client")
    order = ordered(visitor, quantity=3)
    path = f"/orders/{order.id}/change/"
    refused = visitor.client.post(
        path, {"item": get_mats(order).id, "quantity": 1, "expected_total": "1.00"}, follow=True
    )
    assert "The total has changed meanwhile." in text(refused)
    assert get_mats(order).quantity == 3


@pytest.mark.parametrize(
    "fields", [{"item": "x", "quantity": 1}, {"quantity": 1}, {"item": str(uuid7()), "quantity": -1}]
)
def test_nonsense_changes_nothing(fields):
    visitor = Visitor("client")
    order = ordered(visitor)
    answer = visitor.client.post(f"/orders/{order.id}/change/", fields, follow=True)
    assert "Say how many." in text(answer)
    assert get_mats(order).quantity == 1


def test_nobody_changes_anothers_order():
    order = ordered(Visitor("client"))
    path, fields = f"/orders/{order.id}/change/", {"item": get_mats(order).id, "quantity": 0}
    assert Visitor().post(path, **fields)["Location"].startswith("/sign-in/")
    assert Visitor("client").post(path, **fields).status_code == 404
    assert get_mats(order).quantity == 1


def test_a_cancelled_order_is_put_into_the_cart_again():
    visitor = Visitor("client")
    order = ordered(visitor, quantity=2)
    visitor.post(f"/orders/{order.id}/cancel/")
    drain_outbox("orders", "catalog")
    drain_outbox("catalog", "orders")
    page = f"/orders/{order.id}/"
    assert f"{page}again/" in text(visitor.get(page))
    again = visitor.post(f"{page}again/")
    assert (again.status_code, again["Location"]) == (302, "/cart/")
    cart = text(visitor.get("/cart/"))
    assert "Skoda Octavia" in cart
    assert "Mats" in cart
    assert Visitor("client").post(f"{page}again/").status_code == 404
    assert Visitor().post(f"{page}again/")["Location"].startswith("/sign-in/")


def test_what_was_sold_meanwhile_is_named():
    visitor = Visitor("client")
    order = ordered(visitor)
    Product.objects.filter(pk=get_mats(order).product_id).update(is_active=False)
    ProductCopy.objects.filter(pk=get_mats(order).product_id).update(is_active=False)
    visitor.post(f"/orders/{order.id}/cancel/")
    answer = visitor.client.post(f"/orders/{order.id}/again/", follow=True)
    assert "Cannot be had any more: Mats." in text(answer)


def test_what_the_catalogue_does_not_hold_is_named_too():
    visitor = Visitor("client")
    order = ordered(visitor)
    visitor.post(f"/orders/{order.id}/cancel/")
    OrderLine.objects.filter(pk=get_mats(order).pk).update(product_id=None)
    answer = visitor.client.post(f"/orders/{order.id}/again/", follow=True)
    assert "Please choose anew: Mats." in text(answer)


@pytest.mark.parametrize(("left", "in_cart"), [(2, 2), (0, 0)])
def test_of_what_has_become_scarce_the_rest_is_put_in_and_said(left, in_cart):
    visitor = Visitor("client")
    order = ordered(visitor, quantity=3)
    mats = get_mats(order).product_id
    visitor.post(f"/orders/{order.id}/cancel/")
    ProductCopy.objects.filter(pk=mats).update(available=left)
    shown = text(visitor.client.post(f"/orders/{order.id}/again/", follow=True))
    assert ("There are fewer than you ordered: Mats: 2 of 3." in shown) == (in_cart > 0)
    assert ("Cannot be had any more: Mats." in shown) == (in_cart == 0)
    found = CartItem.objects.filter(product_id=mats).values_list("quantity", flat=True)
    assert list(found) == ([in_cart] if in_cart else [])
