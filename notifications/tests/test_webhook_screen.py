"""The administrators' page of a receiver: added, changed, tried, given a new secret, switched, removed."""

import pytest
from django.contrib.auth import get_user_model

from core.ids import uuid7
from messaging.testing import capture_events
from notifications.models import EndpointState, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from notifications.tests import make

pytestmark = pytest.mark.django_db(databases=["notifications", "accounts"])
LIST = "/admin/notifications/webhookendpoint/"


@pytest.fixture
def hook():
    return make.webhook("https://hooks.example/", "order.*", "payment.completed")


def page(hook):
    return f"{LIST}{hook.pk}/change/"


def text(answer):
    return answer.content.decode()


def fields(**changes):
    return {"url": "https://new.example/", "families": ["order.*"], "single": "payment.completed", **changes}


def test_a_receiver_is_added_and_its_secret_shown_this_once(screens):
    answer = screens.post(f"{LIST}add/", fields(description="Books"))
    hook = WebhookEndpoint.objects.get()
    assert (hook.url, hook.events, hook.description) == (
        "https://new.example/", ["order.*", "payment.completed"], "Books",
    )  # fmt: skip
    assert hook.owner_id == get_user_model().objects.get().pk
    assert hook.secret in text(answer)
    assert "no-store" in answer["Cache-Control"]
    assert hook.secret not in text(screens.get(page(hook)))


@pytest.mark.parametrize(
    "changes",
    [
        {"url": "ftp://hooks.example/"},
        {"url": ""},
        {"families": [], "single": ""},
        {"families": ["no.*"]},
        {"single": "no.such"},
        {"single": "checkout.step"},
    ],
)
def test_a_bad_address_or_event_is_said_and_nothing_is_kept(screens, hook, changes):
    assert screens.post(f"{LIST}add/", fields(**changes)).status_code == 400
    assert WebhookEndpoint.objects.count() == 1
    screens.post(page(hook), fields(do="change", **changes))
    hook.refresh_from_db()
    assert (hook.url, hook.events) == ("https://hooks.example/", ["order.*", "payment.completed"])


def test_it_is_changed_and_shows_families_as_ticks(screens, hook):
    shown = text(screens.get(page(hook)))
    assert "payment.completed</textarea>" in shown
    assert screens.post(page(hook), fields(do="change", families=["*"], single="")).status_code == 302
    hook.refresh_from_db()
    assert (hook.url, hook.events) == ("https://new.example/", ["*"])


def test_a_new_secret_is_made_after_a_question_and_shown_once(screens, hook):
    assert 'value="rotate"' in text(screens.get(f"{page(hook)}?ask=rotate"))
    answer = screens.post(page(hook), {"do": "rotate"})
    made = WebhookEndpoint.objects.get()
    assert made.secret != hook.secret
    assert made.secret in text(answer)
    assert made.secret not in text(screens.get(page(hook)))


def test_a_test_message_is_sent_and_the_last_deliveries_say_what_came_back(screens, hook):
    screens.post(page(hook), {"do": "test"})
    delivery = WebhookDelivery.objects.get()
    WebhookAttempt.objects.create(
        delivery=delivery, number=1, at=delivery.created_at, status_code=503, duration_ms=41, error=""
    )
    shown = text(screens.get(page(hook)))
    assert "webhook.test" in shown
    assert "503" in shown


def test_it_is_switched_off_and_on_and_a_test_of_one_that_is_off_is_refused(screens, hook):
    screens.post(page(hook), {"do": "disable"})
    assert WebhookEndpoint.objects.get().state == EndpointState.DISABLED
    screens.post(page(hook), {"do": "test"})
    assert not WebhookDelivery.objects.exists()
    screens.post(page(hook), {"do": "enable"})
    assert WebhookEndpoint.objects.get().is_enabled


def test_it_is_removed_after_a_question_with_its_log(screens, hook):
    screens.post(page(hook), {"do": "test"})
    assert 'value="remove"' in text(screens.get(f"{page(hook)}?ask=remove"))
    assert WebhookEndpoint.objects.exists()
    assert screens.post(page(hook), {"do": "remove"})["Location"] == LIST
    assert not WebhookEndpoint.objects.exists()
    assert not WebhookDelivery.objects.exists()


def test_the_page_costs_the_same_however_much_was_sent(screens, hook, django_assert_max_num_queries):
    for _ in range(25):
        screens.post(page(hook), {"do": "test"})
    with django_assert_max_num_queries(5, using="notifications"):
        assert text(screens.get(page(hook))).count("webhook.test") == 20


def test_nonsense_does_nothing(screens, hook):
    assert screens.post(page(hook), {"do": "fly"}).status_code == 302
    assert screens.get(f"{LIST}{uuid7()}/change/").status_code == 302
    assert WebhookEndpoint.objects.get().is_enabled


def test_managers_have_no_part_in_it(client, hook):
    client.force_login(get_user_model().objects.create(email="m@example.com", roles=["manager"]))
    assert client.get(page(hook)).status_code == 403
    assert client.get(f"{LIST}add/").status_code == 403
    for asked in ("rotate", "remove", "test"):
        with capture_events("notifications"):
            assert client.post(page(hook), {"do": asked}).status_code == 403
    assert client.post(f"{LIST}add/", fields()).status_code == 403
    assert WebhookEndpoint.objects.get().secret == hook.secret
