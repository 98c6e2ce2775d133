"""Changing an order's lines: the stock follows, the money is checked, and a refusal leaves everything as it was."""

from decimal import Decimal
from uuid import UUID

import pytest
from django.utils import timezone

from core.ids import uuid7
from core.testing import Api
from gateway.approvals import approve
from messaging.models import OutboxEvent
from messaging.testing import capture_events
from orders import services
from orders.models import Order, OrderHistory, ProductCopy
from orders.services import Actor, LineChange, ProductLine
from orders.tests import answers, make
from orders.tests.answers import receive

pytestmark = pytest.mark.django_db(databases=["orders"])
VIN, OTHER = "XTA210990Y2766391", "XTA210990Y2766392"
CARD = {"method": "card", "token": "tok_success"}


@pytest.fixture
def order():
    found = make.order(lines=[ProductLine(make.product(price="100.00", available=5), 2)])
    receive(answers.reserved(found))
    return Order.objects.get(pk=found.pk)


@pytest.fixture
def owner(order):
    return Api("client", user_id=order.customer_id)


def item(order):
    return order.lines.get()


def path(order):
    return f"/orders/{order.id}/items/{item(order).id}"


def asked():
    return [
        row.data for row in OutboxEvent.objects.using("orders").filter(type="checkout.stock_requested").order_by("n")
    ]


def test_more_of_a_line_is_reserved_in_place_of_the_old_hold(order, owner):
    before = answers.attempt(order, "stock")
    with capture_events("orders") as published:
        answer = owner.patch(path(order), {"quantity": 3})
    assert (answer.status_code, answer.json()["total_amount"], published) == (
        200,
        "300.00",
        ["checkout.stock_requested"],
    )
    assert answer.json()["funding"] == [{"leg": "balance", "kind": "balance", "amount": "300.00", "state": "planned"}]
    request = asked()[-1]
    assert request["replaces"] == str(before) != request["attempt_id"]
    assert request["lines"] == [{"product_id": str(item(order).product_id), "quantity": 3}]
    with capture_events("orders") as confirmed:
        receive(answers.reserved(order))
    assert confirmed == ["order.updated"]


def test_fewer_of_a_line_is_told_at_once(order, owner):
    with capture_events("orders") as published:
        assert owner.patch(path(order), {"quantity": 1}).json()["amount_due"] == "100.00"
    assert published == ["checkout.stock_requested", "order.updated"]


def test_a_refused_change_is_taken_back(order, owner):
    old = answers.attempt(order, "stock")
    owner.patch(path(order), {"quantity": 4})
    receive(answers.rejected(order))
    changed = owner.get(f"/orders/{order.id}").json()
    assert (changed["total_amount"], changed["items"][0]["quantity"], changed["status"]) == (
        "200.00", 2, "awaiting_payment",
    )  # fmt: skip
    assert answers.attempt(order, "stock") == old
    assert "order.change_refused" in OrderHistory.objects.filter(order=order).values_list("event", flat=True)
    receive(answers.reserved(order))
    assert owner.get(f"/orders/{order.id}").json()["saga"]["state"] == "waiting"


def test_a_line_taken_out_comes_back_when_the_change_is_refused(order, owner):
    second = make.product(price="7.00", available=1)
    added = owner.patch(f"/orders/{order.id}", {"items": [{"product_id": str(second), "quantity": 1}]})
    assert (added.status_code, added.json()["total_amount"]) == (200, "207.00")
    receive(answers.reserved(order))
    first = order.lines.get(position=0)
    assert owner.delete(f"/orders/{order.id}/items/{first.id}").json()["total_amount"] == "7.00"
    receive(answers.rejected(order))
    again = owner.get(f"/orders/{order.id}").json()
    assert (again["items"][0]["id"], again["items"][0]["quantity"]) == (str(first.id), 2)
    assert again["total_amount"] == "207.00"


