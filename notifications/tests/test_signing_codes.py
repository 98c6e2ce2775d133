"""Codes to sign with: sent once, opened where they are sent, and not after their time."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from core.ids import uuid7
from core.secrecy.sealing import seal
from messaging.models import ExternalCall
from messaging.testing import deliver_twice
from notifications.models import Notification
from notifications.tests.test_sms import sandbox
from orders.events import SigningBegun

pytestmark = pytest.mark.django_db(databases=["notifications", "orders"])
__all__ = ["sandbox"]


def begun():
    body = seal(json.dumps({"to": "+79001234567", "text": "123456 signs document A-1."}).encode()).decode()
    until = timezone.now() + timedelta(minutes=10)
    return SigningBegun(document_id=uuid7(), code_id=uuid7(), customer_id=uuid7(), body=body, expires_at=until)


def test_a_code_is_sent_once_and_kept_nowhere(sandbox):
    event = begun()
    deliver_twice("notifications", event)
    [sent] = sandbox.messages()
    assert (sent["key"], sent["receiver"], sent["handed"]) == (str(event.code_id), "+79001234567", 1)
    assert sent["text"] == "123456 signs document A-1."
    assert not Notification.objects.exists()
    assert "123456" not in str(ExternalCall.objects.using("notifications").get().request)


def test_a_code_that_is_too_old_is_sent_to_nobody(sandbox):
    with time_machine.travel(timezone.now() - timedelta(minutes=11)):
        event = begun()
    deliver_twice("notifications", event)
    assert sandbox.messages() == []
    assert ExternalCall.objects.using("notifications").get().state == "declined"
