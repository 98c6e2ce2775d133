"""Exports to accounting, read back: their sums are those of the books, to the kopeck."""

import csv
import io
import stat
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from xml.etree.ElementTree import fromstring

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.test import Client
from django.utils import timezone

import catalog.tests.make
import orders.tests.make
import payments.tests.make
from catalog.models import Product, StockMovement
from config.databases import APPS
from core.clock import dealer_day
from core.files.accounting import COLUMNS, Section, Span
from core.ids import uuid7
from core.testing import Api
from gateway.accounting import gathering
from gateway.models import Reading
from messaging.testing import drain_outbox
from orders.models import CompanyCopy, LegalEntityCopy, Order, OrderLine
from orders.services import move_order
from payments.models import LedgerEntry, LedgerLine, OrderCopy, Payment, Payout, Refund
from payments.public import ledger_disagreements
from payments.tests.conftest import running_sandbox, sandbox
from tests import commerceml
from tests.test_lent_premiums import MANAGER, bought
from tests.test_returned_purchase import handed_over

__all__ = ["running_sandbox", "sandbox"]

pytestmark = pytest.mark.django_db(databases=[*APPS])
ASSETS = ("cash", "bank", "provider:")
SECTIONS = [section.value for section in Section]


@pytest.fixture(autouse=True)
def one_person_is_enough(settings):
    settings.CASH_FOUR_EYES_ABOVE = settings.REFUND_FOUR_EYES_ABOVE = 100_000_000


def today():
    return dealer_day(timezone.now())


def exported(folder, since=None, until=None, **options):
    """The tables by section, and the papers of the XML."""
    since, until = since or today() - timedelta(days=1), until or today() + timedelta(days=1)
    call_command("export_accounting", str(folder), since=since, until=until, verbosity=0, **options)
    name = f"{since}-{until}"
    tables = {
        section: list(csv.DictReader((folder / f"{section}-{name}.csv").open(encoding="utf-8", newline="")))
        for section in SECTIONS
    }
    return tables, commerceml.read((folder / f"commerceml-{name}.xml").read_text(encoding="utf-8"))


def total(rows, column):
    return sum((Decimal(row[column]) for row in rows if row[column]), Decimal(0))


def balances():
    found = LedgerLine.objects.values_list("account_id").annotate(total=Sum("amount"))
    return {account: amount for account, amount in found if amount}


def deals():
    """A car with policies on credit, handed over; one that came back; an accessory sold for cash, partly returned."""
    another = catalog.tests.make.product(stock=1, price=Decimal("2000000.00"))
    drain_outbox()
    manager = Api("manager")
    returned = handed_over(another, uuid7(), manager)
    asked = manager.post(f"/orders/{returned}/return", {"reason": "too loud"}).json()
    manager.post(f"/returns/{asked['id']}/inspect", {"result": "as new"})
    manager.post(f"/returns/{asked['id']}/accept")
    drain_outbox()
    car = catalog.tests.make.product(stock=1, price=Decimal("2000000.00"))
    drain_outbox()
    _deal, order = bought(car)
    for status in ("in_progress", "ready", "completed"):
        move_order(order_id=order.pk, status=status, actor=MANAGER, now=timezone.now())
        drain_outbox()
    paid = payments.tests.make.paid(payments.tests.make.order(total="1000.10"), method="cash")
    payments.tests.make.refund(paid, "100.05")
    drain_outbox()
    return order, Order.objects.get(pk=returned)


@pytest.mark.usefixtures("sandbox")
def test_what_is_exported_agrees_with_the_books_to_the_kopeck(tmp_path):
    sold, returned = deals()
    assert ledger_disagreements() == []
    tables, papers = exported(tmp_path)
    check_journal(tables["journal"], papers)
    check_sales(tables["sales"], papers, sold, returned)
    check_money(tables["money"], papers)
    check_stock(tables["stock"], papers)
    assert len({paper["id"] for paper in papers}) == len(papers)
    assert Counter(paper["operation"] for paper in papers)["Отпуск товара"] == 2