def test_a_preview_changes_nothing(order, owner):
    with capture_events("orders") as published:
        answer = owner.patch(path(order), {"quantity": 5, "preview": True}).json()
        gone = owner.delete(f"{path(order)}?preview=true")
    assert (answer["total_before"], answer["total_amount"], answer["difference"]) == ("200.00", "500.00", "300.00")
    assert (answer["amount_due"], answer["items"][0]["quantity"], published) == ("500.00", 5, [])
    assert (gone.status_code, gone.json()["code"]) == (409, "last_item")
    assert Order.objects.get(pk=order.pk).version == order.version


def test_the_agreed_price_stays_and_a_new_line_has_the_new_one(order, owner):
    ProductCopy.objects.update(price=Decimal("150.00"))
    assert owner.patch(path(order), {"quantity": 3}).json()["items"][0]["unit_price"] == "100.00"


REFUSED = [
    ({"quantity": 0}, 400, "validation_error"),
    ({"quantity": 1001}, 400, "validation_error"),
    ({"quantity": "many"}, 400, "validation_error"),
    ({}, 400, "validation_error"),
    ({"quantity": 3, "expected_total": "299.00"}, 409, "price_changed"),
    ({"quantity": 8}, 409, "insufficient_stock"),
]


@pytest.mark.parametrize(("body", "status", "code"), REFUSED)
def test_a_refusal_leaves_everything_as_it_was(order, owner, body, status, code):
    with capture_events("orders") as published:
        answer = owner.patch(path(order), body)
    assert (answer.status_code, answer.json()["code"], published) == (status, code, [])
    assert Order.objects.get(pk=order.pk).version == order.version


def test_who_may_not(order):
    url = path(order)
    for method, body in (("patch", {"quantity": 1}), ("delete", None)):
        assert Api().request(method, url, body).status_code == 401
        assert Api("client").request(method, url, body).status_code == 404
        missing = Api("manager").request(method, f"/orders/{order.id}/items/{uuid7()}", body)
        assert (missing.status_code, missing.json()["code"]) == (404, "unknown_item")
        assert Api("manager").request(method, f"/orders/{uuid7()}/items/{uuid7()}", body).status_code == 404


def test_only_managers_add_lines_of_their_own(order, owner):
    wish = {"items": [{"name": "Winter tyres", "unit_price": "40.00", "quantity": 1}], "comment": "as agreed"}
    assert owner.patch(f"/orders/{order.id}", wish).status_code == 403
    answer = Api("manager").patch(f"/orders/{order.id}", wish).json()
    assert (answer["total_amount"], answer["comment"], answer["items"][1]["kind"]) == ("240.00", "as agreed", "free")


def test_nothing_is_changed_under_a_payment(order, owner):
    receive(answers.started(order, uuid7()))
    assert owner.patch(path(order), {"quantity": 1}).json()["code"] == "payment_under_way"


def test_nor_before_the_last_change_is_confirmed(order, owner):
    owner.patch(path(order), {"quantity": 3})
    answer = owner.patch(path(order), {"quantity": 4})
    assert (answer.json()["code"], answer["Retry-After"]) == ("change_under_way", "1")


def asked_back():
    asked = OutboxEvent.objects.using("orders").filter(type="checkout.excess_refund_requested")
    return [(row.data["amount"], row.data["reason"]) for row in asked]


def test_below_what_is_paid_the_difference_goes_back_once_the_stock_agrees(order, owner):
    payment_id = uuid7()
    receive(answers.paid(order, amount="150.00", payment_id=payment_id, by_saga=False))
    answer = owner.patch(path(order), {"quantity": 1})
    assert (answer.status_code, answer.json()["total_amount"], asked_back()) == (200, "100.00", [])
    receive(answers.reserved(order))
    assert (Order.objects.get(pk=order.pk).status, [amount for amount, _ in asked_back()]) == ("paid", ["50.00"])
    receive(answers.refunded(order, payment_id, "50.00"))
    assert (Order.objects.get(pk=order.pk).amount_paid, len(asked_back())) == (Decimal("100.00"), 1)


