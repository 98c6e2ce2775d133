"""Manager screens of orders: they open, and steer checkouts through the service with a reason."""

import pytest
from django.utils import timezone

from accounts import services
from accounts.models import User
from gateway.models import Approval
from messaging.testing import capture_events
from orders import events
from orders.models import Checkout, CheckoutLeg, LegKind, OrderHistory
from orders.tests import answers, make
from orders.tests.answers import receive
from orders.tests.test_checkout import CARD

pytestmark = pytest.mark.django_db(databases=["orders", "accounts"])


def sign_in(client, role):
    person = services.create_user(
        email=f"{role}@example.com", password="a-long-password", roles=[role], now=timezone.now()
    )
    client.force_login(person, backend="accounts.backends.EmailBackend")
    return client


@pytest.fixture
def admin(client):
    return sign_in(client, "admin")


@pytest.fixture
def manager(client):
    return sign_in(client, "manager")


def steer(client, order, action, leg="stock", reason="the buyer rang", **more):
    path = f"/admin/orders/checkout/{order.pk}/steer_{action}/"
    return client.post(path, {"leg": leg, "reason": reason, "_form_submitted": "on"}, **more)


@pytest.mark.parametrize("name", ["order", "checkout", "productcopy"])
def test_lists_open(admin, name):
    order = make.order(payment=CARD)
    assert admin.get(f"/admin/orders/{name}/").status_code == 200
    assert admin.get(f"/admin/orders/order/{order.pk}/change/").status_code == 200


def test_the_checkouts_page_offers_the_actions(admin):
    order = make.order(payment=CARD)
    page = admin.get(f"/admin/orders/checkout/{order.pk}/change/").content.decode()
    for action in ("retry", "take_over", "cancel", "skip"):
        assert f"/admin/orders/checkout/{order.pk}/steer_{action}" in page


def test_a_deal_that_is_over_offers_nothing(admin):
    order = make.completed()
    page = admin.get(f"/admin/orders/checkout/{order.pk}/change/").content.decode()
    assert order.number in page
    assert f"/admin/orders/checkout/{order.pk}/steer_" not in page
    assert admin.get("/admin/orders/checkout/nothing/change/").status_code in (302, 404)


def test_the_list_shows_what_needs_attention(admin):
    healthy, parked = make.order(), make.order(payment=CARD)
    receive(answers.reserved(parked))
    receive(answers.declined(parked))
    receive(events.UndoOverdue(order_id=parked.id))
    page = admin.get("/admin/orders/checkout/?attention=needed").content.decode()
    assert parked.number in page
    assert healthy.number not in page


def test_the_dialog_offers_only_legs_that_allow_the_action(admin):
    order = make.order(payment=CARD)
    dialog = admin.get(f"/admin/orders/checkout/{order.pk}/steer_retry/").content.decode()
    assert 'value="stock"' in dialog
    assert 'value="payment"' not in dialog