def check_journal(rows, papers):
    assert total(rows, "debit") == total(rows, "credit") > 0
    by_account = {}
    for row in rows:
        change = Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
        by_account[row["account"]] = by_account.get(row["account"], Decimal(0)) + change
    assert {account: amount for account, amount in by_account.items() if amount} == balances()
    entries = {str(pk) for pk in LedgerEntry.objects.values_list("pk", flat=True)}
    assert {row["id"] for row in rows} == entries
    again = {}
    for paper in papers:
        if paper["id"] in entries:
            assert sum(paper["sides"].values()) == 0
            assert paper["amount"] == sum(amount for amount in paper["sides"].values() if amount > 0)
            for account, amount in paper["sides"].items():
                again[account] = again.get(account, Decimal(0)) + amount
    assert {account: amount for account, amount in again.items() if amount} == balances()
    assert {"loan", "premium", "sale", "sale_returned", "charge", "refund"} <= {row["kind"] for row in rows}


def check_sales(rows, papers, sold, returned):
    """The sale of each order is what the books call earned; a return is the same, the other way round."""
    booked = {
        (kind, order_id): abs(amount)
        for kind, order_id, amount in LedgerLine.objects.filter(account="sales").values_list(
            "entry__kind", "entry__order_id", "amount"
        )
    }
    of_goods = {}
    for row in rows:
        order = {sold.number: sold, returned.number: returned}[row["basis"]]
        of_goods[row["kind"], order.pk] = of_goods.get((row["kind"], order.pk), Decimal(0)) + Decimal(row["total"])
    assert of_goods == booked
    assert sold.policy_ids
    assert not [row for row in rows if "ОСАГО" in row["name"] or "OSAGO" in row["name"]]
    assert {row["party_id"] for row in rows} == {str(sold.customer_id), str(returned.customer_id)}
    from_xml = {
        (paper["kind"], paper["facts"]["Вид операции"], paper["number"]): sum(
            Decimal(goods["Сумма"]) for goods in paper["goods"]
        )
        for paper in papers
        if paper["operation"] in ("Отпуск товара", "Возврат товара")
    }
    assert sorted(from_xml.values()) == sorted(booked.values())
    assert {number for _kind, _fact, number in from_xml} == {sold.number, returned.number, f"{returned.number}-R"}


def check_money(rows, papers):
    came = Payment.objects.filter(status__in=("completed", "partially_refunded", "refunded"))
    went = Refund.objects.filter(status="succeeded"), Payout.objects.filter(status="succeeded")
    sums = {operation: total([r for r in rows if r["operation"] == operation], "amount") for operation in (
        "cash_in", "cash_out", "bank_in", "bank_out",
    )}  # fmt: skip
    assert sums["cash_in"] + sums["bank_in"] == sum(payment.amount for payment in came)
    assert sums["cash_out"] + sums["bank_out"] == sum(row.amount for rows in went for row in rows)
    assert (sums["cash_in"], sums["cash_out"]) == (Decimal("1000.10"), Decimal("100.05"))
    held = sum(amount for account, amount in balances().items() if account.startswith(ASSETS))
    assert sums["cash_in"] + sums["bank_in"] - sums["cash_out"] - sums["bank_out"] == held
    names = {"cash_in": "Выплата наличных денег", "cash_out": "Возврат наличных денег",
             "bank_in": "Выплата безналичных денег", "bank_out": "Возврат безналичных денег"}  # fmt: skip
    for operation, name in names.items():
        assert sum((p["amount"] for p in papers if p["operation"] == name), Decimal(0)) == sums[operation]


def check_stock(rows, papers):
    by_product = Counter()
    for row in rows:
        by_product[row["product_id"]] += int(row["quantity"])
    on_hand = {str(product.pk): product.on_hand for product in Product.objects.all()}
    assert {product: by_product[product] for product in on_hand} == on_hand
    movements = {str(pk): (delta, after) for pk, delta, after in StockMovement.objects.values_list(
        "pk", "delta", "on_hand_after")}  # fmt: skip
    assert {row["id"]: (int(row["quantity"]), int(row["on_hand"])) for row in rows} == movements
    again = {
        paper["id"]: int(paper["goods"][0]["Количество"]) * (1 if paper["facts"]["Движение"] == "Приход" else -1)
        for paper in papers
        if paper["id"] in movements
    }
    assert again == {pk: delta for pk, (delta, _after) in movements.items()}