def test_nothing_goes_back_when_the_stock_refuses_the_change(order, owner):
    receive(answers.paid(order, amount="150.00", by_saga=False))
    owner.patch(path(order), {"quantity": 1})
    receive(answers.rejected(order))
    receive(answers.reserved(order))
    assert (Order.objects.get(pk=order.pk).total_amount, asked_back()) == (Decimal("200.00"), [])


def test_a_line_of_no_stock_gives_its_money_back_at_once(order, owner):
    manager = Api("manager")
    manager.patch(f"/orders/{order.id}", {"items": [{"name": "Mats", "unit_price": "40.00", "quantity": 1}]})
    receive(answers.paid(order, amount="220.00", by_saga=False))
    mats = order.lines.get(name="Mats")
    assert owner.delete(f"/orders/{order.id}/items/{mats.id}").status_code == 200
    assert asked_back() == [("20.00", "lines_lowered")]


def test_above_the_limit_staff_lower_what_is_paid_with_a_second_person(order, owner, settings):
    settings.REFUND_FOUR_EYES_ABOVE = 49
    receive(answers.paid(order, amount="150.00", by_saga=False))
    manager = Api("manager")
    waits = manager.patch(path(order), {"quantity": 1})
    assert (waits.status_code, waits.json()["approval"]["amount"]) == (202, "50.00")
    assert Order.objects.get(pk=order.pk).total_amount == Decimal("200.00")
    mats = {"name": "Mats", "unit_price": "1.00", "quantity": 1}
    mixed = {"items": [{"id": str(item(order).id), "quantity": 1}, mats]}
    refused = manager.patch(f"/orders/{order.id}", mixed)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "needs_approval")
    approve(alias="orders", approval_id=UUID(waits.json()["approval"]["id"]), person_id=uuid7(), now=timezone.now())
    assert Order.objects.get(pk=order.pk).total_amount == Decimal("100.00")


def test_not_below_what_is_lent_and_credited():
    loan = {"vehicle_price": "1000000.00", "down_payment": "200000.00", "term_months": 36}
    order = make.order(lines=[ProductLine(make.product(price="500000.00", available=5), 2)], financing=loan)
    receive(answers.reserved(order))
    receive(answers.loan_approved(order, "800000.00"))
    answer = Api("client", user_id=order.customer_id).patch(path(order), {"quantity": 1}).json()
    assert (answer["code"], answer["covered"]) == ("total_below_covered", "800000.00")


def test_a_change_may_leave_nothing_to_pay(order, owner):
    receive(answers.paid(order, amount="100.00", by_saga=False))
    owner.patch(path(order), {"quantity": 1})
    receive(answers.reserved(order))
    assert Order.objects.get(pk=order.pk).status == "paid"


def test_another_version_is_refused(order, owner):
    assert owner.patch(path(order), {"quantity": 1}, If_Match='"99"').status_code == 412


def test_before_the_stock_has_answered():
    order = make.order(lines=[ProductLine(make.product(price="100.00", available=5), 1)])
    first = answers.reserved(order)
    actor = Actor(order.customer_id, frozenset({"client"}))
    services.change_lines(order_id=order.id, wishes=[LineChange(item(order).id, 2)], actor=actor, now=timezone.now())
    receive(first)
    assert Order.objects.get(pk=order.pk).status == "created"
    receive(answers.reserved(order))
    assert Order.objects.get(pk=order.pk).status == "awaiting_payment"


def test_a_policy_taken_out_is_not_asked_for():
    quotes = [{"insurance_type": "osago"}, {"insurance_type": "kasko"}]
    policies = [("OSAGO", Decimal("10.00")), ("KASKO", Decimal("20.00"))]
    order = make.order(insurance=quotes, policies=policies)
    receive(answers.reserved(order))
    owner = Api("client", user_id=order.customer_id)
    line = order.lines.get(name="OSAGO")
    assert owner.delete(f"/orders/{order.id}/items/{line.id}").json()["total_amount"] == "1000020.00"
    receive(answers.paid(order, amount="1000020.00"))
    request = OutboxEvent.objects.using("orders").get(type="checkout.policies_requested")
    assert request.data["quotes"] == [{"insurance_type": "kasko"}]


