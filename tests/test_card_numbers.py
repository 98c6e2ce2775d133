"""No door takes a card number: every writing endpoint refuses one before it looks at anything else."""

import pytest
from django.conf import settings as configured

from core.ids import uuid7
from core.testing import Api
from messaging.models import ExternalCall, OutboxEvent
from messaging.outbox import publish
from orders.events import AttentionNeeded
from tests.test_docs import routes

pytestmark = pytest.mark.django_db(databases=sorted(configured.DATABASES.keys() - {"default"}))
CARD = "4111  1111\u200b1111 1111"
SIGNED = {"/payments/webhooks/{}", "/webhooks/payments"}
"""Doors of providers, whose messages are kept as they were signed."""


def doors():
    return sorted(
        (method, path)
        for path, methods in routes()
        for method in methods & {"POST", "PUT", "PATCH"}
        if not any(path.startswith(one.split("{")[0]) for one in SIGNED)
    )


@pytest.mark.parametrize(("method", "path"), doors())
def test_a_card_number_comes_in_nowhere(method, path, settings):
    settings.RATE_LIMITS_ON = False
    given = path.replace("{}", str(uuid7()))
    answer = getattr(Api("admin"), method.lower())(given, {"anything": {"deep": [CARD]}})
    assert answer.status_code in (400, 403, 404, 405, 415), answer.content
    if answer.status_code == 400:
        assert answer.json()["code"] == "card_number_refused", (path, answer.json())
    assert "1111" not in answer.content.decode().replace(answer.json()["request_id"], "")


def test_what_slipped_in_is_masked_where_it_would_be_kept():
    from core.db import transaction
    from messaging.delivery.calls import request_call

    with transaction("orders"):
        publish(AttentionNeeded(order_id=uuid7(), number="1", leg="payment", cause="x", detail=f"card {CARD}"))
    assert OutboxEvent.objects.using("orders").get().data["detail"] == "card [card number removed]"
    with transaction("payments"):
        request_call(key="k", operation="payments.charge", provider="sandbox", request={"token": CARD})
    assert ExternalCall.objects.using("payments").get().request == {"token": "[card number removed]"}
