"""Documents of a sale: what they say, that they never change, and that their numbers have no gap."""

import hashlib
import threading
from decimal import Decimal

import pytest
from django.db import IntegrityError, connections
from django.utils import timezone

from core.db import transaction
from core.ids import uuid7
from core.testing import Api
from orders import services
from orders.models import IssuedDocument, LegalEntityCopy
from orders.rules.paper_facts import in_words
from orders.services import Actor, ProductLine
from orders.services.documents import issue_document
from orders.tests import answers, make
from orders.tests.answers import receive
from orders.tests.pdf import extract_text

pytestmark = pytest.mark.django_db(databases=["orders", "accounts", "catalog"])


@pytest.fixture
def order():
    found = make.order(lines=[ProductLine(make.product(price="1234567.89", available=3, vin="XTAGFK330PY000001"), 1)])
    receive(answers.reserved(found))
    return found


@pytest.fixture
def owner(order):
    return Api("client", user_id=order.customer_id)


def get(api, order, kind, query="", **headers):
    return api.get(f"/orders/{order.id}/documents/{kind}{query}", **headers)


def test_an_invoice_in_russian_says_the_amount_in_words(order, owner):
    answer = get(owner, order, "invoice")
    assert (answer.status_code, answer["Content-Type"], answer["Content-Language"]) == (200, "application/pdf", "ru")
    text = extract_text(answer.content)
    for part in ("СЧЁТ НА ОПЛАТУ № INV-", order.number, "Lada Vesta", "1 234 567,89", "RUB"):
        assert part in text, text
    assert "один миллион двести тридцать четыре тысячи пятьсот шестьдесят семь рублей" in text
    assert "восемьдесят девять копеек" in text


def test_in_english_it_is_a_paper_of_its_own(order, owner):
    russian, english = get(owner, order, "contract"), get(owner, order, "contract", Accept_Language="en-GB,en;q=0.9")
    assert [russian["X-Document-Version"], english["X-Document-Version"]] == ["1", "1"]
    text = extract_text(english.content)
    assert "CONTRACT OF SALE No. CON-" in text
    assert "one million, two hundred and thirty-four thousand, five hundred and sixty-seven roubles" in text
    assert get(owner, order, "contract", "?lang=en").content == english.content


def test_it_is_the_same_bytes_until_the_order_changes(order, owner):
    first = get(owner, order, "invoice")
    assert get(owner, order, "invoice").content == first.content
    assert hashlib.sha256(first.content).hexdigest() == first["ETag"].strip('"')
    owner.patch(f"/orders/{order.id}/items/{order.lines.get().id}", {"quantity": 2})
    second = get(owner, order, "invoice")
    assert (first["X-Document-Version"], second["X-Document-Version"]) == ("1", "2")
    assert first["X-Document-Number"] != second["X-Document-Number"]
    assert "2 469 135,78" in extract_text(second.content)
    assert get(owner, order, "invoice", "?version=1").content == first.content
    assert get(owner, order, "invoice", "?version=3").status_code == 404


def test_what_earlier_releases_printed_stays_readable(order, owner):
    old = make.printed(order)
    assert get(owner, order, "invoice")["X-Document-Version"] == "2"
    assert get(owner, order, "invoice", "?version=1").content == old
    assert get(owner, order, "invoice", "?version=1&lang=en").content == old


@pytest.mark.parametrize("change", [
    "UPDATE orders_document SET number = 'X'", "DELETE FROM orders_documentfile",
    "UPDATE orders_documentfile SET sha256 = ''",
])  # fmt: skip
def test_the_database_refuses_to_change_one(order, change):
    make.printed(order)
    with (
        pytest.raises(IntegrityError, match="only added to"),
        transaction("orders"),
        connections["orders"].cursor() as cursor,
    ):
        cursor.execute(change)