# Days, chunks, and what nobody may learn ------------------------------------------------------------------------------
def test_a_span_has_its_first_and_last_day_by_the_dealers_clock(tmp_path):
    paid = payments.tests.make.paid(payments.tests.make.order(total="1000.00"), method="cash")
    catalog.tests.make.product(stock=3)
    for days in (-1, 1):
        tables, papers = exported(tmp_path, today() + timedelta(days=days), today() + timedelta(days=days))
        assert (papers, {name: rows for name, rows in tables.items() if rows}) == ([], {})
    tables, papers = exported(tmp_path, today(), today())
    assert [row["basis"] for row in tables["money"]] == [OrderCopy.objects.get(pk=paid.order_id).number]
    assert [row["quantity"] for row in tables["stock"]] == ["3"]
    assert len(papers) == 3


def test_long_sections_are_read_in_chunks_that_lose_and_repeat_nothing(tmp_path, monkeypatch):
    for app in ("catalog", "orders", "payments"):
        monkeypatch.setattr(f"{app}.queries.accounting.CHUNK", 2)
    moment = timezone.now()
    for number in range(5):
        catalog.tests.make.product(stock=number + 1, now=moment)
        payments.tests.make.paid(payments.tests.make.order(total=f"{number + 1}.01"), method="cash")
    done = [orders.tests.make.completed() for _ in range(5)]
    tables, papers = exported(tmp_path)
    assert sorted(row["quantity"] for row in tables["stock"]) == ["1", "2", "3", "4", "5"]
    assert len({row["id"] for row in tables["money"]}) == len(tables["money"]) == 5
    assert sorted(row["basis"] for row in tables["sales"]) == sorted(order.number for order in done)
    assert total(tables["money"], "amount") == Decimal("15.05")
    assert len(papers) == 5 + 5 + 5 + 5


def test_companies_are_named_and_people_are_not(tmp_path):
    person, company, entity = uuid7(), uuid7(), uuid7()
    CompanyCopy.objects.create(client_id=company, name='ООО «Ромашка & "Co" <1>', inn="7707083893", kpp="770701001")
    LegalEntityCopy.objects.create(entity_id=entity, facts={"name": "ООО «Дилер»", "inn": "7736050003"})
    for buyer in (person, company):
        order = orders.tests.make.completed(customer_id=buyer)
        Order.objects.filter(pk=order.pk).update(legal_entity_id=entity)
        OrderLine.objects.filter(order=order).update(vat_rate=22, vat_amount=Decimal("180327.87"))
    tables, papers = exported(tmp_path)
    named = {row["party_id"]: (row["party_name"], row["party_inn"], row["party_kpp"]) for row in tables["sales"]}
    assert named == {str(person): ("", "", ""), str(company): ('ООО «Ромашка & "Co" <1>', "7707083893", "770701001")}
    assert {(row["seller_inn"], row["vat_rate"], row["vat_amount"]) for row in tables["sales"]} == {
        ("7736050003", "22.00", "180327.87")
    }
    parties = {party["Ид"]: party for paper in papers for party in paper["parties"]}
    assert parties[str(person)] == {"Ид": str(person), "Наименование": "Розничный покупатель", "Роль": "Покупатель"}
    assert (parties[str(company)]["Наименование"], parties[str(company)]["ИНН"]) == (
        'ООО «Ромашка & "Co" <1>', "7707083893",
    )  # fmt: skip
    assert parties[str(entity)]["Роль"] == "Продавец"
    assert {paper["vat"] for paper in papers} == {"180327.87"}


