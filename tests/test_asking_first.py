"""Every action of the admin asks before it acts, or is named here with the reason why it need not."""

import pytest
from django.contrib import admin
from django.test import RequestFactory

from config.databases import APPS
from core.screens.confirming import AsksFirst
from gateway.models import GivenAway
from messaging.testing import capture_events
from payments.models import Refund
from payments.tests import make as money
from resources import services as places
from resources.tests import make as place
from storefront.tests.make import Visitor

pytestmark = pytest.mark.django_db(databases=APPS)
AT_ONCE = {
    "catalog.outsidephoto: fetch_again": "loads a picture once more",
    "catalog.product: change_prices": "leads to a preview",
    "catalog.product: publish_vehicles": "is taken back as easily",
    "notifications.notification: send_again": "a message that failed is tried again",
    "notifications.webhookdelivery: redeliver": "receivers know a repeat by its id",
    "notifications.webhookendpoint: enable": "is taken back as easily",
    "notifications.webhookendpoint: send_test": "means nothing",
    "orders.order: move_to_in_progress": "a step of every day, which nothing leaves by",
    "orders.order: move_to_ready": "a step of every day, which nothing leaves by",
    "payments.payment: ask": "asks the provider what it knows",
    "payments.reconciliation: download": "reads",
    "resources.resource: repair": "is taken back as easily",
}
PAGES = {
    "calendar", "accounting", "door", "download", "hand_out", "mailbox", "marks", "months", "moved_payments", "paper",
    "photos", "portfolio", "quarter", "refund_part", "sales_figures", "signature", "take_back",
}  # fmt: skip
"""Buttons that open a page or send a file; a link alone changes nothing there."""
ASKS_ITSELF = {"catalog.scheduledprice: cancel"}
KINDS = ("actions_detail", "actions_list", "actions_row", "actions_submit_line")


@pytest.fixture(autouse=True)
def quick(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def boss():
    return Visitor("admin")


def list_actions(boss):
    request = RequestFactory().get("/admin/")
    request.user = boss.user
    for model, screen in admin.site._registry.items():
        for name in screen.get_actions(request):
            yield f"{model._meta.label_lower}: {name}", screen, request, name


def test_every_action_on_a_list_asks_but_those_named_here(boss):
    found = list(list_actions(boss))
    assert len(found) > 40
    assert [key for key, screen, *_ in found if not isinstance(screen, AsksFirst)] == []
    silent = {
        key
        for key, screen, request, name in found
        if name != "delete_selected" and not screen.asks_first(request, name)
    }
    assert silent == set(AT_ONCE)


def test_every_button_of_a_page_shows_a_form_or_is_a_page():
    """A dialog's form comes before its deed; what has none must be a page."""
    bare = set()
    for model, screen in admin.site._registry.items():
        for kind in KINDS:
            for name in getattr(screen, kind, ()):
                if not hasattr(getattr(screen, name), "dialog"):
                    bare.add((f"{model._meta.label_lower}: {name}", name))
    assert {key for key, name in bare if name not in PAGES} == ASKS_ITSELF


def choose(boss, path, action, *rows, **more):
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]} | more
    answer = boss.client.post(path, chosen)
    return answer, answer.content.decode().replace("\u00a0", " ")


def test_a_refund_of_all_that_is_left_is_shown_first_and_done_on_the_second_word(boss):
    first, second = money.paid(method="cash"), money.paid(method="cash", amount=50)
    path = "/admin/payments/payment/"
    with capture_events("payments") as told:
        answer, shown = choose(boss, path, "refund", first, second)
    assert (answer.status_code, told, Refund.objects.count()) == (200, [], 0)
    assert not GivenAway.objects.using("payments").filter(pool="refunds").exists()
    assert "You chose 2 rows." in shown
    assert "1 000 000.00 ₽ go back in cash" in shown
    assert "It waits for a second person to agree." in shown
    assert shown.count("waits for a second person") == 1, "fifty roubles one gives back alone"
    assert "<strong>2026-000001, 1 000 000.00 ₽</strong>" in shown
    assert choose(boss, path, "refund", first, second, confirmed="yes")[0].status_code == 302
    assert Refund.objects.count() == 2


def test_a_refusal_is_foreseen_too(boss):
    pending = money.payment(method="cash")
    assert (
        "The payment cannot do this in its present state."
        in choose(boss, "/admin/payments/payment/", "refund", pending)[1]
    )


def test_a_breakdown_shows_which_bookings_go_where_and_moves_none(boss):
    car = place.resource(name="Vesta")
    other = place.resource(name="Granta", type_id=car.type_id)
    taken = place.allocation(car, 1, 2)
    with capture_events("resources") as told:
        shown = choose(boss, "/admin/resources/resource/", "break_down", car)[1]
    assert (f"moves to {other.name}" in shown, told) == (True, [])
    places.take_out_of_service(resource_id=other.pk, reason="x", now=taken.created_at)
    assert "nothing equal is free" in choose(boss, "/admin/resources/resource/", "break_down", car)[1]
    taken.refresh_from_db()
    car.refresh_from_db()
    assert (taken.released_at, car.is_in_service) == (None, True)
    idle = place.resource(name="Largus", type_id=car.type_id)
    assert "No bookings ahead." in choose(boss, "/admin/resources/resource/", "break_down", idle)[1]


def test_a_whole_list_is_confirmed_as_a_whole(boss, monkeypatch):
    monkeypatch.setattr("core.screens.confirming.SHOWN", 2)
    rows = [money.payment(method="cash") for _ in range(3)]
    path = "/admin/payments/payment/?status__exact=pending"
    shown = choose(boss, path, "cancel", rows[0], select_across="1")[1]
    assert "You chose 3 rows." in shown
    assert "… and 1 more." in shown
    assert 'name="select_across" value="1"' in shown
    assert 'action="/admin/payments/payment/?status__exact=pending"' in shown
    choose(boss, path, "cancel", rows[0], select_across="1", confirmed="yes")
    assert {money.again(row).status for row in rows} == {"cancelled"}


def test_nothing_chosen_or_no_such_action_asks_nothing(boss):
    for action in ("refund", "fly", ""):
        answer, shown = choose(boss, "/admin/payments/payment/", action)
        assert "confirmed" not in shown, answer.status_code