def insured(vin="", **more):
    """An order of a car, with a policy for it and with mats."""
    lines = [ProductLine(make.product(vin=vin), 1), ProductLine(make.product(kind="accessory", available=5), 1)]
    quote = {"insurance_type": "osago", "vehicle_vin": vin or VIN}
    found = make.order(lines=lines, insurance=[quote], policies=[("OSAGO", Decimal("10.00"))], **more)
    receive(answers.reserved(found))
    return Order.objects.get(pk=found.pk), quote


@pytest.mark.parametrize("vin", [VIN, ""])
def test_a_policy_is_not_left_behind_by_its_car(vin):
    """Neither with the mats alone, nor with another car: not asked for, not told, not previewed."""
    order, _quote = insured(vin)
    owner, path = Api("client", user_id=order.customer_id), f"/orders/{order.id}"
    car, policy = order.lines.get(position=0), order.lines.get(name="OSAGO")
    without = [{"id": str(car.id), "quantity": 0}]
    other = {"product_id": str(make.product(vin=OTHER)), "quantity": 1}
    for items in (without, [*without, other]):
        for more in ({}, {"preview": True}):
            with capture_events("orders") as published:
                answer = owner.patch(path, {"items": items} | more)
            assert (answer.status_code, answer.json()["code"], published) == (409, "policy_of_other_car", [])
    assert owner.delete(f"{path}/items/{car.id}").json()["code"] == "policy_of_other_car"
    assert owner.patch(path, {"items": [*without, {"id": str(policy.id), "quantity": 0}]}).status_code == 200


def test_a_car_that_comes_to_a_policy_is_its_own():
    """An order of mats may insure any car; a car that is added to it has to be the insured one."""
    mats = [ProductLine(make.product(kind="accessory", available=5), 1)]
    quote = {"insurance_type": "osago", "vehicle_vin": VIN}
    order = make.order(lines=mats, insurance=[quote], policies=[("OSAGO", Decimal("10.00"))])
    receive(answers.reserved(order))
    owner = Api("client", user_id=order.customer_id)
    other, own = ({"product_id": str(make.product(vin=vin)), "quantity": 1} for vin in (OTHER, VIN))
    assert owner.patch(f"/orders/{order.id}", {"items": [other]}).json()["code"] == "policy_of_other_car"
    assert owner.patch(f"/orders/{order.id}", {"items": [own]}).status_code == 200


def test_a_policy_taken_out_comes_back_when_the_change_is_refused():
    """It is paid for again with its line, so it has to be asked for again."""
    order, quote = insured(VIN)
    owner = Api("client", user_id=order.customer_id)
    mats, policy = order.lines.get(position=1), order.lines.get(name="OSAGO")
    wishes = [{"id": str(policy.id), "quantity": 0}, {"id": str(mats.id), "quantity": 4}]
    assert owner.patch(f"/orders/{order.id}", {"items": wishes}).json()["total_amount"] == "5000000.00"
    receive(answers.rejected(order))
    assert owner.get(f"/orders/{order.id}").json()["total_amount"] == "2000010.00"
    receive(answers.reserved(order))
    receive(answers.paid(order, amount="2000010.00", by_saga=False))
    request = OutboxEvent.objects.using("orders").get(type="checkout.policies_requested")
    assert request.data["quotes"] == [quote]


def test_no_line_of_another_currency_is_added_or_grows(order, owner):
    foreign = {"product_id": str(make.product(currency="EUR")), "quantity": 1}
    for change in ({"items": [foreign]}, {"items": [foreign], "preview": True}):
        assert owner.patch(f"/orders/{order.id}", change).json()["code"] == "currency_mismatch"
    ProductCopy.objects.filter(pk=item(order).product_id).update(currency="EUR")
    assert owner.patch(path(order), {"quantity": 3}).json()["code"] == "currency_mismatch"
    assert item(order).quantity == 2


