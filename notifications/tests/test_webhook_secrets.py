from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connections
from django.utils import timezone

from core.testing import Api
from gateway.guards import breakers
from notifications import queries, services
from notifications.models import WebhookDelivery, WebhookEndpoint
from notifications.providers.webhooks import Answer
from notifications.services import counters
from notifications.tests import make

pytestmark = pytest.mark.django_db(databases=["notifications"])


def stored() -> tuple[str, str]:
    with connections["notifications"].cursor() as cursor:
        cursor.execute("SELECT secret, previous_secret FROM notifications_webhookendpoint")
        return cursor.fetchone()


def test_secrets_are_sealed_in_the_table_and_open_to_whoever_signs():
    hook = make.webhook()
    old = hook.secret
    new = services.rotate_secret(webhook_id=hook.id, now=timezone.now()).secret
    kept = WebhookEndpoint.objects.get()
    assert (kept.secret, kept.previous_secret) == (new, old)
    assert not any("whsec" in text or old[6:] in text or new[6:] in text for text in stored())


def test_the_migration_seals_what_stood_open_and_opens_it_again():
    migration = import_module("notifications.migrations.0005_seal_webhook_secrets")
    editor = SimpleNamespace(connection=connections["notifications"])
    hook = make.webhook()
    migration.open_secrets(None, editor)
    assert stored() == (hook.secret, "")
    for _ in range(2):
        migration.seal_secrets(None, editor)
    assert WebhookEndpoint.objects.get().secret == hook.secret
    assert stored()[0] != hook.secret


def test_what_is_listed_needs_no_key(settings):
    make.webhook()
    settings.SEALING_KEYS = ["another"]
    assert Api("admin").get("/webhooks").status_code == 200


def fail(hook, count, answer):
    for _ in range(count):
        delivery = services.send_test(webhook_id=hook.id, now=timezone.now())
        sending = services.claim_delivery(endpoint_id=hook.id, now=timezone.now())
        assert sending.delivery_id == delivery.id
        services.record_attempt(sending=sending, answer=answer, now=timezone.now())


def claimed(hook):
    services.send_test(webhook_id=hook.id, now=timezone.now())
    found = services.claim_deliveries(limit=10, now=timezone.now())
    return [sending for sending in found if sending.endpoint_id == hook.id]


@pytest.mark.parametrize("answer", [Answer(None, 1, error="silent"), Answer(503, 1)])
def test_a_receiver_that_is_away_is_spared_and_nobody_elses_health_suffers(answer):
    away, there = make.webhook(), make.webhook("https://other.example/")
    fail(away, 5, answer)
    assert claimed(away) == []
    assert WebhookDelivery.objects.filter(endpoint=away, state="pending", attempts=0).count() == 1
    assert len(claimed(there)) == 1
    assert not [row for row in breakers.standing() if "webhook" in row["name"]]
    services.change_webhook(webhook_id=away.id, changes={"description": "repaired"}, now=timezone.now())


def test_a_receiver_that_refuses_is_there():
    hook = make.webhook()
    fail(hook, 6, Answer(404, 1))
    assert len(claimed(hook)) == 1


def test_a_removed_receiver_leaves_no_breaker(django_capture_on_commit_callbacks):
    hook = make.webhook()
    fail(hook, 5, Answer(500, 1))
    assert queries.get_breaker_name(hook.id) in breakers.providers()[0]
    with django_capture_on_commit_callbacks(using="notifications", execute=True):
        services.remove_webhook(webhook_id=hook.id)
    assert queries.get_breaker_name(hook.id) not in breakers.providers()[0]


def test_attempts_are_counted_by_what_came_back():
    def counts():
        (metric,) = counters.webhook_counters()
        return {sample.labels["code"]: sample.value for sample in metric.samples}

    before = counts()
    for code in (200, 200, None, 999):
        counters.count_attempt(code)
    after = counts()
    grown = {code: after[code] - before.get(code, 0) for code in ("200", "none", "other")}
    assert grown == {"200": 2, "none": 1, "other": 1}