def test_asking_again_stands_in_the_timeline_with_its_reason(manager):
    order = make.order(payment=CARD)
    with capture_events("orders") as more:
        answer = steer(manager, order, "retry")
    assert answer.status_code == 302
    assert more == ["checkout.stock_requested"]
    entry = OrderHistory.objects.filter(order_id=order.pk).order_by("id").last()
    assert (entry.event, entry.reason, entry.actor_role) == ("stock.retried", "the buyer rang", "manager")
    answer = steer(manager, order, "take_over", headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == f"/admin/orders/checkout/{order.pk}/change/"
    assert Checkout.objects.get(pk=order.pk).owner_id is not None


@pytest.mark.parametrize(
    ("action", "change"), [("retry", {"reason": ""}), ("retry", {"leg": "payment"}), ("skip", {"leg": "stock"})]
)
def test_a_refusal_changes_nothing(manager, action, change):
    order = make.order(payment=CARD)
    before = (
        list(OrderHistory.objects.order_by("id").values()),
        list(CheckoutLeg.objects.values()),
        list(Checkout.objects.values()),
    )
    with capture_events("orders") as more:
        assert steer(manager, order, action, **change).status_code == 200
    after = (
        list(OrderHistory.objects.order_by("id").values()),
        list(CheckoutLeg.objects.values()),
        list(Checkout.objects.values()),
    )
    assert (more, after) == ([], before)


def test_those_who_may_not_see_checkouts_may_not_steer_them(client):
    order = make.order()
    assert steer(client, order, "retry").status_code in (302, 403)
    assert steer(sign_in(client, "client"), order, "retry").status_code in (302, 403)
    assert CheckoutLeg.objects.get(checkout_id=order.pk, kind="stock").attempts == 1


def test_lists_show_money_and_steps_as_people_say_them(manager):
    order = make.order(payment=CARD)
    headers = {"Accept-Language": "en"}
    orders = manager.get("/admin/orders/order/", headers=headers).content.decode()
    amount = f"{order.total_amount:,.2f}".replace(",", "\u00a0")
    assert f"{amount}\u00a0₽" in orders
    checkouts = manager.get("/admin/orders/checkout/", headers=headers).content.decode()
    assert order.number in checkouts
    assert str(LegKind.STOCK.label) in checkouts
    assert "/board/" in checkouts


# Returns ------------------------------------------------------------------------------------------------------------
def inspected(client, **options):
    found = make.returning(**options)
    decide(client, found, "inspect", result="as new", mileage=1200)
    return found


def decide(client, found, action, **fields):
    path = f"/admin/orders/orderreturn/{found.pk}/{action}/"
    return client.post(path, fields | {"_form_submitted": "on"}, headers={"Accept-Language": "en"}, follow=True)


def get_state(found):
    found.refresh_from_db()
    return found.state


def test_a_return_is_inspected_and_taken_back_from_its_page(manager, settings):
    settings.REFUND_FOUR_EYES_ABOVE = 100_000_000
    found = make.returning()
    page = manager.get(f"/admin/orders/orderreturn/{found.pk}/change/").content.decode()
    for action in ("inspect", "accept", "refuse"):
        assert f"/admin/orders/orderreturn/{found.pk}/{action}" in page
    decide(manager, found, "inspect", result="as new", mileage=1200, condition="a scratch")
    assert (get_state(found), found.inspection, found.mileage, found.condition) == (
        "inspected", "as new", 1200, "a scratch",
    )  # fmt: skip
    decide(manager, found, "accept", reason="all in order")
    assert (get_state(found), found.note) == ("accepted", "all in order")
    assert OrderHistory.objects.filter(order=found.order, event="return.accepted").get().actor_role == "manager"


def test_who_decides_a_return_is_written_down_as_who_they_are(admin):
    found = inspected(admin)
    decide(admin, found, "refuse", reason="driven for months")
    assert (get_state(found), found.note) == ("refused", "driven for months")
    assert OrderHistory.objects.filter(order=found.order, event="return.inspected").get().actor_role == "admin"


def test_above_the_limit_the_screen_asks_for_a_second_person(manager):
    found = inspected(manager)
    told = decide(manager, found, "accept").content.decode()
    assert (get_state(found), found.order.status) == ("inspected", "returning")
    assert Approval.objects.using("orders").get(state="waiting").amount == found.order.total_amount
    assert "second person" in told


@pytest.mark.parametrize(
    ("action", "fields"),
    [("inspect", {"result": ""}), ("inspect", {"result": "x", "mileage": -1}), ("refuse", {"reason": ""}),
     ("accept", {})],
)  # fmt: skip
def test_what_a_return_does_not_allow_changes_nothing(manager, action, fields):
    found = make.returning()
    with capture_events("orders") as more:
        decide(manager, found, action, **fields)
    assert (get_state(found), more) == ("asked", [])


def test_nobody_decides_their_own_return_on_the_screen(manager):
    person = User.objects.get(pk=manager.session["_auth_user_id"])
    found = make.returning(customer_id=person.id)
    for action, fields in (("inspect", {"result": "x"}), ("accept", {}), ("refuse", {"reason": "x"})):
        decide(manager, found, action, **fields)
    assert get_state(found) == "asked"
