"""One deal from the written offer to the handover, and back: papers, receipts, VAT, gross and books agree."""

import json
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal

import pytest
from django.utils import timezone

import accounts.tests.make
import catalog.tests.make
import financing.tests.make
import orders.tests.make
import payments.tests.make
from config import books
from config.databases import APPS
from core.clock import dealer_day
from core.money.vat import Regime, VatKind, find_percent
from core.testing import Api
from financing.models import Loan
from insurance.models import Policy
from insurance.rules.rating.rows import TariffFact
from insurance.services import import_tariff
from insurance.tests.make import KASKO, OSAGO
from messaging.testing import drain_outbox
from orders.models import IssuedDocument, Order
from orders.services.deposits import TERMS_VERSION
from orders.tests.pdf import extract_text
from payments.models import LedgerLine, Payment, Receipt, ReceiptLine
from payments.services import attend_receipts
from payments.tests.conftest import running_sandbox, sandbox
from tests.test_exchanged_car import OLD

__all__ = ["running_sandbox", "sandbox"]
pytestmark = pytest.mark.django_db(databases=[*APPS], transaction=True)
LIST, OFF = Decimal("2000000.00"), Decimal("49999.99")
PRICE, COST = LIST - OFF, Decimal("1543210.98")
MATS, MATS_COST = Decimal("9990.00"), Decimal("4321.09")
WORTH, DEPOSIT, DOWN = Decimal("400000.00"), Decimal("50000.00"), Decimal("900000.00")
LENT = PRICE - DOWN
RULES = {
    "vehicle": ("percent_of_gross", "3.7"), "accessory": ("percent_of_gross", "10"), "policy": ("fixed", "500"),
    "loan": ("fixed", "1500"),
}  # fmt: skip
CARD = {"method": "card", "token": "tok_success"}
INSURER = {"name": "АО «Партнёр»", "inn": "7707083893", "phone": "+74951112233"}
BORROWER = {
    "employment_status": "employed", "monthly_income": "300000.00", "birth_date": "1985-05-20",
}  # fmt: skip
PASSPORT = {
    "full_name": "Иванов Пётр Сергеевич", "birth_date": "1985-02-01", "birth_place": "г. Казань",
    "passport": "4512345678", "issued_by": "ОВД Примерного района", "issued_on": "2010-03-10",
    "department_code": "770-001", "address": "Москва, ул. Образцовая, д. 2", "phone": "8 900 123-45-67",
}  # fmt: skip
DETAILS = {
    "sale-new": {"car.handover_day": "30.11.2026", "warranty.months": "36", "car.year": "2026"},
    "trade-in": {"trade_in.passport": "78 ОА 123456"},
    "loan": {"loan.bank": "Банк", "loan.contract": "7-К"},
    "deposit": {},
    "advance-invoice": {},
    "upd": {},
    "correction": {},
    "return-act": {},
    "handover": {"car.passport": "164301000000001", "car.equipment": "два ключа", "car.year": "2026"},
}


@pytest.fixture(autouse=True)
def dealership(settings, sandbox):
    """A dealer under the general regime, an insurer with its requisites, a bank, and a register."""
    settings.REFUND_FOUR_EYES_ABOVE = settings.TRADE_IN_FOUR_EYES_ABOVE = 100_000_000
    settings.DISCOUNT_FOUR_EYES_ABOVE = OFF
    payments.tests.make.legal_entity()
    attend_receipts(now=timezone.now())
    about = {"name": "Партнёр", "connection": "", "legal_name": INSURER["name"], "inn": INSURER["inn"]}
    row = TariffFact(
        table="insurer", key="", value=about | {"phone": INSURER["phone"]}, valid_from=dealer_day(timezone.now()),
        source="agency agreement 7", insurer="partner",
    )  # fmt: skip
    import_tariff(facts=[row], note="requisites", now=timezone.now())
    financing.tests.make.programme()
    for goods, (basis, value) in RULES.items():
        orders.tests.make.commission_rule(goods, basis, value)
    drain_outbox()


