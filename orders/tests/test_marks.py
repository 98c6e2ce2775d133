"""Codes of marked goods: read as scanners type them, sold once, asked for at the handover, freed with the sale."""

from threading import Thread

import msgspec
import pytest
from django.db import IntegrityError, connections
from django.utils import timezone

from catalog.events import CategoryChanged
from core.db import transaction
from core.errors import FourEyes, InvalidInput
from core.ids import uuid7
from core.secrecy.marks import is_gtin
from core.testing import Api
from messaging.models import OutboxEvent
from messaging.testing import capture_events
from orders import services
from orders.errors import MarkCodesMissing, MarkTaken
from orders.events import OrderCompleted, post_sale
from orders.models import Freed, MarkCode, Order, OrderHistory, ProductCopy
from orders.queries.marks import read_codes, read_marks
from orders.rules.marks import GS, read_mark
from orders.services import Actor, LineChange, ProductLine
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders"])
MANAGER = Actor(uuid7(), frozenset({"manager"}))


def paid(*lines, **options):
    """A paid order of such lines, or of four tyres."""
    order = make.order(lines=list(lines) or [ProductLine(make.marked_goods(), 4)], **options)
    receive(answers.reserved(order))
    receive(answers.paid(order, by_saga=False))
    return order


def move(order, *steps, actor=MANAGER):
    for status in steps:
        services.move_order(order_id=order.id, status=status, actor=actor, now=timezone.now())


def ready(*lines):
    order = paid(*lines)
    move(order, "in_progress", "ready")
    return order


def first(order):
    return order.lines.first().id


def enter(order, *codes, line_id=None, actor=MANAGER):
    line_id = line_id or first(order)
    return services.enter_marks(order_id=order.id, line_id=line_id, codes=codes, actor=actor, now=timezone.now())


def codes(*numbers):
    return [make.mark_code(f"serial{number}") for number in numbers]


def entered(order):
    return [(mark.piece, mark.code) for line in read_marks(order.id).lines for mark in line.marks]


def refused(response, status, code):
    assert (response.status_code, response.json()["code"]) == (status, code), response.content
    return response.json()


def last(order):
    return OrderHistory.objects.filter(order_id=order.id).latest("id")


# Reading --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("gtin", ["04601234567893", "00000000000000", "05900000000008"])
def test_a_check_digit_is_that_of_gs1(gtin):
    assert is_gtin(gtin)
    assert not is_gtin(gtin[1:])
    assert not is_gtin(gtin[:-1] + str((int(gtin[-1]) + 1) % 10))


def test_separators_stay_and_what_a_scanner_adds_goes():
    code = make.mark_code('a"%&z')
    assert code.count(GS) == 2
    for typed in (code, f"]d2{code}", f"{GS}{code}", f"  {code}\r\n", f"{code}{GS}"):
        read = read_mark(typed, "codes.0")
        assert (read.code, read.identity) == (code, '010460123456789321a"%&z')
    assert read_mark("010460123456789321X", "codes.0").code == "010460123456789321X"


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("", "mark_length"),
        ("01046012345678932", "mark_form"),
        ("hello", "mark_form"),
        ("020460123456789321X", "mark_form"),
        ("010460123456789321", "mark_length"),
        ("010460123456789321" + "X" * 21, "mark_length"),
        (make.mark_code("serial").replace(GS, ""), "mark_length"),
        ("010460123456789321X" + f"{GS}92abc" * 60, "mark_length"),
        ("010460123456789321X" + f"{GS}10batch", "mark_form"),
        ("010460123456789521X", "mark_check_digit"),
        ("010460123456789321Ы", "mark_characters"),
        ("010460123456789321X Y", "mark_characters"),
        ("010460123456789321X" + GS + GS + "91EE", "mark_characters"),
        ("٠١٠٤٦٠١٢٣٤٥٦٧٨٩٣٢١X", "mark_characters"),
    ],
)
def test_what_is_no_code_is_named(typed, code):
    with pytest.raises(InvalidInput) as refusal:
        read_mark(typed, "codes.3")
    assert [(error["field"], error["code"]) for error in refusal.value.errors] == [("codes.3", code)]


