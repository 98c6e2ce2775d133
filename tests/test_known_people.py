"""Staff see whom a row is about and find it by them, in every app; whoever is erased is forgotten everywhere."""

import pytest
from django.conf import settings as project
from django.core.management import call_command
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import financing.tests.make
import orders.tests.make
import payments.tests.make
from accounts import services as accounts
from accounts.models import User
from clients import services as clients
from clients.models import Client
from core.approvals import KnowPerson
from core.db import fetch
from core.ids import uuid7
from gateway.models import KnownPerson
from gateway.people import KNOWING, find_people, follow_people
from messaging.people.personal import erase, known_ids
from messaging.testing import drain_outbox
from messaging.upkeep.copies import copy_checks, diff

pytestmark = pytest.mark.django_db(databases=project.APPS)
ANNA = {"email": "anna.p@example.com", "full_name": "Анна Петрова", "phone": "+7 912 345-67-89"}


@pytest.fixture(scope="module")
def anna(lasting):
    person = accounts.create_user(password="a-long-password", now=timezone.now(), **ANNA)
    drain_outbox(*project.APPS)
    return person.id


@pytest.fixture(scope="module")
def manager(lasting):
    return accounts.create_user(
        email="manager@example.com", password="a-long-password", roles=["manager"], now=timezone.now()
    )


@pytest.fixture
def desk(client, manager):
    client.force_login(User.objects.get(pk=manager.id), backend="accounts.backends.EmailBackend")
    return client


def known(app, person_id):
    found = KnownPerson.objects.using(app).filter(pk=person_id).first()
    return found and (found.name, found.phone, found.email)


@pytest.mark.parametrize("app", KNOWING)
def test_every_app_knows_a_person_by_their_news(app, anna):
    assert known(app, anna) == ("Анна Петрова", "+7 912 345-67-89", "anna.p@example.com")
    assert not diff(copy_checks()[f"{app}.KnownPerson"])
    assert not diff(copy_checks()[f"{app}.KnownCard"])


def test_a_client_without_an_account_is_known_by_their_card():
    card = clients.open_client(
        fields={"type": "person", "name": "Пётр Зимин", "phone": "+79161112233", "email": ""}, now=timezone.now()
    )
    drain_outbox(*project.APPS)
    assert known("orders", card.id) == ("Пётр Зимин", "+79161112233", "")
    clients.update_client(client_id=card.id, changes={"name": "Пётр Летний"}, now=timezone.now())
    drain_outbox(*project.APPS)
    assert known("orders", card.id) == ("Пётр Летний", "+79161112233", "")


def test_older_news_overwrites_nothing(anna):
    follow_people("orders", [KnowPerson(person_id=anna, name="Old", phone="", email="", version_number=0)])
    assert known("orders", anna)[0] == "Анна Петрова"


@pytest.mark.parametrize(
    "term", ["петрова", "Анна Петр", "anna.p@", "8 (912) 345-67-89", "+7912345", "345-67-89", "67 89"]
)
def test_a_person_is_found_by_what_one_knows_of_them(anna, term):
    assert anna in find_people("orders", term)


@pytest.mark.parametrize("term", ["ан", "12", "Петров Иван", "8 (912) 345-67-80", "100%", ""])
def test_nobody_else_is_found(anna, term):
    assert find_people("orders", term) == []


def test_an_index_knows_russian_letters():
    """Where it does not, each search reads every person."""
    assert len(fetch("clients", "SELECT unnest(show_trgm('петров')) AS three", {})) == 7


def test_yo_is_found_by_ye():
    person_id = uuid7()
    follow_people("orders", [KnowPerson(person_id=person_id, name="Фёдор", phone="", email="", version_number=1)])
    assert find_people("orders", "федор") == find_people("orders", "ФЁДОР") == [person_id]


def test_lists_name_people_and_find_by_them(anna, desk):
    theirs, other = orders.tests.make.order(customer_id=anna), orders.tests.make.order()
    page = desk.get("/admin/orders/order/").content.decode()
    assert "Анна Петрова" in page
    assert other.number in page
    found = desk.get("/admin/orders/order/", {"q": "петрова"}).content.decode()
    assert theirs.number in found
    assert other.number not in found
    assert other.number in desk.get("/admin/orders/order/", {"q": other.number}).content.decode()
    assert "Анна Петрова" in desk.get(f"/admin/orders/order/{theirs.pk}/change/").content.decode()


