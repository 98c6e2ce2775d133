"""Tax papers: what their columns say, that their sums are the order's, their numbers, and when there are none."""

import json
import re
import threading
from decimal import Decimal

import pytest
from django.db import connections
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import dealer_day
from core.ids import uuid7
from core.money import ZERO
from core.money.grounds import OF_GOODS
from core.money.vat import RATES
from core.testing import Api
from orders import services
from orders.models import CompanyCopy, IssuedDocument, LegalEntityCopy, LineKind, Order, OrderLine, TaxPaperCounter
from orders.rules.tax_forms import print_tax_paper
from orders.rules.tax_papers import add_up, list_goods, state_advance, state_correction, state_line
from orders.rules.taxing import tax_lines
from orders.services import Actor, ProductLine
from orders.services.issuing import issue_paper
from orders.tests import answers, make
from orders.tests.answers import receive
from orders.tests.pdf import extract_text

pytestmark = pytest.mark.django_db(databases=["orders", "accounts", "catalog"])
MANAGER = Actor(uuid7(), frozenset({"manager"}))
VIN = "XTAGFK330PY000001"
INSPECTION = "подп. 17.2 п. 2 ст. 149 НК РФ"


def sold(*, company=True, status="completed", price="1220000.00", **options):
    """An order that a company has paid, and that was handed over."""
    order = make.order(lines=[ProductLine(make.product(price=price, vin=VIN), 1)], **options)
    receive(answers.reserved(order))
    receive(answers.paid(order, by_saga=False))
    if company:
        make.company(order.customer_id)
    for step in ("in_progress", "ready", "completed"):
        if status == "paid":
            break
        services.move_order(order_id=order.id, status=step, actor=MANAGER, now=timezone.now())
    order.refresh_from_db()
    return order


@pytest.fixture(autouse=True)
def seller():
    return make.legal_entity()


@pytest.fixture
def manager():
    return Api("manager")


def issue(order, kind="upd", **body):
    return Api("manager").post(f"/orders/{order.id}/documents", {"kind": kind, **body})


def read_facts(answer):
    assert answer.status_code == 201, answer.json()
    return json.loads(IssuedDocument.objects.get(pk=answer.json()["id"]).text)


# What they say --------------------------------------------------------------------------------------------------------
def test_an_upd_says_who_sold_what_to_whom_with_which_vat(manager):
    order = sold()
    answer = issue(order)
    text = extract_text(manager.get(f"/documents/{answer.json()['id']}/file").content)
    day = dealer_day(timezone.now()).year
    for said in (
        f"№ АС-{day}-000001 от", "Статус: 1", "ООО «Салон»", "7714000009/771401001", "ООО «Покупатель»",
        "7707083893/770701001", "Тверь, ул. Советская, д. 1", VIN, "1 000 000,00", "22%", "220 000,00", "1 220 000,00",
        "российский рубль, 643", "Салонов М. С.", "(5б)", "ММВ-20-3/96@", "№ 1137", f"заказ № {order.number}",
    ):  # fmt: skip
        assert said in text, (said, text)


def test_a_tax_invoice_is_the_same_without_the_part_of_handing_over(manager):
    text = extract_text(manager.get(f"/documents/{issue(sold(), 'tax-invoice').json()['id']}/file").content)
    assert "220 000,00" in text
    assert "Статус" not in text
    assert "[10]" not in text


def test_by_the_margin_scheme_the_base_is_the_difference():
    order = sold()
    OrderLine.objects.filter(order=order).update(vat_kind="margin", margin_cost=Decimal(1_098_000))
    line = order.lines.get()
    line.vat_amount = Decimal(22_000)
    line.save()
    Order.objects.filter(pk=order.pk).update(vat_total=Decimal(22_000))
    told = read_facts(issue(order))["lines"][0]
    assert (told["base"], told["rate"], told["vat"], told["total"]) == ("122000.00", "22/122", "22000.00", "1220000.00")


def test_a_policy_is_its_insurers_sale_and_stands_in_no_tax_paper():
    order = sold()
    OrderLine.objects.create(
        order=order, position=9, kind=LineKind.POLICY, name="ОСАГО", quantity=1, unit_price=9000, line_total=9000
    )
    assert [line["name"] for line in read_facts(issue(order))["lines"]] == ["Lada Vesta"]


