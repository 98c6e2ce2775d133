"""Papers of a deal: what they say, when they may be issued, that they never change, and who may read passports."""

import hashlib
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone

from catalog.tests import make as goods
from core.db import transaction
from core.ids import uuid7
from core.testing import Api
from gateway.approvals import know_card
from gateway.models import Reading
from messaging.people.endings import end_due
from messaging.people.personal import erase
from orders import services
from orders.models import BuyerPapers, IssuedDocument, OrderHistory
from orders.rules.passports import mask
from orders.services import Actor, ProductLine
from orders.services.templates import create_template, enforce_template
from orders.tests import answers, make
from orders.tests.answers import receive
from orders.tests.pdf import extract_text

pytestmark = pytest.mark.django_db(databases=["orders", "accounts", "catalog"])
PASSPORT = {
    "full_name": "Иванов Пётр Сергеевич", "birth_date": "1985-02-01", "birth_place": "г. Казань",
    "passport": "4512345678", "issued_by": "ОВД Примерного района", "issued_on": "2010-03-10",
    "department_code": "770-001", "address": "Москва, ул. Образцовая, д. 2", "phone": "8 900 123-45-67",
}  # fmt: skip
NEW = {"kind": "sale-new", "details": {"car.handover_day": "30.11.2026", "warranty.months": "36", "car.year": "2026"}}
VIN = "XTAGFK330PY000001"


def make_deal(**options):
    order = make.order(lines=[ProductLine(make.product(price="1234567.89", vin=VIN), 1)], **options)
    receive(answers.reserved(order))
    order.refresh_from_db()
    return order


@pytest.fixture
def order():
    return make_deal()


@pytest.fixture
def owner(order):
    return Api("client", user_id=order.customer_id)


@pytest.fixture
def manager():
    return Api("manager")


@pytest.fixture
def papers(order, owner):
    return owner.put(f"/orders/{order.id}/buyer-papers", PASSPORT)


def issue(api, order, body, **headers):
    return api.post(f"/orders/{order.id}/documents", body, **headers)


def read(api, document, query=""):
    return extract_text(api.get(f"/documents/{document['id']}/file{query}").content)


# What a contract says -------------------------------------------------------------------------------------------------
def test_a_contract_names_the_parties_the_car_and_the_price(order, manager, papers, settings):
    settings.DEALER = {"name": "ООО «Салон»", "address": "Москва", "tax_id": "ИНН 7707083893", "account": "р/с 1"}
    answer = issue(manager, order, NEW)
    document = answer.json()
    assert (answer.status_code, document["number"][:4], document["signed_at"]) == (201, "NEW-", None)
    text = read(manager, document)
    for said in (
        f"№ {document['number']}", "ООО «Салон»", "ИНН 7707083893", "Иванов Пётр Сергеевич", "паспорт 45 12 345678",
        "01.02.1985", "Lada Vesta", VIN, "2026", "1 234 567,89 RUB", "один миллион двести тридцать четыре тысячи",
        order.number, "ст. 454, 455 ГК РФ", "2300-1", "36 мес", "30.11.2026",
    ):  # fmt: skip
        assert said in text, (said, text)


def test_the_catalogue_tells_of_the_car(manager):
    car = goods.product(vin=VIN, year=2021, condition="used", color="синий", mileage=42_000, power_hp=122)
    order = make_deal_for(car)
    Api("manager").put(f"/orders/{order.id}/buyer-papers", PASSPORT)
    details = {"car.handover_day": "30.11.2026", "car.defects": "скол на капоте"}
    document = issue(manager, order, {"kind": "sale-used", "details": details}).json()
    text = read(manager, document)
    for said in ("2021", "синий", "42 000", "122", "скол на капоте", "двух лет"):
        assert said in text, (said, text)
    assert issue(manager, order, NEW).json()["code"] == "document_not_available"