@pytest.fixture
def manager():
    return Api("manager")


def offered(manager, buyer):
    """The terms of the desk in writing: mats thrown in, agreed to by a second person, sent, read, and on paper."""
    car = catalog.tests.make.product(stock=1, price=LIST, cost=COST, vin=OSAGO["vehicle_vin"])
    mats = catalog.tests.make.product(stock=5, price=MATS, cost=MATS_COST, kind="accessory")
    drain_outbox()
    body = {
        "customer_id": str(buyer.user_id),
        "items": [
            {"product_id": str(car.id), "quantity": 1, "discount": {"amount": str(OFF), "reason": "last one"}},
            {"product_id": str(mats.id), "quantity": 1, "discount": {"percent": "100", "reason": "thrown in"}},
        ],
        "below_cost": True,
        "valid_until": str(dealer_day(timezone.now())),
        "financing": {"down_payment": str(DOWN), "term_months": 36},
        "insurance": [OSAGO, KASKO],
    }
    path = f"/offers/{manager.post('/offers', body).json()['id']}"
    waits = manager.post(f"{path}/send")
    assert (waits.status_code, buyer.get(path).status_code) == (202, 404)
    consent = f"/approvals/{waits.json()['approval']['id']}/approve"
    assert [each.post(consent).status_code for each in (manager, Api("manager"))] == [403, 200]
    drain_outbox()
    offer = buyer.get(path).json()
    text = extract_text(buyer.get(f"{path}/document").content)
    premiums = sum(Decimal(policy["due_now"]) for policy in offer["insurance"])
    assert Decimal(offer["total_amount"]) == PRICE + premiums
    assert Decimal(offer["financing"]["amount"]) == LENT
    for amount in (PRICE + premiums, LENT, Decimal(offer["financing"]["monthly_payment"])):
        assert shown(amount) in text
    return path, offer


def ordered(manager, buyer):
    """The order that an accepted offer becomes; the buyer's car counts once the manager has seen it."""
    path, offer = offered(manager, buyer)
    body = {
        "applicant": BORROWER,
        "trade_in": OLD | {"amount": str(WORTH)},
        "deposit": CARD | {"amount": str(DEPOSIT), "terms": TERMS_VERSION},
        "payment": CARD,
    }
    placed = buyer.post(f"{path}/order", body)
    assert placed.status_code == 201, placed.content.decode()
    drain_outbox()
    order = Order.objects.get(pk=placed.json()["id"])
    seen = {"reason": "seen", "amount": str(WORTH)}
    valued = manager.post(f"/orders/{order.id}/checkout/trade_in/accept", seen)
    assert valued.status_code == 200, valued.content.decode()
    drain_outbox()
    order.refresh_from_db()
    assert str(order.total_amount) == offer["total_amount"]
    assert Loan.objects.get().monthly_payment == Decimal(offer["financing"]["monthly_payment"])
    return order


def printed(manager, order, kind):
    """The text of a paper of the deal, read back from its PDF."""
    issued = manager.post(f"/orders/{order.id}/documents", {"kind": kind, "details": DETAILS[kind]})
    assert issued.status_code == 201, (kind, issued.content.decode())
    return extract_text(manager.get(f"/documents/{issued.json()['id']}/file").content)


def shown(amount):
    """An amount as papers print it."""
    return f"{amount:,.2f}".replace(",", " ").replace(".", ",")


def balance(account):
    return sum((line.amount for line in LedgerLine.objects.filter(account_id=account)), Decimal(0))


def told(operation):
    """What receipts said of money that moved, corrections and offsets apart."""
    rows = Receipt.objects.filter(operation=operation).exclude(kind__in=["offset", "correction"])
    return sum((row.amount for row in rows), Decimal(0))