def test_lines_of_several_kinds_stand_side_by_side_and_name_why_they_bear_no_vat(manager):
    order = sold()
    kinds = (("reduced", "", "1100.00"), ("exempt", "inspection", "500.00"), ("zero", "", "90.00"),
             ("exempt", "inspection", "300.00"), ("exempt", "", "200.00"))  # fmt: skip
    for place, (kind, ground, price) in enumerate(kinds, 2):
        OrderLine.objects.create(
            order=order, position=place, kind=LineKind.FREE, name=f"Line {place}", quantity=1, unit_price=price,
            line_total=price, vat_kind=kind, vat_ground=ground,
        )  # fmt: skip
    lines = list(order.lines.all())
    tax_lines(order, lines, REGIMES[0], dealer_day(timezone.now()))
    OrderLine.objects.bulk_update(lines, ["vat_rate", "vat_amount", "untaxed_by"])
    order.save()
    answer = issue(order)
    facts = read_facts(answer)
    assert [(row["rate"], row["vat"], row.get("untaxed_by", "")) for row in facts["lines"]] == [
        ("22%", "220000.00", ""), ("10%", "100.00", ""), ("без НДС", "0.00", INSPECTION), ("0%", "0.00", ""),
        ("без НДС", "0.00", INSPECTION), ("без НДС", "0.00", ""),
    ]  # fmt: skip
    assert Decimal(facts["totals"]["vat"]) == order.vat_total == Decimal("220100.00")
    path = f"/documents/{answer.json()['id']}/file"
    assert f"Без НДС, строки 3, 5: {INSPECTION}" in extract_text(manager.get(path).content)
    english = extract_text(manager.get(f"{path}?copy=english").content)
    assert "No VAT, lines 3, 5: sub-item 17.2 of item 2 of article 149 of the Tax Code of Russia" in english
    Order.objects.filter(pk=order.pk).update(status="returned")
    corrected = issue(order, "correction").json()["id"]
    assert f"строки 3, 5: {INSPECTION}" in extract_text(manager.get(f"/documents/{corrected}/file").content)


def test_papers_of_lines_without_a_ground_state_what_they_did_before():
    line = OrderLine(name="Lada", quantity=1, line_total=Decimal(122), vat_kind="standard", vat_rate=Decimal(22))
    assert "untaxed_by" not in state_line(line)


def test_an_advance_is_invoiced_once_and_named_at_the_shipment():
    order = sold(status="paid")
    first = issue(order, "advance-invoice")
    told = read_facts(first)
    assert (told["totals"]["vat"], told["totals"]["total"]) == ("220000.00", "1220000.00")
    assert (told["lines"][0]["rate"], told["lines"][0]["base"]) == ("22/122", None)
    assert issue(order, "advance-invoice").json()["id"] == first.json()["id"]
    for step in ("in_progress", "ready", "completed"):
        services.move_order(order_id=order.id, status=step, actor=MANAGER, now=timezone.now())
    assert read_facts(issue(order))["advances"] == [{"number": told["number"], "first_on": told["first_on"]}]
    assert issue(order, "advance-invoice").json()["code"] == "document_not_available"


def test_an_advance_is_taxed_whole_by_the_margin_scheme_and_the_sale_by_the_difference():
    order = sold(status="paid")
    OrderLine.objects.filter(order=order).update(vat_kind="margin", margin_cost=Decimal(1_098_000))
    told = read_facts(issue(order, "advance-invoice"))
    assert (told["totals"]["vat"], told["totals"]["total"]) == ("220000.00", "1220000.00")
    assert told["lines"][0]["rate"] == "22/122"
    for step in ("in_progress", "ready", "completed"):
        services.move_order(order_id=order.id, status=step, actor=MANAGER, now=timezone.now())
    sale = read_facts(issue(order))
    assert (sale["totals"]["vat"], sale["lines"][0]["base"]) == ("22000.00", "122000.00")
    assert sale["advances"] == [{"number": told["number"], "first_on": told["first_on"]}]


def test_an_allowance_is_corrected_to_the_kopeck():
    order = sold()
    assert issue(order, "correction").json()["code"] == "tax_paper_refused"
    shipped = read_facts(issue(order))
    Order.objects.filter(pk=order.pk).update(allowance_amount=Decimal("61000.01"))
    told = read_facts(issue(order, "correction"))
    assert told["corrects"] == {"number": shipped["number"], "first_on": shipped["first_on"]}
    assert told["totals"]["decrease"] == {"base": "50000.01", "vat": "11000.00", "total": "61000.01"}
    assert told["totals"]["increase"]["total"] == "0.00"


