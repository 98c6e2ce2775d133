import httpx2
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from core.ids import uuid7
from messaging.models import ExternalCall
from messaging.testing import drain_outbox, make_due
from notifications import services
from notifications.errors import NotificationNotFailed
from notifications.models import Kind, Notification
from notifications.providers import sms
from notifications.providers.port import Refused
from notifications.tests import make
from sandbox.sms.app import SmsGateway
from sandbox.sms.store import Store
from sandbox.testing import serving
from tests.ports import nowhere

pytestmark = pytest.mark.django_db(databases=["notifications"])


@pytest.fixture
def sandbox(tmp_path, settings):
    store = Store(tmp_path / "book.sqlite3")
    with serving(lambda _: SmsGateway(store, silent_s=2)) as url:
        settings.SMS_URL, settings.PROVIDER_TIMEOUT_S = url, 1
        yield store


def texted(phone="8 (900) 123-45-67", **profile):
    """News for somebody who wants it by SMS alone."""
    user = make.recipient(phone=phone, **profile)
    wish = services.Wish(kind=Kind.ORDER, in_app=False, email=False, sms=True)
    services.set_preferences(now=timezone.now(), user_id=user, wishes=[wish])
    (message,) = make.news(user)
    return message


def deliver(times=4):
    for _ in range(times):
        drain_outbox("notifications")
        make_due("notifications")


def test_an_sms_is_sent_once_to_a_number_networks_understand(sandbox):
    message = texted()
    deliver()
    (sent,) = sandbox.messages()
    assert (sent["key"], sent["receiver"], sent["handed"]) == (str(message.id), "+79001234567", 1)
    assert sent["text"] == message.body
    message.refresh_from_db()
    assert message.delivery == "sent"


def test_without_a_usable_number_it_waits_for_one(sandbox):
    message = texted(phone="12")
    deliver()
    message.refresh_from_db()
    assert (message.delivery, sandbox.messages()) == ("waiting", [])
    make.recipient(message.user_id, version=2, phone="+79001234567")
    deliver()
    assert len(sandbox.messages()) == 1


@pytest.mark.parametrize("number", ["0003", "0004"])
def test_a_gateway_that_is_silent_or_busy_is_asked_again_with_the_same_key(sandbox, number):
    message = texted(phone=f"+7900123{number}")
    deliver()
    (sent,) = sandbox.messages()
    assert (sent["key"], sent["handed"]) == (str(message.id), {"0003": 2, "0004": 3}[number])
    message.refresh_from_db()
    assert message.delivery == "sent"


def test_a_number_that_does_not_exist_fails_at_once_and_can_be_sent_again_by_hand(sandbox):
    message = texted(phone="+79001230001")
    deliver()
    message.refresh_from_db()
    assert (message.delivery, "no_such_number" in message.error) == ("failed", True)
    make.recipient(message.user_id, version=2, phone="+79001230002")
    services.send_again(notification_id=message.id)
    deliver()
    message.refresh_from_db()
    assert (message.delivery, message.error, [row["key"] for row in sandbox.messages()]) == (
        "sent",
        "",
        [str(message.id)],
    )
    with pytest.raises(NotificationNotFailed):
        services.send_again(notification_id=message.id)
    assert ExternalCall.objects.using("notifications").count() == 2


def test_a_gateway_that_is_away_is_tried_again(sandbox, settings):
    address, settings.SMS_URL = settings.SMS_URL, nowhere()
    message = texted()
    deliver(2)
    settings.SMS_URL = address
    deliver()
    message.refresh_from_db()
    assert (message.delivery, len(sandbox.messages())) == ("sent", 1)


def test_nothing_is_promised_or_dropped_where_no_gateway_is_configured(settings):
    settings.SMS_URL = ""
    user = make.recipient(phone="+79001234567")
    services.set_preferences(
        now=timezone.now(), user_id=user, wishes=[services.Wish(kind=Kind.ORDER, in_app=False, email=False, sms=True)]
    )
    assert make.news(user) == []
    assert not Notification.objects.exists()
    with pytest.raises(Refused, match="AUTOSALON_SMS_URL"):
        sms.send(message_id=uuid7(), to="+79001234567", text="Hello")


def test_the_sandbox_refuses_nonsense_and_production(sandbox, settings):
    for path, body, key in (("/messages", b"x", "k"), ("/messages", b"{}", "k"), ("/messages", b'{"to":"1"}', "")):
        answer = httpx2.post(settings.SMS_URL + path, content=body, headers={"Idempotency-Key": key}, trust_env=False)
        assert answer.status_code == 400
    assert httpx2.get(f"{settings.SMS_URL}/nothing", trust_env=False).status_code == 404
    assert httpx2.get(f"{settings.SMS_URL}/messages", trust_env=False).json() == sandbox.messages() == []
    settings.DEBUG = False
    with pytest.raises(CommandError):
        call_command("run_sms")


def test_a_long_text_is_cut(sandbox):
    sms.send(message_id=uuid7(), to="+79001234567", text="long " * 500)
    assert len(sandbox.messages()[0]["text"]) == sms.MAX_TEXT