# Entering -------------------------------------------------------------------------------------------------------------
def test_pieces_get_their_codes_and_the_history_says_whose_hand_it_was():
    order = paid()
    with capture_events("orders") as events:
        enter(order, *codes(1, 2))
        enter(order, *codes(2, 3, 3))
    assert entered(order) == list(enumerate(codes(1, 2, 3), 1))
    assert events == [], "nobody is told before the handover"
    entry = last(order)
    assert (entry.event, entry.actor_id, entry.data["codes"]) == (
        "marks.entered", MANAGER.id, ["010460123456789321serial3"],
    )  # fmt: skip
    assert MarkCode.objects.filter(entered_by=MANAGER.id, freed_at=None).count() == 3


def test_entering_again_changes_nothing():
    order = paid()
    version = enter(order, *codes(1)).version
    assert enter(order, *codes(1)).version == version
    assert enter(order, "010460123456789321serial1").version == version, "the same piece without its proof"
    assert OrderHistory.objects.filter(order_id=order.id, event="marks.entered").count() == 1


def test_more_codes_than_pieces_are_refused_and_none_is_kept():
    order = paid()
    path = f"/orders/{order.id}/marks"
    body = {"line_id": str(first(order)), "codes": codes(1, 2, 3, 4, 5)}
    told = refused(Api("manager").post(path, body), 409, "mark_codes_too_many")
    assert (told["quantity"], told["missing"], told["given"]) == (4, 4, 5)
    assert entered(order) == []


def test_a_code_is_sold_once():
    order, other = paid(), paid(*[ProductLine(make.marked_goods(), 1)] * 2)
    enter(order, *codes(1))
    body = {"line_id": str(first(other)), "codes": [*codes(2), "010460123456789321serial1"]}
    refused(Api("manager").post(f"/orders/{other.id}/marks", body), 409, "mark_codes_too_many")
    body["codes"] = body["codes"][1:]
    told = refused(Api("manager").post(f"/orders/{other.id}/marks", body), 409, "mark_code_taken")
    assert told["codes"] == [{"code": "010460123456789321serial1", "number": order.number}]
    enter(other, *codes(3))
    second = other.lines.last().id
    with pytest.raises(MarkTaken):
        enter(other, *codes(3), line_id=second)
    assert entered(other) == [(1, codes(3)[0])]


def test_the_database_refuses_a_code_twice():
    order = paid()
    enter(order, *codes(1))
    mark = MarkCode.objects.get()
    mark.pk, mark.piece = uuid7(), 2
    with pytest.raises(IntegrityError), transaction("orders"):
        mark.save(force_insert=True)


def test_goods_are_marked_by_their_category_unless_they_say_otherwise():
    category_id = uuid7()
    told = CategoryChanged(category_id=category_id, name="Tyres", taxed_as="", marked_as="tyres", version_number=1)
    services.copy_category_taxes(events=[told])
    goods = [make.marked_goods(marking=marking) for marking in ("", "none", "fluids", "")]
    ProductCopy.objects.filter(pk__in=goods[:3]).update(category_id=category_id)
    car = make.product()
    ProductCopy.objects.filter(pk=car).update(category_id=category_id)
    order = paid(*[ProductLine(product, 2) for product in goods], ProductLine(car, 1))
    found = read_marks(order.id)
    assert [(line.position, line.marking, line.missing) for line in found.lines] == [(0, "tyres", 2), (2, "fluids", 2)]
    assert found.missing == 4


@pytest.mark.parametrize("status", ["created", "completed", "cancelled"])
def test_codes_are_entered_while_the_goods_are_paid_for_and_here(status):
    order = paid()
    Order.objects.filter(pk=order.id).update(status=status)
    body = {"line_id": str(first(order)), "codes": codes(1)}
    refused(Api("manager").post(f"/orders/{order.id}/marks", body), 409, "wrong_transition")
    assert not MarkCode.objects.exists()


def test_staff_enter_no_codes_in_their_own_order():
    order = paid()
    own = Actor(order.customer_id, frozenset({"manager"}))
    with pytest.raises(FourEyes):
        enter(order, *codes(1), actor=own)


@pytest.mark.django_db(databases=["orders"], transaction=True)
def test_two_orders_that_race_for_a_code_leave_it_to_one():
    orders, refusals = [paid(), paid()], []

    def run(order):
        try:
            enter(order, *codes(*range(4)))
        except MarkTaken as refusal:
            refusals.append(refusal)
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=[order]) for order in orders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(entered(order)) for order in orders) == [0, 4]
    assert len(refusals) == 1