def test_lines_of_several_kinds_say_their_rate_or_why_they_bear_no_vat(tmp_path):
    order = orders.tests.make.completed()
    words = "подп. 17.2 п. 2 ст. 149 НК РФ"
    OrderLine.objects.filter(order=order).update(vat_rate=22, vat_amount=Decimal("180327.87"))
    kinds = (("reduced", 10, "100.00", "", "1100.00"), ("exempt", None, "0.00", words, "500.00"))
    for place, (kind, rate, vat, ground, price) in enumerate(kinds, 2):
        OrderLine.objects.create(
            order=order, position=place, kind="free", name=f"Line {place}", quantity=1, unit_price=price,
            line_total=price, vat_kind=kind, vat_rate=rate, vat_amount=vat, untaxed_by=ground,
        )  # fmt: skip
    tables, papers = exported(tmp_path)
    rows = [(row["vat_rate"], row["vat_amount"], row["untaxed_by"]) for row in tables["sales"]]
    assert rows == [("22.00", "180327.87", ""), ("10.00", "100.00", ""), ("", "0.00", words)]
    (sale,) = [paper for paper in papers if paper["kind"] == "sale"]
    assert (sale["vat"], [line["vat"] for line in sale["goods"]]) == ("180427.87", ["180327.87", "100.00", "0.00"])
    assert [line["untaxed_by"] for line in sale["goods"]] == [None, None, words]


def test_a_name_that_xml_cannot_hold_and_a_formula_do_no_harm(tmp_path):
    catalog.tests.make.product(stock=1, name="=cmd|'/c calc'!A1\x0b\x00 & <b>".replace("\x00", ""))
    tables, papers = exported(tmp_path)
    assert tables["stock"][0]["name"].startswith("'=")
    assert papers[0]["goods"][0]["Наименование"] == "=cmd|'/c calc'!A1 & <b>"


# Doors ----------------------------------------------------------------------------------------------------------------
def test_the_files_are_their_owners_alone_and_say_how_much_they_hold(tmp_path, capsys):
    catalog.tests.make.product(stock=1)
    exported(tmp_path)
    assert "1 papers to" in capsys.readouterr().out
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
    call_command("export_accounting", str(tmp_path / "xml"), since=today(), until=today(), format="commerceml")
    assert [path.suffix for path in (tmp_path / "xml").iterdir()] == [".xml"]


@pytest.mark.parametrize("until", ["2026-01-31", "someday", "9999-12-31"])
def test_days_that_make_no_span_are_refused(tmp_path, until):
    with pytest.raises(CommandError, match="--to"):
        call_command("export_accounting", str(tmp_path), "--from=2026-02-01", f"--to={until}")
    assert list(tmp_path.iterdir()) == []


def test_an_app_elsewhere_is_named(tmp_path, settings):
    settings.SERVICES = [app for app in settings.SERVICES if app != "orders"]
    with pytest.raises(CommandError, match="not here: sales"):
        exported(tmp_path)
    query = f"?from={today()}&to={today()}"
    assert Api("manager").get(f"/accounting/commerceml{query}").status_code == 503
    assert Api("manager").get(f"/accounting/sales{query}").status_code == 503
    assert Api("manager").get(f"/accounting/stock{query}").status_code == 200


@pytest.mark.parametrize("section", SECTIONS)
def test_a_manager_takes_a_section_and_leaves_a_trace(section):
    catalog.tests.make.product(stock=1)
    manager = Api("manager")
    answer = manager.get(f"/accounting/{section}?from={today()}&to={today()}")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer["Content-Disposition"] == f'attachment; filename="{section}-{today()}-{today()}.csv"'
    header = next(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert tuple(header) == COLUMNS[Section(section)]
    app, _item = gathering.contributions()[Section(section)]
    (one,) = Reading.objects.using(app).all()
    assert (one.kind, one.owner_id, one.reader_id) == (f"accounting_{section}", None, manager.user_id)


def test_the_whole_comes_as_commerceml_and_leaves_a_trace_in_every_app():
    catalog.tests.make.product(stock=2)
    answer = Api("manager").get(f"/accounting/commerceml?from={today()}&to={today()}")
    assert answer["Content-Type"] == "application/xml; charset=utf-8"
    (paper,) = commerceml.read(b"".join(answer.streaming_content).decode())
    assert (paper["kind"], paper["facts"]["Остаток"]) == ("initial", "2")
    kinds = [
        one.kind for app in ("catalog", "orders", "payments") for one in Reading.objects.using(app).order_by("kind")
    ]
    assert sorted(kinds) == [f"accounting_{section}" for section in sorted(SECTIONS)]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400), ("?from=2026-01-01", 400), ("?from=2026-02-01&to=2026-01-31", 400), ("?from=x&to=2026-01-31", 400),
        ("?from=1900-01-01&to=2026-01-31", 400), ("?from=2026-01-01&to=9999-12-31", 400),
        ("?from=2026-01-01&to=2026-01-31&name=x", 400), ("?from=2026-01-01&to=2026-01-31", 200),
    ],
)  # fmt: skip
def test_the_span_is_told_and_makes_sense(query, status):
    answer = Api("manager").get(f"/accounting/sales{query}")
    assert answer.status_code == status
    assert status == 200 or {error["field"] for error in answer.json()["errors"]} <= {"from", "to", "name"}


