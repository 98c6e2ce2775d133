"""Lists of the admin go out as they are chosen, people masked unless all may be told; whoever takes them is noted."""

import csv
import re
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings as project
from django.contrib import admin
from django.db import connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

import orders.tests.make
from accounts import services as accounts
from catalog.services import create_product
from core.importing.text import unshielded
from core.money.wording import money_text, plain_money
from gateway.models import Reading
from gateway.responses.lists import exporting
from gateway.responses.lists.columns import _find_field, is_personal, mask
from messaging.testing import drain_outbox
from orders.models import Order
from storefront.tests.make import Visitor
from tests.test_admin_text import fill

pytestmark = pytest.mark.django_db(databases=project.APPS)
PLAIN_COLUMNS = Path(__file__).with_name("plain_columns.txt").read_text().split()
"""Columns that are worked out or lie in another table, and tell of nobody."""
ORDERS = "/admin/lists/orders.order/export/"
ANNA = {"email": "anna.p@example.com", "full_name": "Анна Петрова", "phone": "+7 912 345-67-89"}


@pytest.fixture(autouse=True)
def quick(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def anna():
    person = accounts.create_user(password="a-long-password", now=timezone.now(), **ANNA)
    drain_outbox(*project.APPS)
    return person.id


@pytest.fixture
def manager():
    return Visitor("manager")


@pytest.fixture
def boss():
    return Visitor("admin")


def read(answer):
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"].startswith("text/csv")
    rows = csv.reader(StringIO(b"".join(answer.streaming_content).decode()))
    heading, *lines = [[unshielded(cell) for cell in row] for row in rows]
    return [dict(zip(heading, line, strict=True)) for line in lines]


def readings():
    return list(Reading.objects.using("orders").values_list("kind", "owner_id", "reader_id"))


# What is told of whom ------------------------------------------------------------------------------------------------
def test_every_column_that_is_worked_out_is_personal_or_said_to_be_plain():
    """Say in the screen's `personal_columns` that a new one tells of a person, or add it to plain_columns.txt."""
    found = {
        f"{model._meta.label_lower}.{name}"
        for model, screen in admin.site._registry.items()
        if screen.exports_rows
        for name in screen.list_display
        if ((field := _find_field(model, name)) is None or field.is_relation) and not is_personal(screen, name)
    }
    assert sorted(found) == PLAIN_COLUMNS


@pytest.mark.parametrize(
    ("text", "is_name", "told"),
    [
        ("anna@example.com", False, "a***@example.com"),
        ("anna@example.com", True, "a***@example.com"),
        ("+7 912 345-67-89", False, "+7***89"),
        ("12345", False, "1***"),
        ("Анна Петрова", True, "Анна Петрова"),
        ("Lives at home", False, ""),
        ("Call 8 912 345-67-89 after six, or the neighbour", True, ""),
        ("", False, ""),
    ],
)
def test_a_person_is_masked(text, is_name, told):
    assert mask(text, is_name=is_name) == told


def test_sums_are_numbers_again():
    for language in ("ru", "en"):
        with translation.override(language):
            assert plain_money(money_text(Decimal("-1745000.50"), "RUB")) == "-1745000.50"
            euros = money_text(Decimal("5.00"), "EUR")
            assert plain_money(euros) == euros


# At the desk ---------------------------------------------------------------------------------------------------------
def test_a_manager_takes_what_is_chosen_masked_and_it_is_noted(anna, manager):
    first, second = orders.tests.make.order(customer_id=anna), orders.tests.make.order(customer_id=anna)
    orders.tests.make.order()
    chosen = "q=Петрова&o=-1"
    page = manager.get(manager.get(f"/admin/orders/order/?{chosen}&p=1").context["export_page"])
    assert "2 rows." in page.content.decode()
    assert "is_clear" not in page.context["form"].fields
    assert readings() == []
    answer = manager.post(ORDERS, query=page.context["form"]["query"].value(), is_clear="on")
    assert answer["Content-Disposition"].startswith('attachment; filename="order-')
    rows = read(answer)
    assert [row["Number"] for row in rows] == sorted([first.number, second.number], reverse=True)
    assert (rows[0]["Customer"], rows[0]["Customer: contact"]) == ("Анна Петрова", "+7***89")
    assert Decimal(rows[0]["Total"]) == Order.objects.get(number=rows[0]["Number"]).total_amount
    assert readings() == [("order_list", None, manager.user.pk)]


def test_an_administrator_may_take_it_in_full(anna, boss):
    orders.tests.make.order(customer_id=anna)
    assert "is_clear" in boss.get(ORDERS).context["form"].fields
    (masked,), (clear,) = read(boss.post(ORDERS, query="")), read(boss.post(ORDERS, query="", is_clear="on"))
    assert (masked["Customer: contact"], clear["Customer: contact"]) == ("+7***89", "+7 912 345-67-89")
    assert [kind for kind, *_ in readings()] == ["order_list", "order_list_in_full"]


def test_no_trace_no_list(anna, manager, monkeypatch):
    orders.tests.make.order(customer_id=anna)

    def full(*_, **__):
        raise OSError("the disk is full")

    monkeypatch.setattr(exporting, "record_reading", full)
    manager.client.raise_request_exception = False
    assert manager.post(ORDERS, query="").status_code == 500


def test_goods_are_nobodys_and_no_cell_is_a_formula(manager):
    create_product(sku="A-1", kind="accessory", name='=cmd|"/c calc"', price=Decimal(1), actor="x", now=timezone.now())
    answer = manager.post("/admin/lists/catalog.product/export/", query="q=A-1")
    assert "'=cmd" in b"".join(answer.streaming_content).decode()
    assert not Reading.objects.using("catalog").exists()


def test_a_list_that_is_too_long_says_so(manager, monkeypatch):
    monkeypatch.setattr(exporting, "MOST_ROWS", 1)
    orders.tests.make.order()
    assert len(read(manager.post(ORDERS, query=""))) == 1
    orders.tests.make.order()
    for answer in (manager.get(ORDERS), manager.post(ORDERS, query="")):
        assert answer.status_code == 400
        assert "The list has more than 1 rows" in answer.content.decode()
    assert len(readings()) == 1


def test_pieces_keep_the_order_and_what_went_meanwhile_is_left_out(manager, monkeypatch):
    monkeypatch.setattr(exporting, "CHUNK", 2)
    numbers = [orders.tests.make.order().number for _ in range(5)]
    answer = manager.post(ORDERS, query="o=1&status__exact=created")
    Order.objects.filter(number=numbers[3]).update(status="cancelled")
    assert [row["Number"] for row in read(answer)] == [*numbers[:3], numbers[4]]


def test_the_file_speaks_its_readers_language(anna):
    orders.tests.make.order(customer_id=anna)
    answer = Visitor("manager", language="ru").post(ORDERS, query="")
    with translation.override("en"):
        (row,) = read(answer)
    assert not re.search("[A-Za-z]{3}", " ".join([*row, row["Статус"]]))


def test_many_rows_cost_no_more_statements(manager, anna):
    def count():
        with CaptureQueriesContext(connections["orders"]) as asked:
            read(manager.post(ORDERS, query=""))
        return len(asked)

    orders.tests.make.order(customer_id=anna)
    few = count()
    for _ in range(4):
        orders.tests.make.order(customer_id=anna)
    assert count() == few


@pytest.mark.parametrize("query", ["colour=red", "checkout__owner_id__x=1", "https://evil.example/?q=1"])
def test_choices_of_no_list_are_refused(manager, query):
    for answer in (manager.get(f"{ORDERS}?{query}"), manager.post(ORDERS, query=query)):
        assert answer.status_code == 400
        assert "These are not filters" in answer.content.decode()
    assert readings() == []


@pytest.mark.parametrize(
    ("listing", "status"),
    [
        ("accounts.user", 403), ("payments.webhookevent", 403), ("orders.nothing", 404), ("x", 404),
        ("clients.client", 404), ("messaging.inboxevent", 404),
    ],
)  # fmt: skip
def test_only_lists_that_one_may_open_go_out(manager, listing, status):
    for answer in (manager.get(f"/admin/lists/{listing}/export/"), manager.post(f"/admin/lists/{listing}/export/")):
        assert answer.status_code == status


def test_nobody_from_outside_takes_a_list(settings):
    settings.MFA_REQUIRED_FOR_STAFF = True
    for visitor in (Visitor(), Visitor("client"), Visitor("manager")):
        answer = visitor.post(ORDERS, query="")
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/")


@pytest.mark.parametrize("app", project.APPS)
def test_every_list_goes_out_as_plain_text(app, boss):
    fill(app, Visitor("client").user.pk)
    for model, screen in admin.site._registry.items():
        if model._meta.app_label == app and screen.exports_rows:
            rows = read(boss.post(f"/admin/lists/{model._meta.label_lower}/export/", query="", is_clear="on"))
            odd = {cell for row in rows for cell in row.values() if re.search(r"<\w|&\w+;|\bobject \(|None$", cell)}
            assert not odd, model
