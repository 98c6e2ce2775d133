"""The page on which codes of marked goods are scanned: what it keeps, what it refuses, and whom it lets in."""

from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings

from core.ids import uuid7
from orders.models import MarkCode, Order
from orders.queries.marks import read_marks
from orders.services import ProductLine
from orders.tests import make
from orders.tests.test_admin import sign_in
from orders.tests.test_marks import paid

pytestmark = pytest.mark.django_db(databases=["accounts", "orders"])
CODE = make.mark_code("serial1")


@pytest.fixture
def manager(client):
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return sign_in(client, "manager")


def page(order):
    return f"/admin/orders/order/{order.pk}/marks/"


def scan(manager, order, code=CODE, **more):
    form = {"line": str(order.lines.first().pk), "code": code, **more}
    return manager.post(page(order), form, follow=True)


def entered(order):
    return [mark.code for line in read_marks(order.pk).lines for mark in line.marks]


def test_a_scanner_enters_piece_by_piece_and_separators_stay(manager):
    order = paid(ProductLine(make.marked_goods(), 2))
    shown = manager.get(page(order)).content.decode()
    assert ("2 pieces have no code yet" in shown, shown.count(" autofocus")) == (True, 1)
    shown = scan(manager, order).content.decode()
    assert ("1 piece has no code yet" in shown, "serial1␝91EE05␝92" in shown) == (True, True)
    scan(manager, order, f"{make.mark_code('serial2')}\r\n")
    assert entered(order) == [CODE, make.mark_code("serial2")]
    shown = manager.get(page(order)).content.decode()
    assert ("Every piece has its code" in shown, "autofocus" in shown) == (True, False)
    assert MarkCode.objects.first().entered_by == UUID(manager.session["_auth_user_id"])


def test_a_wrong_code_is_refused_and_stays_in_the_box(manager):
    order = paid()
    for code, said in (
        ("010460123456789521X", "check digit"),
        ("010460123456789321Ы", "layout"),
        ("", "Scan the code"),
    ):
        answer = scan(manager, order, code)
        assert answer.status_code == 400
        assert said in answer.content.decode()
        assert f'value="{code}"' in answer.content.decode()
    assert scan(manager, order, line="nonsense").status_code == 400
    assert entered(order) == []


def test_a_code_of_another_order_is_refused(manager):
    scan(manager, paid())
    other = paid()
    assert "sold already" in scan(manager, other).content.decode()
    assert entered(other) == []


def test_a_code_is_taken_off(manager):
    order = paid()
    scan(manager, order)
    answer = manager.post(page(order), {"remove": str(MarkCode.objects.get().pk)}, follow=True)
    assert "taken off" in answer.content.decode()
    assert entered(order) == []
    assert manager.post(page(order), {"remove": str(uuid7())}).status_code == 400


def test_after_the_handover_codes_are_only_shown(manager):
    order = paid()
    scan(manager, order)
    Order.objects.filter(pk=order.pk).update(status="completed")
    shown = manager.get(page(order)).content.decode()
    assert ("serial1" in shown, "data-mark" in shown, 'name="remove"' in shown) == (True, False, False)
    assert scan(manager, order, make.mark_code("serial2")).status_code == 400
    assert len(entered(order)) == 1


def test_the_page_is_reached_from_the_order_and_by_staff_alone(manager, client):
    order = paid()
    assert page(order) in manager.get(f"/admin/orders/order/{order.pk}/change/").content.decode()
    assert "Nothing of this order is marked" in manager.get(page(make.order())).content.decode()
    client.logout()
    assert client.get(page(order)).status_code == 302
    assert client.post(page(order), {"line": str(order.lines.first().pk), "code": CODE}).status_code == 302
    assert entered(order) == []


def test_the_script_writes_the_separator_that_a_scanner_types():
    script = (Path(settings.BASE_DIR) / "static/autosalon/marks.js").read_text()
    assert ('"\\u001d"' in script, "BracketRight" in script) == (True, True)


def test_the_page_speaks_russian(manager):
    manager.defaults["HTTP_ACCEPT_LANGUAGE"] = "ru"
    shown = manager.get(page(paid(ProductLine(make.marked_goods(), 2)))).content.decode()
    assert ("2 штуки ещё без кода: выдать товар нельзя." in shown, "Код следующей штуки" in shown) == (True, True)
