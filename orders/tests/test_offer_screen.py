"""Written offers in the admin: listed and read, sent and taken back through the services."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.clock import dealer_day
from core.ids import uuid7
from gateway.models import Approval, Reading
from orders.models import OfferHistory, SalesOffer
from orders.services import Actor, Bargain, ProductLine
from orders.tests import make
from orders.tests.test_admin import sign_in

pytestmark = pytest.mark.django_db(databases=["orders", "accounts"])
LIST = "/admin/orders/salesoffer/"


@pytest.fixture
def manager(client):
    client = sign_in(client, "manager")
    client.session_user = UUID(client.session["_auth_user_id"])
    return client


def text(answer):
    return answer.content.decode()


def press(manager, offer, button, **said):
    return manager.post(f"{LIST}{offer.pk}/{button}/", said | {"_form_submitted": "on"})


def written_by(person_id):
    return make.offer(actor=Actor(person_id, frozenset({"manager"})))


def test_the_list_is_filtered_by_state_manager_and_last_day(manager):
    mine, other = written_by(manager.session_user), make.offer(is_sent=False)
    every = text(manager.get(LIST))
    assert (mine.number in every, other.number in every) == (True, True)
    for filters in ({"manager": "me"}, {"manager": str(mine.manager_id)}, {"state__exact": "sent"}):
        found = text(manager.get(LIST, filters))
        assert (mine.number in found, other.number in found) == (True, False), filters
    theirs = text(manager.get(LIST, {"manager": str(other.manager_id)}))
    assert (mine.number in theirs, other.number in theirs) == (False, True)
    today = dealer_day(timezone.now())
    for days, shown in ((0, ["today", "week"]), (5, ["week"]), (9, []), (-1, ["over"])):
        SalesOffer.objects.filter(pk=mine.pk).update(valid_until=today + timedelta(days=days))
        wanted = {when: mine.number in text(manager.get(LIST, {"until": when})) for when in ("today", "week", "over")}
        assert [when for when, is_shown in wanted.items() if is_shown] == shown, days
    assert mine.number in text(manager.get(LIST, {"q": mine.number}))


def test_the_list_asks_no_more_for_more_offers(manager):
    asked = []
    for _ in range(2):
        make.offer()
        with CaptureQueriesContext(connections["orders"]) as counted:
            manager.get(LIST)
        asked.append(len(counted))
    assert asked[0] == asked[1]


def test_an_offer_is_read_with_its_goods_and_paper(manager):
    lines = [ProductLine(make.product(), 1, Bargain(amount=Decimal("40000.00"), reason="loyal"))]
    offer = make.offer(lines=lines)
    page = text(manager.get(f"{LIST}{offer.pk}/change/"))
    assert "offer.sent" not in page, "steps are told in words"
    assert all(page.count(f"{price}\u00a0₽") for price in ("1\u00a0000\u00a0000,00", "960\u00a0000,00"))
    assert all(f"{LIST}{offer.pk}/{button}" in page for button in ("paper", "send", "withdraw"))
    paper = manager.get(f"{LIST}{offer.pk}/paper/")
    assert (paper["Content-Type"], paper.content[:4]) == ("application/pdf", b"%PDF")
    assert Reading.objects.using("orders").filter(subject_id=offer.pk).exists(), "the buyer sees that staff read it"
    assert manager.get(f"{LIST}{uuid7()}/paper/").status_code == 404


def test_a_draft_is_sent_and_taken_back_in_the_managers_name(manager):
    offer = make.offer(is_sent=False)
    press(manager, offer, "send")
    offer.refresh_from_db()
    assert offer.state == "sent"
    press(manager, offer, "withdraw", reason="sold in the showroom")
    offer.refresh_from_db()
    assert (offer.state, offer.reason) == ("withdrawn", "sold in the showroom")
    rows = OfferHistory.objects.filter(offer=offer, event__in=["offer.sent", "offer.withdrawn"])
    assert set(rows.values_list("actor_id", flat=True)) == {manager.session_user}
    press(manager, offer, "send")
    offer.refresh_from_db()
    assert offer.state == "withdrawn"


def test_above_the_limit_a_second_person_is_asked(manager, settings):
    settings.DISCOUNT_FOUR_EYES_ABOVE = Decimal(1)
    lines = [ProductLine(make.product(), 1, Bargain(amount=Decimal("40000.00"), reason="loyal"))]
    offer = make.offer(lines=lines, is_sent=False)
    press(manager, offer, "send")
    offer.refresh_from_db()
    assert offer.state == "draft"
    assert Approval.objects.using("orders").get().subject_id == offer.pk


def test_nobody_sends_an_offer_to_themselves(manager):
    offer = make.offer(customer_id=manager.session_user, is_sent=False)
    press(manager, offer, "send")
    offer.refresh_from_db()
    assert offer.state == "draft"