@pytest.mark.parametrize("roles", [(), ("client",)])
def test_others_take_nothing_and_leave_no_trace(roles):
    for name in (*SECTIONS, "commerceml"):
        refused = Api(*roles).get(f"/accounting/{name}?from={today()}&to={today()}")
        assert refused.status_code == (403 if roles else 401)
    assert not any(Reading.objects.using(app).exists() for app in ("catalog", "orders", "payments"))


def test_every_section_is_handed_over_by_one_app():
    assert list(gathering.contributions()) == list(Section)


def test_the_structure_finds_what_a_schema_would():
    short = '<Документ xmlns="urn:1C.ru:commerceml_205"><Номер>1</Номер></Документ>'
    assert commerceml.wrong(fromstring(short)) == ["Документ holds Номер "]
    assert commerceml.wrong(fromstring("<Сумма>1,5</Сумма>"))


def test_days_around_a_change_of_clocks_belong_to_one_span_each(settings):
    settings.DEALER_TIME_ZONE = "Europe/Berlin"
    day = date(2026, 3, 29)
    assert Span(day, day).ends.timestamp() - Span(day, day).begins.timestamp() == 23 * 3600
    assert Span(day, day).ends == Span(day + timedelta(days=1), day + timedelta(days=1)).begins


@pytest.fixture
def browser():
    client, user = Client(), get_user_model().objects.create_superuser("boss@example.com", "pass-word-1")
    client.force_login(user, backend="accounts.backends.EmailBackend")
    return client


SCREEN = "/admin/payments/ledgerentry/accounting/"


def on_screen(browser, **query):
    return browser.get(SCREEN, {"since": str(today()), "until": str(today()), "kind": "commerceml"} | query)


def test_a_manager_counts_the_papers_and_takes_the_file_on_a_screen(browser, sandbox, tmp_path):
    payments.tests.make.paid(payments.tests.make.order())
    shown = on_screen(browser).content.decode()
    for section, (_app, item) in gathering.contributions().items():
        assert f'<td class="p-2">{item.count(Span(today(), today()))}</td>' in shown, section
    assert not Reading.objects.using("payments").filter(kind="accounting_money").exists(), "counting reads nobody"
    taken = on_screen(browser, file="1")
    text = b"".join(taken.streaming_content).decode()
    assert taken["Content-Disposition"].endswith('.xml"')
    assert len(commerceml.read(text)) == sum(
        item.count(Span(today(), today())) for _app, item in gathering.contributions().values()
    )
    table = on_screen(browser, kind="money", file="1")
    rows = list(csv.DictReader(io.StringIO(b"".join(table.streaming_content).decode().lstrip("\ufeff"))))
    assert len(rows) == gathering.contributions()[Section.MONEY][1].count(Span(today(), today()))
    assert Reading.objects.using("payments").filter(kind="accounting_money").count() == 2


@pytest.mark.parametrize("wrong", [{"since": ""}, {"until": "1990-01-01"}, {"since": "2090-01-01"}, {"kind": "x"}])
def test_a_screen_says_what_is_wrong_with_the_days(browser, wrong):
    answer = on_screen(browser, file="1", **wrong)
    assert answer.status_code == 400
    assert not Reading.objects.using("payments").exists()