def assert_clean():
    """The provider's book is the run's, so it knows charges of other tests too."""
    found = {name: [item for item in check() if item.kind != "charge_unknown"] for name, check in books.CHECKS.items()}
    assert {name: items for name, items in found.items() if items} == {}


def handed_over(manager, order):
    for status in ("in_progress", "ready", "completed"):
        moved = manager.put(f"/orders/{order.id}/status", {"status": status})
        assert moved.status_code == 200, moved.json()
        drain_outbox()
        if status == "ready":
            text = printed(manager, order, "handover")
            for amount in (order.total_amount, order.amount_paid - LENT, LENT, WORTH):
                assert f" {shown(amount)} RUB" in text, (amount, text)
    order.refresh_from_db()


def test_a_whole_deal_agrees_to_the_kopeck_and_so_does_its_return(manager):
    buyer = accounts.tests.make.user("client").id
    order = ordered(manager, Api("client", user_id=buyer))
    premiums = sum((policy.premium for policy in Policy.objects.all()), Decimal(0))
    own = PRICE + premiums - LENT - WORTH
    assert (order.status, order.amount_due) == ("paid", 0)
    assert (order.total_amount, order.discount_total, Policy.objects.count()) == (PRICE + premiums, OFF + MATS, 2)
    assert Loan.objects.get().principal == LENT
    assert {payment.amount for payment in Payment.objects.all()} == {DEPOSIT, own - DEPOSIT}
    assert_taxed(order)
    assert_gross(manager, order)
    assert told("sale") == own
    for_policies = sum_of_premium_lines()
    assert 0 < for_policies < premiums, "money that pays a part of the deal pays a part of each line"
    assert_papers(manager, order)
    assert_clean()

    orders.tests.make.company(buyer)
    advance = assert_advance(manager, order)
    handed_over(manager, order)
    assert order.status == "completed"
    offsets = Receipt.objects.filter(kind="offset")
    assert {receipt.state for receipt in Receipt.objects.all()} == {"registered"}
    assert sum((row.amount for row in offsets), Decimal(0)) == own - for_policies
    assert told("sale") == own
    assert balance("sales") == -PRICE
    assert balance(f"order:{order.id}") == 0
    assert_taxed(order)
    assert_gross(manager, order)
    earned = assert_commission(manager, order)
    shipped = assert_shipped(manager, order, advance)
    assert_clean()

    returned(manager, order)
    assert invoiced(manager, order, "correction")["totals"]["decrease"] == shipped["totals"]
    assert (order.status, order.amount_paid) == ("returned", 0)
    assert (Loan.objects.get().status, Loan.objects.get().balance) == ("cancelled", 0)
    assert told("sale") - told("sale_return") == balance("provider:sandbox")
    assert (balance("sales"), balance(f"order:{order.id}")) == (0, 0)
    entries = manager.get(f"/commissions?order_id={order.id}").json()["results"]
    assert sorted(Decimal(entry["amount"]) for entry in entries) == [-earned, earned]
    assert {receipt.state for receipt in Receipt.objects.all()} == {"registered"}
    assert_clean()


