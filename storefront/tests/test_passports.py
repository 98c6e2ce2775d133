"""Passport data on an order's own page: who enters, sees and checks them, and what leaves a trace."""

import json
import re

import pytest

from gateway.approvals import know_card
from gateway.models import Reading
from orders.models import BuyerPapers, Order
from orders.tests.make import PASSPORT
from storefront.tests import make
from storefront.tests.make import Visitor
from storefront.tests.test_papers import ordered, text

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "orders", "payments"])
TYPED = PASSPORT | {"birth_date": "1985-02-01", "issued_on": "10.03.2010"}


@pytest.fixture
def order(buyer):
    return ordered(buyer, car=make.car(vin="XTAGFK330PY000001"))


@pytest.fixture
def path(order):
    return f"/orders/{order.id}/passport/"


def enter(visitor, path, version=0, **changes):
    return visitor.post(path, step="enter", version=version, **(TYPED | changes))


def kept():
    return json.loads(BuyerPapers.objects.get().data)


def test_a_buyer_enters_them_and_sees_them_masked(buyer, path, order):
    assert f'href="{path}"' in text(buyer.get(f"/orders/{order.id}/documents/"))
    answer = enter(buyer, path)
    assert (answer.status_code, answer["Location"]) == (302, path)
    assert kept()["passport"] == "45 12 345678"
    page = text(buyer.get(path))
    assert "••••••78" in page
    assert "345678" not in page
    assert "Образцовая" not in page
    assert "not checked yet" in page
    assert "Checked with the original" not in page, "a client states no check"
    assert 'class="tag tag-warn">not checked yet' in text(buyer.get(f"/orders/{order.id}/documents/"))


def test_seen_in_full_they_fill_the_form_and_the_buyer_sees_who_read_them(buyer, manager, path, order):
    enter(buyer, path)
    page = text(manager.post(path, step="show"))
    assert "Образцовая" in page
    assert re.search(r'name="passport" value="45 12 345678"', page)
    assert Reading.objects.using("orders").filter(subject_id=order.id, kind="passport").count() == 1
    buyer.post(path, step="show")
    assert Reading.objects.using("orders").count() == 1, "one's own data leave no trace"


def test_a_manager_checks_what_they_saw_and_a_change_takes_the_check_back(buyer, manager, path):
    enter(buyer, path)
    version = BuyerPapers.objects.get().version
    assert manager.post(path, step="check", version=version + 1).status_code == 302
    assert BuyerPapers.objects.get().checked_at is None, "somebody changed them after they were shown"
    manager.post(path, step="check", version=version)
    found = BuyerPapers.objects.get()
    assert found.checked_by == manager.user.id
    assert "tag-good" in text(buyer.get(path))
    enter(buyer, path, version=found.version, address="Москва, ул. Новая, д. 1")
    assert BuyerPapers.objects.get().checked_at is None


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 30])
def test_a_check_of_no_version_is_none(buyer, manager, path, version):
    enter(buyer, path)
    manager.post(path, step="check", version=version)
    assert BuyerPapers.objects.get().checked_at is None


def test_nobody_checks_their_own(manager, path, order, buyer):
    enter(buyer, path)
    own = Visitor("manager")
    know_card("orders", card_id=order.customer_id, user_id=own.user.id)
    assert "Checked with the original" not in text(own.get(path))
    own.post(path, step="check", version=BuyerPapers.objects.get().version)
    buyer.post(path, step="check", version=BuyerPapers.objects.get().version)
    assert BuyerPapers.objects.get().checked_at is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"birth_date": "01.02.2015"}, "birth_date"),
        ({"birth_date": "yesterday"}, "birth_date"),
        ({"issued_on": "01.01.1990"}, "issued_on"),
        ({"department_code": "77-0001"}, "department_code"),
        ({"phone": "12"}, "phone"),
        ({"passport": ""}, "passport"),
        ({"full_name": "x" * 201}, "full_name"),
        ({"address": "4111 1111 1111 1111"}, "address"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_loses_nothing(buyer, path, changes, field):
    answer = enter(buyer, path, **changes)
    page = text(answer)
    assert answer.status_code == 400
    assert f'id="id_{field}_error"' in page
    assert 'value="ОВД Примерного района"' in page
    assert not BuyerPapers.objects.exists()


def test_who_sends_data_over_newer_ones_is_told(buyer, manager, path):
    enter(buyer, path)
    answer = enter(manager, path, version=0, full_name="Другой Человек")
    assert answer.status_code == 412
    assert kept()["full_name"] == PASSPORT["full_name"]


def test_an_order_that_is_over_takes_none(buyer, path, order):
    Order.objects.filter(pk=order.id).update(status="cancelled")
    assert "Enter the data" not in text(buyer.get(path))
    enter(buyer, path)
    assert not BuyerPapers.objects.exists()


def test_another_clients_order_is_not_there(path):
    other = Visitor("client")
    assert other.get(path).status_code == 404
    assert enter(other, path).status_code == 404
    assert not BuyerPapers.objects.exists()


def test_whoever_is_not_signed_in_is_asked_to(path, client):
    assert client.get(path)["Location"] == f"/sign-in/?next={path}"