@pytest.mark.parametrize(
    "screen",
    [
        *("orders/order", "orders/checkout", "orders/orderreturn", "orders/tradein", "orders/depositagreement"),
        "orders/salesoffer",
        *("orders/queueplace", "orders/issueddocument", "payments/payment", "payments/refund", "payments/receipt"),
        *("financing/application", "financing/loan", "financing/loanpayment", "financing/loanrefund"),
        *("financing/applicationdocument", "financing/override", "insurance/quote", "insurance/policy"),
        *("insurance/claim", "insurance/moneyrequest", "showroom/registration", "showroom/drive"),
        *("clients/activity", "clients/vehicle", "clients/lead"),
    ],
)
def test_every_list_of_peoples_rows_is_searched_by_name(screen, anna, desk):
    for term in ("петрова", "8 912 345 67 89", "a%_b'"):
        assert desk.get(f"/admin/{screen}/", {"q": term}).status_code == 200


def test_a_payment_and_an_application_are_found_by_name(anna, desk):
    orders.tests.make.order(customer_id=anna)
    payment = payments.tests.make.payment(payments.tests.make.order(customer_id=anna))
    financing.tests.make.programme()
    application = financing.tests.make.application(of=financing.tests.make.order(customer_id=anna))
    assert str(payment.pk) in desk.get("/admin/payments/payment/", {"q": "петрова"}).content.decode()
    assert str(application.pk) in desk.get("/admin/financing/application/", {"q": "петрова"}).content.decode()


def test_names_cost_no_statement_a_row(anna, desk):
    def count():
        with CaptureQueriesContext(connections["orders"]) as spent:
            desk.get("/admin/orders/order/")
        return len(spent)

    orders.tests.make.order(customer_id=anna)
    few = count()
    for _ in range(4):
        orders.tests.make.order(customer_id=anna)
    assert count() == few


def test_a_person_leads_to_their_card(anna, desk):
    card = Client.objects.get(user_id=anna)
    answer = desk.get(f"/admin/clients/client/person/{anna}/")
    assert answer.url == f"/admin/clients/client/{card.id}/change/"
    orders.tests.make.order(customer_id=anna)
    drain_outbox(*project.APPS)
    page = desk.get(answer.url).content.decode()
    assert f"/admin/orders/order/?customer_id__in={card.id}" in page or f"{anna}" in page
    assert "card-steps" in page
    assert desk.get(f"/admin/clients/client/person/{uuid7()}/").status_code == 404
    for path in ("orders/issueddocument/?order__customer_id__in=", "showroom/drive/?user_id__in="):
        assert desk.get(f"/admin/{path}{anna}").status_code == 200


def test_the_board_names_the_buyer(anna, desk):
    orders.tests.make.order(customer_id=anna)
    page = desk.get("/board/").content.decode()
    assert "Анна Петрова" in page
    assert 'href="tel:+7 912 345-67-89"' in page


def test_whoever_is_erased_is_forgotten_and_stays_so(anna):
    for app in KNOWING:
        erase(app, anna)
        assert known(app, anna) is None
        follow_people(app, [KnowPerson(person_id=anna, name="Back", phone="", email="", version_number=99)])
        assert known(app, anna) is None


def test_what_no_event_told_is_filled_in_and_what_one_told_stays(anna):
    KnownPerson.objects.using("orders").all().delete()
    KnownPerson.objects.using("payments").filter(pk=anna).update(name="Newer", version=50)
    call_command("fill_people")
    assert known("orders", anna)[0] == "Анна Петрова"
    assert known("payments", anna)[0] == "Newer"


def test_whose_deals_a_card_has_follows_merges_and_their_end():
    """Every app gives out and erases a card's deals with its account: a merge that was a mistake takes that back."""
    now = timezone.now()
    anna = accounts.create_user(
        email="cards@example.com", full_name="Anna", phone="", password="a-long-password", now=now
    ).id
    drain_outbox(*project.APPS)
    of_anna = Client.objects.get(user_id=anna)
    one, other = (clients.open_client(fields={"type": "person", "name": name}, now=now) for name in ("one", "other"))

    def merge(kept, merged):
        return clients.merge_clients(client_id=kept.id, other_id=merged.id, actor_id=None, now=now)

    def known_cards():
        drain_outbox(*project.APPS)
        return set(known_ids("orders", anna)) - {anna, of_anna.id}

    merge(one, other)
    mistaken = merge(of_anna, one)
    assert known_cards() == {one.id, other.id}
    clients.undo_merge(merge_id=mistaken.id, actor_id=None, now=now)
    assert known_cards() == set()
    merge(one, of_anna)
    clients.update_client(client_id=one.id, changes={"industry": "trade"}, now=now)
    assert known_cards() == {one.id, other.id}