def make_deal_for(car):
    from catalog.events import ProductCreated

    services.copy_products(
        events=[
            ProductCreated(
                product_id=car.id, sku=car.sku, name=car.name, kind=car.kind, price=car.price, currency=car.currency,
                available=1, stock_version=1, version_number=1, vin=car.vin,
            )
        ]
    )  # fmt: skip
    order = make.order(lines=[ProductLine(car.id, 1)])
    receive(answers.reserved(order))
    return order


def test_in_english_too(order, manager, papers):
    document = issue(manager, order, NEW | {"language": "en"}).json()
    assert "Contract of sale of a new car".upper() in read(manager, document)


# When it may be issued ------------------------------------------------------------------------------------------------
def test_it_is_not_issued_before_all_is_known(order, manager):
    answer = issue(manager, order, {"kind": "sale-new"})
    assert (answer.status_code, answer.json()["code"]) == (409, "facts_missing")
    assert {"buyer.name", "buyer.passport", "car.year", "warranty.months"} <= set(answer.json()["fields"])
    assert not IssuedDocument.objects.exists()
    assert not OrderHistory.objects.filter(event="document.issued").exists()


def test_an_act_is_issued_when_the_car_is_ready_and_paid(order, manager, papers):
    body = {
        "kind": "handover",
        "details": {"car.passport": "164301000000001", "car.equipment": "два ключа", "car.year": "2026"},
    }
    assert issue(manager, order, body).json()["code"] == "document_not_available"
    receive(answers.paid(order, by_saga=False))
    assert issue(manager, order, body).json()["code"] == "document_not_available"
    for status in ("in_progress", "ready"):
        services.move_order(
            order_id=order.id, status=status, actor=Actor(uuid7(), frozenset({"manager"})), now=timezone.now()
        )
    document = issue(manager, order, body).json()
    assert "два ключа" in read(manager, document)
    assert "1 234 567,89 RUB" in read(manager, document)


@pytest.mark.parametrize("kind", ["deposit", "trade-in", "loan"])
def test_what_a_deal_does_not_have_has_no_paper(order, manager, papers, kind):
    assert issue(manager, order, {"kind": kind}).json()["code"] == "document_not_available"


def test_a_deposit_agreement_states_what_was_agreed(manager):
    from orders.services.deposits import TERMS_VERSION

    terms = {"method": "card", "token": "tok_success", "amount": "50000.00", "terms": TERMS_VERSION}
    order = make.order(lines=[ProductLine(make.product(vin=VIN), 1)], deposit=terms)
    manager.put(f"/orders/{order.id}/buyer-papers", PASSPORT)
    text = read(manager, issue(manager, order, {"kind": "deposit"}).json())
    assert "ПРЕДОПЛАТЕ" in text
    assert "50 000,00 RUB (пятьдесят тысяч рублей" in text


def test_a_trade_in_states_the_car_taken(manager):
    car = {"vin": "Z94CB41AABR000001", "make": "Kia", "model": "Rio", "year": 2018, "mileage": 84_000}
    order = make_deal(trade_in={"amount": "600000.00", **car})
    manager.put(f"/orders/{order.id}/buyer-papers", PASSPORT)
    body = {"kind": "trade-in", "details": {"trade_in.passport": "78 ОА 123456"}}
    text = read(manager, issue(manager, order, body).json())
    for said in ("Kia Rio", "Z94CB41AABR000001", "84 000", "600 000,00", "78 ОА 123456"):
        assert said in text, (said, text)


# What was issued stays ------------------------------------------------------------------------------------------------
def test_the_same_facts_are_the_same_paper_and_others_the_next_number(order, manager, papers):
    first, again = issue(manager, order, NEW).json(), issue(manager, order, NEW).json()
    assert first == again
    other = NEW | {"details": NEW["details"] | {"warranty.months": "60"}}
    second = issue(manager, order, other).json()
    assert [each["number"][-6:] for each in (first, second)] == ["000001", "000002"]
    assert "36 мес" in read(manager, first)


