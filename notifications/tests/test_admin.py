import re

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from core.ids import uuid7
from core.outside.letters import Letter, Piece
from notifications import services
from notifications.models import Kind, Notification, WebhookDelivery, WebhookEndpoint
from notifications.providers import mail
from notifications.tests import make
from tests.ports import nowhere

pytestmark = pytest.mark.django_db(databases=["notifications", "accounts"])


@pytest.mark.parametrize("path", ["notification/", "recipient/", "recipient/?q=anna", "preference/"])
def test_screens_open(screens, path):
    user = make.recipient()
    make.news(user)
    services.set_preferences(
        now=timezone.now(), user_id=user, wishes=[{"kind": Kind.ORDER, "in_app": True, "email": False, "sms": False}]
    )
    assert screens.get(f"/admin/notifications/{path}").status_code == 200


def test_nothing_is_edited_here(screens):
    message = make.news(make.recipient())[0]
    path = f"/admin/notifications/notification/{message.id}"
    assert screens.get(f"{path}/change/").status_code == 200
    assert screens.post(f"{path}/change/", {"title": "x"}).status_code == 403
    assert screens.post(f"{path}/delete/", {"post": "yes"}).status_code == 403
    assert Notification.objects.get(pk=message.pk).title == message.title


@pytest.fixture
def hook() -> WebhookEndpoint:
    endpoint = make.webhook()
    services.send_test(webhook_id=endpoint.id, now=timezone.now())
    return endpoint


def test_webhooks_are_shown_without_their_secrets(screens, hook):
    delivery = WebhookDelivery.objects.get()
    for path in ("webhookendpoint/", f"webhookendpoint/{hook.id}/change/", "webhookendpoint/?q=hooks",
                 "webhookdelivery/", f"webhookdelivery/{delivery.id}/change/"):  # fmt: skip
        page = screens.get(f"/admin/notifications/{path}")
        assert page.status_code == 200
        assert hook.secret.removeprefix("whsec_") not in page.content.decode()


def test_managers_do_not_see_webhooks(client, hook):
    client.force_login(get_user_model().objects.create(email="m@example.com", roles=["manager"]))
    assert client.get("/admin/notifications/notification/").status_code == 200
    for path in ("webhookendpoint/", "webhookdelivery/"):
        assert client.get(f"/admin/notifications/{path}").status_code == 403


def test_a_webhook_is_switched_on_tested_and_a_delivery_sent_again(screens, hook):
    def act(model, action, key):
        form = {"action": action, "confirmed": "yes", "_selected_action": str(key)}
        assert screens.post(f"/admin/notifications/{model}/", form).status_code == 302

    delivery = WebhookDelivery.objects.get()
    services.change_webhook(webhook_id=hook.id, changes={"state": "disabled"}, now=timezone.now())
    act("webhookendpoint", "send_test", hook.id)
    act("webhookdelivery", "redeliver", delivery.id)
    assert WebhookDelivery.objects.count() == 1
    act("webhookendpoint", "enable", hook.id)
    hook.refresh_from_db()
    assert hook.is_enabled
    act("webhookendpoint", "send_test", hook.id)
    assert WebhookDelivery.objects.count() == 2
    WebhookDelivery.objects.update(state="exhausted", next_attempt_at=None, finished_at=timezone.now())
    act("webhookdelivery", "redeliver", delivery.id)
    delivery.refresh_from_db()
    assert delivery.state == "pending"


def test_what_failed_is_sent_again(screens):
    email, in_app = make.news(make.recipient())
    services.record_message(notification_id=email.id, is_sent=False, error="no", now=timezone.now())
    assert "no" in screens.get(f"/admin/notifications/notification/{email.id}/change/").content.decode()
    for _ in range(2):
        form = {"action": "send_again", "confirmed": "yes", "_selected_action": [str(email.id), str(in_app.id)]}
        assert screens.post("/admin/notifications/notification/", form).status_code == 302
    email.refresh_from_db()
    assert (email.delivery, email.retries) == ("queued", 1)
    in_app.refresh_from_db()
    assert (in_app.delivery, in_app.retries) == ("sent", 0)


def letter(title, text):
    return Letter(subject=title, pieces=(Piece(title=title, text=text),), language="ru")


@pytest.fixture
def mailed(settings, tmp_path):
    """A mailbox of the test's own, and no SMS gateway."""
    settings.DEBUG, settings.EMAIL_FILE_PATH, settings.SMS_URL = True, tmp_path, nowhere()
    settings.EMAIL_BACKEND = "notifications.providers.mailbox.MailboxBackend"
    message_id = uuid7()
    for _ in range(2):
        mail.send(message_id=message_id, to="anna@example.com", letter=letter("Привет", "<b>код 1234</b>"))
    return message_id


def test_the_mailbox_shows_each_mail_once_as_text(screens, mailed, tmp_path):
    page = screens.get("/admin/notifications/notification/mailbox/")
    assert page.status_code == 200
    assert 'href="/admin/letters/"' in page.content.decode()
    assert page.content.decode().count("anna@example.com · Привет") == 1
    assert "&lt;b&gt;код 1234&lt;/b&gt;" in page.content.decode()
    assert [file.name for file in tmp_path.iterdir()] == [f"{mailed}.eml"]


def test_what_the_mailbox_keeps_is_for_one_user(mailed, settings, tmp_path):
    settings.EMAIL_FILE_PATH = tmp_path / "box"
    mail.send(message_id=uuid7(), to="ann@example.com", letter=letter("A link", "https://example.com/reset"))
    (kept,) = settings.EMAIL_FILE_PATH.glob("*.eml")
    assert (kept.stat().st_mode & 0o777, kept.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_the_mailbox_is_for_administrators_in_development_alone(client, screens, mailed, settings):
    settings.DEBUG = False
    assert screens.get("/admin/notifications/notification/mailbox/").status_code == 403
    settings.DEBUG = True
    client.force_login(get_user_model().objects.create(email="m@example.com", roles=["manager"]))
    assert client.get("/admin/notifications/notification/mailbox/").status_code == 403
    client.logout()
    assert client.get("/admin/notifications/notification/mailbox/").status_code == 302


def test_every_letter_can_be_looked_at_in_development(screens, settings):
    settings.DEBUG = True
    page = screens.get("/admin/letters/").content.decode()
    paths = re.findall(r'href="(/admin/letters/[^"]+)"', page)
    assert len(paths) > 200
    for path in ("/admin/letters/notifications/digest/ru.html", "/admin/letters/accounts/password/en.txt"):
        assert path in paths
        assert screens.get(path).status_code == 200
    html = screens.get("/admin/letters/notifications/payment.completed/ru.html")
    assert "LADA Vesta" in html.content.decode()
    assert "'unsafe-inline'" in html["Content-Security-Policy"]
    for path in ("/admin/letters/notifications/nothing/ru.html", "/admin/letters/accounts/password/de.html"):
        assert screens.get(path).status_code == 404


def test_letters_are_looked_at_by_administrators_in_development_alone(client, screens, settings):
    paths = ("/admin/letters/", "/admin/letters/accounts/password/en.txt")
    settings.DEBUG = False
    assert [screens.get(path).status_code for path in paths] == [404, 404]
    settings.DEBUG = True
    client.force_login(get_user_model().objects.create(email="m@example.com", roles=["manager"]))
    assert [client.get(path).status_code for path in paths] == [404, 404]
    client.logout()
    assert [client.get(path).status_code for path in paths] == [302, 302]
