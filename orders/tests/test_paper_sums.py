"""The sums of papers: who paid the price and how, read back from the PDF; the parts always make the total."""

import re
from decimal import Decimal

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from orders.models import IssuedDocument, Order
from orders.services import Bargain, ProductLine
from orders.tests import answers, make
from orders.tests.answers import receive
from orders.tests.pdf import extract_text
from orders.tests.test_contract_desk import PASSPORT
from orders.tests.test_own_loan import accepted
from orders.tests.test_timeline import MANAGER, moved

pytestmark = pytest.mark.django_db(databases=["orders", "accounts", "catalog"])
PRICE = Decimal("1000000.00")
VIN = "XTAGFK330PY000001"
OLD = {"vin": "Z94CB41AABR000001", "make": "Kia", "model": "Rio", "year": 2018, "mileage": 84_000}
OWN, BANK, OLD_CAR = "Уплачено Покупателем", "кредита Покупателя", "в счёт оплаты"
LOWERED, BACK = "цена уменьшена после оплаты", "подлежит возврату Покупателю:"
LABELS = (OWN, BANK, OLD_CAR, LOWERED)
ACT = {"car.passport": "164301000000001", "car.equipment": "два ключа", "car.year": "2026"}


@pytest.fixture(autouse=True)
def one_is_enough(settings):
    settings.REFUND_FOUR_EYES_ABOVE = settings.TRADE_IN_FOUR_EYES_ABOVE = 100_000_000


def ordered(*, worth=None, loan=None, discount=None):
    """An order of a million by a manager, its stock held; with a car in exchange and a loan where they are said."""
    traded = {} if worth is None else {"trade_in": {"amount": worth, **OLD}}
    bargain = None if discount is None else Bargain(amount=Decimal(discount), reason="a good client")
    line = ProductLine(make.product(price=str(PRICE), vin=VIN), 1, bargain)
    order = make.order(lines=[line], actor=MANAGER, **traded)
    receive(answers.reserved(order))
    if loan is not None:
        receive(accepted(order, loan))
    return order


def pay(order, *amounts):
    payments = [uuid7() for _ in amounts]
    for payment_id, amount in zip(payments, amounts, strict=True):
        receive(answers.paid(order, amount=amount, payment_id=payment_id, by_saga=False))
    return payments


def made_ready(order):
    for step in ("in_progress", "ready"):
        moved(step)(order, timezone.now())
    return order


def plain():
    order = ordered()
    pay(order, "1000000.00")
    return order


def paid_in_two():
    order = ordered()
    pay(order, "400000.00", "600000.00")
    return order


def traded_in():
    order = ordered(worth="400000.00")
    pay(order, "600000.00")
    return order


def traded_in_for_more():
    return ordered(worth="1200000.00")


def lent_all():
    order = ordered(loan="1000000.00")
    receive(answers.disbursed(order, "1000000.00"))
    return order


def lent_a_part():
    order = ordered(loan="600000.00")
    pay(order, "400000.00")
    receive(answers.disbursed(order, "600000.00"))
    return order


def all_of_it():
    """A car in exchange, a loan, the buyer's own money, a discount before and an allowance after the payment."""
    order = ordered(worth="300000.00", loan="500000.00", discount="50000.00")
    (payment, _other) = pay(order, "100000.00", "50000.00")
    receive(answers.disbursed(order, "500000.00"))
    receive(answers.given_back(order, payment, "30000.00"))
    return order


def partly_given_back():
    order = ordered()
    (payment,) = pay(order, "1000000.00")
    receive(answers.given_back(order, payment, "50000.00"))
    return order


MIXTURES = {
    plain: {OWN: "1000000.00"},
    paid_in_two: {OWN: "1000000.00"},
    traded_in: {OWN: "600000.00", OLD_CAR: "400000.00"},
    traded_in_for_more: {OLD_CAR: "1000000.00"},
    lent_all: {BANK: "1000000.00"},
    lent_a_part: {OWN: "400000.00", BANK: "600000.00"},
    partly_given_back: {OWN: "950000.00", LOWERED: "50000.00"},
    all_of_it: {OWN: "120000.00", BANK: "500000.00", OLD_CAR: "300000.00", LOWERED: "30000.00"},
}