def test_new_words_leave_what_was_issued_as_it_was(order, manager, papers):
    first = issue(manager, order, {"kind": "consent"}).json()
    before = read(manager, first)
    now = timezone.now()
    made = create_template(
        kind="consent", language="ru", title="Согласие", text="# Новое\n{{ buyer.name }} {{ buyer.passport }}",
        actor_id=uuid7(), now=now,
    )  # fmt: skip
    enforce_template(template_id=made.id, valid_from=date(now.year + 1, 1, 1), actor_id=uuid7(), now=now)
    assert issue(manager, order, {"kind": "consent"}).json() == first
    assert read(manager, first) == before


def test_a_paper_is_shown_by_itself_and_in_the_list(order, manager, papers):
    document = issue(manager, order, NEW).json()
    assert manager.get(f"/documents/{document['id']}").json() == document
    assert manager.get("/documents").json()["results"] == [document]


def test_bytes_and_hashes_are_those_that_were_issued(order, manager, papers):
    document = issue(manager, order, NEW).json()
    pdf = manager.get(f"/documents/{document['id']}/file").content
    assert hashlib.sha256(pdf).hexdigest() == document["sha256"]
    told = manager.get(f"/documents/{document['id']}/verify").json()
    assert (told["is_intact"], told["signatures_match"], told["computed_sha256"]) == (True, True, document["sha256"])


@pytest.mark.parametrize("change", [
    "UPDATE orders_issueddocument SET number = 'X'", "UPDATE orders_issueddocument SET sha256 = 'X'",
    "UPDATE orders_issueddocument SET text = 'X'", "DELETE FROM orders_issueddocument",
])  # fmt: skip
def test_the_database_refuses_to_change_one(order, manager, papers, change):
    issue(manager, order, NEW)
    with pytest.raises(IntegrityError), transaction("orders"), connections["orders"].cursor() as cursor:
        cursor.execute(change)


def test_passports_lie_sealed_in_every_column(order, manager, papers):
    issue(manager, order, NEW)
    with connections["orders"].cursor() as cursor:
        for table in ("buyerpapers", "issueddocument", "orderhistory"):
            cursor.execute(f"SELECT (to_jsonb(t) - 'content')::text FROM orders_{table} AS t")
            for (row,) in cursor.fetchall():
                assert "345678" not in row
                assert "Иванов" not in row


# Passport data --------------------------------------------------------------------------------------------------------
def test_they_are_shown_masked_and_in_full_with_a_trace(order, owner, manager, papers):
    shown = papers.json()["passport_data"]
    assert (shown["full_name"], shown["passport"], shown["address"]) == (PASSPORT["full_name"], "••••••78", "••••••")
    assert "345678" not in manager.get(f"/orders/{order.id}/buyer-papers").content.decode()
    assert not Reading.objects.using("orders").exists()
    full = manager.get(f"/orders/{order.id}/buyer-papers/full").json()["passport_data"]
    assert (full["passport"], full["phone"]) == ("45 12 345678", "+79001234567")
    trace = Reading.objects.using("orders").get()
    assert (trace.kind, trace.owner_id, trace.subject_id) == ("passport", order.customer_id, order.id)
    owner.get(f"/orders/{order.id}/buyer-papers/full")
    assert Reading.objects.using("orders").count() == 1


@pytest.mark.parametrize(("field", "value"), [
    ("birth_date", "2015-01-01"), ("issued_on", "1990-01-01"), ("issued_on", "2999-01-01"), ("phone", "12"),
    ("full_name", ""), ("department_code", "7-1"),
])  # fmt: skip
def test_senseless_data_are_refused_by_their_field(order, owner, field, value):
    answer = owner.put(f"/orders/{order.id}/buyer-papers", PASSPORT | {field: value})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
    assert not BuyerPapers.objects.exists()