def test_what_came_back_is_corrected_to_nothing():
    found = make.returning()
    order = found.order
    make.company(order.customer_id)
    issued = [Order.objects.filter(pk=order.pk).update(status=status) and issue(order, kind)
              for status, kind in (("completed", "tax-invoice"), ("returned", "correction"))]  # fmt: skip
    before, told = (read_facts(each) for each in issued)
    assert told["totals"]["decrease"] == before["totals"]
    assert told["lines"][0]["after"]["quantity"] == 0


# Numbers and changes --------------------------------------------------------------------------------------------------
def test_what_is_true_is_not_issued_again_and_a_mistake_is_mended_under_its_number():
    order = sold()
    first = issue(order)
    assert issue(order).json()["id"] == first.json()["id"]
    CompanyCopy.objects.update(address="Тверь, ул. Новая, д. 2")
    second = issue(order)
    told = read_facts(second)
    assert (told["number"], told["mended"]) == (first.json()["number"], "1")
    assert second.json()["number"] == f"{told['number']}-И1"
    assert TaxPaperCounter.objects.get().last_number == 1


def test_each_seller_counts_by_itself_and_one_sale_has_one_number():
    other = make.legal_entity(is_default=False, code="АСП")
    mine, theirs = sold(), sold()
    Order.objects.filter(pk=theirs.pk).update(legal_entity_id=other)
    numbers = [issue(order).json()["number"] for order in (mine, theirs)]
    assert [re.sub(r"-\d{4}-", "-", number) for number in numbers] == ["АС-000001", "АСП-000001"]
    assert issue(mine, "tax-invoice").json()["code"] == "tax_paper_refused"


