"""Written offers on the buyer's own pages: read, accepted at their terms, declined, and over by their day."""

from datetime import timedelta
from decimal import Decimal
from importlib import import_module

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import financing.tests.make
from accounts.models import User
from core.clock import dealer_day
from core.ids import uuid7
from gateway.models import Reading
from insurance.tests.make import KASKO
from messaging.models import OutboxEvent
from orders.models import Order, ProductCopy, SalesOffer
from orders.services import Actor, Bargain, LoanWish, ProductLine, revise_offer, send_offer, withdraw_offer
from orders.tests import make as orders
from storefront.tests.make import Visitor, hidden_fields

pytestmark = pytest.mark.django_db(databases=["accounts", "catalog", "orders", "payments", "financing", "insurance"])


def text(response):
    return response.content.decode()


@pytest.fixture
def buyer(settings):
    settings.EMAIL_VERIFICATION_REQUIRED = True
    visitor = Visitor("client")
    User.objects.filter(pk=visitor.user.pk).update(email_verified_at=timezone.now())
    return visitor


def offered(buyer, **options):
    car = orders.product()
    lines = [ProductLine(car, 1, Bargain(amount=Decimal("40000.00"), reason="secret reason"))]
    return orders.offer(customer_id=buyer.user.id, lines=lines, **options)


def answer(buyer, offer, how, **changes):
    sent = hidden_fields(buyer.get(f"/offers/{offer.id}/"), "version") | changes
    return buyer.post(f"/offers/{offer.id}/{how}/", **sent)


def let_pass(offer):
    SalesOffer.objects.filter(pk=offer.pk).update(valid_until=dealer_day(timezone.now()) - timedelta(days=1))


def manage():
    return {"actor": Actor(uuid7(), frozenset({"manager"})), "now": timezone.now()}


def test_an_offer_is_listed_and_read_with_both_prices(buyer):
    offer = offered(buyer, comment="Winter tyres are a gift.")
    assert f'href="/offers/{offer.id}/"' in text(buyer.get("/offers/"))
    assert 'href="/offers/"' in text(buyer.get("/"))
    page = text(buyer.get(f"/offers/{offer.id}/"))
    for said in ("1\u00a0000\u00a0000\u00a0₽", "960\u00a0000\u00a0₽", "You save 40\u00a0000\u00a0₽", "Winter tyres"):
        assert said in page
    assert "Accept the offer for 960\u00a0000\u00a0₽?" in page
    assert "secret reason" not in page


def test_it_is_accepted_at_exactly_its_terms_and_twice_is_one_order(buyer):
    offer = offered(buyer)
    ProductCopy.objects.update(price=Decimal("1300000.00"))
    sent = hidden_fields(buyer.get(f"/offers/{offer.id}/"), "version")
    answers = [buyer.post(f"/offers/{offer.id}/order/", **sent) for _ in range(2)]
    order = Order.objects.get()
    assert [one["Location"] for one in answers] == [f"/orders/{order.id}/"] * 2
    assert (order.total_amount, order.customer_id) == (Decimal("960000.00"), buyer.user.id)
    page = text(buyer.get(f"/offers/{offer.id}/"))
    assert f'href="/orders/{order.id}/"' in page
    assert "Accept and order" not in page


def test_it_is_declined(buyer):
    offer = offered(buyer)
    answer(buyer, offer, "decline")
    offer.refresh_from_db()
    assert (offer.state, Order.objects.count()) == ("declined", 0)
    page = text(buyer.get(f"/offers/{offer.id}/"))
    assert "You declined this offer" in page
    assert "Accept and order" not in page


def test_past_its_last_day_it_says_so_before_the_job_that_ends_it(buyer):
    offer = offered(buyer)
    sent = hidden_fields(buyer.get(f"/offers/{offer.id}/"), "version")
    let_pass(offer)
    page = text(buyer.get(f"/offers/{offer.id}/"))
    assert "its last day is past" in page
    assert "Accept and order" not in page
    buyer.post(f"/offers/{offer.id}/order/", **sent)
    assert "its last day is past" in text(buyer.get("/offers/"))
    assert not Order.objects.exists()


def test_a_new_version_takes_its_place(buyer):
    offer = offered(buyer)
    sent = hidden_fields(buyer.get(f"/offers/{offer.id}/"), "version")
    revision = revise_offer(offer_id=offer.id, **manage())
    assert buyer.get(f"/offers/{revision.id}/").status_code == 404, "a draft"
    send_offer(offer_id=revision.id, **manage())
    buyer.post(f"/offers/{offer.id}/order/", **sent)
    assert "We withdrew this offer" in text(buyer.get(f"/offers/{offer.id}/"))
    assert "Accept and order" in text(buyer.get(f"/offers/{revision.id}/"))
    assert not Order.objects.exists()