# Paid, and not handed over ----------------------------------------------------------------------------------------
@pytest.fixture
def sold():
    lines = [ProductLine(make.product(price="100.00", available=5), 2), ProductLine(make.product(price="7.00"), 1)]
    found = make.order(lines=lines)
    receive(answers.reserved(found))
    receive(answers.paid(found, by_saga=False))
    return Order.objects.get(pk=found.pk)


def test_a_manager_lowers_what_is_paid_until_the_handover(sold):
    line, manager = sold.lines.get(position=0), Api("manager")
    with capture_events("orders") as published:
        answer = manager.patch(f"/orders/{sold.id}/items/{line.id}", {"quantity": 1})
    shown = answer.json()
    assert (answer.status_code, shown["total_amount"], shown["status"], shown["amount_due"]) == (
        200, "107.00", "paid", "0.00",
    )  # fmt: skip
    assert published == ["checkout.stock_return_requested", "order.updated", "checkout.excess_refund_requested"]
    assert asked_back() == [("100.00", "lines_lowered")]
    asked = OutboxEvent.objects.using("orders").get(type="checkout.stock_return_requested").data
    assert asked["lines"] == [{"product_id": str(line.product_id), "quantity": 1}]
    assert asked["attempt_id"] == str(answers.attempt(sold, "stock"))
    assert manager.delete(f"/orders/{sold.id}/items/{sold.lines.get(position=1).id}").json()["total_amount"] == "100.00"
    assert [amount for amount, _ in asked_back()] == ["100.00", "7.00"]
    assert manager.put(f"/orders/{sold.id}/status", {"status": "in_progress"}).status_code == 200


def test_neither_more_nor_by_the_buyer_nor_after_the_handover(sold):
    line, manager = sold.lines.get(position=0), Api("manager")
    path = f"/orders/{sold.id}/items/{line.id}"
    assert manager.patch(path, {"quantity": 3}).status_code == 409
    assert Api("client", user_id=sold.customer_id).patch(path, {"quantity": 1}).status_code == 403
    for status in ("in_progress", "ready", "completed"):
        assert manager.put(f"/orders/{sold.id}/status", {"status": status}).status_code == 200
    assert manager.patch(path, {"quantity": 1}).status_code == 409
    assert (asked_back(), Order.objects.get(pk=sold.pk).total_amount) == ([], Decimal("207.00"))


def test_a_policy_in_force_is_no_line_to_take_out():
    order = make.order(insurance=[{"insurance_type": "osago"}], policies=[("OSAGO", Decimal("10.00"))])
    receive(answers.reserved(order))
    receive(answers.paid(order, by_saga=False))
    receive(answers.issued(order))
    line = order.lines.get(name="OSAGO")
    answer = Api("manager").delete(f"/orders/{order.id}/items/{line.id}")
    assert (answer.status_code, answer.json()["code"], asked_back()) == (409, "policy_in_force", [])


def test_not_below_what_a_bank_paid():
    loan = {"vehicle_price": "1000000.00", "down_payment": "200000.00", "term_months": 36}
    order = make.order(lines=[ProductLine(make.product(price="500000.00", available=5), 2)], financing=loan)
    receive(answers.reserved(order))
    receive(answers.loan_approved(order, "800000.00"))
    receive(answers.paid(order, amount="200000.00", by_saga=False))
    receive(answers.disbursed(order, "800000.00"))
    answer = Api("manager").patch(path(order), {"quantity": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "total_below_covered")


@pytest.mark.parametrize("odd", [{"status": "paid"}, {"total_amount": "1.00"}, {"comment": "x", "customer_id": "y"}])
def test_a_change_of_what_cannot_be_changed_is_refused(odd):
    order = make.order()
    answer = Api("client", user_id=order.customer_id).patch(f"/orders/{order.id}", {"comment": "call first"} | odd)
    assert answer.status_code == 400
    (wrong,) = answer.json()["errors"]
    assert (wrong["code"], wrong["field"]) == ("unknown_field", next(name for name in odd if name != "comment"))
    order.refresh_from_db()
    assert order.comment == ""