@pytest.mark.django_db(databases=["orders", "accounts", "catalog"], transaction=True)
def test_numbers_have_no_gap_however_many_ask_at_once():
    orders = [sold() for _ in range(5)]

    def ask(order):
        issue_paper(order_id=order.id, kind="upd", language="ru", details={}, actor=MANAGER, now=timezone.now())
        connections.close_all()

    threads = [threading.Thread(target=ask, args=(order,)) for order in orders * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    numbers = sorted(int(number[-6:]) for number in IssuedDocument.objects.values_list("number", flat=True))
    assert numbers == list(range(1, 6))


# Refusals -------------------------------------------------------------------------------------------------------------
def test_a_seller_without_vat_hands_over_by_status_2_and_invoices_nothing():
    order = sold()
    OrderLine.objects.filter(order=order).update(vat_rate=None, vat_amount=0)
    Order.objects.filter(pk=order.pk).update(vat_total=0)
    assert issue(order, "tax-invoice").json()["code"] == "no_vat"
    assert read_facts(issue(order))["status"] == 2


def test_what_the_law_wants_in_them_is_named_when_it_lacks(seller):
    person = sold(company=False)
    answer = issue(person)
    assert (answer.status_code, answer.json()["code"]) == (409, "requisites_missing")
    assert {"buyer.name", "buyer.inn", "buyer.address"} <= set(answer.json()["fields"])
    nameless = make.legal_entity(is_default=False, code="БД", director="")
    order = sold()
    Order.objects.filter(pk=order.pk).update(legal_entity_id=nameless)
    assert issue(order).json()["fields"] == ["seller.director"]
    assert not IssuedDocument.objects.exists()
    assert not TaxPaperCounter.objects.exists()


def test_who_may_not_and_what_is_senseless():
    order = sold(status="paid")
    assert issue(order).json()["code"] == "document_not_available"
    owner = Api("client", user_id=order.customer_id)
    assert owner.post(f"/orders/{order.id}/documents", {"kind": "upd"}).status_code == 403
    assert Api("client").post(f"/orders/{order.id}/documents", {"kind": "upd"}).status_code in (403, 404)
    assert issue(order, "upd", language="en").status_code == 400
    assert issue(order, "upd", details={"car.name": "x"}).status_code == 400


def test_no_code_signs_a_tax_paper(settings):
    settings.SMS_URL = "http://sms.example.com"
    order = sold()
    paper = issue(order).json()["id"]
    assert Api("manager").post(f"/documents/{paper}/sign", {}).json()["code"] == "qualified_signature_needed"
    owner = Api("client", user_id=order.customer_id)
    assert owner.post(f"/documents/{paper}/sign", {}).json()["code"] == "qualified_signature_needed"


# Sums -----------------------------------------------------------------------------------------------------------------
KOPECKS = st.integers(1, 10**9).map(lambda number: Decimal(number) / 100)
LINES = st.lists(
    st.builds(
        lambda kind, price, quantity, cost, ground: OrderLine(
            name="Товар", kind=LineKind.POLICY if kind == "policy" else LineKind.PRODUCT, quantity=quantity,
            vat_kind="" if kind == "policy" else kind, unit_price=price, line_total=price * quantity, margin_cost=cost,
            vat_ground=ground if kind == "exempt" else "",
        ),
        st.sampled_from(["standard", "reduced", "zero", "exempt", "margin", "policy"]), KOPECKS, st.integers(1, 5),
        KOPECKS, st.sampled_from(OF_GOODS),
    ),
    min_size=1, max_size=6,
)  # fmt: skip
REGIMES = [[{"since": "2019-01-01", "regime": "general"}], [{"since": "2019-01-01", "regime": "simplified"}]]


@settings(max_examples=1000, deadline=None)
@given(lines=LINES, regime=st.sampled_from(REGIMES), share=st.integers(0, 1000))
def test_every_sum_is_the_orders_to_the_kopeck(lines, regime, share):
    order = Order(total_amount=sum((line.line_total for line in lines), ZERO))
    tax_lines(order, lines, regime, max(row.since for row in RATES))
    goods = list_goods(lines)
    rows = [state_line(line) for line in goods]
    totals = {name: Decimal(amount) for name, amount in add_up(rows).items()}
    assert totals["vat"] == order.vat_total
    assert totals["total"] == sum((line.line_total for line in goods), ZERO)
    for row, line in zip(rows, goods, strict=True):
        assert bool(row.get("untaxed_by")) == (row["rate"] == "без НДС")
        if line.vat_kind != "margin" or line.vat_rate is None:
            assert Decimal(row["base"]) + Decimal(row["vat"]) == line.line_total
    advance = (order.total_amount * share / 1000).quantize(Decimal("0.01"))
    told = sum((Decimal(row["total"]) for row in state_advance(lines, advance, "1")), ZERO)
    assert told <= advance
    if all(line.vat_rate for line in lines):
        assert told == advance
    if goods:
        given_back = (totals["total"] * share / 1000).quantize(Decimal("0.01"))
        changed = add_up(row["decrease"] for row in state_correction(goods, given_back, is_returned=False))
        assert Decimal(changed["total"]) == given_back
        gone = state_correction(goods, given_back, is_returned=True)
        left = add_up(row["decrease"] for row in gone)
        assert Decimal(left["total"]) == totals["total"] - given_back
        assert Decimal(left["vat"]) + Decimal(changed["vat"]) == totals["vat"]


def test_the_same_facts_print_the_same_bytes():
    order = sold()
    told = read_facts(issue(order))
    assert print_tax_paper(told) == print_tax_paper(told)


def test_each_reads_in_english_beside_the_paper_that_counts():
    """Names of parties and goods are as the paper states them, so here they are Latin."""
    LegalEntityCopy.objects.all().delete()
    latin = {"name": "Salon LLC", "address": "Moscow", "director": "M. Salonov", "accountant": "A. Counter"}
    make.legal_entity(code="AS", **latin)
    order = sold(company=False, status="paid")
    make.company(order.customer_id, name="Buyer LLC", address="Tver")
    Order.objects.filter(pk=order.pk).update(number="A-1")
    OrderLine.objects.filter(order=order).update(name="Lada")
    advance = issue(order, "advance-invoice")
    for step in ("in_progress", "ready", "completed"):
        services.move_order(order_id=order.id, status=step, actor=MANAGER, now=timezone.now())
    shipped = issue(order)
    Order.objects.filter(pk=order.pk).update(allowance_amount=Decimal("61000.01"))
    owner = Api("client", user_id=order.customer_id)
    for answer in (advance, shipped, issue(order, "correction")):
        path = f"/documents/{read_id(answer)}/file"
        text = extract_text(owner.get(f"{path}?copy=english").content)
        assert text.startswith("A reading in English. What counts is the paper in Russian.")
        assert "Salon LLC" in text
        assert set(re.findall("[а-яё]{2,}", text)) <= {"счёт", "фактура"}
        assert "Продавец Salon LLC" in extract_text(owner.get(path).content)


def read_id(answer):
    assert answer.status_code == 201, answer.json()
    return answer.json()["id"]


def test_other_papers_are_issued_in_either_language_instead():
    order = sold()
    invoice = Api("manager").post(f"/orders/{make.order().id}/documents", {"kind": "invoice"})
    assert Api("manager").get(f"/documents/{read_id(invoice)}/file?copy=english").status_code == 404
    assert Api("client").get(f"/documents/{read_id(issue(order))}/file?copy=english").status_code == 404