def vat_within(amount):
    percent = find_percent(Regime.GENERAL, VatKind.STANDARD, dealer_day(timezone.now()))
    return (amount * percent / (100 + percent)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def assert_taxed(order):
    """VAT is that of the price which was agreed, at the rate of the day; premiums and what is thrown in have none."""
    vat = vat_within(PRICE)
    order.refresh_from_db()
    taxed = [line.vat_amount for line in order.lines.all() if line.vat_amount]
    assert (order.vat_total, taxed) == (vat, [vat])


def assert_gross(manager, order):
    """Managers see what the deal leaves over, premiums aside; its buyer sees nothing of it."""
    gross = PRICE - order.vat_total - COST
    seen = manager.get(f"/orders/{order.id}").json()
    goods = {(item["cost"], item["gross"]) for item in seen["items"] if item["kind"] == "product"}
    assert goods == {(str(COST), str(gross)), (str(MATS_COST), str(-MATS_COST))}
    assert seen["gross_total"] == str(gross - MATS_COST)
    assert {Decimal(item["gross"]) for item in seen["items"] if item["kind"] == "policy"} == {Decimal(0)}
    theirs = Api("client", user_id=order.customer_id).get(f"/orders/{order.id}")
    assert theirs.status_code == 200
    assert "gross" not in theirs.content.decode()


def assert_commission(manager, order):
    """The salesman earns of what the deal leaves over, less for what was thrown in, and for policies and the loan."""
    gross = PRICE - order.vat_total - COST
    parts = (gross * Decimal("0.037"), -MATS_COST * Decimal("0.1"), Decimal(2 * 500), Decimal(1500))
    earned = sum((part.quantize(Decimal("0.01"), ROUND_FLOOR) for part in parts), Decimal(0))
    (entry,) = manager.get(f"/commissions?order_id={order.id}").json()["results"]
    assert (entry["kind"], entry["manager_id"], Decimal(entry["amount"])) == ("earned", str(manager.user_id), earned)
    return earned


def assert_advance(manager, order):
    """The advance is invoiced: the car's part of the money that came in, without the car that is given for it."""
    facts = invoiced(manager, order, "advance-invoice")
    total = Decimal(facts["totals"]["total"])
    assert abs(total - order.amount_paid * PRICE / order.total_amount) < Decimal("0.01")
    assert Decimal(facts["totals"]["vat"]) == vat_within(total)
    return facts


def assert_shipped(manager, order, advance):
    """The transfer document states the price and the order's tax, and names the advance."""
    facts = invoiced(manager, order, "upd")
    assert facts["advances"] == [{"number": advance["number"], "first_on": advance["first_on"]}]
    sums = {"base": PRICE - order.vat_total, "vat": order.vat_total, "total": PRICE}
    assert {name: Decimal(amount) for name, amount in facts["totals"].items()} == sums
    return facts


def invoiced(manager, order, kind):
    """What a tax paper states; its print names the same tax and total."""
    text = printed(manager, order, kind)
    facts = json.loads(IssuedDocument.objects.get(order=order, kind=kind).text)
    for name in ("vat", "total"):
        assert shown(Decimal(facts["totals"].get("decrease", facts["totals"])[name])) in text
    return facts


def sum_of_premium_lines():
    """What receipts say of premiums, each in its insurer's name."""
    lines = ReceiptLine.objects.filter(subject="insurance_premium")
    assert {(row.supplier_name, row.supplier_inn, row.supplier_phone) for row in lines} == {tuple(INSURER.values())}
    assert not ReceiptLine.objects.exclude(subject="insurance_premium").exclude(supplier_inn="").exists()
    return sum((row.amount for row in lines), Decimal(0))


def assert_papers(manager, order):
    """Each paper names the sums of the order."""
    manager.put(f"/orders/{order.id}/buyer-papers", PASSPORT)
    assert shown(PRICE) in printed(manager, order, "sale-new")
    assert shown(WORTH) in printed(manager, order, "trade-in")
    assert shown(LENT) in printed(manager, order, "loan")
    assert shown(DEPOSIT) in printed(manager, order, "deposit")
    invoice = extract_text(manager.get(f"/orders/{order.id}/documents/invoice").content)
    assert shown(order.total_amount) in invoice


def returned(manager, order):
    """The goods come back and everything is undone."""
    asked = manager.post(f"/orders/{order.id}/return", {"reason": "another colour"})
    assert asked.status_code == 201, asked.json()
    drain_outbox()
    path = f"/returns/{asked.json()['id']}"
    manager.post(f"{path}/inspect", {"result": "as new", "mileage": 1200})
    accepted = manager.post(f"{path}/accept")
    assert accepted.status_code == 200, accepted.json()
    drain_outbox()
    order.refresh_from_db()
    assert shown(PRICE) in printed(manager, order, "return-act")