def test_each_state_has_its_documents(order, owner, settings):
    settings.REFUND_FOUR_EYES_ABOVE = 100_000_000
    assert get(owner, order, "handover-act").json()["code"] == "document_not_available"
    receive(answers.paid(order, by_saga=False))
    assert get(owner, order, "handover-act").json()["code"] == "document_not_available", "the car is not ready"
    manager = Actor(uuid7(), frozenset({"manager"}))
    for status in ("in_progress", "ready"):
        services.move_order(order_id=order.id, status=status, actor=manager, now=timezone.now())
    act = get(owner, order, "handover-act")
    assert "АКТ ПРИЁМА-ПЕРЕДАЧИ № ACT-" in extract_text(act.content)
    services.move_order(order_id=order.id, status="cancelled", actor=manager, now=timezone.now())
    assert get(owner, order, "handover-act").content == act.content
    assert get(owner, order, "contract").status_code == 409


def test_who_may_not_and_what_is_senseless(order, owner):
    assert get(Api(), order, "invoice").status_code == 401
    assert get(Api("client"), order, "invoice").status_code == 404
    assert get(owner, order, "receipt").status_code == 404
    for query in ("?lang=de", "?version=0", "?version=x", "?paper=a4"):
        assert get(owner, order, "invoice", query).status_code == 400
    assert IssuedDocument.objects.count() == 0
    assert get(Api("manager"), order, "invoice").status_code == 200


@pytest.mark.parametrize(("amount", "words"), [
    ("0.00", "ноль рублей, ноль копеек"),
    ("1.01", "один рубль, одна копейка"),
    ("2.02", "два рубля, две копейки"),
    ("1000000.50", "один миллион рублей, пятьдесят копеек"),
])  # fmt: skip
def test_amounts_in_words(amount, words):
    assert in_words(Decimal(amount), "RUB", "ru") == words


@pytest.mark.django_db(databases=["orders", "accounts", "catalog"], transaction=True)
def test_numbers_have_no_gap_however_many_ask_at_once():
    orders = [make.order() for _ in range(8)]

    def ask(order):
        actor = Actor(order.customer_id, frozenset({"client"}))
        issue_document(order_id=order.id, kind="invoice", language="en", actor=actor, now=timezone.now())
        connections.close_all()

    threads = [threading.Thread(target=ask, args=(order,)) for order in orders * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = sorted(int(number[-6:]) for number in IssuedDocument.objects.values_list("number", flat=True))
    assert numbers == list(range(1, 9))


# Who sells and who buys -----------------------------------------------------------------------------------------------
def test_the_seller_is_the_legal_entity_and_not_the_setting(order, owner, settings):
    settings.DEALER = {"name": "Вывеска", "address": "", "tax_id": "", "account": ""}
    assert "Вывеска" in extract_text(get(owner, order, "invoice").content)
    make.legal_entity(is_default=True)
    text = extract_text(get(owner, order, "invoice").content)
    facts = LegalEntityCopy.objects.get().facts
    for said in (facts["name"], facts["inn"], facts["kpp"], facts["account"], facts["bik"], facts["director"]):
        assert said in text, (said, text)
    assert "Вывеска" not in text


def test_a_company_is_named_by_its_card(order, owner):
    make.company(order.customer_id)
    for kind in ("invoice", "contract"):
        text = extract_text(get(owner, order, kind).content)
        for said in ("ООО «Покупатель»", "ИНН 7707083893", "КПП 770701001", "Тверь, ул. Советская, д. 1"):
            assert said in text, (kind, said, text)


def test_a_contract_of_the_desk_takes_the_short_ones_place(order, owner):
    assert "CON-" in get(owner, order, "contract")["X-Document-Number"]
    paper = make.issued_contract(order)
    answer = get(owner, order, "contract")
    assert (answer["X-Document-Number"], answer["X-Document-Version"]) == (paper.number, "2")
    assert hashlib.sha256(answer.content).hexdigest() == paper.sha256
    assert "CON-" in get(owner, order, "contract", "?version=1")["X-Document-Number"]