# Over HTTP ------------------------------------------------------------------------------------------------------------
def test_staff_scan_and_read_codes_and_take_one_off():
    order = paid(ProductLine(make.marked_goods(), 2), ProductLine(make.product(kind="accessory"), 1))
    manager, path = Api("manager"), f"/orders/{order.id}/marks"
    made = manager.post(path, {"line_id": str(first(order)), "codes": codes(1)})
    assert made.status_code == 200, made.content
    shown = manager.get(path).json()
    assert shown == made.json()
    [line] = shown["lines"]
    assert (shown["missing"], line["missing"], line["marking"], line["quantity"]) == (1, 1, "tyres", 2)
    [mark] = line["marks"]
    assert (mark["piece"], mark["code"]) == (1, codes(1)[0])
    for _once_more in range(2):
        assert manager.delete(f"{path}/{mark['id']}").json()["missing"] == 2
    assert (last(order).event, last(order).data["codes"]) == ("marks.removed", ["010460123456789321serial1"])
    assert OrderHistory.objects.filter(order_id=order.id, event="marks.removed").count() == 1
    enter(paid(), *codes(1))


def test_only_staff_see_and_enter_codes():
    order = paid()
    path, body = f"/orders/{order.id}/marks", {"line_id": str(first(order)), "codes": codes(1)}
    buyer = Api("client", user_id=order.customer_id)
    for caller, status in ((buyer, 403), (Api("client"), 403), (Api(), 401)):
        assert caller.get(path).status_code == status
        assert caller.post(path, body).status_code == status
        assert caller.delete(f"{path}/{uuid7()}").status_code == status
    assert not MarkCode.objects.exists()


def test_what_is_not_there_or_not_marked_is_refused():
    order = paid(ProductLine(make.marked_goods(), 1), ProductLine(make.product(kind="accessory"), 1))
    manager, path = Api("manager"), f"/orders/{order.id}/marks"
    line_id = str(first(order))
    assert manager.get(f"/orders/{uuid7()}/marks").status_code == 404
    assert manager.post(f"/orders/{uuid7()}/marks", {"line_id": line_id, "codes": codes(1)}).status_code == 404
    assert manager.delete(f"{path}/{uuid7()}").status_code == 404
    other = {"line_id": str(first(paid())), "codes": codes(1)}
    refused(manager.post(path, other), 404, "unknown_item")
    refused(manager.post(path, other | {"line_id": str(order.lines.last().id)}), 409, "line_not_marked")
    for body in ({}, {"line_id": line_id}, {"line_id": line_id, "codes": []}, {"line_id": "x", "codes": codes(1)}):
        assert manager.post(path, body).status_code == 400
    wrong = manager.post(path, {"line_id": line_id, "codes": ["010460123456789521X"]})
    assert wrong.status_code == 400
    assert wrong.json()["errors"][0]["code"] == "mark_check_digit"
    stale = manager.post(path, {"line_id": line_id, "codes": codes(1)}, **{"If-Match": '"99"'})
    assert stale.status_code == 412
    assert not MarkCode.objects.exists()


def test_a_mark_of_another_order_is_not_taken_off_by_this_ones_path():
    order, other = paid(), paid()
    enter(order, *codes(1))
    mark = MarkCode.objects.get()
    assert Api("manager").delete(f"/orders/{other.id}/marks/{mark.pk}").status_code == 404
    mark.refresh_from_db()
    assert mark.freed_at is None


# At the handover ------------------------------------------------------------------------------------------------------
def test_marked_goods_are_handed_over_with_all_their_codes_alone():
    order = ready(ProductLine(make.marked_goods(), 2), ProductLine(make.marked_goods(), 1))
    enter(order, *codes(1))
    lines = list(order.lines.all())
    with capture_events("orders") as events:
        told = refused(
            Api("manager").put(f"/orders/{order.id}/status", {"status": "completed"}), 409, "mark_codes_missing"
        )
    assert (events, Order.objects.get(pk=order.id).status) == ([], "ready")
    assert told["missing"] == 2
    assert told["lines"] == [{"line_id": str(line.id), "name": line.name, "missing": 1} for line in lines]
    enter(order, *codes(2))
    enter(order, *codes(3), line_id=lines[1].id)
    move(order, "completed")
    assert Order.objects.get(pk=order.id).status == "completed"


