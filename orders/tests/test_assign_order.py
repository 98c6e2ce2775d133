"""Whose sale an order is: taken, handed on with a reason, and fixed by the hand-over."""

import pytest
from django.utils import timezone

import accounts.tests.make
from core.ids import uuid7
from core.testing import Api
from gateway.approvals import know_card
from orders.models import OrderHistory
from orders.queries.stats import stat_disagreements
from orders.tests import make

pytestmark = pytest.mark.django_db(databases=["orders", "accounts"])


def staff(role="manager"):
    return Api(role, user_id=accounts.tests.make.user(role).id)


def assign(who, order, to, reason="on holiday"):
    return who.post(f"/orders/{order.id}/assign", {"manager_id": str(to), "reason": reason})


def test_nobodys_sale_is_taken_and_handed_on_with_the_reason():
    order, one, other = make.order(), staff(), staff()
    for who, to in ((one, one), (one, other)):
        answer = assign(who, order, to.user_id)
        assert (answer.status_code, answer.json()["manager_id"]) == (200, str(to.user_id))
    row = OrderHistory.objects.filter(order=order, event="order.assigned").order_by("-id")[0]
    assert (row.reason, row.actor_id) == ("on holiday", one.user_id)
    assert (row.before["manager_id"], row.after["manager_id"]) == (str(one.user_id), str(other.user_id))
    assert list(stat_disagreements()) == []


def test_a_colleagues_sale_is_reassigned_by_administrators_alone():
    order, one, other = make.order(), staff(), staff()
    assign(one, order, one.user_id)
    assert assign(other, order, other.user_id).status_code == 403
    order.refresh_from_db()
    assert order.manager_id == one.user_id
    assert assign(staff("admin"), order, other.user_id).json()["manager_id"] == str(other.user_id)


def test_said_again_it_changes_nothing():
    order, one = make.order(), staff()
    versions = [assign(one, order, one.user_id).headers["ETag"] for _ in range(2)]
    assert versions[0] == versions[1]
    assert OrderHistory.objects.filter(order=order, event="order.assigned").count() == 1


@pytest.mark.parametrize("to", ["client", "nobody"])
def test_only_staff_sell(to):
    order = make.order()
    person = accounts.tests.make.user("client").id if to == "client" else uuid7()
    refused = assign(staff(), order, person)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "unknown_colleague")
    order.refresh_from_db()
    assert order.manager_id is None


def test_nobody_sells_to_themselves_by_their_card_neither():
    buyer, colleague, card = staff(), staff(), uuid7()
    know_card("orders", card_id=card, user_id=buyer.user_id)
    for owner in (buyer.user_id, card):
        order = make.order(customer_id=owner)
        for who in (buyer, colleague):
            assert assign(who, order, buyer.user_id).json()["code"] == "four_eyes"
    assert not OrderHistory.objects.filter(event="order.assigned").exists()


def test_buyers_and_strangers_name_nobody():
    order, one = make.order(), staff()
    assert assign(Api("client", user_id=order.customer_id), order, one.user_id).status_code == 403
    assert assign(Api(), order, one.user_id).status_code == 401


def test_from_the_hand_over_on_it_is_fixed():
    order, admin = make.completed(now=timezone.now()), staff("admin")
    before = order.manager_id
    refused = assign(admin, order, admin.user_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_transition")
    order.refresh_from_db()
    assert order.manager_id == before