def issue(order, kind, details=None):
    """The text of a paper as its PDF shows it."""
    manager = Api("manager")
    manager.put(f"/orders/{order.id}/buyer-papers", PASSPORT)
    answer = manager.post(f"/orders/{order.id}/documents", {"kind": kind, "details": details or {}})
    assert answer.status_code == 201, answer.json()
    return extract_text(manager.get(f"/documents/{answer.json()['id']}/file").content)


def read_sum(text, label):
    """The amount that stands behind a label, None where the paper does not have it."""
    found = re.search(re.escape(label) + r" (\d[\d ]*,\d\d) RUB", text)
    return found and Decimal(found[1].replace(" ", "").replace(",", "."))


def read_parts(text):
    return {label: amount for label in LABELS if (amount := read_sum(text, label)) is not None}


@pytest.mark.parametrize("mixture", MIXTURES, ids=lambda each: each.__name__)
@pytest.mark.parametrize(("kind", "details"), [("handover", ACT), ("act-goods", {})])
def test_an_act_says_who_paid_what_and_its_parts_make_the_total(mixture, kind, details):
    order = made_ready(mixture())
    text, total = issue(order, kind, details), Order.objects.get(pk=order.pk).total_amount
    assert read_parts(text) == {label: Decimal(amount) for label, amount in MIXTURES[mixture].items()}, text
    assert sum(read_parts(text).values()) == total
    assert read_sum(text, "Сумма заказа") == total or "с учётом скидки 50 000,00 RUB" in text
    assert kind == "act-goods" or read_sum(text, "Цена автомобиля") == total


def test_money_above_the_price_is_said_to_go_back():
    order = ordered()
    pay(order, "1000000.00", "70000.00")
    text = issue(made_ready(order), "act-goods")
    assert (read_parts(text), read_sum(text, BACK)) == ({OWN: PRICE}, Decimal(70_000))


def test_no_act_says_that_money_came_which_the_bank_took_back():
    order = ordered()
    (payment,) = pay(order, "1000000.00")
    made_ready(order)
    receive(answers.given_back(order, payment, "50000.00", cause="provider"))
    answer = Api("manager").post(f"/orders/{order.id}/documents", {"kind": "act-goods"})
    assert (answer.status_code, answer.json()["code"]) == (409, "money_missing")
    assert not IssuedDocument.objects.exists()


def test_an_invoice_asks_the_buyer_for_their_own_part_alone():
    order = ordered(worth="300000.00", loan="500000.00", discount="50000.00")
    pay(order, "100000.00")
    text = issue(order, "invoice")
    for said in (
        "с учётом скидки 50 000,00 RUB", "принимаемый по отдельному договору: 300 000,00 RUB",
        "за счёт кредита банка: 500 000,00 RUB; собственные средства: 150 000,00 RUB",
        "Уплачено Покупателем: 100 000,00 RUB", "Остаётся уплатить: 50 000,00 RUB",
    ):  # fmt: skip
        assert said in text, (said, text)
    pay(order, "50000.00")
    receive(answers.disbursed(order, "500000.00"))
    assert "за счёт кредита банка: 500 000,00 RUB" in issue(order, "invoice"), "the loan stays on the paper once paid"


def test_a_contract_counts_a_car_that_waits_for_its_value():
    order = make.order(
        lines=[ProductLine(make.product(price=str(PRICE), vin=VIN), 1)], trade_in={"amount": "400000.00", **OLD}
    )
    receive(answers.reserved(order))
    details = {"car.handover_day": "30.11.2026", "warranty.months": "36", "car.year": "2026"}
    text = issue(order, "sale-new", details)
    assert "уплачено 0,00 RUB, остаётся уплатить 600 000,00 RUB" in text, text
    assert "В счёт цены засчитывается 400 000,00 RUB" in text


def test_a_car_worth_more_than_the_price_is_set_off_in_part_and_paid_for():
    order = traded_in_for_more()
    text = issue(order, "trade-in", {"trade_in.passport": "78 ОА 123456"})
    assert "Стороны оценили автомобиль в 1 200 000,00 RUB" in text
    assert "Из этой суммы 1 000 000,00 RUB засчитывается" in text
    assert "200 000,00 RUB Салон выплачивает Сдающему" in text