def test_goods_that_came_to_be_marked_after_the_order_are_asked_for_too():
    product = make.marked_goods(marking="")
    order = ready(ProductLine(product, 1))
    ProductCopy.objects.filter(pk=product).update(marking="fluids")
    with pytest.raises(MarkCodesMissing):
        move(order, "completed")
    ProductCopy.objects.filter(pk=product).update(marking="none")
    move(order, "completed")


def test_the_handover_tells_the_codes_to_who_makes_receipts():
    free = ProductLine(make.product(price="500.00", kind="accessory"), 1)
    order = ready(ProductLine(make.marked_goods(price="8000.00"), 2), free)
    enter(order, *codes(1, 2))
    move(order, "completed")
    event = OutboxEvent.objects.using("orders").get(type="order.completed")
    told = post_sale(decode(event.data))
    assert [(item.subject, item.quantity, str(item.amount), item.marking_code) for item in told.receipt] == [
        ("marked", 1, "8000.00", codes(1)[0]),
        ("marked", 1, "8000.00", codes(2)[0]),
        ("commodity", 1, "500.00", ""),
    ]
    order.refresh_from_db()
    assert told.version_number == order.version


def test_a_sale_without_marked_goods_tells_no_lines():
    order = ready(ProductLine(make.product(kind="accessory"), 1))
    move(order, "completed")
    event = OutboxEvent.objects.using("orders").get(type="order.completed")
    assert decode(event.data).lines == []
    assert post_sale(decode(event.data)).receipt == []


def decode(data):
    return msgspec.convert(data, OrderCompleted, strict=False)


# Undone ---------------------------------------------------------------------------------------------------------------
def test_a_cancelled_order_frees_its_codes(settings):
    settings.REFUND_FOUR_EYES_ABOVE = 100_000_000
    order = paid()
    enter(order, *codes(1, 2))
    move(order, "cancelled")
    assert set(MarkCode.objects.values_list("freed_because", flat=True)) == {Freed.CANCELLED}
    entry = OrderHistory.objects.get(order_id=order.id, event="marks.freed")
    assert entry.data == {
        "because": "cancelled", "codes": ["010460123456789321serial1", "010460123456789321serial2"],
    }  # fmt: skip
    enter(paid(), *codes(1, 2))


def test_a_line_that_is_lowered_frees_its_codes_only_when_there_are_too_many(settings):
    settings.REFUND_FOUR_EYES_ABOVE = 100_000_000
    order = paid(ProductLine(make.marked_goods(), 4), ProductLine(make.marked_goods(), 1))
    line, other = order.lines.all()
    enter(order, *codes(1, 2))
    enter(order, *codes(3), line_id=other.id)

    def lower(line_id, quantity):
        services.change_lines(
            order_id=order.id, wishes=[LineChange(line_id, quantity)], actor=MANAGER, now=timezone.now()
        )

    lower(line.id, 2)
    assert len(entered(order)) == 3
    lower(line.id, 1)
    assert entered(order) == [(1, codes(3)[0])], "nobody knows which of the two stays: it is scanned again"
    enter(order, *codes(2))
    lower(other.id, 0)
    assert entered(order) == [(1, codes(2)[0])]
    assert set(MarkCode.objects.exclude(freed_at=None).values_list("freed_because", flat=True)) == {Freed.LOWERED}


def test_goods_that_come_back_are_sold_again(settings):
    settings.REFUND_FOUR_EYES_ABOVE = 100_000_000
    order = ready(ProductLine(make.marked_goods(), 1))
    enter(order, *codes(1))
    move(order, "completed")
    buyer = Actor(order.customer_id, frozenset({"client"}))
    asked = services.ask_return(order_id=order.id, reason="too loud", actor=buyer, now=timezone.now())
    services.inspect_return(return_id=asked.id, result="as new", actor=MANAGER, now=timezone.now())
    other = paid()
    with pytest.raises(MarkTaken):
        enter(other, *codes(1))
    services.accept_return(return_id=asked.id, actor=MANAGER, now=timezone.now())
    receive(answers.settled(order))
    receive(answers.released(order, "returned"))
    assert Order.objects.get(pk=order.id).status == "returned"
    assert MarkCode.objects.get(order_id=order.id).freed_because == Freed.RETURNED
    assert list(read_codes(order.id).values()) == [codes(1)], "its receipts name them still"
    enter(other, *codes(1))