@pytest.mark.parametrize("version", ["999", "", "x"])
@pytest.mark.parametrize("how", ["order", "decline"])
def test_who_has_not_seen_this_version_answers_nothing(buyer, how, version):
    offer = offered(buyer)
    assert answer(buyer, offer, how, version=version)["Location"] == f"/offers/{offer.id}/"
    offer.refresh_from_db()
    assert (offer.state, Order.objects.count()) == ("sent", 0)
    assert "changed since you opened it" in text(buyer.get("/offers/"))


def test_goods_that_are_gone_are_said_in_words(buyer):
    offer = offered(buyer)
    ProductCopy.objects.update(available=0)
    answer(buyer, offer, "order")
    assert "has been sold meanwhile" in text(buyer.get(f"/offers/{offer.id}/"))


def test_without_a_confirmed_address_nothing_is_ordered(settings):
    settings.EMAIL_VERIFICATION_REQUIRED = True
    buyer = Visitor("client")
    User.objects.filter(pk=buyer.user.pk).update(email_verified_at=None)
    assert answer(buyer, offered(buyer), "order")["Location"] == "/account/"
    assert not Order.objects.exists()


@pytest.mark.parametrize("role", ["client", "manager"])
def test_strangers_and_staff_find_nothing(buyer, role):
    offer, other = offered(buyer), Visitor(role)
    for path in ("", "paper/"):
        assert other.get(f"/offers/{offer.id}/{path}").status_code == 404
    for path in ("order/", "decline/"):
        assert other.post(f"/offers/{offer.id}/{path}", version=str(offer.version)).status_code == 404
    offer.refresh_from_db()
    assert (offer.state, str(offer.id) in text(other.get("/offers/"))) == ("sent", False)


def test_drafts_are_nobodys_yet(buyer):
    drafts = [offered(buyer, is_sent=False), offered(buyer, is_sent=False)]
    withdraw_offer(offer_id=drafts[1].id, **manage())
    for draft in drafts:
        assert buyer.get(f"/offers/{draft.id}/").status_code == 404
        assert str(draft.id) not in text(buyer.get("/offers/"))


def test_its_paper_is_handed_over(buyer):
    offer = offered(buyer)
    paper = buyer.get(f"/offers/{offer.id}/paper/")
    assert (paper.status_code, paper["Content-Type"], paper.content[:4]) == (200, "application/pdf", b"%PDF")
    assert paper["Content-Disposition"] == f'attachment; filename="{offer.number}.pdf"'
    assert not Reading.objects.using("orders").exists(), "one's own leaves no trace"


def test_a_long_list_takes_a_statement_and_the_clock_and_has_pages(buyer, monkeypatch):
    monkeypatch.setattr(import_module("storefront.views.offers"), "PAGE_SIZE", 2)
    made = [offered(buyer) for _ in range(3)]
    with CaptureQueriesContext(connections["orders"]) as counted:
        page = text(buyer.get("/offers/"))
    assert len(counted) <= 2, [one["sql"] for one in counted]
    assert [str(offer.id) in page for offer in made] == [False, True, True]
    later = text(buyer.get(f"/offers/?before={made[1].id}"))
    assert [f"/offers/{offer.id}/" in later for offer in made] == [True, False, False]


@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_loan_and_policies_are_shown_and_applied_for(buyer, language):
    financing.tests.make.programme(bank="Северный")
    car = orders.product(price="2000000.00", vin=KASKO["vehicle_vin"])
    loan = LoanWish(term_months=36, down_payment=Decimal(500_000))
    offer = orders.offer(
        customer_id=buyer.user.id, lines=[ProductLine(car, 1)], loan=loan, insurance=[KASKO | {"instalments": 2}]
    )
    buyer.client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
    page = text(buyer.get(f"/offers/{offer.id}/"))
    payment = Decimal(offer.loan["monthly_payment"])
    shown = f"{payment:,.2f}".replace(",", "\u00a0")
    assert (shown if language == "en" else shown.replace(".", ",")) in page
    assert ("The bank decides" if language == "en" else "принимает банк") in page
    assert "Северный" in page
    assert 'name="monthly_income"' in page
    missing = answer(buyer, offer, "order")
    assert (missing.status_code, Order.objects.count()) == (400, 0)
    borrower = {"employment_status": "employed", "monthly_income": "250 000", "is_agreed": "on"}
    placed = answer(buyer, offer, "order", **borrower)
    order = Order.objects.get()
    assert placed["Location"] == f"/orders/{order.id}/"
    assert order.total_amount == offer.total_amount
    assert OutboxEvent.objects.using("accounts").filter(type="user.consented").count() == 1
    assert 'name="monthly_income"' not in text(buyer.get(f"/offers/{offer.id}/"))