def test_a_check_is_a_managers_and_falls_with_a_change(order, owner, manager, papers):
    path = f"/orders/{order.id}/buyer-papers"
    assert owner.post(f"{path}/check").status_code == 403
    assert manager.post(f"{path}/check").json()["checked_at"]
    owner.put(path, PASSPORT)
    assert manager.get(path).json()["checked_at"]
    owner.put(path, PASSPORT | {"phone": "+79007654321"})
    assert manager.get(path).json()["checked_at"] is None


def test_nobody_checks_themselves():
    manager_id = uuid7()
    order = make_deal(customer_id=manager_id)
    own = Api("manager", user_id=manager_id)
    own.put(f"/orders/{order.id}/buyer-papers", PASSPORT)
    assert own.post(f"/orders/{order.id}/buyer-papers/check").json()["code"] == "four_eyes"
    by_card = Api("manager")
    know_card("orders", card_id=manager_id, user_id=by_card.user_id)
    assert by_card.post(f"/orders/{order.id}/buyer-papers/check").json()["code"] == "four_eyes"


def test_a_short_value_is_masked_too():
    assert (
        "5" not in mask({**dict.fromkeys(PASSPORT, ""), "birth_date": "1985-02-01", "issued_on": "2010-03-10"})["phone"]
    )


# Who may --------------------------------------------------------------------------------------------------------------
def test_who_may_not(order, owner, manager, papers):
    document = issue(manager, order, NEW).json()
    stranger = Api("client")
    for api, status in ((Api(), 401), (stranger, 404)):
        assert issue(api, order, {"kind": "consent"}).status_code == status
        for path in ("", "/file", "/verify"):
            assert api.get(f"/documents/{document['id']}{path}").status_code == status
        assert api.get(f"/orders/{order.id}/buyer-papers").status_code == status
        assert api.get(f"/orders/{order.id}/buyer-papers/full").status_code == status
        assert api.put(f"/orders/{order.id}/buyer-papers", PASSPORT).status_code == status
    assert stranger.get("/documents").json()["results"] == []
    assert IssuedDocument.objects.count() == 1
    assert [each["id"] for each in owner.get(f"/documents?order_id={order.id}").json()["results"]] == [document["id"]]
    assert issue(owner, order, NEW).status_code == 403
    assert issue(owner, order, {"kind": "consent"}).status_code == 201


@pytest.mark.parametrize(("body", "field"), [
    ({"kind": "receipt"}, "kind"), ({"kind": "consent", "language": "de"}, "language"),
    ({"kind": "consent", "details": {"buyer.name": "Петров"}}, "details.buyer.name"),
    ({"kind": "sale-new", "details": {"car.price": "1"}}, "details.car.price"),
])  # fmt: skip
def test_senseless_wishes_are_refused(order, manager, papers, body, field):
    answer = issue(manager, order, body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
    assert not IssuedDocument.objects.exists()


# Who leaves -----------------------------------------------------------------------------------------------------------
def test_an_erasure_empties_papers_of_a_sale_that_never_was(order, manager, papers):
    document = issue(manager, order, NEW).json()
    erase("orders", order.customer_id)
    kept = IssuedDocument.objects.get()
    assert (kept.number, kept.sha256) == (document["number"], document["sha256"])
    assert (kept.text, bytes(kept.content), kept.facts_digest) == ("", b"", "")
    assert not BuyerPapers.objects.exists()
    for path in ("file", "verify"):
        assert manager.get(f"/documents/{document['id']}/{path}").status_code == 404


def test_papers_of_a_sale_outlive_an_erasure_as_long_as_the_law_says(manager):
    sold = make.completed(lines=[ProductLine(make.product(vin=VIN), 1)])
    manager.put(f"/orders/{sold.id}/buyer-papers", PASSPORT)
    document = issue(manager, sold, NEW).json()
    erase("orders", sold.customer_id)
    assert "Иванов" in read(manager, document)
    end_due("orders", now=timezone.now())
    assert "Иванов" in read(manager, document)
    end_due("orders", now=timezone.now() + timedelta(days=366 * 6))
    assert manager.get(f"/documents/{document['id']}/file").status_code == 404
    assert not BuyerPapers.objects.exists()
