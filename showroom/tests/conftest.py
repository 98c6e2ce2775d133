from collections.abc import Callable

import pytest
from django.contrib.auth import get_user_model

from core.db import transaction
from core.events import Event
from messaging.models import InboxEvent
from messaging.outbox import publish
from messaging.testing import drain_outbox


@pytest.fixture(autouse=True)
def no_rate_limit(settings) -> None:
    settings.RATE_LIMITS_ON = False


@pytest.fixture
def tell() -> Callable[..., None]:
    """Publish facts as their apps would, and deliver each of them twice."""

    def deliver(*events: Event) -> None:
        for event in events:
            with transaction(event.app()):
                publish(event)
        aliases = {event.app() for event in events} | {"showroom"}
        inbox = InboxEvent.objects.using("showroom")
        for _ in range(2):
            drain_outbox(*sorted(aliases))
            assert not inbox.exclude(last_error="").exists(), inbox.exclude(last_error="").first().last_error
            inbox.update(status=0)
        drain_outbox(*sorted(aliases))

    return deliver


@pytest.fixture
def screens(client):
    """A browser with an administrator signed in to the manager screens."""
    person = get_user_model().objects.create_superuser(email="boss@example.com", password="x")
    client.force_login(person)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return client
