"""Earnest money on the shop's pages: the words before paying, the order's page, and the word on the managers' board."""

import pytest
from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from core.ids import uuid7
from gateway.approvals import approve_waiting, kind_named
from gateway.models import Approval
from orders.models import DepositAgreement, Order
from orders.services import record_forfeit
from orders.services.deposits import VERSIONS
from orders.tests import answers
from orders.tests import make as make_orders
from storefront.tests import make
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=[alias for alias in settings.DATABASES if alias != "default"])
WORDS = "This deposit is earnest money"


def text(response):
    return response.content.decode()


def state(visitor, order, **fields):
    given = {"fault": "buyer", "reason": "They wrote so."} | fields
    return text(visitor.client.post(f"/board/{order.id}/fault/", given, follow=True))


@override_settings(DEPOSIT_KIND="earnest")
def test_it_is_given_by_its_own_words():
    visitor, car = Visitor("client"), make.car()
    assert WORDS in text(visitor.get(f"/cars/{car.id}/"))
    refused = visitor.buy(car, deposit="50000", deposit_terms=VERSIONS["advance"])
    assert (refused.status_code, Order.objects.count()) == (400, 0)
    placed = visitor.buy(car, deposit="50000", deposit_terms=VERSIONS["earnest"])
    assert DepositAgreement.objects.get().kind == "earnest"
    assert WORDS in text(visitor.get(placed["Location"]))


def test_its_buyer_reads_that_it_waits_and_then_why_it_stays():
    visitor = Visitor("client")
    order, _ = make_orders.with_earnest_money(customer_id=visitor.user.id)
    page = f"/orders/{order.id}/"
    assert "It stays with us until it is stated whose fault it was" in text(visitor.get(page))
    state(Visitor("manager"), order)
    approve_waiting(kind_named("orders.fault"), order.id, person_id=uuid7(), now=timezone.now())
    assert "its money is on its way" in text(visitor.get(page))
    record_forfeit(event=answers.forfeited(order, "50000.00"), now=timezone.now())
    shown = text(visitor.get(page))
    assert "it stays with us: the sale failed by its buyer" in shown
    assert "They wrote so." in shown


def test_a_manager_states_it_on_the_board_and_a_second_person_is_asked():
    order, _ = make_orders.with_earnest_money()
    manager = Visitor("manager")
    shown = text(manager.get("/board/"))
    assert f"/board/{order.id}/fault/" in shown
    assert "Earnest money is kept back: say whose fault it was" in shown
    state(manager, order)
    asked = Approval.objects.using("orders").get()
    assert (asked.kind, asked.args["fault"], asked.state) == ("orders.fault", "buyer", "waiting")
    assert DepositAgreement.objects.get().state == "waiting"


@pytest.mark.parametrize("wrong", [{"fault": "mine"}, {"reason": ""}])
def test_a_word_that_says_nothing_is_refused_on_the_board(wrong):
    order, _ = make_orders.with_earnest_money()
    assert "Say whose fault it was, and why." in state(Visitor("manager"), order, **wrong)
    assert not Approval.objects.using("orders").exists()


def test_nobody_but_managers_states_it_and_of_no_other_order():
    order, _ = make_orders.with_earnest_money()
    body = {"fault": "buyer", "reason": "so"}
    assert Visitor().client.post(f"/board/{order.id}/fault/", body).status_code == 302
    assert Visitor("client").client.post(f"/board/{order.id}/fault/", body).status_code == 403
    assert Visitor("manager").client.post(f"/board/{uuid7()}/fault/", body).status_code == 404
    assert not Approval.objects.using("orders").exists()


def test_a_manager_states_it_in_the_administration():
    order, _ = make_orders.with_earnest_money()
    found = DepositAgreement.objects.get()
    path = f"/admin/orders/depositagreement/{found.pk}/state_fault/"
    body = {"fault": "nobody", "reason": "A flood.", "_form_submitted": "on"}
    answer = Visitor("manager").client.post(path, body, follow=True)
    assert answer.status_code == 200
    asked = Approval.objects.using("orders").get()
    assert (asked.subject_id, asked.args["fault"], asked.reason) == (order.id, "nobody", "A flood.")
